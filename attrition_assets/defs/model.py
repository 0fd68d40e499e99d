"""`model`, the trained challenger: a registered version; and `champion`, the one that scores."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.promotion import LOOP, report_champion
from attrition_assets.defs.reference import RETRAINING_POOL
from attrition_assets.errors import ComparisonError
from attrition_assets.governance.comparison import (
    Comparison,
    Recommendation,
    compare_models,
    explain_lack,
)
from attrition_assets.governance.decisions import Kind
from attrition_assets.governance.fair_rows import select_fair_rows
from attrition_assets.pictures import draw_calibration, draw_effects, to_markdown
from attrition_assets.settings import Settings
from attrition_assets.training.evaluation import evaluate
from attrition_assets.training.features import name_effects
from attrition_assets.training.gates import MODEL_CHECKS, check_model
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.training.search import TrainedModel, train_model

CHAMPION_CHECK = "holds_against_champion"
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
]

champion = AssetSpec(
    "champion",
    deps=["model"],
    group_name="attrition",
    kinds={"mlflow"},
    description="The registry's alias: the version that scores. Each promotion and rollback is a "
    "materialization; `attrition promote` makes one.",
)


@asset(
    group_name="attrition",
    kinds={"mlflow", "scikitlearn"},
    check_specs=CHECKS,
    output_required=False,
    pool=RETRAINING_POOL,
)
def model(
    context: AssetExecutionContext,
    reference_data: tuple[ReferenceData, str],
    registry: ResourceParam[Registry],
    settings: ResourceParam[Settings],
    mlflow: ResourceParam[Any],
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """A model trained on the newest reference data, registered as the challenger.

    Searched, fitted and evaluated on people that stood on the other side of the split. It is
    registered only if every check holds. It scores nobody before it is promoted; only the first
    version ever becomes champion by itself.
    """
    reference, digest = reference_data
    contract = registry.contract
    left = reference.labelled[LABEL].to_numpy(dtype="int64")
    trained = train_model(
        reference,
        contract,
        trials=settings.trials,
        seconds=settings.search_seconds,
        report=context.log.info,
    )
    evaluation = evaluate(left, trained.out_of_fold)
    figures = {
        "calibration": draw_calibration(left, trained.out_of_fold),
        "effects": draw_effects(name_effects(trained.pipeline)),
    }
    mlflow.log_params(
        {
            **trained.params,
            "trials": trained.trials,
            "learned_rows": trained.learned_rows,
            "reference_digest": digest,
        }
    )
    mlflow.log_metrics(evaluation.model_dump())
    mlflow.set_tags(
        {
            "mlflow.runName": f"retraining as of {reference.as_of}",
            "as_of": str(reference.as_of),
            "reproducible": trained.reproducible,
        }
    )
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"{name}.png")
    verdicts = check_model(evaluation, reference, contract)
    comparison = compare_with_champion(registry, reference, trained)
    failed = [name for name, verdict in verdicts.items() if not verdict.holds]
    log, now = DecisionLog(registry.home), datetime.now(UTC)
    if failed:
        why = "; ".join(f"{name}: {verdicts[name].explanation}" for name in failed)
        log.append(
            Kind.MODEL_REFUSED,
            who=LOOP,
            why=why,
            at=now,
            as_of=str(reference.as_of),
            reference_digest=digest,
        )
    else:
        version = registry.register(trained, evaluation, reference, digest, comparison)
        run_id = mlflow.active_run().info.run_id
        log.append(
            Kind.MODEL_REGISTERED,
            who=LOOP,
            why="every check of the model holds",
            at=now,
            version=version,
            as_of=str(reference.as_of),
            reference_digest=digest,
        )
        if registry.champion_version() == version:
            why = "the first version: there is none to compare it with"
            report_champion(context.instance, registry, version, None, who=LOOP, why=why, now=now)
        yield MaterializeResult(
            metadata={
                "version": version,
                "as_of": str(reference.as_of),
                "reference_digest": digest,
                "reproducible": trained.reproducible,
                **({"advice": str(comparison.verdict)} if comparison else {}),
                **evaluation.model_dump(),
                "mlflow_run": MetadataValue.url(mlflow_run_url(settings, registry, run_id)),
                "pictures": MetadataValue.md(
                    "\n\n".join(to_markdown(figure, name) for name, figure in figures.items())
                ),
            }
        )
    for name, verdict in verdicts.items():
        yield AssetCheckResult(
            check_name=name,
            passed=verdict.holds,
            severity=AssetCheckSeverity.ERROR,
            description=verdict.explanation,
            metadata={"value": verdict.value, "limit": verdict.limit},
        )
    yield _check_champion(comparison)


def compare_with_champion(
    registry: Registry, reference: ReferenceData, trained: TrainedModel
) -> Comparison | None:
    """The new model against the champion, on rows that are fair to both; None without a champion.

    Where no row is, it cannot be told.
    """
    if registry.champion_version() is None:
        return None
    held = registry.load_champion()
    same_recipe = held.recipe == trained.recipe
    try:
        rows = select_fair_rows(
            reference,
            trained.list_held_out(reference),
            champion_as_of=held.as_of,
            champion_held_out=held.held_out,
            score=held.score,
        )
    except ComparisonError as error:
        return explain_lack(str(error), same_recipe=same_recipe)
    return compare_models(
        rows.left, rows.champion, rows.challenger, people=rows.people, same_recipe=same_recipe
    )


def _check_champion(comparison: Comparison | None) -> AssetCheckResult:
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


def mlflow_run_url(settings: Settings, registry: Registry, run_id: str) -> str:
    """Where a person sees an MLflow run."""
    experiment = registry.client.get_run(run_id).info.experiment_id
    return f"{settings.mlflow_url}/#/experiments/{experiment}/runs/{run_id}"
