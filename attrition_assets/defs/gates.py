"""What a trained model is held to: the checks of `model`, and those that inform whoever promotes.

Those of `training.gates` block: a model that fails one is not registered. What it learned from, how
it holds against the champion, whose flags turn and how it falls on groups of people informs; of the
second and the last `defs/promotion.py` asks for an override.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, MetadataValue

from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.defs.partitions import UNITS
from attrition_assets.errors import ComparisonError, FairnessError, RegistryError
from attrition_assets.governance.behaviour import Behaviour, compare_behaviour
from attrition_assets.governance.comparison import (
    Comparison,
    Recommendation,
    compare_models,
    explain_lack,
)
from attrition_assets.governance.fair_rows import select_fair_rows
from attrition_assets.governance.fairness import audit_fairness
from attrition_assets.governance.fairness_page import render_fairness
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.fairness_report import FairnessAudit, FairnessVerdict
from attrition_assets.months import parse_month
from attrition_assets.training.features import select_features
from attrition_assets.training.gates import MODEL_CHECKS
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.training.search import TrainedModel
from attrition_assets.validation.verdicts import Verdict

CHAMPION_CHECK, FAIRNESS_CHECK = "holds_against_champion", "fair_to_groups"
BEHAVIOUR_CHECK, SOURCES_CHECK = "flags_like_champion", "learned_from_sound_data"
CHECKS = [
    *(
        AssetCheckSpec(name, asset="model", description=what, blocking=True, partitions_def=UNITS)
        for name, what in MODEL_CHECKS.items()
    ),
    AssetCheckSpec(
        CHAMPION_CHECK,
        asset="model",
        partitions_def=UNITS,
        description="On the newest people whose outcome is known it is shown to hold against the "
        "champion.",
    ),
    AssetCheckSpec(
        FAIRNESS_CHECK,
        asset="model",
        partitions_def=UNITS,
        description="Its flags fall evenly on the groups of the protected attributes.",
    ),
    AssetCheckSpec(
        BEHAVIOUR_CHECK,
        asset="model",
        partitions_def=UNITS,
        description="Few flags of the newest people differ from the champion's.",
    ),
    AssetCheckSpec(
        SOURCES_CHECK,
        asset="model",
        partitions_def=UNITS,
        description="No month that it learned from was refused or corrected since, or only passed "
        "because a person vouched for it.",
    ),
]
SHOWN_REASONS = 3
NO_CHAMPION = "there is no champion yet to hold against"


def load_champion(registry: Registry) -> ModelVersion | str | None:
    """The champion; None if there is none yet, and why it cannot be loaded where it cannot."""
    if registry.champion_version() is None:
        return None
    try:
        return registry.load_champion()
    except RegistryError as error:
        return str(error)


def compare_with_champion(
    held: ModelVersion | str | None, reference: ReferenceData, trained: TrainedModel
) -> Comparison | None:
    """The new model against the champion, on rows that are fair to both; None without a champion.

    Where no row is, or the champion cannot be loaded, it cannot be told.
    """
    if held is None:
        return None
    if isinstance(held, str):
        return explain_lack(held, same_recipe=True)
    same_recipe = held.recipe == trained.recipe
    try:
        rows = select_fair_rows(
            reference,
            trained.list_held_out(reference),
            champion_as_of=held.as_of,
            champion_held_out=held.held_out,
            score=held.score,
        )
    except (ComparisonError, RegistryError) as error:  # a champion that cannot score any more
        return explain_lack(str(error), same_recipe=same_recipe)
    return compare_models(
        rows.left, rows.champion, rows.challenger, people=rows.people, same_recipe=same_recipe
    )


def compare_flags(
    champion: ModelVersion | str | None,
    reference: ReferenceData,
    trained: TrainedModel,
    threshold: float,
    policy: FairnessPolicy,
) -> Behaviour | str:
    """Whose flags of the newest snapshot's people turn, or why that cannot be told."""
    if champion is None:
        return NO_CHAMPION
    if isinstance(champion, str):
        return champion
    people = reference.newest
    try:
        before = champion.score(people).to_numpy() >= champion.threshold
        after = trained.pipeline.predict_proba(select_features(people, reference.contract))[:, 1]
        return compare_behaviour(
            people,
            before,
            np.asarray(after >= threshold),
            contract=reference.contract,
            edges=policy.edges,
            min_people=policy.min_people,
            importance_before=champion.importance,
            importance_after=trained.importance,
        )
    except (RegistryError, FairnessError) as error:
        return str(error)


def audit_groups(
    reference: ReferenceData, trained: TrainedModel, threshold: float, policy: FairnessPolicy
) -> FairnessAudit:
    """How the model's flags would have fallen on groups.

    Raises FairnessError if it cannot be told, as without a protected attribute.
    """
    rows = reference.labelled
    return audit_fairness(
        rows,
        rows[LABEL].to_numpy(dtype="int64"),
        trained.out_of_fold,
        threshold=threshold,
        contract=reference.contract,
        policy=policy,
    )


def report_checks(
    verdicts: dict[str, Verdict],
    comparison: Comparison | None,
    audit: FairnessAudit | str,
    behaviour: Behaviour | str,
    max_flipped_share: float,
) -> Iterator[AssetCheckResult]:
    """A result for each check of `model`."""
    for name, verdict in verdicts.items():
        yield AssetCheckResult(
            check_name=name,
            passed=verdict.holds,
            severity=AssetCheckSeverity.ERROR,
            description=verdict.explanation,
            metadata={"value": verdict.value, "limit": verdict.limit},
        )
    yield _report_comparison(comparison)
    yield _report_audit(audit)
    yield _report_behaviour(behaviour, max_flipped_share)


def check_sources(store: SnapshotStore, sources: Mapping[str, str]) -> AssetCheckResult:
    """Whether the months that went into a table are sound still, by their digests."""
    changed, vouched = store.find_changed(sources), []
    for month in sources:
        if waived := sorted({each.check for each in store.list_waived(parse_month(month))}):
            vouched.append(f"{month} ({', '.join(waived)})")
    said = [
        f"{len(sources)} months",
        f"refused or corrected since: {', '.join(changed) or 'none'}",
        f"passed by a person's word: {', '.join(vouched) or 'none'}",
    ]
    return AssetCheckResult(
        check_name=SOURCES_CHECK,
        passed=not (changed or vouched),
        severity=AssetCheckSeverity.WARN,
        description="; ".join(said),
        metadata={"value": len(changed) + len(vouched), "limit": 0},
    )


def _report_behaviour(behaviour: Behaviour | str, limit: float) -> AssetCheckResult:
    if isinstance(behaviour, str):
        return AssetCheckResult(
            check_name=BEHAVIOUR_CHECK,
            passed=behaviour == NO_CHAMPION,
            severity=AssetCheckSeverity.WARN,
            description=behaviour,
        )
    turned, alike = behaviour.everyone, behaviour.importance_correlation
    weights = "not on record" if alike is None else f"{alike:.2f}"
    return AssetCheckResult(
        check_name=BEHAVIOUR_CHECK,
        passed=turned.share <= limit,
        severity=AssetCheckSeverity.WARN,
        description=f"of {turned.people} people {turned.on} are flagged newly and {turned.off} no "
        f"longer, {turned.share:.1%}; at most {limit:.0%} is no surprise. Rank correlation of the "
        f"columns' weights with the champion's: {weights}",
        metadata={
            "value": turned.share,
            "limit": limit,
            **({} if alike is None else {"importance_correlation": alike}),
            "by group": MetadataValue.md(behaviour.render()),
        },
    )


def _report_comparison(comparison: Comparison | None) -> AssetCheckResult:
    if comparison is None:
        return AssetCheckResult(check_name=CHAMPION_CHECK, passed=True, description=NO_CHAMPION)
    apart = comparison.auc_difference
    return AssetCheckResult(
        check_name=CHAMPION_CHECK,
        passed=comparison.verdict == Recommendation.PROMOTE,
        severity=AssetCheckSeverity.WARN,
        description=f"{comparison.verdict}: {'; '.join(comparison.reasons)}",
        metadata={
            "verdict": str(comparison.verdict),
            "leavers": comparison.leavers,
            **({"value": apart.value, "low": apart.low, "high": apart.high} if apart else {}),
        },
    )


def _report_audit(audit: FairnessAudit | str) -> AssetCheckResult:
    if isinstance(audit, str):
        return AssetCheckResult(
            check_name=FAIRNESS_CHECK,
            passed=False,
            severity=AssetCheckSeverity.WARN,
            description=f"cannot be told: {audit}",
        )
    reasons = "; ".join(audit.reasons[:SHOWN_REASONS]) or "no group stands out"
    return AssetCheckResult(
        check_name=FAIRNESS_CHECK,
        passed=audit.verdict == FairnessVerdict.PASS,
        severity=AssetCheckSeverity.WARN,
        description=f"{audit.verdict}: {reasons}",
        metadata={
            "verdict": str(audit.verdict),
            "people": audit.people,
            "audit": MetadataValue.md(render_fairness(audit)),
        },
    )
