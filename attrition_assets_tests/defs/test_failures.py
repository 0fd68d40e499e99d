"""Which summaries the second sensor asks for, told from runs as Dagster records them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    SensorResult,
    SkipReason,
)
from dagster._core.events import StepMaterializationData
from dagster._core.test_utils import create_run_for_test

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.defs.failures import PAGE, find_overdue, find_summaries
from attrition_assets.defs.runs import (
    AS_OF_TAG,
    MONTH_TAG,
    PARTITION_TAG,
    RETRAINING,
    SUMMARY,
    find_retrainings,
)
from attrition_assets.governance.decisions import Kind
from attrition_assets.months import parse_month

FAILURE, SUCCESS = DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS
NO_LOG, EARLY = DecisionLog(Path("nowhere")), datetime(2025, 8, 2, 23, 59, tzinfo=UTC)
RETRAINED = frozenset({AssetKey("reference_data"), AssetKey("model")})


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


def end_run(
    instance: DagsterInstance,
    status: DagsterRunStatus,
    job: str = "monthly",
    *,
    select: frozenset[AssetKey] | None = None,
    tags: dict[str, str] | None = None,
) -> DagsterRun:
    """A run that ended, reported as Dagster reports it."""
    run: DagsterRun = create_run_for_test(instance, job_name=job, asset_selection=select, tags=tags)
    if status == FAILURE:
        instance.report_run_failed(run)
    elif status == DagsterRunStatus.CANCELED:
        instance.report_run_canceled(run)
    else:
        ended = DagsterEvent(DagsterEventType.RUN_SUCCESS.value, run.job_name)
        instance.report_dagster_event(ended, run.run_id)
    return run


def ask(
    instance: DagsterInstance,
    cursor: str | None = None,
    log: DecisionLog = NO_LOG,
    now: datetime = EARLY,
) -> tuple[list[str], str | None]:
    """The partitions that are to be summarized, and the cursor for the next tick."""
    result = find_summaries(instance, cursor, log, now)
    if isinstance(result, SkipReason):
        return [], cursor
    assert isinstance(result, SensorResult)
    return [str(each.partition_key) for each in result.run_requests or ()], result.cursor


def test_nothing_is_asked_for_before_any_run(instance: DagsterInstance) -> None:
    assert ask(instance) == ([], None)


@pytest.mark.parametrize("status", [FAILURE, DagsterRunStatus.CANCELED])
@pytest.mark.parametrize("job", ["monthly", "__ASSET_JOB"])
def test_a_failed_month_is_summarized_wherever_it_was_started(
    instance: DagsterInstance, job: str, status: DagsterRunStatus
) -> None:
    run = end_run(instance, status, job, tags={PARTITION_TAG: "2025-06-01"})
    result = find_summaries(instance, None, NO_LOG, EARLY)
    assert isinstance(result, SensorResult)
    (request,) = result.run_requests or ()
    assert (request.partition_key, request.run_key) == (
        "2025-06-01",
        f"summary-2025-06-{run.run_id}",
    )


def test_a_run_is_news_once_even_among_runs_of_the_same_moment(instance: DagsterInstance) -> None:
    end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-06-01"})
    asked, cursor = ask(instance)
    assert asked == ["2025-06-01"]
    assert ask(instance, cursor) == ([], cursor)
    end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-05-01"})
    assert ask(instance, cursor)[0] == ["2025-05-01"]


def test_a_run_that_was_started_first_and_fails_last_is_not_missed(
    instance: DagsterInstance,
) -> None:
    slow = create_run_for_test(
        instance,
        job_name="monthly",
        status=DagsterRunStatus.STARTED,
        tags={PARTITION_TAG: "2025-05-01"},
    )
    end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-06-01"})
    asked, cursor = ask(instance)
    assert asked == ["2025-06-01"]
    instance.report_run_failed(slow)
    assert ask(instance, cursor)[0] == ["2025-05-01"]


def test_months_that_went_well_and_summaries_that_failed_are_no_news(
    instance: DagsterInstance,
) -> None:
    end_run(instance, SUCCESS, tags={PARTITION_TAG: "2025-06-01"})
    end_run(instance, FAILURE, SUMMARY, tags={PARTITION_TAG: "2025-06-01"})
    end_run(instance, SUCCESS, RETRAINING, tags={AS_OF_TAG: "2025-06"})
    assert ask(instance)[0] == []


@pytest.mark.parametrize("status", [FAILURE, SUCCESS])
def test_a_requested_retraining_that_ended_is_news_to_its_month(
    instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    end_run(instance, status, RETRAINING, tags={MONTH_TAG: "2025-06"})
    assert ask(instance)[0] == ["2025-06-01"]


def test_a_failed_retraining_from_the_command_line_is_news_to_the_month_it_learned_up_to(
    instance: DagsterInstance,
) -> None:
    end_run(instance, FAILURE, "__ASSET_JOB", select=RETRAINED, tags={AS_OF_TAG: "2025-06"})
    assert ask(instance)[0] == ["2025-06-01"]


def test_a_retraining_that_failed_before_it_named_a_month_is_news_to_the_newest_accepted(
    instance: DagsterInstance,
) -> None:
    for partition in ("2025-06-01", "2025-04-01"):
        instance.report_runless_asset_event(
            AssetMaterialization("employee_snapshot", partition=partition)
        )
    run = end_run(instance, FAILURE, "__ASSET_JOB", select=RETRAINED)
    assert ask(instance)[0] == ["2025-06-01"]
    found = find_retrainings(instance, parse_month("2025-06"))
    assert [each.run_id for each in found] == [run.run_id]


@pytest.mark.parametrize("month", ["2099-01", "2020-01", "soon"])
def test_a_tag_that_names_no_partition_stops_nothing(instance: DagsterInstance, month: str) -> None:
    end_run(instance, FAILURE, RETRAINING, tags={AS_OF_TAG: month})
    asked, cursor = ask(instance)
    assert asked == []
    assert cursor is not None
    end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-06-01"})
    assert ask(instance, cursor)[0] == ["2025-06-01"]


def test_a_long_history_is_read_page_by_page_and_each_month_asked_for_once_a_page(
    instance: DagsterInstance,
) -> None:
    for _ in range(PAGE):
        end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-06-01"})
    end_run(instance, DagsterRunStatus.CANCELED, tags={PARTITION_TAG: "2025-07-01"})
    first, cursor = ask(instance)
    assert first == ["2025-06-01"]
    assert ask(instance, cursor)[0] == ["2025-07-01"]


@pytest.fixture
def log(tmp_path: Path, instance: DagsterInstance) -> DecisionLog:
    """The log of a home in which 2025-06 was summarized; versions 2 and 3 answer it and 2025-05."""
    instance.report_runless_asset_event(
        AssetMaterialization("monthly_summary", partition="2025-06-01")
    )
    for version, month in ((2, "2025-06"), (3, "2025-05")):
        run = create_run_for_test(instance, job_name=RETRAINING, tags={MONTH_TAG: month})
        made = AssetMaterialization("model", metadata={"version": version})
        event = DagsterEvent(
            DagsterEventType.ASSET_MATERIALIZATION.value,
            RETRAINING,
            event_specific_data=StepMaterializationData(made),
        )
        instance.report_dagster_event(event, run.run_id)
    return DecisionLog(tmp_path)


def put(log: DecisionLog, kind: Kind, **facts: str | int) -> None:
    log.append(kind, who="Ada", why="seen", at=EARLY, **facts)


@pytest.mark.parametrize(
    ("kind", "facts", "months"),
    [
        (Kind.PROMOTED, {"version": 2, "previous": 1}, ["2025-06-01"]),
        (Kind.PROMOTION_REFUSED, {"version": 2}, ["2025-06-01"]),
        (Kind.ROLLED_BACK, {"version": 1, "previous": 2}, ["2025-06-01"]),
        (Kind.ROLLED_BACK, {"version": 2, "previous": 3}, ["2025-06-01"]),
        (Kind.ALARM_ACKNOWLEDGED, {"month": "2025-06"}, ["2025-06-01"]),
        (Kind.PROMOTED, {"version": 4, "previous": 2}, []),  # not known to Dagster
        (Kind.PROMOTED, {"version": 3, "previous": 2}, []),  # of a month without a summary
        (Kind.MODEL_REGISTERED, {"version": 2}, []),  # the end of its run is news already
        (Kind.SUSPENDED, {}, []),
    ],
)
def test_what_was_decided_on_a_version_or_an_alarm_is_news_to_its_month_once(
    instance: DagsterInstance,
    log: DecisionLog,
    kind: Kind,
    facts: dict[str, str | int],
    months: list[str],
) -> None:
    assert ask(instance, log=log) == ([], None)
    put(log, kind, **facts)
    asked, cursor = ask(instance, log=log)
    assert asked == months
    assert ask(instance, cursor, log) == ([], cursor)


def test_two_decisions_and_a_run_that_are_news_to_a_month_ask_for_one_summary(
    instance: DagsterInstance, log: DecisionLog
) -> None:
    end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-06-01"})
    put(log, Kind.PROMOTION_REFUSED, version=2)
    put(log, Kind.PROMOTED, version=2, previous=1)
    result = find_summaries(instance, None, log, EARLY)
    assert isinstance(result, SensorResult)
    assert [each.run_key for each in result.run_requests or ()] == ["summary-2025-06-entry-2"]
    assert ask(instance, result.cursor, log) == ([], result.cursor)


def test_a_cursor_of_an_earlier_release_is_understood(
    instance: DagsterInstance, log: DecisionLog
) -> None:
    end_run(instance, FAILURE, tags={PARTITION_TAG: "2025-06-01"})
    _, cursor = ask(instance)
    assert cursor is not None
    put(log, Kind.SUSPENDED)
    assert ask(instance, cursor.partition("/")[0], log) == ([], f"{cursor.partition('/')[0]}/1")


def test_a_month_that_nothing_was_heard_of_by_the_third_is_told(instance: DagsterInstance) -> None:
    third = datetime(2025, 8, 3, tzinfo=UTC)
    assert ask(instance, now=third) == ([], None)  # no month is run here
    end_run(instance, SUCCESS, tags={PARTITION_TAG: "2025-06-01"})
    _, cursor = ask(instance, now=EARLY)
    assert ask(instance, cursor, now=EARLY)[0] == []
    asked, cursor = ask(instance, cursor, now=third)
    assert asked == ["2025-07-01"]
    end_run(instance, SUCCESS, SUMMARY, tags={PARTITION_TAG: "2025-07-01"})
    assert ask(instance, cursor, now=third)[0] == []


def test_a_month_that_is_under_way_is_not_overdue(instance: DagsterInstance) -> None:
    for month, status in (("2025-06-01", SUCCESS), ("2025-07-01", DagsterRunStatus.STARTED)):
        tags = {PARTITION_TAG: month}
        create_run_for_test(instance, job_name="monthly", status=status, tags=tags)
    assert find_overdue(instance, datetime(2025, 8, 31, tzinfo=UTC)) is None
