"""What assets are given: stores, registry, policy, settings, and MLflow's run of a Dagster run."""

import warnings
from collections.abc import Iterator
from typing import Any

from dagster import BetaWarning, DagsterEventType, InitResourceContext, ResourceDefinition, resource
from dagster._check import not_none

from attrition_assets.adapters.database import Database
from attrition_assets.adapters.model_cards import ModelCards
from attrition_assets.adapters.prediction_table import PredictionTable
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.source import open_source
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.contract import Contract, read_contract
from attrition_assets.defs.io_managers import (
    DriftReportIOManager,
    ParquetIOManager,
    ReferenceIOManager,
    SnapshotIOManager,
)
from attrition_assets.governance.fairness_policy import read_fairness_policy
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.settings import Settings
from attrition_assets.training.policy import read_training_policy


def build_resources(settings: Settings) -> dict[str, Any]:
    """Every resource, made from the settings."""
    contract, home = read_contract(settings.contract), settings.home
    snapshot_store = SnapshotStore(home, contract)
    reference_store = ReferenceStore(home, contract)
    registry = Registry(settings.mlflow_uri, home, contract, settings.unit)
    policy = read_policy(settings.contract)
    return {
        "settings": settings,
        "policy": policy,
        "fairness": read_fairness_policy(settings.contract),
        "training": read_training_policy(settings.contract),
        "source": open_source(settings, contract),
        "snapshot_store": snapshot_store,
        "reference_store": reference_store,
        "registry": registry,
        "cards": ModelCards(registry, reference_store, snapshot_store, policy),
        "switch": ScoringSwitch(home),
        **_name_prediction_table(settings, contract),
        "mlflow": _build_mlflow_run(registry),
        "io_manager": ParquetIOManager(home),
        "snapshot_io": SnapshotIOManager(snapshot_store),
        "reference_io": ReferenceIOManager(reference_store, snapshot_store),
        "drift_report_io": DriftReportIOManager(home),
    }


def _name_prediction_table(settings: Settings, contract: Contract) -> dict[str, PredictionTable]:
    if settings.database is None or settings.predictions_to is None:
        return {}
    table = PredictionTable(Database(settings.database), contract, settings.predictions_to)
    return {"prediction_table": table}


def _build_mlflow_run(registry: Registry) -> ResourceDefinition:
    """dagster-mlflow's resource, with MLflow imported only in runs that need it.

    One MLflow run per Dagster run, ended here with the Dagster run's true status: with MLflow 3
    the resource alone leaves failed runs marked as finished.
    """

    @resource(config_schema={"mlflow_tracking_uri": str, "experiment_name": str})
    def mlflow_run(context: InitResourceContext) -> Iterator[Any]:
        registry.client  # noqa: B018 - makes the experiment, with its artifacts under home
        with warnings.catch_warnings():
            # dagster-mlflow is declared beta and calls what Dagster deprecates; the lock pins it.
            warnings.simplefilter("ignore", BetaWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            from dagster_mlflow.resources import MlFlow

            tracking = MlFlow(context)
        status = "FAILED"
        try:
            yield tracking
            status = _read_status(context)
        finally:
            tracking.end_run(status=status)

    configured: ResourceDefinition = mlflow_run.configured(
        {"mlflow_tracking_uri": registry.uri, "experiment_name": registry.name}
    )
    return configured


def _read_status(context: InitResourceContext) -> str:
    """MLflow's name for how the Dagster run went so far."""
    run, instance = not_none(context.run), not_none(context.instance)
    failures = {DagsterEventType.STEP_FAILURE, DagsterEventType.PIPELINE_FAILURE}
    return "FAILED" if instance.all_logs(run.run_id, of_type=failures) else "FINISHED"
