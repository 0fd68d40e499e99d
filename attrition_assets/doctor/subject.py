"""What the doctor examines: each part is made when a check first asks for it, and then kept."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from typing import Self

from dagster import DagsterInstance, Definitions

from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.adapters.source import open_source
from attrition_assets.contract import Contract, read_contract
from attrition_assets.settings import Settings


class Subject:
    """One environment at one time, and the state that its settings point to."""

    def __init__(
        self, environment: Mapping[str, str], now: datetime, unit: str | None = None
    ) -> None:
        self.environment = environment
        self.unit = unit
        self.now = now
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment; of a unit, where there are some."""
        return Settings.from_environment(self.environment).choose_unit(self.unit)

    @cached_property
    def contract(self) -> Contract:
        """The contract that the settings name."""
        return read_contract(self.settings.contract)

    @cached_property
    def source(self) -> SnapshotSource:
        """Where months come from."""
        return open_source(self.settings, self.contract)

    @cached_property
    def store(self) -> SnapshotStore:
        """Where months are kept."""
        return SnapshotStore(self.settings.home, self.contract)

    @cached_property
    def registry(self) -> Registry:
        """MLflow."""
        return Registry(
            self.settings.mlflow_uri, self.settings.home, self.contract, self.settings.unit
        )

    @cached_property
    def champion(self) -> ModelVersion:
        """The version that scores, its file verified."""
        return self.registry.load_champion()

    @cached_property
    def instance(self) -> DagsterInstance:
        """Dagster's record."""
        home = str(self.settings.instance_home)
        return self._opened.enter_context(DagsterInstance.from_config(home))

    @cached_property
    def definitions(self) -> Definitions:
        """What Dagster knows of."""
        from attrition_assets.definitions import build_definitions

        return build_definitions(self.settings)

    def has_stored(self, asset: str) -> bool:
        """Whether anything of an asset lies in the home."""
        return any((self.settings.home / "assets" / asset).glob("*"))
