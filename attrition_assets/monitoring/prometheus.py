"""A month's metrics in Prometheus' text format, for the textfile collector of its node exporter.

One gauge a metric, labelled by its subject. The month is a gauge of its own: as a label it would
begin new series every month, and no alert would see a change.
"""

import pandas as pd

from attrition_assets.monitoring.metric_catalogue import BY_NAME
from attrition_assets.months import last_day, parse_month

PREFIX = "attrition_"
INFO, END = "month_info", "month_end_timestamp_seconds"


def render_prometheus(table: pd.DataFrame) -> str:
    """The rows of one month, in the order of the table, as text that Prometheus reads.

    As in its exposition format 0.0.4: HELP and TYPE once a metric, then its samples together.
    """
    first = table.iloc[0]
    month, end = (
        str(first["month"]),
        last_day(parse_month(str(first["month"]))) + pd.Timedelta("1D"),
    )
    about = {
        "month": month,
        "champion_version": str(first["champion_version"]),
        "snapshot_version": str(first["snapshot_version"]),
    }
    lines = [
        *_head(INFO, "The newest month in the table, and the versions that it is of."),
        _sample(INFO, about, 1.0),
        *_head(END, "When that month ended, in seconds since 1970 (UTC)."),
        _sample(END, {}, end.timestamp()),
    ]
    for name, rows in table.groupby("metric", sort=False):
        metric = BY_NAME[str(name)]
        lines += _head(metric.name, f"{metric.meaning} ({metric.unit})")
        for subject, value in zip(rows["subject"], rows["value"], strict=True):
            labels = {"subject": str(subject)} if metric.subject else {}
            lines.append(_sample(metric.name, labels, float(value)))
    return "\n".join([*lines, ""])


def _head(name: str, said: str) -> list[str]:
    said = said.replace("\\", r"\\").replace("\n", r"\n")
    return [f"# HELP {PREFIX}{name} {said}", f"# TYPE {PREFIX}{name} gauge"]


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    said = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
    return f"{PREFIX}{name}{f'{{{said}}}' if said else ''} {value!r}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
