"""What assets are given: stores, registry, policy, settings, and MLflow's run of a Dagster run.

Where there are business units, a run is given those of the unit that its partition names.
"""

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from dagster import (
    BetaWarning,
    DagsterEventType,
    InitResourceContext,
    IOManager,
    IOManagerDefinition,
    ResourceDefinition,
)
from dagster._check import not_none

from attrition_assets.adapters.database import Database
from attrition_assets.adapters.engine import TableEngine
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
from attrition_assets.defs.partition_keys import read_key_unit
from attrition_assets.defs.runs import PARTITION_TAG
from attrition_assets.errors import SettingsError
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
    engine = TableEngine(settings.engine)
    return {
        "settings": settings,
        "policy": policy,
        "fairness": read_fairness_policy(settings.contract),
        "training": read_training_policy(settings.contract),
        "engine": engine,
        "source": open_source(settings, contract, engine),
        "snapshot_store": snapshot_store,
        "reference_store": reference_store,
        "registry": registry,
        "cards": ModelCards(registry, reference_store, snapshot_store, policy),
        "switch": ScoringSwitch(home),
        **_name_prediction_table(settings, contract),
        "mlflow": _build_mlflow_run(lambda context: registry),
        "io_manager": ParquetIOManager(home),
        "snapshot_io": SnapshotIOManager(snapshot_store),
        "reference_io": ReferenceIOManager(reference_store, snapshot_store),
        "drift_report_io": DriftReportIOManager(home),
    }


def build_resources_by_unit(group: Settings) -> dict[str, Any]:
    """Every resource, made from the settings of the unit that a run is of.

    Outside of a run, as for a sensor, there are only `settings`: those of the group.
    """

    @cache
    def build(unit: str) -> dict[str, Any]:
        return build_resources(group.of_unit(unit))

    def choose(name: str, made: Any) -> ResourceDefinition:
        def give(context: InitResourceContext) -> Any:
            return build(_read_unit(context))[name]

        return (
            IOManagerDefinition(give) if isinstance(made, IOManager) else ResourceDefinition(give)
        )

    def give_settings(context: InitResourceContext) -> Settings:
        return group if context.run is None else group.of_unit(_read_unit(context))

    return {
        **{name: choose(name, made) for name, made in build(group.units[0]).items()},
        "settings": ResourceDefinition(give_settings),
        "mlflow": _build_mlflow_run(lambda context: build(_read_unit(context))["registry"]),
    }


def _read_unit(context: InitResourceContext) -> str:
    """The unit of a run. Raises SettingsError if its partition does not name one."""
    key = context.run.tags.get(PARTITION_TAG) if context.run else None
    if key is None:
        raise SettingsError(
            "ATTRITION_UNITS is set, and this is a run of no partition or of several: start one "
            "for each, of a unit or of a unit's month"
        )
    return read_key_unit(key)


def _name_prediction_table(settings: Settings, contract: Contract) -> dict[str, PredictionTable]:
    if settings.database is None or settings.predictions_to is None:
        return {}
    table = PredictionTable(Database(settings.database), contract, settings.predictions_to)
    return {"prediction_table": table}


def _build_mlflow_run(
    find_registry: Callable[[InitResourceContext], Registry],
) -> ResourceDefinition:
    """dagster-mlflow's resource, with MLflow imported only in runs that need it.

    One MLflow run per Dagster run, ended here with the Dagster run's true status: with MLflow 3
    the resource alone leaves failed runs marked as finished.
    """

    def mlflow_run(context: InitResourceContext) -> Iterator[Any]:
        registry = find_registry(context)
        place = {"mlflow_tracking_uri": registry.uri, "experiment_name": registry.name}
        registry.client  # noqa: B018 - makes the experiment, with its artifacts under home
        with warnings.catch_warnings():
            # dagster-mlflow is declared beta and calls what Dagster deprecates; the lock pins it.
            warnings.simplefilter("ignore", BetaWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            from dagster_mlflow.resources import MlFlow

            tracking = MlFlow(context.replace_config(place))
        status = "FAILED"
        try:
            yield tracking
            status = _read_status(context)
        finally:
            tracking.end_run(status=status)

    return ResourceDefinition(mlflow_run)


def _read_status(context: InitResourceContext) -> str:
    """MLflow's name for how the Dagster run went so far."""
    run, instance = not_none(context.run), not_none(context.instance)
    failures = {DagsterEventType.STEP_FAILURE, DagsterEventType.PIPELINE_FAILURE}
    return "FAILED" if instance.all_logs(run.run_id, of_type=failures) else "FINISHED"
