"""The metrics that a walk left are those that its own files give; what is not sound is told."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance
from sklearn.metrics import brier_score_loss, precision_score, recall_score, roc_auc_score

from attrition_assets.adapters.metrics_table import MetricsTable
from attrition_assets.defs.metrics import PLOTTED
from attrition_assets.monitoring.metric_catalogue import BY_NAME, FIELDS
from attrition_assets.monitoring.metrics import measure_month
from attrition_assets.months import last_day, parse_month, partition_key
from attrition_assets.pictures import draw_metrics, to_png
from attrition_assets.settings import PROJECT_ROOT
from attrition_assets.training.explanations import compare_importance, measure_importance
from attrition_assets_tests.seen import assert_in_guide

from .conftest import DRIFT, FAULT, LAST, RETRAINED, Place, Walked


def read(walked: Walked, month: str) -> pd.DataFrame:
    return MetricsTable(walked.settings.home).read(parse_month(month))


def value(table: pd.DataFrame, metric: str, subject: str = "") -> float:
    (found,) = table.loc[(table["metric"] == metric) & (table["subject"] == subject), "value"]
    return float(found)


def read_metadata(instance: DagsterInstance, month: str) -> dict[str, Any]:
    chosen = AssetRecordsFilter(
        AssetKey("monthly_metrics"), asset_partitions=[partition_key(parse_month(month))]
    )
    (record, *_) = instance.fetch_materializations(chosen, limit=1).records
    assert record.asset_materialization is not None
    return {name: each.value for name, each in record.asset_materialization.metadata.items()}


def test_every_judged_month_is_in_the_one_table_and_a_refused_one_is_not(walked: Walked) -> None:
    whole = pd.read_parquet(walked.settings.home / "metrics")
    assert list(whole["month"].unique()) == [DRIFT, RETRAINED, LAST]
    assert {name: str(dtype) for name, dtype in whole.dtypes.items()} == {
        each.name: each.dtype for each in FIELDS
    }
    assert set(whole["metric"]) <= set(BY_NAME)
    assert not whole.duplicated(["month", "area", "metric", "subject"]).any()


def test_volume_is_against_the_last_accepted_month_also_after_a_refused_one(
    walked: Walked,
) -> None:
    store, table = walked.loop.store, read(walked, RETRAINED)
    assert FAULT not in map(str, store.months())
    before = set(store.read(parse_month(DRIFT))["EmployeeNumber"])
    now = set(store.read(parse_month(RETRAINED))["EmployeeNumber"])
    assert value(table, "former_month_gap") == 2
    assert value(table, "joiners") == len(now - before) > 0
    assert value(table, "leavers") == len(before - now)
    assert value(table, "rows_ratio") == len(now) / len(before)


def test_what_was_scored_and_how_it_drifted_are_those_of_scores_and_report(walked: Walked) -> None:
    table, report = read(walked, DRIFT), walked.loop.read_report(parse_month(DRIFT))
    scores = pd.read_parquet(
        walked.settings.home / "assets" / "predictions" / f"{DRIFT}-01.parquet"
    )
    assert value(table, "flagged_share") == scores["flag"].mean()
    assert value(table, "mean_probability") == pytest.approx(scores["probability"].mean())
    assert value(table, "prediction_drift_score") == report.prediction_drift.score
    assert value(table, "drifted_feature_share") == report.feature_drift.share
    assert value(table, "column_drift_p_value", "MonthlyIncome") < 0.01


def test_outcomes_are_what_scikit_learn_makes_of_the_departures(walked: Walked) -> None:
    """Of version 1, trained in 2025-01, that month's people are the first to have matured."""
    table, seen = read(walked, RETRAINED), parse_month("2025-01")
    people, version = walked.loop.store.read(seen), walked.loop.registry.load(1)
    departures = pd.read_parquet(walked.settings.data / "departures.parquet")
    dates = departures["DepartureDate"]
    gone = departures[(dates > last_day(seen)) & (dates <= last_day(parse_month(RETRAINED)))]
    left = people["EmployeeNumber"].isin(gone["EmployeeNumber"])
    probability = version.score(people)
    flagged = probability >= version.threshold
    assert value(table, "auc") == pytest.approx(roc_auc_score(left, probability))
    assert value(table, "precision") == pytest.approx(precision_score(left, flagged))
    assert value(table, "recall") == pytest.approx(recall_score(left, flagged))
    assert value(table, "brier") == pytest.approx(brier_score_loss(left, probability))
    assert value(table, "labelled_people") == value(table, "labelled_people_of", "2025-01")
    assert value(table, "labelled_leavers") == left.sum()
    for young in (DRIFT, LAST):  # the version had no outcomes of its own yet
        assert not {"auc", "precision", "labelled_people"} & set(read(walked, young)["metric"])


def test_importance_is_what_the_contributions_of_the_month_give(walked: Walked) -> None:
    table, version = read(walked, LAST), walked.loop.registry.load(2)
    contributions, _ = version.explain(walked.loop.store.read(parse_month(LAST)))
    now = measure_importance(contributions)
    told = table[table["metric"] == "importance"].set_index("subject")["value"].to_dict()
    assert told == pytest.approx(now)
    stability = value(table, "importance_stability")
    assert stability == pytest.approx(compare_importance(version.importance, now))
    assert 0.5 < stability <= 1


def test_how_the_months_were_processed_is_from_the_log_of_their_runs(walked: Walked) -> None:
    table = read(walked, DRIFT)
    parts = table.loc[table["metric"] == "asset_seconds", "value"]
    assert len(parts) == 3
    assert value(table, "processing_seconds") == pytest.approx(parts.sum())
    assert 0 < parts.sum() < value(table, "run_seconds")
    assert (value(table, "runs"), value(table, "error_rate")) == (1, 0)
    assert value(table, "check_failed", "no_feature_drift") == 1
    assert value(table, "check_failed", "retraining_not_needed") == 1
    assert value(table, "check_failed", "contract_holds") == 0
    assert value(table, "checks") == (table["metric"] == "check_failed").sum() == 18


def test_dagster_plots_the_main_ones_and_shows_the_schema_and_the_picture(
    walked: Walked, instance: DagsterInstance
) -> None:
    metadata, table = read_metadata(instance, RETRAINED), read(walked, RETRAINED)
    for name in PLOTTED:
        assert metadata[name] == value(table, name)
    shown = metadata["dagster/column_schema"].columns
    assert [column.name for column in shown] == [each.name for each in FIELDS]
    assert metadata["dagster/row_count"] == len(table)
    picture = walked.settings.home / "reports" / RETRAINED / "metrics.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert metadata["trend"].startswith("![metrics by month](data:image/png;base64,")


def test_prometheus_is_told_of_the_newest_month(walked: Walked) -> None:
    lines = MetricsTable(walked.settings.home).prometheus.read_text("utf-8").splitlines()
    assert f'month="{LAST}",champion_version="2"' in lines[2]
    rows = value(read(walked, LAST), "rows")
    assert f"attrition_rows {rows!r}" in lines


def test_an_older_month_again_changes_its_operations_alone(place: Place) -> None:
    table = MetricsTable(place.settings.home)
    before, others = table.read(parse_month(RETRAINED)), table.path(parse_month(LAST)).read_bytes()
    told = table.prometheus.read_bytes()
    assert place.run(RETRAINED, "monthly_metrics").success
    after = table.read(parse_month(RETRAINED))
    for area, rows in before.groupby("area"):
        again = after[after["area"] == area]
        if area == "operations":
            assert value(again, "runs") == 2
        else:
            pd.testing.assert_frame_equal(again, rows)
    assert table.path(parse_month(LAST)).read_bytes() == others
    assert table.prometheus.read_bytes() == told


def test_runs_that_failed_are_counted_once_the_month_is_judged(place: Place) -> None:
    sent = place.sent(LAST).read_bytes()
    place.sent(LAST).write_bytes(b"")
    assert not place.run(LAST, "employee_snapshot").success
    place.sent(LAST).write_bytes(sent)
    assert place.run(LAST, "employee_snapshot").success
    assert place.run(LAST, "monthly_metrics").success
    table = MetricsTable(place.settings.home).read(parse_month(LAST))
    assert (value(table, "runs"), value(table, "failed_runs")) == (4, 1)
    assert value(table, "error_rate") == 0.25
    assert value(table, "refused_files") == 1


def test_a_month_that_was_corrected_since_is_not_mixed(place: Place) -> None:
    place.correct(LAST)
    assert place.run(LAST, "employee_snapshot").success
    said = place.why(place.run(LAST, "monthly_metrics"))
    assert f"of {LAST} version 2 is accepted, the predictions are of version 1" in said
    assert "materialize predictions again, then drift_report and monthly_metrics" in said


def test_a_file_of_another_month_that_cannot_be_read_is_named(place: Place) -> None:
    path = MetricsTable(place.settings.home).path(parse_month(DRIFT))
    path.write_bytes(b"half")
    said = place.why(place.run(LAST, "monthly_metrics"))
    assert f"{path} cannot be read" in said
    message = said[said.index(str(path)) : said.index(" (")]
    assert_in_guide(message, place.settings.home, place.settings.data)


def test_a_month_whose_rows_are_not_whole_ends_in_failure(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "attrition_assets.defs.metrics.measure_month", lambda *given: measure_month(*given)[2:]
    )
    assert "metrics_complete: no rows" in place.why(place.run(LAST, "monthly_metrics"))


def test_the_examples_of_the_guide_run_and_its_rules_are_of_metrics_that_are_there(
    walked: Walked, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (PROJECT_ROOT / "docs" / "metrics.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    for example in examples:
        exec(example.replace(".attrition", str(walked.settings.home)), {})
    assert len(examples) == 2
    said = capsys.readouterr().out
    assert f"\n{RETRAINED} " in said
    table = read(walked, LAST)
    effects = table[table["metric"] == "column_drift_effect"].nlargest(5, "value")
    assert all(subject in said for subject in effects["subject"])
    (rules,) = re.findall(r"^```yaml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    told = MetricsTable(walked.settings.home).prometheus.read_text("utf-8")
    for rule in yaml.safe_load(rules)["groups"][0]["rules"]:
        (name,) = re.findall(r"attrition_\w+", rule["expr"])
        assert f"# TYPE {name} gauge" in told


def test_a_picture_of_one_month_without_outcomes_is_drawn(walked: Walked, tmp_path: Path) -> None:
    figure = draw_metrics(read(walked, DRIFT))
    assert to_png(figure).startswith(b"\x89PNG")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "outcomes known" in titles
    assert len(titles) == 8
