"""A copy of the walked home with its champion's bundle; both APIs and the pages, over real HTTP."""

import importlib
import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp

from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import content_digest, to_parquet_bytes
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.months import parse_month
from attrition_assets.serving.frontend.pages import build_frontend
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.serving.prediction_api import build_prediction_api
from attrition_assets.settings import Settings

from ..processes import wait_until
from ..walking import Walked

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRIFT_API = "attrition_assets.serving.drift_api"


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


def has_drift_api() -> bool:
    return importlib.util.find_spec(DRIFT_API) is not None


def build_drift(settings: Settings, *, guarded: bool = False) -> FastAPI:
    """The drift API; where this release has none, what it would answer of the months."""
    if has_drift_api():
        module: Any = importlib.import_module(DRIFT_API)
        app: FastAPI = module.build_drift_api(settings, guarded=guarded, follows=False)
        return app
    reports, policy, app = DriftReports(settings.home), read_policy(settings.contract), FastAPI()

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/reports")
    def list_reports() -> dict[str, Any]:
        months = []
        for month in reports.months():
            report = reports.read(month)
            assert report is not None
            told = report.model_dump(mode="json")
            decision = decide_retraining(report, policy)
            findings = {
                name: part["finding"] for name, part in told.items() if isinstance(part, dict)
            }
            months.append(
                {
                    "month": str(month),
                    "champion_version": report.champion_version,
                    "decision": decision.decision,
                    "reasons": decision.reasons,
                    "findings": findings,
                    "drifted_features": report.feature_drift.drifted_features,
                    "auc": told["performance"]["auc"],
                }
            )
        return {"months": months}

    @app.get("/reports/{month}")
    def read_report(month: str, format: str = "json") -> Response:
        try:
            report = reports.read(parse_month(month))
        except ValueError:
            report = None
        if report is None:
            return JSONResponse({"detail": "was not judged"}, 404)
        if format == "html":
            return FileResponse(settings.home / "reports" / month / "drift.html")
        return Response(report.model_dump_json(), media_type="application/json")

    return app


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """An application on a port of this machine, in a thread, until the block is left: its URL."""
    config = uvicorn.Config(app, port=0, access_log=False, log_config=None, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving_apis(settings: Settings, *, guarded: bool = False) -> Iterator[tuple[str, str]]:
    """Both APIs: the URLs of predictions and of drift."""
    predictions = build_prediction_api(settings, guarded=guarded, follows=False)
    with (
        serving(predictions) as first,
        serving(build_drift(settings, guarded=guarded)) as second,
    ):
        yield first, second


@contextmanager
def serving_pages(
    predictions: str, drift: str, *, key: str | None = None, signs_in: bool = False
) -> Iterator[httpx.Client]:
    """A client of the pages."""
    secret = None if key is None else SecretStr(key)
    app = build_frontend(predictions, drift, secret, signs_in=signs_in)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client
