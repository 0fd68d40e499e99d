"""What a promotion does: the registry's alias moves, Dagster is told, and it is put on record."""

from datetime import datetime

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.governance.decisions import Kind, require_named

LOOP = "the loop"


def promote_version(
    instance: DagsterInstance,
    registry: Registry,
    version: int,
    *,
    who: str,
    why: str,
    now: datetime,
) -> int | None:
    """Make `version` the champion and report it; return the version that was champion before.

    Raises RegistryError or RecordError, and changes nothing, if the version is unknown, or nobody
    or no reason is named.
    """
    require_named(Kind.PROMOTED, who, why)
    previous = registry.promote(version)
    report_champion(instance, registry, version, previous, who=who, why=why, now=now)
    return previous


def report_champion(
    instance: DagsterInstance,
    registry: Registry,
    version: int,
    previous: int | None,
    *,
    who: str,
    why: str,
    now: datetime,
) -> None:
    """Put on record that `version` is champion: in the log, and as the asset's materialization."""
    DecisionLog(registry.home).append(
        Kind.PROMOTED, who=who, why=why, at=now, version=version, previous=previous or 0
    )
    instance.report_runless_asset_event(
        AssetMaterialization(
            "champion",
            metadata={
                "version": version,
                "previous_version": previous or 0,
                "reason": why,
                "who": who,
            },
        )
    )


def reconcile_champion(
    instance: DagsterInstance, registry: Registry, version: int, now: datetime
) -> None:
    """Put a champion that was made elsewhere on record: the registry's alias is the truth."""
    reported = read_latest_metadata(instance, "champion")
    previous = reported["version"] if reported else None
    if previous != version:
        report_champion(
            instance,
            registry,
            version,
            previous,
            who="unknown",
            why="found in the registry",
            now=now,
        )
