"""The pictures that people would rather see than numbers. Matplotlib is imported to draw one."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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


def draw_effects(effects: dict[str, float], shown: int = 15) -> "Figure":
    """The largest effects on the log-odds of leaving, per standard deviation of the input."""
    from matplotlib.figure import Figure

    largest = sorted(effects.items(), key=lambda item: abs(item[1]))[-shown:]
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    colours = [ORANGE if value > 0 else BLUE for _, value in largest]
    axes.barh([name for name, _ in largest], [value for _, value in largest], color=colours)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel="log-odds of leaving per standard deviation", title="Largest effects")
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
