"""The whole loop, walked once through the real jobs: what a person and an auditor find after it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    RunsFilter,
    SkipReason,
)

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.files import content_digest
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.snapshots import RawSnapshot
from attrition_assets.defs.drift_checks import INFORMING_CHECKS
from attrition_assets.defs.retraining import decide_request
from attrition_assets.defs.runs import MONTH_TAG, REASON_TAG
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import parse_month
from attrition_assets_tests.seen import attrition

from .conftest import DRIFT, FAULT, LAST, NOW, RETRAINED, Walked


def read_check(instance: DagsterInstance, asset: str, check: str, month: str) -> Any:
    records = instance.event_log_storage.get_asset_check_execution_history(
        AssetCheckKey(AssetKey(asset), check), limit=100
    )
    event = next(record.event for record in records if record.partition == f"{month}-01")
    assert event is not None and event.dagster_event is not None
    return event.dagster_event.asset_check_evaluation_data


def read_materializations(instance: DagsterInstance, asset: str) -> list[Mapping[str, Any]]:
    records = instance.fetch_materializations(AssetKey(asset), limit=100, ascending=True).records
    return [
        {name: each.value for name, each in record.asset_materialization.metadata.items()}
        for record in records
        if record.asset_materialization
    ]


def test_each_month_ends_as_planted(walked: Walked) -> None:
    rows = {str(row.month): (row.found, row.action) for row in walked.results}
    assert list(rows) == [DRIFT, FAULT, RETRAINED, LAST]
    assert "MonthlyIncome" in rows[DRIFT][0]
    assert "cool-down is 3 months" in rows[DRIFT][1]
    assert rows[FAULT] == (
        "refused: sent_before, wrong_date",
        "quarantined, not scored",
    )
    assert rows[RETRAINED][1] == "sensor: retrained, version 2 promoted"
    assert rows[LAST] == ("no drift", "sensor: not needed")
    assert any("waits for promotion" in line for line in walked.said)


def test_one_retraining_was_run_for_the_drift_and_says_why(instance: DagsterInstance) -> None:
    runs = instance.get_runs(RunsFilter(job_name="retraining"))
    assert [run.status for run in runs] == [DagsterRunStatus.SUCCESS] * 2
    retraining, first = runs
    assert first.tags[REASON_TAG] == "the first model"
    assert retraining.tags[MONTH_TAG] == RETRAINED
    assert "MonthlyIncome" in retraining.tags[REASON_TAG]


def test_what_was_decided_is_on_record_in_its_order(walked: Walked) -> None:
    log = DecisionLog(walked.settings.home)
    told = [
        (entry.kind.value, entry.facts.get("month", entry.facts.get("version")))
        for entry in log.entries()
    ]
    first, second = ([("model registered", each), ("promoted", each)] for each in (1, 2))
    assert told[:2] == first
    asked = told.index(("retraining requested", RETRAINED))
    assert told[asked + 1 : asked + 3] == second
    assert {kind for kind, _ in told[2:asked] + told[asked + 3 :]} == {"retraining skipped"}
    assert {entry.who for entry in log.entries()} == {"the loop", "the demo"}
    assert log.verify().breaks == ()
    shown = attrition(walked.settings.home, walked.settings.data, "decisions").output
    assert len(shown.splitlines()) == len(told)
    assert f"retraining requested (champion 1, month {RETRAINED}, run " in shown


def test_the_sensor_asks_for_nothing_more(walked: Walked, instance: DagsterInstance) -> None:
    store = walked.loop.store
    log = DecisionLog(store.home)
    before = log.verify()
    decided = decide_request(instance, MonitoringPolicy(), store.accepted_version, log, NOW)
    assert log.verify() == before
    assert isinstance(decided, SkipReason)


def test_the_refused_month_is_in_quarantine_and_nowhere_else(
    walked: Walked, instance: DagsterInstance
) -> None:
    month = parse_month(FAULT)
    assert month not in walked.loop.store.months()
    sent = walked.loop.source.fetch(month)
    assert isinstance(sent, RawSnapshot)
    kept = [
        path for path in walked.loop.store.quarantine(month).iterdir() if path.suffix != ".json"
    ]
    assert [path.read_bytes() for path in kept] == [sent.content]
    assert not (walked.settings.home / "assets" / "predictions" / f"{FAULT}-01.parquet").exists()
    evaluation = read_check(instance, "employee_snapshot", "not_sent_before", FAULT)
    assert not evaluation.passed
    assert DRIFT in evaluation.description


def test_every_month_ends_on_its_last_day_in_a_leap_year_and_over_new_year(walked: Walked) -> None:
    for month, day in [("2024-02", "2024-02-29"), ("2024-12", "2024-12-31"), (DRIFT, "2025-02-28")]:
        dates = walked.loop.store.read(parse_month(month))["SnapshotDate"]
        assert set(dates.dt.strftime("%Y-%m-%d")) == {day}


def test_a_month_after_a_gap_is_judged_as_any_other(walked: Walked) -> None:
    """The month before it was refused."""
    report = walked.loop.read_report(parse_month(RETRAINED))
    assert report.current_rows == len(walked.loop.store.read(parse_month(RETRAINED)))
    assert parse_month(FAULT) not in walked.loop.store.months()


def test_the_refused_month_trained_no_model(walked: Walked) -> None:
    version = walked.loop.registry.load(2)
    store = ReferenceStore(walked.settings.home, walked.loop.contract)
    table = store.read(version.reference_digest, version.as_of).table
    months = set(table["SnapshotDate"].dt.strftime("%Y-%m"))
    assert RETRAINED in months
    assert FAULT not in months


def test_champion_moves_only_by_promotion_and_each_is_on_record(
    walked: Walked, instance: DagsterInstance
) -> None:
    promoted = read_materializations(instance, "champion")
    assert [(each["version"], each["previous_version"]) for each in promoted] == [(1, 0), (2, 1)]
    assert walked.loop.registry.champion_version() == 2


def test_every_employee_has_one_score_that_names_its_version(walked: Walked) -> None:
    for month, version in [(DRIFT, 1), (RETRAINED, 1), (LAST, 2)]:
        path = walked.settings.home / "assets" / "predictions" / f"{month}-01.parquet"
        scores = pd.read_parquet(path)
        people = walked.loop.store.read(parse_month(month))["EmployeeNumber"]
        assert scores["EmployeeNumber"].tolist() == people.tolist()
        assert scores["probability"].between(0, 1).all()
        assert set(scores["model_version"]) == {version}
        threshold = walked.loop.registry.load(version).threshold
        assert (scores["flag"] == (scores["probability"] >= threshold)).all()


def test_the_baseline_is_that_of_the_version_that_scored(walked: Walked) -> None:
    for month, version, as_of in [(RETRAINED, 1, "2025-01"), (LAST, 2, RETRAINED)]:
        report = walked.loop.read_report(parse_month(month))
        reference = walked.settings.home / "assets" / "reference_data"
        assert (report.champion_version, report.baseline_month) == (version, as_of)
        content = (reference / f"{report.reference_digest}.parquet").read_bytes()
        assert content_digest(content) == report.reference_digest


def test_the_checks_of_a_drifted_month_show_value_limit_and_offenders(
    instance: DagsterInstance,
) -> None:
    drift = read_check(instance, "drift_report", "no_feature_drift", RETRAINED)
    assert not drift.passed
    assert drift.severity.value == "WARN"
    level = MonitoringPolicy().feature_level
    assert 0 < drift.metadata["value"].value <= level
    assert drift.metadata["limit"].value.startswith(f"p > {level:.2g} ")
    offenders = [record.data["column"] for record in drift.metadata["offenders"].records]
    assert "MonthlyIncome" in offenders
    decision = read_check(instance, "drift_report", "retraining_not_needed", RETRAINED)
    assert not decision.passed
    assert decision.metadata["decision"].value == "retrain"
    unknown = read_check(instance, "drift_report", "no_concept_drift", LAST)
    assert unknown.passed
    assert unknown.description.startswith("Not known yet: ")


def test_every_drift_check_is_recorded_for_every_judged_month(instance: DagsterInstance) -> None:
    names = [key.name for check in INFORMING_CHECKS for key in check.check_keys]
    for name in [*names, "retraining_not_needed"]:
        for month in (DRIFT, RETRAINED, LAST):
            assert read_check(instance, "drift_report", name, month).partition == f"{month}-01"


def test_mlflow_has_the_drift_of_each_month_and_the_true_status_of_each_run(
    walked: Walked, instance: DagsterInstance
) -> None:
    client = walked.loop.registry.client
    experiment = client.get_experiment_by_name("attrition")
    runs = {
        run.data.tags["dagster_run_id"]: run
        for run in client.search_runs([experiment.experiment_id], max_results=100)
    }
    by_month = {
        run.tags["dagster/partition"][:7]: runs[run.run_id]
        for run in instance.get_runs(RunsFilter(job_name="monthly"))
        if run.run_id in runs
    }
    assert {month: run.info.status for month, run in by_month.items()} == {
        DRIFT: "FINISHED",
        FAULT: "FAILED",
        RETRAINED: "FINISHED",
        LAST: "FINISHED",
    }
    drifted, calm = by_month[RETRAINED], by_month[LAST]
    assert drifted.data.metrics["drift_detected"] == 1
    assert drifted.data.metrics["n_drifted_features"] >= 1
    assert 0 < drifted.data.metrics["drift_score"] < 1
    assert "MonthlyIncome" in drifted.data.tags["drifted_features"]
    assert calm.data.metrics["drift_detected"] == calm.data.metrics["drift_score"] == 0
    listed = client.download_artifacts(drifted.info.run_id, "drifted_features.json")
    assert "MonthlyIncome" in json.loads(Path(listed).read_text("utf-8"))["drifted_features"]


def test_a_registered_model_carries_what_an_auditor_asks_for(walked: Walked) -> None:
    registry = walked.loop.registry
    version = registry.client.get_model_version("attrition", "2")
    run = registry.client.get_run(version.run_id)
    assert version.tags["reference_digest"] == run.data.params["reference_digest"]
    assert version.tags["as_of"] == RETRAINED
    assert 0.5 < run.data.metrics["auc"] < 0.95
    assert {item.path for item in registry.client.list_artifacts(version.run_id)} >= {
        "calibration.png",
        "contributions.png",
        "importance.png",
        "held_out.parquet",
    }
    loaded = registry.load(2)
    reference = ReferenceStore(walked.settings.home, registry.contract).read(
        loaded.reference_digest, loaded.as_of
    )
    assert len(reference.labelled) == run.data.metrics["rows"]
    people = ["EmployeeNumber", "SnapshotDate"]
    pd.testing.assert_frame_equal(loaded.held_out[people], reference.outcomes[people])


def test_the_summary_says_what_happened_in_words(walked: Walked, instance: DagsterInstance) -> None:
    folder = walked.settings.home / "reports"
    text = (folder / RETRAINED / "summary.md").read_text("utf-8")
    assert "**Retraining is advised.**" in text
    assert "MonthlyIncome" in text
    assert "400 employees scored by version 1" in text
    calm = (folder / LAST / "summary.md").read_text("utf-8")
    assert "Retraining is not advised." in calm
    evaluation = read_check(instance, "monthly_summary", "summary_complete", RETRAINED)
    assert (evaluation.passed, evaluation.metadata["offenders"].value) == (True, "none")
    assert "<html" in (folder / LAST / "drift.html").read_text("utf-8")[:2000].lower()


def test_nothing_half_written_is_left(walked: Walked) -> None:
    assert not list(walked.settings.home.rglob("*.tmp"))
