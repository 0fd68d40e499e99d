"""The pictures that people would rather see than numbers. Matplotlib is imported to draw one."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def to_markdown(figure: "Figure", title: str) -> str:
    """The figure as Markdown that needs no file: a PNG inside."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return f"![{title}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
