"""All that starts a run: three jobs, the schedule, and two sensors; and one that sends issues, one
that tags images.

What the sensors decide stands in `retraining.py`, `failures.py`, `issues.py` and `images.py`.
"""

from datetime import UTC, datetime

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    build_schedule_from_partitioned_job,
    define_asset_job,
    sensor,
)

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.github import open_github
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.defs.failures import find_summaries
from attrition_assets.defs.images import move_champion_tag
from attrition_assets.defs.issues import check_again, check_sent, try_again
from attrition_assets.defs.retraining import decide_request
from attrition_assets.defs.runs import MONTHLY, RETRAINING, SUMMARY
from attrition_assets.defs.unit_ticks import evaluate_units
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.settings import Settings

# A run whose process died is started once more, from the beginning; one that failed is not.
RETRY_IF_KILLED = {"dagster/max_retries": "1", "dagster/retry_strategy": "ALL_STEPS"}
INTERVAL_SECONDS = 30

monthly_job = define_asset_job(
    MONTHLY,
    selection=AssetSelection.assets("employee_snapshot")
    | AssetSelection.assets("predictions").downstream(),
    description="A month: its people checked, scored, judged and reported.",
    tags=RETRY_IF_KILLED,
)
retraining_job = define_asset_job(
    RETRAINING,
    selection=AssetSelection.assets("reference_data", "model", "images"),
    description="A new challenger from the newest reference data, and its images.",
    tags=RETRY_IF_KILLED,
)
summary_job = define_asset_job(
    SUMMARY,
    selection=AssetSelection.assets("monthly_summary"),
    description="A month's summary written anew, after something failed or was retrained.",
    tags=RETRY_IF_KILLED,
)
monthly_schedule = build_schedule_from_partitioned_job(
    monthly_job,
    description="On the 1st, at midnight UTC, the month that just ended.",
    default_status=DefaultScheduleStatus.RUNNING,
)


@sensor(
    job=retraining_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=DefaultSensorStatus.RUNNING,
)
def retrain_on_drift(
    context: SensorEvaluationContext, settings: ResourceParam[Settings]
) -> RunRequest | SensorResult | SkipReason:
    """Materializes the model when, and only when, the newest month's decision calls for it."""

    def decide(settings: Settings, cursor: str | None) -> RunRequest | SkipReason:
        return decide_request(
            context.instance,
            read_policy(settings.contract),
            SnapshotStore(settings.home, read_contract(settings.contract)).accepted_version,
            DecisionLog(settings.home),
            datetime.now(UTC),
            settings.unit,
        )

    return evaluate_units(context, settings, decide)


@sensor(
    job=summary_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=DefaultSensorStatus.RUNNING,
)
def summarize_news(
    context: SensorEvaluationContext, settings: ResourceParam[Settings]
) -> RunRequest | SensorResult | SkipReason:
    """Writes a month's summary anew when a run of it failed, or never came, or its retraining ended
    or its challenger was promoted or refused.

    Wherever that was done: Dagster's own failure sensors do not see the command line's runs.
    """

    def find(settings: Settings, cursor: str | None) -> SensorResult | SkipReason:
        log, now = DecisionLog(settings.home), datetime.now(UTC)
        return find_summaries(context.instance, cursor, log, now, settings.unit)

    return evaluate_units(context, settings, find)


@sensor(minimum_interval_seconds=2 * INTERVAL_SECONDS, default_status=DefaultSensorStatus.RUNNING)
def send_issues(
    context: SensorEvaluationContext, settings: ResourceParam[Settings]
) -> RunRequest | SensorResult | SkipReason:
    """Sends the issues that GitHub did not take as their months were summarized.

    Once they stand there, the check that failed for a month holds for it.
    """

    def send(settings: Settings, cursor: str | None) -> SensorResult | SkipReason:
        outbox, github = Outbox(settings.home), open_github(settings)
        said = try_again(outbox, github, datetime.now(UTC))
        if outbox.waiting():
            return SkipReason(said)
        mended = check_again(context.instance, check_sent(outbox, github), settings.unit)
        return SensorResult(skip_reason=said, asset_events=mended) if mended else SkipReason(said)

    return evaluate_units(context, settings, send)


@sensor(minimum_interval_seconds=2 * INTERVAL_SECONDS, default_status=DefaultSensorStatus.RUNNING)
def tag_champion(settings: ResourceParam[Settings]) -> SkipReason:
    """Lets the images' tag `champion` follow the champion, whoever moved that, and however."""
    if settings.images == "none":
        return SkipReason("No images are asked for: ATTRITION_IMAGES is none.")
    # Here there are no units: the settings refuse images of several.
    registry = Registry(settings.mlflow_uri, settings.home, read_contract(settings.contract))
    said = move_champion_tag(settings, registry)
    return SkipReason(said or "The tag names the champion's images.")
