"""A copy of the walked home with its champion's bundle; both APIs and the pages, over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.files import content_digest, to_parquet_bytes
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.months import parse_month
from attrition_assets.serving.drift_api import build_drift_api
from attrition_assets.serving.frontend.pages import build_frontend
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.serving.prediction_api import build_prediction_api
from attrition_assets.settings import Settings

from ..walking import Walked
from .served import get_url, serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return prepare(walked, tmp_path_factory.mktemp("served") / "home")


def prepare(walked: Walked, folder: Path) -> Settings:
    """A copy of the walked home, in which the champion lies as it is served."""
    settings = walked.copy_to(folder)
    registry = Registry(settings.mlflow_uri, folder, read_contract(settings.contract))
    version = registry.load_champion().version
    card = folder / "reports" / "models" / str(version) / "card.md"
    Bundles(settings.serving_folder).write(registry, version, card, NOW)
    return settings


def shrink_group(settings: Settings, month: str, column: str, level: str, people: int) -> None:
    """Let an accepted month have so few people at a level; the others are at the largest one."""
    store = SnapshotStore(settings.home, read_contract(settings.contract))
    period = parse_month(month)
    table, ledger = store.read(period), store.ledger(period)
    assert ledger is not None
    moved = table.index[table[column] == level][people:]
    table.loc[moved, column] = table[column].mode()[0]
    content = to_parquet_bytes(table)
    store.table_path(period).write_bytes(content)
    told = ledger.model_copy(update={"table_sha256": content_digest(content)})
    store.table_path(period).with_suffix(".json").write_text(told.model_dump_json())


def make_key(settings: Settings, name: str, *scopes: Scope) -> str:
    return KeyRing(settings.home).add(name, scopes, NOW)


def build_drift(settings: Settings, *, guarded: bool = False) -> FastAPI:
    """The drift API, which does not follow a registry."""
    return build_drift_api(settings, guarded=guarded, follows=False)


@contextmanager
def serving_apis(settings: Settings, *, guarded: bool = False) -> Iterator[tuple[str, str]]:
    """Both APIs: the URLs of predictions and of drift."""
    predictions = build_prediction_api(settings, guarded=guarded, follows=False)
    with (
        serving(predictions) as first,
        serving(build_drift(settings, guarded=guarded)) as second,
    ):
        yield get_url(first), get_url(second)


@contextmanager
def serving_pages(
    predictions: str, drift: str, *, key: str | None = None, signs_in: bool = False
) -> Iterator[httpx.Client]:
    """A client of the pages."""
    secret = None if key is None else SecretStr(key)
    app = build_frontend(predictions, drift, secret, signs_in=signs_in)
    with serving(app) as client:
        yield client
