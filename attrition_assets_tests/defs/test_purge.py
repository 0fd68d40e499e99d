"""What is past its retention goes, on record; what is needed stays; the loop goes on."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attrition_assets.adapters import removal
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.flagged_access import Access, FlaggedAccess
from attrition_assets.adapters.held_out_scores import HeldOutScores
from attrition_assets.adapters.metrics_table import MetricsTable
from attrition_assets.adapters.registry import MODEL_NAME
from attrition_assets.adapters.removal import find_month_files, require_not_removed
from attrition_assets.adapters.served_predictions import ServedPredictions
from attrition_assets.defs.promotion import promote_version
from attrition_assets.errors import RegistryError, SnapshotError
from attrition_assets.governance.decisions import Kind
from attrition_assets.months import parse_month
from attrition_assets.purge import Past, find_past, remove_past, render_past
from attrition_assets_tests.seen import assert_in_guide, attrition, digest_files
from attrition_assets_tests.serving.conftest import make_rows

from .conftest import DRIFT, LAST, RETRAINED, UNSEEN, Place, Walked

DAYS = 200
# Up to 2025-01, in which the first version was trained; months are scored from 2025-02 on.
NOW = datetime(2025, 1, 31, 12, tzinfo=UTC) + timedelta(days=DAYS + 1)


ADA: dict[str, Any] = {"who": "Ada", "why": "seen", "now": NOW, "override": True}


@pytest.fixture
def kept_short(place: Place) -> Place:
    return replace(place, settings=place.settings.model_copy(update={"retention_days": DAYS}))


def find(place: Place, now: datetime = NOW) -> Past:
    return find_past(place.settings, place.instance, now)


def purge(place: Place, now: datetime = NOW) -> None:
    remove_past(find(place, now), place.settings, who="Ada", why=None, now=now)


def test_by_default_nothing_is_removed_and_what_would_be_is_shown(
    kept_short: Place,
) -> None:
    home, data = kept_short.settings.home, kept_short.settings.data
    before = digest_files(home)
    shown = attrition(home, data, "purge", ATTRITION_RETENTION_DAYS="183")
    assert shown.exit_code == 0, shown.output
    assert "Nothing was removed. To remove it: attrition purge --yes" in shown.output
    assert "To be removed" in shown.output
    assert "is champion: months are judged by what it learned" in shown.output
    assert f"Not touched: what you sent, in {data}" in shown.output
    assert digest_files(home) == before


def test_the_months_past_it_go_whole_and_on_record(kept_short: Place) -> None:
    home = kept_short.settings.home
    (home / "waivers").mkdir()
    (home / "waivers" / "2024-02.json").write_text("[]")
    (home / "quarantine" / "2024-03").mkdir(parents=True)
    (home / "quarantine" / "2024-03" / "sent.csv").write_text("1,2")
    (home / "metrics" / "2024-04.parquet").write_bytes(b"")
    left = home / "assets" / "employee_snapshot" / ".2024-03-01.parquet.77.tmp"
    left.write_bytes(b"half")
    sent = sorted((kept_short.settings.data / "snapshots").iterdir())
    past = find(kept_short)
    assert f"2023-11 to 2025-01: {past.removable.files} files" in render_past(
        past, kept_short.settings
    )
    purge(kept_short)
    assert min(find_month_files(home)) == parse_month("2025-02")
    assert not left.exists()
    assert sorted(path.stem for path in (home / "metrics").glob("*.parquet")) == [
        *(DRIFT, RETRAINED, LAST),
    ]
    assert sorted((kept_short.settings.data / "snapshots").iterdir()) == sent
    log = DecisionLog(home)
    entry = log.entries()[-1]
    assert (entry.kind, entry.who) == (Kind.RECORDS_REMOVED, "Ada")
    assert entry.why == f"past the retention of {DAYS} days"
    assert entry.facts["months"] == "2023-11 to 2025-01"
    assert entry.facts["files"] == past.removable.files
    assert not log.verify().breaks
    assert not find(kept_short).removable


def test_what_was_served_in_these_months_goes_with_them_and_on_record(kept_short: Place) -> None:
    home, settings = kept_short.settings.home, kept_short.settings
    instants = [datetime(2025, 1, 31, 23, 59, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)]
    held, access = ServedPredictions(settings.served_predictions), FlaggedAccess(home)
    with closing(held):
        held.write([row | {"scored_at": at} for at in instants for row in make_rows(f"{at:%m}", 2)])
    for at in instants:
        access.add(Access(at=at, who="erik", month="2025-01", form="csv", rows=9))
    past = find(kept_short)
    shown = render_past(past, settings)
    assert "  2 predictions that the prediction API answered\n" in shown
    assert "  1 readings of flagged lists\n" in shown
    purge(kept_short)
    assert [(each["request_id"], each["row"]) for each in held.read(9)] == [("02", 0), ("02", 1)]
    assert [each.at for each in access.read()] == instants[1:]
    assert access.path.stat().st_mode & 0o777 == 0o600
    facts = DecisionLog(home).entries()[-1].facts
    assert (facts["served_predictions"], facts["readings"]) == (2, 1)
    assert not find(kept_short)


@pytest.mark.slow
def test_the_loop_goes_on_and_says_what_became_of_the_months(
    kept_short: Place, walked: Walked
) -> None:
    home, data = kept_short.settings.home, kept_short.settings.data
    purge(kept_short)
    number = DecisionLog(home).entries()[-1].number
    walked.unseen.to_parquet(data / "snapshots" / f"{UNSEEN}.parquet", index=False)
    ran = attrition(home, data, "run", UNSEEN, ATTRITION_RETENTION_DAYS=str(DAYS))
    assert ran.exit_code == 0, ran.output
    assert f"{UNSEEN}: 400 people scored by version 2" in ran.output
    status = attrition(home, data, "status").output
    assert f"Last month  {UNSEEN}" in status
    assert "2024-" not in status
    found = attrition(home, data, "doctor").output
    assert [line for line in found.splitlines() if line.startswith("FAILED")] == [
        "FAILED       daemon: none ever ran here: the schedule and the sensors do nothing"
    ]
    told = attrition(home, data, "explain", "1", "2025-01").output
    assert "the scores of 2025-01 cannot be told any more: its records were removed under" in told
    with pytest.raises(SnapshotError) as caught:
        require_not_removed(home, parse_month("2025-01"), DAYS, NOW)
    said = str(caught.value).replace(f"{NOW:%Y-%m-%d}", "2025-12-15")
    said = said.replace(f"(decision {number})", "(decision 10)")
    assert_in_guide(f"Error: {said}", home, data)
    require_not_removed(home, parse_month("2025-01"), 4000, NOW)  # it may be kept now
    require_not_removed(home, parse_month(LAST), DAYS, NOW)


def test_what_the_champion_and_a_rollback_need_stays_and_older_versions_go(
    kept_short: Place,
) -> None:
    registry, home = kept_short.loop.registry, kept_short.settings.home
    much_later = NOW + timedelta(days=3000)
    said = "\n".join(find(kept_short, much_later).removable.kept)
    assert "version 2 is champion" in said
    assert "version 1 is what a rollback restores" in said
    second = registry.client.get_model_version(MODEL_NAME, "2")
    registry.client.create_model_version(
        MODEL_NAME, second.source, second.run_id, tags=second.tags, await_creation_for=0
    )
    registry.client.set_registered_model_alias(MODEL_NAME, "challenger", "3")
    promote_version(kept_short.instance, registry, 3, **ADA)
    past = find(kept_short, much_later)
    assert [each.version for each in past.removable.held_out] == [1]
    assert len(past.removable.tables) == 1
    purge(kept_short, much_later)
    assert registry.load_champion().version == 3
    assert registry.load(2).version == 2
    with pytest.raises(RegistryError, match=r"held-out scores of version 1 .* were removed under"):
        registry.load(1)
    assert {each.version for each in HeldOutScores(registry).stored()} == {2, 3}
    assert len(list((home / "assets" / "reference_data").glob("*.parquet"))) == 1
    metrics = MetricsTable(home)
    assert not metrics.months()
    assert not metrics.prometheus.exists()


def test_a_month_whose_alarm_is_younger_than_the_champion_stays(kept_short: Place) -> None:
    registry = kept_short.loop.registry
    promote_version(kept_short.instance, registry, 1, **ADA)
    past = find(kept_short, NOW + timedelta(days=3000))
    assert parse_month("2025-02") not in past.removable.months
    assert any(
        each.startswith("2025-02: its drift alarm is younger") for each in past.removable.kept
    )


def test_killed_at_any_instant_the_same_again_removes_the_rest(
    kept_short: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = kept_short.settings.home
    stopping = iter(range(1000))

    def stop(path: Path) -> None:
        if next(stopping) in (1, 10, 20):
            raise KeyboardInterrupt
        removed(path)

    removed = removal._remove
    monkeypatch.setattr(removal, "_remove", stop)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            purge(kept_short)
        assert not attrition(home, kept_short.settings.data, "status").exit_code
        for month in kept_short.loop.store.months():
            kept_short.loop.store.read(month)  # nobody is led to what is gone
    purge(kept_short)
    assert min(find_month_files(home)) == parse_month("2025-02")
    assert not DecisionLog(home).verify().breaks


def test_in_a_copy_of_a_home_the_scores_of_the_other_one_are_left(
    kept_short: Place,
) -> None:
    registry = kept_short.loop.registry
    (first, *_) = HeldOutScores(registry).versions.values()
    assert HeldOutScores(registry).find_outside(first) is None
    elsewhere = replace(registry, home=registry.home / "copy")
    assert HeldOutScores(elsewhere).find_outside(first) is not None
