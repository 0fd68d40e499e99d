"""What is written for Prometheus is in its text format, and says what the table says."""

import re

import pandas as pd
import pytest

from attrition_assets.monitoring.prometheus import render_prometheus

from .test_metrics import measure

NAME, NUMBER = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
LABELS = r"""\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\}"""
LINES = {
    "help": re.compile(rf"# HELP ({NAME}) (?:[^\\\n]|\\[\\n])+"),
    "type": re.compile(rf"# TYPE ({NAME}) gauge"),
    "sample": re.compile(rf"({NAME})(?:{LABELS})? {NUMBER}"),
}
AWKWARD = 'a "b" \\ c\nd'


def with_awkward_subject(table: pd.DataFrame) -> pd.DataFrame:
    spoilt = table.copy()
    spoilt.loc[spoilt["subject"] == "Pay+Mood", "subject"] = AWKWARD
    return spoilt


def test_each_metric_has_its_help_its_type_and_then_its_samples_together() -> None:
    table = with_awkward_subject(measure())
    text = render_prometheus(table)
    assert text.endswith("\n")
    order: list[tuple[str, str]] = []
    for line in text.splitlines():
        ((kind, found),) = [
            (kind, match) for kind, form in LINES.items() if (match := form.fullmatch(line))
        ]
        if (kind, found[1]) not in order or kind != "sample":
            order.append((kind, found[1]))
    names = [name for kind, name in order if kind == "help"]
    assert order == [(kind, name) for name in names for kind in ("help", "type", "sample")]
    assert names[:2] == ["attrition_month_info", "attrition_month_end_timestamp_seconds"]
    assert names[2:] == [f"attrition_{name}" for name in dict.fromkeys(table["metric"])]


def test_the_month_is_a_value_and_no_label_of_what_is_measured() -> None:
    lines = render_prometheus(measure()).splitlines()
    assert (
        'attrition_month_info{month="2024-03",champion_version="7",snapshot_version="1"} 1.0'
        in (lines)
    )
    ended = pd.Timestamp("2024-04-01", tz="UTC").timestamp()
    assert f"attrition_month_end_timestamp_seconds {ended!r}" in lines
    assert sum("2024-03" in line for line in lines) == 1
    assert "attrition_rows 200.0" in lines
    assert 'attrition_check_failed{subject="no_feature_drift"} 1.0' in lines


def test_prometheus_own_client_reads_the_same_values() -> None:
    """Its package is no dependency: where it is not at hand, the grammar above has to do."""
    parser = pytest.importorskip("prometheus_client.parser")
    table = with_awkward_subject(measure())
    read = {
        (sample.name.removeprefix("attrition_"), sample.labels.get("subject", "")): sample.value
        for family in parser.text_string_to_metric_families(render_prometheus(table))
        for sample in family.samples
    }
    written = {
        (str(metric), str(subject)): value
        for metric, subject, value in zip(
            table["metric"], table["subject"], table["value"], strict=True
        )
    }
    assert ("missing_pattern_share", AWKWARD) in read
    assert {key: read[key] for key in written} == written
    assert {name for name, _ in read.keys() - written.keys()} == {
        "month_info",
        "month_end_timestamp_seconds",
    }
