"""The pictures that people would rather see than numbers. Matplotlib is imported to draw one."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from attrition_assets.governance.fairness_report import FairnessAudit

# Told apart by all eyes (Okabe and Ito, 2008).
BLUE, GREY, ORANGE, GREEN = "#0072B2", "#999999", "#D55E00", "#009E73"
LINES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
# The picture of all months: each panel's title, its metrics by their names, and the least top of
# its axis, so that small numbers look small. Of shares it is in percent.
PANELS: tuple[tuple[str, dict[str, str], float, bool], ...] = (
    ("people in the snapshot", {"people": "rows"}, 1, False),
    ("people with a value missing", {"share": "people_missing_share"}, 0.1, True),
    (
        "drift from the baseline",
        {"scores, KS distance": "prediction_drift_score", "columns": "drifted_feature_share"},
        0.1,
        True,
    ),
    ("scores", {"flagged": "flagged_share", "mean probability": "mean_probability"}, 0.1, True),
    ("outcomes known", {"AUC": "auc", "precision": "precision", "recall": "recall"}, 1, False),
    ("importance, rank correlation with training", {"rho": "importance_stability"}, 1, False),
    ("seconds", {"assets": "processing_seconds", "this run": "run_seconds"}, 1, False),
    ("runs that failed", {"share": "error_rate"}, 1, True),
)


def draw_calibration(left: np.ndarray, probability: np.ndarray, bins: int = 10) -> "Figure":
    """Observed against predicted share of leavers, in bins of equal size, with 95 % intervals."""
    from matplotlib.figure import Figure

    parts = np.array_split(np.argsort(probability, kind="stable"), bins)
    predicted = np.array([probability[part].mean() for part in parts])
    observed = np.array([left[part].mean() for part in parts])
    error = 1.96 * np.sqrt(observed * (1 - observed) / np.array([len(part) for part in parts]))
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    limit = float(max(predicted.max(), (observed + error).max())) * 1.05
    axes.plot([0, limit], [0, limit], color=GREY, linestyle="--", label="perfect")
    axes.errorbar(predicted, observed, yerr=error, fmt="o", color=BLUE, capsize=3, label="tenths")
    axes.set(
        xlabel="predicted probability of leaving", ylabel="share that left", title="Calibration"
    )
    axes.legend(frameon=False)
    return figure


def draw_importance(
    importance: "Mapping[str, float]", before: "Mapping[str, float]", shown: int = 15
) -> "Figure":
    """Mean absolute contribution of the columns that weigh most, and the champion's beside it."""
    from matplotlib.figure import Figure

    names = sorted(importance, key=importance.__getitem__)[-shown:]
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, [importance[name] for name in names], color=BLUE, label="this model")
    if before:
        held = [before.get(name, 0.0) for name in names]
        axes.plot(held, names, "D", color=ORANGE, label="the champion")
        axes.legend(frameon=False)
    axes.set(xlabel="mean change of the log-odds of leaving", title="What the scores rest on")
    return figure


def draw_contributions(
    contributions: "pd.DataFrame", ranks: "pd.DataFrame", shown: int = 12, seed: int = 0
) -> "Figure":
    """What each person's value adds to the log-odds, by column; orange is a high value, blue a low.

    Both tables have a row a person. Nominal columns have no high and low, and are grey.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    names = contributions.abs().mean().sort_values().index[-shown:]
    colours = LinearSegmentedColormap.from_list("low to high", [BLUE, "#DDDDDD", ORANGE])
    jitter = np.random.default_rng(seed).uniform(-0.3, 0.3, len(contributions))
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color=GREY, linewidth=1)
    for place, name in enumerate(names):
        known = ranks[name].notna().to_numpy()
        values, heights = contributions[name].to_numpy(), place + jitter
        axes.scatter(values[~known], heights[~known], s=3, color=GREY, rasterized=True)
        axes.scatter(
            values[known],
            heights[known],
            s=3,
            c=ranks[name].to_numpy()[known],
            cmap=colours,
            vmin=0,
            vmax=1,
            rasterized=True,
        )
    axes.set_yticks(range(len(names)), names)
    axes.set(
        xlabel="added to the log-odds of leaving",
        title="Contributions, a dot a person\n(orange: a high value, blue: a low one)",
    )
    return figure


def draw_fairness(audit: "FairnessAudit") -> "Figure":
    """Each group's impact ratio with its 95 % interval, and the limits of the four-fifths rule.

    Of the protected attributes, not of their pairs; groups with too few people are left out.
    """
    from matplotlib.figure import Figure

    drawn = [
        (f"{part.name}: {group.group}", impact)
        for part in audit.partitions
        if len(part.attributes) == 1
        for group in part.groups
        for impact in group.impacts
    ]
    names = list(dict.fromkeys(name for name, _ in drawn))[::-1]
    limit = audit.policy.ratio_limit
    figure = Figure(figsize=(6, 1.5 + 0.35 * len(names)), layout="constrained")
    axes = figure.subplots()
    for position, line in ((1, "-"), (limit, "--"), (1 / limit, "--")):
        axes.axvline(position, color=GREY, linewidth=1, linestyle=line)
    for reading, colour in (("benefit", BLUE), ("burden", ORANGE)):
        shown = [(names.index(name), each.ratio) for name, each in drawn if each.reading == reading]
        if not shown:
            continue
        error = [
            [ratio.value - ratio.low for _, ratio in shown],
            [ratio.high - ratio.value for _, ratio in shown],
        ]
        axes.errorbar(
            [ratio.value for _, ratio in shown],
            [place for place, _ in shown],
            xerr=error,
            fmt="o",
            color=colour,
            capsize=3,
            label=f"if a flag is a {reading}",
        )
    if drawn:
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    axes.set_xscale("log")
    ticks = [0.25, 0.5, limit, 1, 1 / limit, 2, 4]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="flagged, over the most favoured group", title=f"Fairness: {audit.verdict}")
    return figure


def draw_metrics(table: "pd.DataFrame") -> "Figure":
    """The course of the metrics that matter most, over all months of the table.

    A month without rows is shaded: it was refused, or is not run yet. A dashed line is where
    another version begins to score.
    """
    import pandas as pd
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    whole = table[table["subject"] == ""].pivot(index="month", columns="metric", values="value")
    versions = table.groupby("month")["champion_version"].first()
    months = [str(each) for each in pd.period_range(whole.index[0], whole.index[-1], freq="M")]
    whole = whole.reindex(months)
    begins = versions[versions.ne(versions.shift())]
    figure = Figure(figsize=(10, 9))
    # Set by hand: to let matplotlib lay eight panels out costs more than to draw them.
    margins = {"left": 0.06, "right": 0.99, "bottom": 0.08, "top": 0.93}
    grid = figure.subplots(
        4, 2, sharex=True, gridspec_kw={**margins, "hspace": 0.3, "wspace": 0.13}
    )
    for axes, (title, lines, top, shares) in zip(grid.flat, PANELS, strict=True):
        for month in whole.index[whole.isna().all(axis=1)]:
            place = months.index(month)
            axes.axvspan(place - 0.5, place + 0.5, color=GREY, alpha=0.25, linewidth=0)
        for month in begins.index[1:]:
            axes.axvline(months.index(month) - 0.5, color=GREY, linestyle="--", linewidth=1)
        for (name, metric), (colour, marker) in zip(lines.items(), LINES, strict=False):
            values = whole[metric] if metric in whole else whole.index.map(lambda _: np.nan)
            axes.plot(
                range(len(months)), values, color=colour, marker=marker, markersize=4, label=name
            )
        axes.set_title(title, loc="left", fontsize=10, y=1.02)  # else a quarter of the time
        axes.set_ylim(0, max(1.05 * top, axes.get_ylim()[1]))
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2.5, 5, 10]))
        if shares:
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color=GREY, alpha=0.3)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=8, ncols=len(lines))
    places = range(0, len(months), max(1, -(-len(months) // 8)))
    for axes in grid[-1]:
        axes.set_xlim(-0.5, len(months) - 0.5)
        axes.set_xticks(places, [months[place] for place in places], rotation=45, ha="right")
    figure.suptitle(
        f"{months[0]} to {months[-1]}; shaded: no rows; dashed: another version scores from there",
        fontsize=10,
    )
    return figure


def to_markdown(figure: "Figure", title: str) -> str:
    """The figure as Markdown that needs no file: a PNG inside."""
    return embed_png(to_png(figure), title)


def to_png(figure: "Figure") -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def embed_png(content: bytes, title: str) -> str:
    """A PNG file as Markdown that needs no file."""
    return f"![{title}](data:image/png;base64,{base64.b64encode(content).decode()})"
