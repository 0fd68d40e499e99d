"""Suspending and resuming: Dagster is told who threw the switch, and why."""

from dagster import AssetObservation, DagsterInstance

from attrition_assets.adapters.suspension import ScoringSwitch, Suspension


def report_suspension(instance: DagsterInstance, suspension: Suspension) -> None:
    """Tell Dagster that scoring was suspended, once it is: the switch waits for nobody."""
    _report(instance, "suspended", suspension.who, suspension.why)


def resume_scoring(instance: DagsterInstance, switch: ScoringSwitch, who: str, why: str) -> None:
    """Let scoring go on and report it. Raises SuspendedError if it was not suspended."""
    switch.resume()
    _report(instance, "resumed", who, why)


def _report(instance: DagsterInstance, scoring: str, who: str, why: str) -> None:
    instance.report_runless_asset_event(
        AssetObservation(
            "predictions",
            description=f"scoring {scoring} by {who}: {why}",
            metadata={"scoring": scoring, "who": who, "why": why},
        )
    )
