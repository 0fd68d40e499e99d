"""What a trained model is held to: the checks of `model`, and the two that inform whoever promotes.

Those of `training.gates` block: a model that fails one is not registered. How it holds against the
champion and how it falls on groups of people informs; `defs/promotion.py` asks for an override.
"""

from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, MetadataValue

from attrition_assets.adapters.registry import Registry
from attrition_assets.errors import ComparisonError, RegistryError
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
from attrition_assets.training.gates import MODEL_CHECKS
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.training.search import TrainedModel
from attrition_assets.validation.verdicts import Verdict

CHAMPION_CHECK, FAIRNESS_CHECK = "holds_against_champion", "fair_to_groups"
CHECKS = [
    *(
        AssetCheckSpec(name, asset="model", description=what, blocking=True)
        for name, what in MODEL_CHECKS.items()
    ),
    AssetCheckSpec(
        CHAMPION_CHECK,
        asset="model",
        description="On the newest people whose outcome is known it is shown to hold against the "
        "champion.",
    ),
    AssetCheckSpec(
        FAIRNESS_CHECK,
        asset="model",
        description="Its flags fall evenly on the groups of the protected attributes.",
    ),
]
SHOWN_REASONS = 3


def compare_with_champion(
    registry: Registry, reference: ReferenceData, trained: TrainedModel
) -> Comparison | None:
    """The new model against the champion, on rows that are fair to both; None without a champion.

    Where no row is, it cannot be told.
    """
    if registry.champion_version() is None:
        return None
    same_recipe = True
    try:
        held = registry.load_champion()
        same_recipe = held.recipe == trained.recipe
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
    verdicts: dict[str, Verdict], comparison: Comparison | None, audit: FairnessAudit | str
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


def _report_comparison(comparison: Comparison | None) -> AssetCheckResult:
    if comparison is None:
        why = "there is no champion yet to hold against"
        return AssetCheckResult(check_name=CHAMPION_CHECK, passed=True, description=why)
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
