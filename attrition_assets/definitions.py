"""The one object that Dagster loads. It only gathers what `defs` holds."""

from dagster import Definitions, in_process_executor

from attrition_assets.defs import (
    automation,
    drift,
    drift_checks,
    images,
    metrics,
    model,
    model_card,
    predictions,
    promotion_job,
    published,
    reference,
    snapshot,
    summary,
)
from attrition_assets.defs.resources import build_resources, build_resources_by_unit
from attrition_assets.settings import Settings, load_settings


def build_definitions(settings: Settings) -> Definitions:
    """Everything that Dagster knows of, over the state that the settings point to."""
    grouped = settings.units and settings.unit is None
    return Definitions(
        assets=[
            snapshot.employee_snapshot,
            reference.reference_data,
            model.model,
            model.champion,
            images.images,
            predictions.predictions,
            drift.drift_report,
            summary.monthly_summary,
            model_card.model_card,
            metrics.monthly_metrics,
            *([published.published_predictions] if settings.predictions_to else []),
        ],
        asset_checks=[
            predictions.one_score_per_employee,
            predictions.probabilities_valid,
            *drift_checks.INFORMING_CHECKS,
            drift_checks.retraining_not_needed,
            summary.summary_complete,
            summary.issue_sent,
            model_card.model_card_is_current,
            metrics.metrics_complete,
        ],
        jobs=[
            automation.monthly_job,
            automation.retraining_job,
            automation.summary_job,
            promotion_job.promotion_job,
        ],
        schedules=[automation.monthly_schedule],
        sensors=[
            automation.retrain_on_drift,
            automation.summarize_news,
            automation.send_issues,
            automation.tag_champion,
        ],
        resources=(build_resources_by_unit(settings) if grouped else build_resources(settings)),
        # Six short steps a month: a process for each would cost more than the work.
        executor=in_process_executor,
    )


defs = build_definitions(load_settings())
