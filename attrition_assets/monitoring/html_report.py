"""Evidently's page on a month, for people who want to look at the distributions.

Pictures only. Its own p-values and distances are not the project's verdict: it takes the reference
as known and drops missing values. The verdict is the `DriftReport`.
"""

import os
import warnings
from html import escape

import pandas as pd

from attrition_assets.contract import Contract, Kind

_BANNER = (
    '<div style="font: 16px sans-serif; max-width: 70em; margin: 1em auto; padding: 1em; '
    'border-left: 6px solid #0072B2; background: #eef4f8"><b>{}</b><br>This is the verdict. What '
    "follows are Evidently's pictures of the distributions; its own headline and scores do not "
    "decide.</div>"
)


def render_evidently_report(
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    contract: Contract,
    verdict: str,
    *,
    max_rows: int = 1000,
    seed: int = 0,
) -> str:
    """Render both tables' monitored columns as one standalone HTML page of about 5 MB.

    The page opens with `verdict`, ours, and says that the headline below it is Evidently's.
    At most `max_rows` rows a side, sampled by `seed`. Works offline and sends no telemetry.
    Columns without any value on one side are left out, since Evidently refuses them.
    """
    # Evidently reads this when it is imported, and reports its use unless it is set.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    shown = tuple(
        name
        for name in contract.monitored
        if baseline[name].notna().any() and current[name].notna().any()
    )
    # Undeclared, integers with few values would be taken for categories, and others for numbers.
    definition = DataDefinition(
        numerical_columns=list(contract.select_kind(Kind.CONTINUOUS, among=shown)),
        categorical_columns=list(contract.select_kind(Kind.ORDINAL, Kind.NOMINAL, among=shown)),
    )
    datasets = [
        Dataset.from_pandas(
            table[list(shown)].sample(min(max_rows, len(table)), random_state=seed),
            data_definition=definition,
        )
        for table in (current, baseline)
    ]
    with warnings.catch_warnings():
        # What its tests warn of (an exact p-value that overflows, say) decides nothing here.
        warnings.simplefilter("ignore")
        snapshot = Report([DataDriftPreset()]).run(*datasets)
        page = str(snapshot.get_html_str(as_iframe=False))
    return page.replace("<body>", f"<body>{_BANNER.format(escape(verdict))}", 1)
