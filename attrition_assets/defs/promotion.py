"""What a promotion does: the registry's alias moves, Dagster is told, and it is put on record."""

from datetime import datetime

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.metadata import read_all_metadata, read_latest_metadata
from attrition_assets.errors import PromotionError, RecordError, StorageError
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
    **facts: str | int,
) -> int | None:
    """Make `version` the champion and report it; return the version that was champion before.

    `facts` go on record with it.
    One that its evidence does not speak for is promoted with an `override` only; the refusal is put
    on record. Raises PromotionError then, or if it is champion already; RegistryError if it is
    unknown or cannot be loaded; RecordError if nobody or no reason is named, or if it could not be
    put on record. Nothing is changed then.
    """
    require_named(Kind.PROMOTED, who, why)
    registry.load(version)  # what cannot be loaded is not promoted
    objection = find_objection(registry, version)
    if objection and not override:
        DecisionLog(registry.home).append(
            Kind.PROMOTION_REFUSED,
            who=LOOP,
            why=objection,
            at=now,
            version=version,
            asked_by=who,
            **facts,
        )
        raise PromotionError(
            f"version {version} is not promoted: {objection}. The champion stays; to promote it "
            f"all the same: `attrition promote --version {version} --override --reason TEXT`"
        )
    if objection:
        facts["override"] = "yes"
    return _make_champion(
        instance, registry, version, Kind.PROMOTED, who=who, why=why, now=now, **facts
    )


def find_objection(registry: Registry, version: int) -> str | None:
    """Why a version should not replace the champion, by its evidence; None if nothing says so.

    What it was compared with must be the champion still, the comparison must advise it, and it must
    not fail a protected attribute that the champion does not fail: what the champion fails as well
    is a matter of its own. Where there is no champion, any version may become it.
    """
    champion = registry.present_champion()
    if champion is None or version == champion:
        return None
    evidence, before = registry.read_evidence(version), registry.read_evidence(champion)
    advice, objections = evidence.comparison, []
    if evidence.fault:
        objections.append(evidence.fault)
    elif advice is None:
        objections.append(f"it was never compared with version {champion}, the champion")
    elif evidence.compared_with != champion:
        objections.append(
            f"it was compared with version {evidence.compared_with}, and version {champion} is "
            "champion now"
        )
    elif advice.verdict != Recommendation.PROMOTE:
        reasons = "; ".join(advice.reasons)
        objections.append(f"against the champion the comparison says {advice.verdict}: {reasons}")
    if worse := [
        name
        for name, verdict in evidence.fairness.items()
        if verdict == FairnessVerdict.FAIL and before.fairness.get(name) != FairnessVerdict.FAIL
    ]:
        objections.append(
            f"it fails the fairness audit on {', '.join(worse)}, which the champion does not"
        )
    return "; ".join(objections) or None


def roll_back(
    instance: DagsterInstance, registry: Registry, *, who: str, why: str, now: datetime
) -> tuple[int, int]:
    """Make the version champion again that the present one replaced; return both, new first.

    A rollback is no replacement: one after another leads further back. Raises PromotionError, and
    changes nothing, if there is none before it, or no champion.
    """
    require_named(Kind.ROLLED_BACK, who, why)
    present = registry.present_champion()
    if present is None:
        raise PromotionError(
            "there is no champion to roll back from: make a version champion with `attrition "
            "promote --version N`"
        )
    reconcile_champion(instance, registry, present, now)
    replaced = [
        each["previous_version"]
        for each in read_all_metadata(instance, "champion")
        if each["version"] == present and each.get("kind") != Kind.ROLLED_BACK
    ]
    if not replaced or replaced[0] in (0, present):
        raise PromotionError(
            f"version {present} replaced no other: there is nothing to roll back to; make another "
            "version champion with `attrition promote --version N`"
        )
    registry.load(replaced[0])
    _make_champion(instance, registry, replaced[0], Kind.ROLLED_BACK, who=who, why=why, now=now)
    return replaced[0], present


def _make_champion(
    instance: DagsterInstance,
    registry: Registry,
    version: int,
    kind: Kind,
    *,
    who: str,
    why: str,
    now: datetime,
    **facts: str | int,
) -> int | None:
    """Move the alias and put it on record, both or neither; return the version before."""
    present, told = registry.present_champion(), read_latest_metadata(instance, "champion")
    previous = told["version"] if told else present
    if version == present and previous == version:
        raise PromotionError(f"version {version} is champion already: nothing is to be done")
    DecisionLog(registry.home).require_writable()
    registry.promote(version)
    try:
        report_champion(
            instance, registry, version, previous, who=who, why=why, now=now, kind=kind, **facts
        )
    except (RecordError, StorageError):
        if present is not None:
            registry.promote(present)
        raise
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
    kind: Kind = Kind.PROMOTED,
    **facts: str | int,
) -> None:
    """Put on record that `version` is champion: in the log, and as the asset's materialization."""
    DecisionLog(registry.home).append(
        kind, who=who, why=why, at=now, version=version, previous=previous or 0, **facts
    )
    _tell_dagster(instance, version, previous, who=who, why=why, kind=kind)


def _tell_dagster(
    instance: DagsterInstance, version: int, previous: int | None, *, who: str, why: str, kind: Kind
) -> None:
    instance.report_runless_asset_event(
        AssetMaterialization(
            "champion",
            metadata={
                "version": version,
                "previous_version": previous or 0,
                "reason": why,
                "who": who,
                "kind": str(kind),
            },
        )
    )


def reconcile_champion(
    instance: DagsterInstance, registry: Registry, version: int, now: datetime
) -> None:
    """Put a champion that was made elsewhere on record: the registry's alias is the truth.

    Where the log knows of it and Dagster does not, only Dagster is told.
    """
    told = read_latest_metadata(instance, "champion")
    previous = told["version"] if told else None
    if previous == version:
        return
    logged = [
        entry
        for entry in DecisionLog(registry.home).known_entries()
        if entry.kind in (Kind.PROMOTED, Kind.ROLLED_BACK)
    ]
    if logged and logged[-1].facts["version"] == version:
        last = logged[-1]
        _tell_dagster(instance, version, previous, who=last.who, why=last.why, kind=last.kind)
        return
    why = "found in the registry"
    report_champion(instance, registry, version, previous, who="unknown", why=why, now=now)
