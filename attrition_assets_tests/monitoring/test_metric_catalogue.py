"""The guide to the metrics describes what is written, and nothing else."""

import re

from attrition_assets.monitoring.metric_catalogue import FIELDS, METRICS, Area
from attrition_assets.settings import PROJECT_ROOT

GUIDE = (PROJECT_ROOT / "docs" / "metrics.md").read_text("utf-8")
DTYPES = {"object": "string"}


def read_table(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under a heading, without its head."""
    (section,) = re.findall(rf"^### {heading}\n(.*?)(?=^##|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [tuple(cell.strip(" `") for cell in row.split(" | ")) for row in rows[1:]]


def test_every_metric_is_described_as_it_is_and_no_other_is() -> None:
    for area in Area:
        assert read_table(area) == [
            (
                metric.name,
                metric.unit,
                metric.subject or "-",
                "yes" if metric.always else "if known",
                metric.meaning,
            )
            for metric in METRICS
            if metric.area == area
        ]


def test_the_schema_is_described_as_it_is() -> None:
    assert read_table("Columns") == [
        (
            each.name,
            DTYPES.get(each.dtype, each.dtype),
            "yes" if each.nullable else "no",
            each.meaning,
        )
        for each in FIELDS
    ]


def test_names_are_used_once_and_what_is_reserved_is_not_written() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
