"""What suspending and resuming do: the switch is thrown, and Dagster is told who did it and why."""

from dagster import AssetObservation, DagsterInstance

from attrition_assets.adapters.suspension import ScoringSwitch, Suspension


def suspend_scoring(
    instance: DagsterInstance, switch: ScoringSwitch, suspension: Suspension
) -> None:
    """Suspend scoring and report it. Raises SuspendedError if it is suspended already."""
    switch.suspend(suspension)
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
