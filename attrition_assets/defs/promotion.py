"""What a promotion does: the registry's alias moves, Dagster is told, and it is put on record."""

from datetime import datetime

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.defs.metadata import read_all_metadata, read_latest_metadata
from attrition_assets.errors import PromotionError
from attrition_assets.governance.comparison import Recommendation
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
    override: bool = False,
) -> int | None:
    """Make `version` the champion and report it; return the version that was champion before.

    What the champion was better than, or as good as far as could be told, is promoted with an
    `override` only; the refusal is put on record. Raises PromotionError then, RegistryError if the
    version is unknown, RecordError if nobody or no reason is named; nothing is changed.
    """
    require_named(Kind.PROMOTED, who, why)
    # What cannot be loaded is not promoted.
    objection = find_objection(registry.load(version), registry.champion_version())
    if objection and not override:
        DecisionLog(registry.home).append(
            Kind.PROMOTION_REFUSED, who=LOOP, why=objection, at=now, version=version, asked_by=who
        )
        raise PromotionError(
            f"version {version} is not promoted: {objection}. The champion stays; to promote it "
            f"all the same: `attrition promote --version {version} --override --reason TEXT`"
        )
    previous = registry.promote(version)
    report_champion(instance, registry, version, previous, who=who, why=why, now=now)
    return previous


def find_objection(challenger: ModelVersion, champion: int | None) -> str | None:
    """Why a version should not replace the champion, by what it was compared with; None if not.

    One that was compared with nothing, as the first version, has none against it.
    """
    advice = challenger.comparison
    if advice is None or challenger.version == champion:
        return None
    if challenger.compared_with != champion:
        return (
            f"it was compared with version {challenger.compared_with}, and version {champion} is "
            "champion now"
        )
    if advice.verdict != Recommendation.PROMOTE:
        return (
            f"against the champion the comparison says {advice.verdict}: "
            f"{'; '.join(advice.reasons)}"
        )
    return None


def roll_back(
    instance: DagsterInstance, registry: Registry, *, who: str, why: str, now: datetime
) -> tuple[int, int]:
    """Make the version champion again that the present one first replaced; return both, new first.

    Raises PromotionError, and changes nothing, if there is none before it.
    """
    require_named(Kind.ROLLED_BACK, who, why)
    present = registry.load_champion().version
    promotions = [
        each for each in read_all_metadata(instance, "champion") if each["version"] == present
    ]
    former = promotions[-1]["previous_version"] if promotions else 0
    if not former:
        raise PromotionError(
            f"version {present} replaced no other: there is nothing to roll back to; make another "
            "version champion with `attrition promote --version N`"
        )
    registry.load(former)
    registry.promote(former)
    kind = Kind.ROLLED_BACK
    report_champion(instance, registry, former, present, who=who, why=why, now=now, kind=kind)
    return former, present


def report_champion(
    instance: DagsterInstance,
    registry: Registry,
    version: int,
    previous: int | None,
    *,
    who: str,
    why: str,
    now: datetime,
    kind: Kind = Kind.PROMOTED,
) -> None:
    """Put on record that `version` is champion: in the log, and as the asset's materialization."""
    DecisionLog(registry.home).append(
        kind, who=who, why=why, at=now, version=version, previous=previous or 0
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
