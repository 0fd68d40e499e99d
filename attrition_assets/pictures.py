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

BLUE, GREY, ORANGE = "#0072B2", "#999999", "#D55E00"


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


def to_markdown(figure: "Figure", title: str) -> str:
    """The figure as Markdown that needs no file: a PNG inside."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return f"![{title}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
