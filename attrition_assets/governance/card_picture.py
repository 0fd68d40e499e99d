"""The picture of a model card: how the version ranked, month by month. Matplotlib draws it."""

import io

from attrition_assets.governance.card_facts import MonthRecord
from attrition_assets.monitoring.report import Finding
from attrition_assets.pictures import BLUE, GREY, ORANGE


def draw_history(history: tuple[MonthRecord, ...]) -> bytes:
    """A PNG of the AUC with its interval in each month that has one, beside what was promised.

    Months in which a loss was found are orange. At least one month must have an AUC.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8))
    figure.subplots_adjust(left=0.11, right=0.99, top=0.97, bottom=0.26)
    axes = figure.subplots()
    for lost, colour in ((False, BLUE), (True, ORANGE)):
        drawn = [
            (at, month.auc)
            for at, month in enumerate(history)
            if month.auc and (month.performance == Finding.DRIFT) == lost
        ]
        values = [auc.value for _, auc in drawn]
        error = [[a.value - a.low for _, a in drawn], [a.high - a.value for _, a in drawn]]
        axes.errorbar([at for at, _ in drawn], values, yerr=error, fmt="o", color=colour, capsize=3)
    promised = next(month.auc.promised for month in history if month.auc)
    if promised is not None:
        axes.axhline(promised, color=GREY, linestyle="--")
    axes.set_xticks(range(len(history)), [month.month for month in history], rotation=90)
    axes.set(ylabel="AUC", xlim=(-0.5, len(history) - 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
