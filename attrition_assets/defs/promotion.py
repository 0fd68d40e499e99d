"""What a promotion does: the registry's alias moves, and Dagster is told."""

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.registry import Registry


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
