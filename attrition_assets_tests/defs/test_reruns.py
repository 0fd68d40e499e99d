"""Months in any order, again, corrected or suspended: on a copy of the walked state."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dagster import AssetKey, RunsFilter

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.defs.suspension import report_suspension, resume_scoring
from attrition_assets.governance.decisions import Kind
from attrition_assets.monitoring.report import Finding
from attrition_assets.monitoring.summary import QUESTIONS
from attrition_assets.months import last_day, parse_month
from attrition_assets.settings import PROJECT_ROOT
from attrition_assets.status import collect_status
from attrition_assets.training.families import Params
from attrition_assets_tests.outages import KilledError
from attrition_assets_tests.seen import attrition

from .conftest import DRIFT, FAULT, LAST, NOW, RETRAINED, UNSEEN, Place, set_tag


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_everything_again_gives_the_same_bytes_and_no_new_version(place: Place) -> None:
    assets = place.settings.home / "assets"
    before = read_all(assets)
    for month in (LAST, DRIFT, RETRAINED):  # not in their order
        assert place.run(month).success
    assert place.retrain(RETRAINED).success
    after = read_all(assets)
    assert after == before
    first, again = place.loop.registry.load(2), place.loop.registry.load(3)
    assert again.reference_digest == first.reference_digest
    pd.testing.assert_frame_equal(again.held_out, first.held_out)
    snapshot = place.loop.store.read(parse_month(LAST))
    assert again.score(snapshot).tolist() == first.score(snapshot).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "name"),
    [(Registry, "_log_version"), (Registry, "register"), (DecisionLog, "append")],
)
def test_a_retraining_that_was_killed_after_it_registered_leaves_one_version_and_not_two(
    owner: object, name: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, log = place.loop.registry, DecisionLog(place.settings.home)
    goes_on = getattr(owner, name)

    def end(*given: Any, **named: Any) -> None:
        goes_on(*given, **named)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, end)
        assert not place.retrain(LAST).success
    assert registry.versions() == [1, 2, 3]
    assert place.retrain(LAST).success
    assert registry.versions() == [1, 2, 3]
    assert registry.challenger_version() == 3
    told = read_latest_metadata(place.instance, "model")
    assert told is not None
    assert told["version"] == 3
    assert told["mlflow_run"].endswith(registry.find_run(3))
    assert registry.client.get_run(registry.find_run(3)).info.status == "FINISHED"
    made = [each for each in log.entries() if each.kind == Kind.MODEL_REGISTERED]
    assert [each.facts["version"] for each in made] == [1, 2, 3]
    assert place.retrain(LAST).success  # asked for once more, it is another
    assert registry.versions() == [1, 2, 3, 4]


@pytest.mark.slow
def test_what_is_best_now_is_tried_though_the_same_data_were_searched_before(place: Place) -> None:
    registry = place.loop.registry
    best: Params = {"family": "logistic", "C": 0.5}
    set_tag(registry, 2, params=json.dumps(best))
    assert place.retrain(RETRAINED).success
    assert registry.load(3).reference_digest == registry.load(2).reference_digest
    assert registry.load(3).params == best  # of one trial, the first


def test_a_refused_month_again_is_refused_in_the_same_words(place: Place) -> None:
    ledger = place.asset("employee_snapshot", FAULT, ".json")
    before = ledger.read_bytes()
    quarantine = read_all(place.settings.home / "quarantine")
    assert not place.run(FAULT).success
    assert ledger.read_bytes() == before
    assert read_all(place.settings.home / "quarantine") == quarantine


@pytest.mark.slow
def test_a_corrected_month_is_a_new_version_scored_by_the_recorded_champion(place: Place) -> None:
    first = {
        name: place.asset(name, RETRAINED, suffix).read_bytes()
        for name, suffix in [
            ("employee_snapshot", ".parquet"),
            ("predictions", ".parquet"),
            ("drift_report", ".json"),
        ]
    }
    place.correct(RETRAINED)
    assert place.run(RETRAINED).success
    scores = pd.read_parquet(place.asset("predictions", RETRAINED))
    assert set(scores["model_version"]) == {1}
    assert set(scores["snapshot_version"]) == {2}
    for name, suffix in [
        ("employee_snapshot", ".parquet"),
        ("predictions", ".parquet"),
        ("drift_report", ".json"),
    ]:
        path = place.asset(name, RETRAINED, suffix)
        kept = path.parent / "superseded" / path.stem / f"1{suffix}"
        assert kept.read_bytes() == first[name]
        assert path.read_bytes() != first[name]
        made = place.instance.fetch_materializations(AssetKey(name), limit=1).records[0]
        assert made.asset_materialization is not None
        metadata = made.asset_materialization.metadata
        assert metadata["version"].value == 2
        assert str(metadata["replaces"].value).endswith(f"1{suffix}")
    assert "version 2 of the month: its snapshot was corrected" in place.summary(RETRAINED)


@pytest.mark.slow
def test_scores_of_a_month_that_was_corrected_since_are_not_judged(place: Place) -> None:
    place.correct(LAST)
    assert place.run(LAST, "employee_snapshot").success
    refused = place.run(LAST, "drift_report")
    assert (
        f"the predictions are of version 1 of {LAST}, and version 2 is accepted now: materialize "
        "predictions again" in place.why(refused)
    )
    assert f"{LAST}  not scored" in place.status()
    assert place.run(LAST, "predictions").success
    assert place.run(LAST, "drift_report", "monthly_summary").success
    assert f"{LAST}, 4" in place.status()


@pytest.mark.slow
def test_an_accepted_month_that_is_sent_again_broken_is_used_no_more(place: Place) -> None:
    assert last_day(parse_month(DRIFT)) in place.reference_dates(LAST)
    place.sent(DRIFT).write_bytes(b"")
    assert not place.run(DRIFT).success
    assert place.run(DRIFT, "monthly_summary").success
    assert "Refused: nothing was judged." in place.summary(DRIFT)
    assert "version 1, accepted before, is not used any more" in place.summary(DRIFT)
    assert "was refused" in place.why(place.run(DRIFT, "predictions"))
    assert last_day(parse_month(DRIFT)) not in place.reference_dates(LAST)


def test_a_model_is_not_trained_on_a_month_refused_since_its_reference_data_was_made(
    place: Place,
) -> None:
    assert last_day(parse_month(DRIFT)) in place.reference_dates(LAST)
    place.sent(DRIFT).write_bytes(b"")
    assert not place.run(DRIFT).success
    trained = place.loop.run(place.instance, "retraining", assets=["model"])
    assert f"the reference data holds {DRIFT}, refused, corrected or removed since" in place.why(
        trained
    )
    assert place.loop.registry.versions() == [1, 2]


def test_departures_that_lost_their_older_rows_train_no_model_and_judge_no_month(
    place: Place,
) -> None:
    path = place.settings.data / "departures.parquet"
    departures = pd.read_parquet(path)
    newest = departures["DepartureDate"] > last_day(parse_month(RETRAINED))
    departures[newest].to_parquet(path, index=False)
    assert "departures are lost" in place.why(place.retrain(LAST))
    assert "departures are lost" in place.why(place.run(LAST))


def test_a_correction_that_could_not_be_read_is_told_though_the_month_is_judged(
    place: Place,
) -> None:
    place.sent(LAST).with_suffix(".csv").write_text("a second file")
    assert not place.run(LAST).success
    place.loop.write_summaries(place.instance)
    assert "Since it was judged, run" in place.summary(LAST)
    assert f"two files for {LAST}" in place.summary(LAST)
    assert f"{LAST}  judged: run" in place.status()


@pytest.mark.slow
def test_a_quarantined_month_that_arrives_late_is_scored_by_the_champion_of_its_time(
    place: Place,
) -> None:
    """The present champion, version 2, has learned from outcomes after that month."""
    date = last_day(parse_month(FAULT))
    table = pd.read_parquet(place.sent(DRIFT)).assign(SnapshotDate=date)
    departures = pd.read_parquet(place.settings.data / "departures.parquet")
    gone = departures.loc[departures["DepartureDate"] <= date, "EmployeeNumber"]
    table[~table["EmployeeNumber"].isin(gone)].to_parquet(place.sent(FAULT), index=False)
    assert place.run(FAULT).success
    assert set(pd.read_parquet(place.asset("predictions", FAULT))["model_version"]) == {1}
    assert place.loop.evaluate(place.instance, "retrain_on_drift").run_requests == []


@pytest.mark.slow
def test_a_merger_is_refused_until_a_person_vouches_for_it(place: Place) -> None:
    table = pd.read_parquet(place.sent(LAST))
    joined = table.assign(EmployeeNumber=table["EmployeeNumber"] + 100_000)
    pd.concat([table, joined]).to_parquet(place.sent(LAST), index=False)
    assert not place.run(LAST).success
    told = f"if the file is right, `attrition accept {LAST} --check volume_plausible --reason TEXT`"
    assert place.run(LAST, "monthly_summary").success
    assert told in place.summary(LAST)
    home, data = place.settings.home, place.settings.data
    vouched = attrition(
        home, data, "accept", LAST, "--check", "volume_plausible", "--reason", "a merger"
    )
    assert vouched.exit_code == 0, vouched.output
    assert place.run(LAST).success
    assert len(pd.read_parquet(place.asset("predictions", LAST))) == 2 * len(table)


def test_the_summary_of_a_refused_month_says_why_and_what_to_do(place: Place) -> None:
    text = place.summary(FAULT)
    assert "**Refused: nothing was judged.**" in text
    assert f"{FAULT}.parquet has sent_before, wrong_date" in text
    assert f"then `attrition run {FAULT}`" in text
    assert text.count("**not judged**") == len(QUESTIONS)


def test_a_month_without_a_file_is_summarized_too(place: Place) -> None:
    month = "2025-06"
    assert not place.run(month).success
    place.loop.write_summaries(place.instance)
    text = place.summary(month)
    assert "**No snapshot: nothing was judged.**" in text
    assert f"put it there, then `attrition run {month}`" in text


@pytest.mark.slow
def test_a_failed_retraining_is_written_to_the_summary_of_its_month(place: Place) -> None:
    for path in (place.settings.home / "assets" / "employee_snapshot").glob("202[34]*.json"):
        path.unlink()  # too little is left to learn from
    failed = place.retrain(LAST)
    place.loop.write_summaries(place.instance)
    text = place.summary(LAST)
    assert f"Retraining (run {failed.run_id}): **failed**: {place.why(failed)}" in text
    assert "`attrition retrain --reason TEXT`" in text
    assert "no drift" in text or "Retraining is not advised." in text


@pytest.mark.slow
def test_nobody_is_scored_while_scoring_is_suspended_and_everyone_is_told(place: Place) -> None:
    switch = ScoringSwitch(place.settings.home)
    suspension = Suspension(who="legal", why="a complaint is looked into", since=NOW)
    before = place.asset("predictions", LAST).read_bytes()
    switch.suspend(suspension)
    report_suspension(place.instance, switch, suspension)
    refused = place.run(LAST)
    said = "scoring is suspended since 2025-06-10 00:00 UTC by legal: a complaint is looked into"
    assert said in place.why(refused)
    assert place.asset("predictions", LAST).read_bytes() == before
    assert said in place.status()
    place.asset("predictions", LAST).unlink()
    place.loop.write_summaries(place.instance)
    assert said in place.summary(LAST)
    assert "`attrition resume --reason TEXT`, then" in place.summary(LAST)
    resume_scoring(place.instance, switch, "legal", "settled", NOW)
    assert place.run(LAST).success
    assert place.asset("predictions", LAST).read_bytes() == before
    observed = place.instance.fetch_observations(AssetKey("predictions"), limit=2).records
    assert [each.asset_observation.description for each in observed if each.asset_observation] == [
        "scoring resumed by legal: settled",
        "scoring suspended by legal: a complaint is looked into",
    ]


@pytest.mark.slow
def test_two_retrainings_in_one_another_each_learn_from_their_own_reference_data(
    place: Place,
) -> None:
    """The second's reference data is made between the first's two steps."""
    digests = {}
    for as_of in ("2025-02", LAST):
        made = place.loop.run(
            place.instance,
            "retraining",
            assets=["reference_data"],
            run_config=retraining_config(parse_month(as_of)),
        )
        digests[as_of] = (
            place.loop.definitions
            and made.asset_materializations_for_node("reference_data")[0].metadata["digest"].value
        )
    assert digests["2025-02"] != digests[LAST]
    assert place.retrain("2025-02").success
    assert place.loop.registry.load(3).reference_digest == digests["2025-02"]


def test_the_status_says_what_is_blocked_and_the_next_thing_to_do(place: Place) -> None:
    lines = place.status().splitlines()
    assert lines[0].startswith(f"Champion    version 2, as of {RETRAINED}: promoted by the demo")
    assert "Challenger  none waits" in lines
    assert any(line.startswith(f"Last month  {LAST}, 4") for line in lines)
    assert any(f"{FAULT}  refused: {FAULT}.parquet has sent_before" in line for line in lines)
    assert f"Next        {FAULT}: correct the file" in place.status()


@pytest.mark.slow
def test_the_status_of_a_month_that_is_due_comes_first(place: Place) -> None:
    july = datetime(2025, 7, 2, tzinfo=UTC)
    status = collect_status(place.settings, place.instance, july)
    assert str(status.due) == "2025-06"
    assert status.todo == "put it there, then `attrition run 2025-06`"
    assert place.retrain(LAST).success
    waiting = collect_status(place.settings, place.instance, NOW)
    assert "attrition promote --version 3" in waiting.todo


@pytest.mark.slow
def test_another_time_zone_changes_nothing(place: Place) -> None:
    """Months are dates, partitions and the schedule are UTC: the wall clock's zone is not read."""
    before = read_all(place.settings.home / "assets")
    environment = {
        **os.environ,
        "TZ": "Pacific/Kiritimati",
        "DAGSTER_HOME": str(place.settings.home),
        "ATTRITION_DATA": str(place.settings.data),
    }
    select = "employee_snapshot,predictions,drift_report,monthly_summary"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "dagster"), "asset", "materialize"),
            *("-m", "attrition_assets.definitions"),
            *("--select", select, "--partition", f"{LAST}-01"),
        ],
        env=environment,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert read_all(place.settings.home / "assets") == before
    assert place.instance.get_runs(RunsFilter(tags={"dagster/partition": f"{LAST}-01"}))


@pytest.mark.slow
def test_a_month_of_sixty_people_is_scored_and_too_few_to_tell(place: Place) -> None:
    """All others left at once, and somebody vouches for that."""
    month, before = parse_month(UNSEEN), place.loop.store.read(parse_month(LAST))
    date, identity = place.loop.contract.outcomes.departure_date, place.loop.contract.id
    staying = before.head(60).assign(SnapshotDate=last_day(month))
    staying.to_parquet(place.sent(UNSEEN), index=False)
    path = place.settings.data / "departures.parquet"
    gone = pd.DataFrame({identity: before[identity].iloc[60:], date: last_day(month)})
    departures = pd.concat([pd.read_parquet(path), gone], ignore_index=True)
    departures.to_parquet(path, index=False)
    assert "volume_plausible" in place.why(place.run(UNSEEN))
    place.loop.store.waive(month, "volume_plausible", "Ada", "the rest was sold")
    assert place.run(UNSEEN).success
    report = place.loop.read_report(month)
    judged = (report.data_quality, report.feature_drift, report.prediction_drift)
    outcomes = (report.concept_drift, report.performance)
    assert {verdict.finding for verdict in judged} == {Finding.CANNOT_TELL}
    assert {verdict.finding for verdict in outcomes} <= {Finding.CANNOT_TELL, Finding.NOT_DUE}
    assert "60 rows, too few to tell" in report.feature_drift.reason
    page = (place.settings.home / "reports" / UNSEEN / "drift.html").read_text("utf-8")
    for text in (place.summary(UNSEEN), page):
        assert "too few to tell" in text
