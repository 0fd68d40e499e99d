"""Suspending and resuming: Dagster is told who threw the switch, and why."""

from datetime import datetime

from dagster import AssetObservation, DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.governance.decisions import Kind, require_named


def report_suspension(
    instance: DagsterInstance, switch: ScoringSwitch, suspension: Suspension
) -> None:
    """Put on record that scoring was suspended, once it is: the switch waits for nobody."""
    who, why, since = suspension.who, suspension.why, suspension.since
    DecisionLog(switch.home).append(Kind.SUSPENDED, who=who, why=why, at=since)
    _report(instance, "suspended", who, why)


def resume_scoring(
    instance: DagsterInstance, switch: ScoringSwitch, who: str, why: str, now: datetime
) -> None:
    """Let scoring go on and put it on record.

    Raises SuspendedError if it was not suspended, RecordError if nobody or no reason is named.
    """
    require_named(Kind.RESUMED, who, why)
    switch.resume()
    DecisionLog(switch.home).append(Kind.RESUMED, who=who, why=why, at=now)
    _report(instance, "resumed", who, why)


def _report(instance: DagsterInstance, scoring: str, who: str, why: str) -> None:
    instance.report_runless_asset_event(
        AssetObservation(
            "predictions",
            description=f"scoring {scoring} by {who}: {why}",
            metadata={"scoring": scoring, "who": who, "why": why},
        )
    )
