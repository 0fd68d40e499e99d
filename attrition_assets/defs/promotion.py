"""What a promotion does: the registry's alias moves, Dagster is told, and it is put on record.

What is about to be done is written down first: killed at any instant, the next promotion or month
finishes it, with who and why, or finds that nothing was done.
"""

import logging
from datetime import datetime

from dagster import AssetMaterialization, DagsterInstance

from attrition_assets.adapters.champion_change import ChampionChange, ChangeUnderWay
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.errors import PromotionError, RecordError, StorageError
from attrition_assets.governance.comparison import Recommendation
from attrition_assets.governance.decisions import (
    CHAMPION_MADE,
    Kind,
    require_named,
    trace_champions,
)
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
    with ChangeUnderWay(registry.home).alone():
        finished = _settle(instance, registry, now)
        if finished and (finished.kind, finished.version) == (Kind.PROMOTED, version):
            return finished.previous or None
        if objection := find_objection(registry, version):
            if not override:
                _refuse(registry, version, objection, who=who, now=now, **facts)
            facts["override"] = objection
        return _make_champion(
            instance, registry, version, Kind.PROMOTED, who=who, why=why, now=now, **facts
        )


def _refuse(
    registry: Registry, version: int, objection: str, *, who: str, now: datetime, **facts: str | int
) -> None:
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


def find_objection(registry: Registry, version: int) -> str | None:
    """Why a version should not replace the champion, by its evidence; None if nothing says so.

    What it was compared with must be the champion still, and the comparison must advise it. Its
    flags must have been audited on each protected attribute, and not fail on one of them, or on two
    together, where the champion does not: what the champion fails as well is a matter of its own.
    Where there is no champion, any version may become it.
    """
    champion = registry.present_champion()
    if champion is None or version == champion:
        return None
    evidence, objections = registry.read_evidence(version), []
    advice, lacking = evidence.comparison, set(registry.contract.protected) - {*evidence.fairness}
    if evidence.fault:
        return evidence.fault
    try:
        registry.read_audit(version)
    except PromotionError as error:
        return str(error)
    if advice is None:
        objections.append(f"it was never compared with version {champion}, the champion")
    elif evidence.compared_with != champion:
        objections.append(
            f"it was compared with version {evidence.compared_with}, and version {champion} is "
            "champion now"
        )
    elif advice.verdict != Recommendation.PROMOTE:
        reasons = "; ".join(advice.reasons)
        objections.append(f"against the champion the comparison says {advice.verdict}: {reasons}")
    if lacking:
        objections.append(
            f"its flags were not audited on {', '.join(sorted(lacking))}: the check "
            "`fair_to_groups` of its retraining says why"
        )
    before = registry.read_evidence(champion).fairness
    if worse := [
        name
        for name, verdict in evidence.fairness.items()
        if verdict == FairnessVerdict.FAIL and before.get(name) != FairnessVerdict.FAIL
    ]:
        objections.append(
            f"it fails the fairness audit on {', '.join(worse)}, which the champion does not"
        )
    return "; ".join(objections) or None


def roll_back(
    instance: DagsterInstance, registry: Registry, *, who: str, why: str, now: datetime
) -> tuple[int, int]:
    """Make the version champion again that the present one replaced; return both, new first.

    A rollback is no replacement: one after another leads further back; one that was cut short is
    finished, and is this one. Raises PromotionError, and changes nothing, if there is none before
    it, or no champion.
    """
    require_named(Kind.ROLLED_BACK, who, why)
    with ChangeUnderWay(registry.home).alone():
        finished = _settle(instance, registry, now)
        if finished and finished.kind == Kind.ROLLED_BACK:
            return finished.version, finished.previous
        present = registry.present_champion()
        if present is None:
            raise PromotionError(
                "there is no champion to roll back from: make a version champion with `attrition "
                "promote --version N`"
            )
        *before, newest = trace_champions(DecisionLog(registry.home).known_entries()) or [0]
        if newest != present or not before:
            raise PromotionError(
                f"version {present} replaced no other: there is nothing to roll back to; make "
                "another version champion with `attrition promote --version N`"
            )
        registry.load(before[-1])
        _make_champion(instance, registry, before[-1], Kind.ROLLED_BACK, who=who, why=why, now=now)
        return before[-1], present


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
    present = registry.present_champion()
    if version == present:
        raise PromotionError(f"version {version} is champion already: nothing is to be done")
    log, under_way = DecisionLog(registry.home), ChangeUnderWay(registry.home)
    log.require_writable()
    change = ChampionChange(
        kind=kind,
        version=version,
        previous=present or 0,
        who=who,
        why=why,
        at=now,
        facts=facts,
        after=log.last_number(),
    )
    under_way.begin(change)
    registry.promote(version)
    try:
        _record(registry, change)
    except (RecordError, StorageError):
        if present is not None:  # else there is no way back: what is under way will be finished
            registry.promote(present)
            under_way.end()
        raise
    _tell_dagster(instance, change, registry.unit)
    under_way.end()
    return present


def report_first_champion(
    instance: DagsterInstance, registry: Registry, version: int, why: str, now: datetime
) -> None:
    """Put on record that the first version is champion: it was made so as it was registered."""
    change = ChampionChange(
        kind=Kind.PROMOTED, version=version, previous=0, who=LOOP, why=why, at=now
    )
    _record(registry, change)
    _tell_dagster(instance, change, registry.unit)


def _record(registry: Registry, change: ChampionChange) -> None:
    DecisionLog(registry.home).append(
        change.kind,
        who=change.who,
        why=change.why,
        at=change.at,
        version=change.version,
        previous=change.previous,
        **change.facts,
    )


def _tell_dagster(instance: DagsterInstance, change: ChampionChange, unit: str | None) -> None:
    """Report the champion as its asset's materialization.

    It is champion whether or not Dagster takes it: the next promotion or month tells it then.
    """
    event = AssetMaterialization(
        "champion",
        partition=unit,
        metadata={
            "version": change.version,
            "previous_version": change.previous,
            "reason": change.why,
            "who": change.who,
            "kind": str(change.kind),
        },
    )
    try:
        instance.report_runless_asset_event(event)
    except Exception as error:
        logging.getLogger(__name__).warning(
            "version %s is champion, on record; Dagster is told later: %s", change.version, error
        )


def reconcile_champion(
    instance: DagsterInstance, registry: Registry, now: datetime
) -> ChampionChange | None:
    """Finish a change of champion that was cut short, and return it; and put a champion that was
    made elsewhere on record: the registry's alias is the truth.
    """
    with ChangeUnderWay(registry.home).alone():
        return _settle(instance, registry, now)


def _settle(instance: DagsterInstance, registry: Registry, now: datetime) -> ChampionChange | None:
    """`reconcile_champion`, by who is alone already."""
    version, log = registry.present_champion(), DecisionLog(registry.home)
    under_way = ChangeUnderWay(registry.home)
    change = under_way.read()
    if change and change.version == version:
        if not any(change.is_recorded_as(entry) for entry in log.known_entries()):
            _record(registry, change)
        _tell_dagster(instance, change, registry.unit)
        under_way.end()
        return change
    under_way.end()  # it never began
    told = read_latest_metadata(instance, "champion", registry.unit)
    previous = told["version"] if told else 0
    if version is None or version == previous:
        return None
    made = [entry for entry in log.known_entries() if entry.kind in CHAMPION_MADE]
    known = bool(made) and made[-1].facts["version"] == version  # only Dagster does not know it
    found = ChampionChange(
        kind=made[-1].kind if known else Kind.PROMOTED,
        version=version,
        previous=previous,
        who=made[-1].who if known else "unknown",
        why=made[-1].why if known else "found in the registry",
        at=now,
    )
    if not known:
        _record(registry, found)
    _tell_dagster(instance, found, registry.unit)
    return None
