"""What of the monthly HTML page is words and tables: the verdicts, and the features that matter.

Strings in, HTML out. Everything is escaped here; pictures come ready-made from `html_report`.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple

from attrition_assets.monitoring.foremost import choose_columns, choose_tests
from attrition_assets.monitoring.report import (
    DataQuality,
    DriftReport,
    Evidence,
    FeatureDrift,
    FeatureTest,
    Finding,
)

SHOWN_SHIFTS = 10
STYLE = """
.verdict { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 72rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
.verdict *, .verdict { box-sizing: border-box; }
.verdict h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.2; margin: 0 0 .75rem;
  padding-left: .75rem; border-left: 8px solid #0072B2; }
.verdict h1 small { display: block; font-size: 1rem; font-weight: 400; color: #555; }
.verdict h2 { font-size: 1.3rem; margin: 2rem 0 .5rem; }
.verdict .reasons { font-size: 1.1rem; }
.verdict .standing { border: 2px solid #D55E00; padding: .5rem .75rem; }
.verdict .facts, .verdict figcaption { color: #555; }
.verdict .scroll { overflow-x: auto; }
.verdict table { border-collapse: collapse; width: 100%; overflow-wrap: normal; }
.verdict th, .verdict td { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid #ddd; }
.verdict thead th { border-bottom: 2px solid #999; white-space: nowrap; }
.verdict tr.alarm { background: #fdebdf; }
.verdict tr.alarm td:nth-child(2) { font-weight: 700; }
.verdict tr.unknown { background: #f2f2f2; }
.verdict .pictures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
.verdict figure { margin: 0; }
.verdict figcaption b { color: #1a1a1a; }
.verdict img { max-width: 100%; height: auto; display: block; }
"""


class Row(NamedTuple):
    """A row of a table: its cells as text, and its class: `alarm`, `unknown` or none."""

    cells: tuple[str, ...]
    mark: str = ""


def render_verdicts(report: DriftReport, headline: str, reasons: tuple[str, ...]) -> str:
    """The decision with its reasons, every verdict, and what feature drift was judged by."""
    features = report.feature_drift
    parts = (
        f"<h1><small>{escape(report.month)}</small>{escape(headline)}</h1>",
        f'<ul class="reasons">{_render_items(reasons)}</ul>' if reasons else "",
        _render_standing(features),
        f'<p class="facts">{escape(_describe_samples(report))}</p>',
        "<h2>The verdicts</h2>",
        render_table("The verdicts", ("question", "answer", "why"), _list_verdicts(report)),
        _render_faults(report.data_quality),
        _render_detectable(features),
        _render_evidence(features.evidence),
    )
    return "\n".join(part for part in parts if part)


def render_features(verdict: FeatureDrift, pictures: Mapping[str, str]) -> str:
    """The tests of the columns that matter, and the pictures (HTML) of some of them."""
    columns = choose_columns(verdict.tests)
    if not columns:
        return f"<h2>The features</h2>\n<p>No column was tested: {escape(verdict.reason)}</p>"
    drifted = bool(verdict.drifted_features)
    title = "The features that moved" if drifted else "No single feature moved: the foremost"
    headers = ("feature", "aspect", "method", "p", "adjusted p", "effect", "in the model", "note")
    rows = [
        Row(_describe_test(test))
        for column in columns
        for test in choose_tests(verdict.tests, column)
    ]
    figures = "\n".join(pictures.values())
    return (
        f"<h2>{title}</h2>\n<p>Most important to the model first.</p>\n"
        f"{render_table(title, headers, rows)}\n<h3>Before and after</h3>\n"
        "<p>The values of each; a changed relation to other columns does not show in them.</p>\n"
        f'<div class="pictures">{figures}</div>'
    )


def show_number(value: float, digits: int) -> str:
    """A number in as many significant digits, and never in powers of ten."""
    return f"{float(f'{value:.{digits}g}'):,.12g}"


def _describe_test(test: FeatureTest) -> tuple[str, ...]:
    effect = "" if test.effect is None else f"{test.effect:.3f} {test.effect_measure or ''}".strip()
    used = "yes" if test.importance is None else f"yes, weight {test.importance:.2g}"
    return (
        test.column,
        test.aspect,
        test.method or "",
        _show_p(test.p_value),
        _show_p(test.adjusted_p_value),
        effect,
        used if test.used_by_model else "no",
        test.note,
    )


def _list_verdicts(report: DriftReport) -> list[Row]:
    verdicts = {
        "Data quality: is any column broken?": report.data_quality,
        "Feature drift: have the people changed?": report.feature_drift,
        "Prediction drift: have the scores changed?": report.prediction_drift,
        "Concept drift: do the same people leave at other rates?": report.concept_drift,
        "Performance: does the champion rank worse than promised?": report.performance,
        "Champion: is it too old?": report.champion_age,
    }
    marks = {Finding.DRIFT: "alarm", Finding.FAULT: "alarm", Finding.CANNOT_TELL: "unknown"}
    return [
        Row((question, each.finding.answer, each.reason), marks.get(each.finding, ""))
        for question, each in verdicts.items()
    ]


def _describe_samples(report: DriftReport) -> str:
    version = report.snapshot_version
    corrected = f" (version {version} of its snapshot)" if version > 1 else ""
    noted = f" ({report.baseline_note})" if report.baseline_note else ""
    return (
        f"{report.current_rows:,} people in {report.month}{corrected}, against "
        f"{report.baseline_rows:,} in {report.baseline_month}{noted}, the baseline of version "
        f"{report.champion_version} of the model (reference data {report.reference_digest[:12]})."
    )


def _render_standing(verdict: FeatureDrift) -> str:
    if verdict.standing_since is None:
        return ""
    now = "This month alarms too." if verdict.alarmed else "This month by itself does not alarm."
    return (
        f'<p class="standing"><b>An alarm stands since {escape(verdict.standing_since)}</b>: '
        f"nobody has answered it. {now}</p>"
    )


def _render_faults(verdict: DataQuality) -> str:
    if not verdict.faults:
        return ""
    rows = [
        Row((each.column, each.fault, f"{each.share:.1%}", each.explanation, _show_p(each.p_value)))
        for each in verdict.faults
    ]
    headers = ("column", "fault", "share of rows", "what is wrong", "adjusted p")
    return f"<h2>Broken columns</h2>\n{render_table('Broken columns', headers, rows)}"


def _render_detectable(verdict: FeatureDrift) -> str:
    if not verdict.detectable:
        return ""
    named = [
        f"{each.column} by {show_number(each.shift, 2)} {each.unit}" for each in verdict.detectable
    ]
    more = len(named) - SHOWN_SHIFTS
    rest = f"<p>The other {more} are in the month's drift_report.</p>" if more > 0 else ""
    return (
        "<h2>What would have been seen</h2>\n<p>A shift of this size, or a larger one, would have "
        "been found with a probability of 80 %; the columns most important to the model first:</p>"
        f"\n<ul>{_render_items(named[:SHOWN_SHIFTS])}</ul>{rest}"
    )


def _render_evidence(evidence: tuple[Evidence, ...]) -> str:
    if not evidence:
        return ""
    headers = ("way of looking", "alarm", "p", "alarms up to", "note")
    rows = [
        Row(
            (each.method, _answer(each), _show_p(each.p_value), _show_p(each.level), each.note),
            "alarm" if each.alarmed else "",
        )
        for each in evidence
    ]
    title = "The evidence for feature drift"
    return f"<h2>{title}</h2>\n{render_table(title, headers, rows)}"


def _answer(evidence: Evidence) -> str:
    if evidence.p_value is None:
        return "not used"
    return "yes" if evidence.alarmed else "no"


def _render_items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def render_table(label: str, headers: tuple[str, ...], rows: list[Row]) -> str:
    """A table that scrolls by itself where it is too wide; the first cell heads its row."""
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = "\n".join(_render_row(row) for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">'
        f'<table style="min-width: {6 * len(headers)}rem">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _render_row(row: Row) -> str:
    mark = f' class="{row.mark}"' if row.mark else ""
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells[1:])
    return f'<tr{mark}><th scope="row">{escape(row.cells[0])}</th>{cells}</tr>'


def _show_p(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return "<0.0001" if p_value < 0.0001 else f"{p_value:.2g}"
