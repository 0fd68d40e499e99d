"""The monthly page for people: our verdicts, pictures of what moved, then Evidently's page.

Put together here, with the pictures; the words are in `report_page`, Evidently in
`evidently_tests`. Our pictures show shares of people, and no level that 1 to 4 people have;
Evidently's count those too.
"""

import base64
import io
import logging
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract, Kind, Level
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.evidently_tests import (
    read_column,
    render_evidently_page,
    show_level,
)
from attrition_assets.monitoring.foremost import choose_columns
from attrition_assets.monitoring.report import SMALLEST_GROUP, DriftReport, Finding
from attrition_assets.monitoring.report_page import (
    STYLE,
    render_features,
    render_verdicts,
    show_number,
)
from attrition_assets.pictures import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOG = logging.getLogger(__name__)

Numbers = npt.NDArray[np.float64]
Sides = tuple[pd.Series, pd.Series]

PICTURES = 8
BINS = 20
OTHER = "other (<5)"
COLOURS = (BLUE, ORANGE)

_EMPTY_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1.0">
</head>
<body>
</body>
</html>
"""
# Nothing is fetched, whatever the scripts inside would like to fetch.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
_EVIDENTLYS_STYLE = '[id^="root_metric_"] { overflow-x: auto; }'


def render_drift_page(
    report: DriftReport,
    headline: str,
    reasons: tuple[str, ...],
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    contract: Contract,
    *,
    max_rows: int = 1000,
    seed: int = 0,
) -> str:
    """Render a month as one standalone HTML page of about 5 MB that works offline.

    `headline` and `reasons` are the decision's. `baseline` and `current` are the tables that the
    report compares: our pictures show all their rows, Evidently's at most `max_rows` a side,
    sampled by `seed`. Where Evidently can show nothing, the page says why and is a few hundred kB.
    """
    document, note = _render_evidently(report, baseline, current, contract, max_rows, seed)
    ours = (
        f'<main class="verdict">\n{render_verdicts(report, headline, reasons)}\n'
        f"{render_features(report.feature_drift, _picture(report, baseline, current, contract))}\n"
        f"<h2>All distributions, by Evidently</h2>\n<p>{escape(note)}</p>\n</main>"
    )
    head = (
        # Browsers look for it in the first 1,024 bytes only; Evidently's own comes after them.
        '<meta charset="UTF-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(report.month)}: {escape(headline)}</title>\n"
        f"<style>{STYLE}{_EVIDENTLYS_STYLE}</style>"
    )
    return _insert_after("<body>", ours, _insert_after("<head>", head, document))


def _render_evidently(
    report: DriftReport,
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    contract: Contract,
    max_rows: int,
    seed: int,
) -> tuple[str, str]:
    """Evidently's page, or an empty one, and what to say before it."""
    verdict = report.feature_drift
    if verdict.finding == Finding.CANNOT_TELL:
        return _EMPTY_PAGE, f"Nothing is shown, since nothing could be told: {verdict.reason}"
    try:
        page = render_evidently_page(verdict, baseline, current, max_rows=max_rows, seed=seed)
    except DriftInputError as error:
        _LOG.warning("the page of %s is without Evidently's part: %s", report.month, error)
        return _EMPTY_PAGE, f"Nothing is shown: {error}"
    absent = ", ".join(name for name in contract.monitored if name not in page.columns)
    left_out = f" Left out, since not tested: {absent}." if absent else ""
    return page.html, (
        "Evidently's pictures, with the p-values and the verdict from above in place of its own. "
        f"It shows at most {max_rows:,} people a side, and no missing values.{left_out}"
    )


def _insert_after(tag: str, text: str, document: str) -> str:
    before, found, after = document.partition(tag)
    if not found:
        raise RuntimeError(f"Evidently's page has no {tag}: pin the version of Evidently that has")
    return f"{before}{tag}\n{text}\n{after}"


def _picture(
    report: DriftReport, baseline: pd.DataFrame, current: pd.DataFrame, contract: Contract
) -> dict[str, str]:
    """A figure (HTML) of each of the first columns that matter and have values on both sides."""
    kinds = {test.column: test.kind for test in report.feature_drift.tests}
    labels = (f"baseline {report.baseline_month}", report.month)
    figures = {}
    for name in choose_columns(report.feature_drift.tests)[:PICTURES]:
        sides = read_column(baseline[name], kinds[name]), read_column(current[name], kinds[name])
        if all(side.notna().any() for side in sides):
            declared = contract.columns[name].levels if name in contract.columns else None
            figures[name] = _picture_column(name, kinds[name], sides, labels, declared or ())
    return figures


def _picture_column(
    name: str, kind: Kind, sides: Sides, labels: tuple[str, str], declared: tuple[Level, ...]
) -> str:
    missing = _describe_missing(sides)
    if kind == Kind.CONTINUOUS:
        numbers = sides[0].dropna().to_numpy(), sides[1].dropna().to_numpy()
        text = f"{describe_numbers(numbers)}{missing}"
        return _render_figure(name, draw_numbers(name, numbers, labels), text, text)
    counts = count_levels(sides, declared)
    text = f"{describe_levels(counts)}{missing}"
    return _render_figure(name, draw_levels(counts, labels), text, missing)


def count_levels(sides: Sides, declared: tuple[Level, ...]) -> pd.DataFrame:
    """People by level (text) and side (columns 0 and 1); declared levels first, in their order.

    Levels with fewer than 5 people on both sides are one, `other`, at the end.
    """
    counts = (
        pd.DataFrame({at: side.value_counts() for at, side in enumerate(sides)})
        .fillna(0)
        .astype(int)
    )
    order = {show_level(level): at for at, level in enumerate(declared)}
    rows = sorted(counts.index, key=lambda level: (order.get(level, len(order)), level))
    rare = counts.max(axis=1) < SMALLEST_GROUP
    kept = counts.loc[[level for level in rows if not rare[level]]]
    return pd.concat([kept, counts[rare].sum().to_frame(OTHER).T]) if rare.any() else kept


def draw_levels(counts: pd.DataFrame, labels: tuple[str, str]) -> "Figure":
    """Bars of the share of people at each level, before and after."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(4.8, 1.1 + 0.42 * len(counts)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(counts))
    for at, label in enumerate(labels):
        shown = _hide_small(counts[at])
        bars = axes.barh(
            places + 0.4 * at - 0.2,
            shown / counts[at].sum(),
            height=0.38,
            color=COLOURS[at],
            label=_name_side(label, int(counts[at].sum())),
        )
        axes.bar_label(bars, _show_shares(counts[at]), padding=2, fontsize=8)
    # Matplotlib would typeset what stands between two dollar signs.
    axes.set_yticks(places, [level.replace("$", r"\$") for level in counts.index])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("share of people")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    _finish(figure)
    return figure


def describe_levels(counts: pd.DataFrame) -> str:
    """The share of people at each level, before and after, in words."""
    shares = zip(counts.index, *(_show_shares(counts[at]) for at in (0, 1)), strict=True)
    return "; ".join(f"{level}: {before} to {after}" for level, before, after in shares)


def draw_numbers(name: str, sides: tuple[Numbers, Numbers], labels: tuple[str, str]) -> "Figure":
    """Histograms of both sides over each other, on the same bins, as shares of people."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(4.8, 3), layout="constrained")
    axes, edges = figure.subplots(), choose_edges(np.concatenate(sides))
    for values, label, colour in zip(sides, labels, COLOURS, strict=True):
        shares = np.histogram(values, edges)[0] / len(values)
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.2)
        axes.stairs(
            shares, edges, color=colour, linewidth=1.8, label=_name_side(label, len(values))
        )
    axes.set_ylim(bottom=0)
    axes.set(xlabel=name.replace("$", r"\$"), ylabel="share of people")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _finish(figure)
    return figure


def choose_edges(values: Numbers) -> Numbers:
    """Edges of at most 20 bins of equal width; whole numbers get as many of them in every bin."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low - 0.5, low + 0.5])
    if np.all(values == np.round(values)):
        width = np.ceil((high - low + 1) / BINS)
        bins = int(np.ceil((high - low + 1) / width))
        return np.asarray(low - 0.5 + width * np.arange(bins + 1))
    return np.linspace(low, high, BINS + 1)


def describe_numbers(sides: tuple[Numbers, Numbers]) -> str:
    """The median and the quartiles, before and after, in words."""
    before, after = (np.quantile(values, (0.25, 0.5, 0.75)) for values in sides)
    low, middle, high = (
        f"{show_number(old, 4)} to {show_number(new, 4)}"
        for old, new in zip(before, after, strict=True)
    )
    return f"median {middle}, lower quartile {low}, upper quartile {high}"


def _describe_missing(sides: Sides) -> str:
    before, after = (side.isna().mean() for side in sides)
    return f" (missing: {before:.1%} to {after:.1%})" if before or after else ""


def _hide_small(counts: pd.Series) -> pd.Series:
    return counts.where(~counts.between(1, SMALLEST_GROUP - 1), 0)


def _show_shares(counts: pd.Series) -> list[str]:
    """Each count as a share in percent; one of 1 to 4 people only as `<5`."""
    return [
        f"<{SMALLEST_GROUP}" if 0 < count < SMALLEST_GROUP else f"{count / counts.sum():.1%}"
        for count in counts
    ]


def _name_side(label: str, people: int) -> str:
    return f"{label} (n = {people:,})"


def _finish(figure: "Figure") -> None:
    figure.axes[0].spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9)


def _render_figure(name: str, figure: "Figure", text: str, caption: str) -> str:
    """The figure inside the page, with `text` for those who do not see it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    source = f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    alternative = escape(f"{name}, before and after: {text}")
    return (
        f'<figure><img src="{source}" alt="{alternative}">'
        f"<figcaption><b>{escape(name)}</b> {escape(caption)}</figcaption></figure>"
    )
