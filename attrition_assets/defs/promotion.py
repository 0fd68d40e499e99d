"""What a promotion does: the registry's alias moves, and Dagster is told."""

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.metadata import read_latest_metadata


def promote_version(
    instance: DagsterInstance, registry: Registry, version: int, reason: str
) -> int | None:
    """Make `version` the champion and report it; return the version that was champion before.

    Raises RegistryError, and changes nothing, if the version is unknown.
    """
    previous = registry.promote(version)
    report_champion(instance, version, previous, reason)
    return previous


def report_champion(
    instance: DagsterInstance, version: int, previous: int | None, reason: str
) -> None:
    """Tell Dagster that `version` is champion: a materialization of the external asset."""
    instance.report_runless_asset_event(
        AssetMaterialization(
            "champion",
            metadata={"version": version, "previous_version": previous or 0, "reason": reason},
        )
    )


def reconcile_champion(instance: DagsterInstance, version: int) -> None:
    """Tell Dagster of a champion that was made elsewhere: the registry's alias is the truth."""
    reported = read_latest_metadata(instance, "champion")
    previous = reported["version"] if reported else None
    if previous != version:
        report_champion(instance, version, previous, "found in the registry")
