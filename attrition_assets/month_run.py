"""`attrition run MONTH`: one month through its job, in this process, and what came of it in words.

What starts runs by itself is in `defs/automation.py`; what a job does is in `defs`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from dagster import DagsterInstance, ExecuteInProcessResult

from attrition_assets.adapters.mlflow_answers import mask_credentials
from attrition_assets.adapters.prediction_table import PredictionTable
from attrition_assets.adapters.removal import require_not_removed
from attrition_assets.definitions import build_definitions
from attrition_assets.defs.command_runs import tagging_runs
from attrition_assets.defs.month_state import MonthState, State, read_state
from attrition_assets.defs.partition_keys import month_key
from attrition_assets.defs.partitions import CALENDAR
from attrition_assets.defs.runs import MONTHLY, SUMMARY, explain_failure
from attrition_assets.demo import QUIET
from attrition_assets.errors import AttritionError
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.summary import describe_findings
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings

# Dagster puts the class of an exception before its message; a person needs the message.
OWN_CLASS = re.compile(r"^attrition_assets\.errors\.\w+: ")


def read_last_month(now: datetime) -> pd.Period:
    """The month that ended last at `now`. Raises ValueError if none did since the first."""
    return _list_ended(now)[1]


def read_month(text: str, now: datetime) -> pd.Period:
    """The month that `text` names, if it can be run at `now`.

    Raises ValueError, which names the first and the last month accepted, if it is no month, comes
    before the first or has not ended yet.
    """
    first, last = _list_ended(now)
    accepted = f"accepted are {first} (ATTRITION_FIRST_MONTH) to {last}, the last that has ended"
    try:
        month = parse_month(text)
    except ValueError as error:
        raise ValueError(f"{error}; {accepted}") from None
    if not first <= month <= last:
        what = "comes before the first month" if month < first else "has not ended yet"
        raise ValueError(f"{month} {what}: {accepted}")
    return month


def _list_ended(now: datetime) -> tuple[pd.Period, pd.Period]:
    """The first and the last month that can be run at `now`."""
    keys = CALENDAR.get_partition_keys(current_time=now)
    if not keys:
        raise ValueError("no month since ATTRITION_FIRST_MONTH has ended yet")
    return parse_month(keys[0]), parse_month(keys[-1])


def run_month(settings: Settings, instance: DagsterInstance, month: pd.Period) -> str:
    """Run the monthly job for one month and say what came of it, in a few lines.

    Raises AttritionError, which says why and what to do, if the month was not scored and judged.
    """
    require_not_removed(settings.home, month, settings.retention_days, datetime.now(UTC))
    definitions = build_definitions(settings)

    def run(job: str, tags: dict[str, str]) -> ExecuteInProcessResult:
        return definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=month_key(month, settings.unit),
            run_config=QUIET,
            tags=tags,
            raise_on_error=False,
        )

    with tagging_runs(settings.instance_home) as tags:
        result = run(MONTHLY, tags)
        if not result.success:  # as the sensor would, if a daemon ran
            run(SUMMARY, tags)
    held = definitions.resources or {}
    stores = (held["source"], held["snapshot_store"], held["switch"])
    state = read_state(month, instance, *stores, settings)
    if state.state == State.REFUSED:
        why = "\n".join((state.reason, *state.details))
        raise AttritionError(f"{month} is refused: {why}\nTo do: {state.todo}")
    if not result.success:
        raise AttritionError(f"{month} failed: {explain_run(instance, result.run_id)}")
    return _describe(state, settings.home / "reports" / str(month) / "summary.md", held)


def explain_run(instance: DagsterInstance, run_id: str) -> str:
    """Why a run failed, for a person, and where to read more."""
    why = OWN_CLASS.sub("", mask_credentials(explain_failure(instance, run_id)))
    return (
        f"{why}\nIts log: `make ui`, run {run_id}; what else may be wrong here: `attrition doctor`"
    )


def _describe(state: MonthState, summary: Path, held: Mapping[str, Any]) -> str:
    report, scores = state.report, state.scores
    if report is None or scores is None:
        raise AttritionError(f"{state.month}: {state.state}: {state.reason}.\nTo do: {state.todo}")
    decision = decide_retraining(report, held["policy"])
    written: PredictionTable | None = held.get("prediction_table")
    return (
        f"{state.month}: {len(scores)} people scored by version {report.champion_version}, "
        f"{int(scores['flag'].sum())} flagged; {describe_findings(report)}\n"
        f"decision: {decision.decision} ({'; '.join(decision.reasons)})\n"
        f"summary: {summary}" + (f"\npredictions: {written.place}" if written else "")
    )
