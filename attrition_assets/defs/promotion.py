"""What a promotion does: the registry's alias moves, Dagster is told, and it is put on record."""

from datetime import datetime

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.defs.metadata import read_all_metadata, read_latest_metadata
from attrition_assets.errors import PromotionError
from attrition_assets.governance.comparison import Recommendation
from attrition_assets.governance.decisions import Kind, require_named
from attrition_assets.governance.fairness_report import FairnessVerdict

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
    objection = find_objection(registry, registry.load(version))
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


def find_objection(registry: Registry, challenger: ModelVersion) -> str | None:
    """Why a version should not replace the champion, by its evidence; None if nothing says so.

    What it was compared with must be the champion still, the comparison must advise it, and it must
    not fail a protected attribute that the champion does not fail: what the champion fails as well
    is a matter of its own. The first version was compared with nothing.
    """
    champion, advice = registry.champion_version(), challenger.comparison
    if advice is None or champion is None or challenger.version == champion:
        return None
    if challenger.compared_with != champion:
        return (
            f"it was compared with version {challenger.compared_with}, and version {champion} is "
            "champion now"
        )
    objections = []
    if advice.verdict != Recommendation.PROMOTE:
        reasons = "; ".join(advice.reasons)
        objections.append(f"against the champion the comparison says {advice.verdict}: {reasons}")
    before = registry.read_fairness(champion)
    if worse := [
        name
        for name, verdict in registry.read_fairness(challenger.version).items()
        if verdict == FairnessVerdict.FAIL and before.get(name) != FairnessVerdict.FAIL
    ]:
        objections.append(
            f"it fails the fairness audit on {', '.join(worse)}, which the champion does not"
        )
    return "; ".join(objections) or None


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
