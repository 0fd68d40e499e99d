"""`model`, the trained challenger: a registered version; and `champion`, the one that scores."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.model_cards import ModelCards
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import AUDIT_FILE, ModelVersion, Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.defs.gates import (
    CHECKS,
    audit_groups,
    check_sources,
    compare_flags,
    compare_with_champion,
    load_champion,
    report_checks,
)
from attrition_assets.defs.metadata import mlflow_run_url, read_all_metadata
from attrition_assets.defs.model_card import write_model_card
from attrition_assets.defs.partitions import UNITS
from attrition_assets.defs.promotion import LOOP, report_first_champion
from attrition_assets.defs.reference import RETRAINING_POOL
from attrition_assets.defs.search import plan_search
from attrition_assets.errors import FairnessError
from attrition_assets.governance.behaviour import Behaviour
from attrition_assets.governance.decisions import Kind
from attrition_assets.governance.fairness_page import render_fairness, render_proxies
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.proxies import audit_proxies
from attrition_assets.pictures import (
    draw_calibration,
    draw_contributions,
    draw_fairness,
    draw_importance,
    to_markdown,
)
from attrition_assets.settings import Settings
from attrition_assets.training.evaluation import evaluate
from attrition_assets.training.explanations import rank_values
from attrition_assets.training.gates import check_model
from attrition_assets.training.policy import TrainingPolicy
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.training.search import train_model

champion = AssetSpec(
    "champion",
    partitions_def=UNITS,
    deps=["model"],
    group_name="attrition",
    kinds={"mlflow"},
    description="The registry's alias: the version that scores. Each promotion and rollback is a "
    "materialization; `attrition promote` makes one.",
)


@asset(
    partitions_def=UNITS,
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
    fairness: ResourceParam[FairnessPolicy],
    training: ResourceParam[TrainingPolicy],
    reference_store: ResourceParam[ReferenceStore],
    snapshot_store: ResourceParam[SnapshotStore],
    cards: ResourceParam[ModelCards],
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
    held = load_champion(registry)
    before = held if isinstance(held, ModelVersion) else None
    first = before.params if before else None
    trained = train_model(
        reference,
        contract,
        report=context.log.info,
        **plan_search(settings, digest, contract, training, first),
    )
    threshold = training.choose_threshold(left, trained.out_of_fold)
    evaluation = evaluate(left, trained.out_of_fold, threshold=threshold)
    shown = reference.newest.loc[trained.contributions.index]
    figures = {
        "calibration": draw_calibration(left, trained.out_of_fold),
        "importance": draw_importance(trained.importance, before.importance if before else {}),
        "contributions": draw_contributions(trained.contributions, rank_values(shown, contract)),
    }
    mlflow.log_params(
        {
            **trained.params,
            "half_life_months": training.half_life_months,
            "flag_rule": training.flag_rule,
            "calibration": trained.calibration or "none needed",
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
    verdicts = check_model(evaluation, reference, contract)
    comparison = compare_with_champion(held, reference, trained)
    behaviour = compare_flags(held, reference, trained, threshold, fairness)
    if isinstance(behaviour, Behaviour):
        mlflow.log_text(behaviour.render(), "behaviour.md")
    audit, untold = None, ""
    try:
        audit = audit_groups(reference, trained, threshold, fairness)
        proxies = audit_proxies(reference.newest, contract, fairness)
    except FairnessError as error:  # it informs: the model may be registered without it
        untold = str(error)
    else:
        figures["fairness"] = draw_fairness(audit)
        mlflow.log_text(render_fairness(audit), "fairness.md")
        mlflow.log_dict(audit.model_dump(mode="json"), AUDIT_FILE)
        mlflow.log_text(render_proxies(proxies), "proxies.md")
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"{name}.png")
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
        known = registry.versions()
        made_before = read_all_metadata(context.instance, "model", registry.unit)
        told = {made["version"] for made in made_before}
        version = registry.register(
            trained, evaluation, reference, digest, comparison, audit, told=told
        )
        facts: dict[str, str | int] = {
            "version": version,
            "as_of": str(reference.as_of),
            "reference_digest": digest,
        }
        # One that a killed run registered may be on record already.
        if version not in known or not log.holds(Kind.MODEL_REGISTERED, facts):
            why = "every check of the model holds"
            log.append(Kind.MODEL_REGISTERED, who=LOOP, why=why, at=now, **facts)
        if registry.champion_version() == version:
            why = "the first version: there is none to compare it with"
            report_first_champion(context.instance, registry, version, why, now)
        yield MaterializeResult(
            metadata={
                "version": version,
                "as_of": str(reference.as_of),
                "reference_digest": digest,
                "reproducible": trained.reproducible,
                "recipe": trained.recipe,
                **({"advice": str(comparison.verdict)} if comparison else {}),
                **({"fairness": str(audit.verdict)} if audit else {}),
                **evaluation.model_dump(),
                **write_model_card(cards, version, settings),
                "mlflow_run": MetadataValue.url(
                    mlflow_run_url(settings, registry, registry.find_run(version))
                ),
                "pictures": MetadataValue.md(
                    "\n\n".join(to_markdown(figure, name) for name, figure in figures.items())
                ),
            }
        )
    yield check_sources(snapshot_store, reference_store.sources(digest))
    yield from report_checks(
        verdicts, comparison, audit or untold, behaviour, training.max_flipped_share
    )
