"""A model of people who are nobody, served from a folder without MLflow."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from attrition_assets.adapters.bundles import BundleFacts, Bundles, digest_contract
from attrition_assets.adapters.files import content_digest
from attrition_assets.contract import Contract, read_contract
from attrition_assets.serving.guard import Limits
from attrition_assets.serving.prediction_api import build_prediction_api
from attrition_assets.serving.scorer import draw_employees
from attrition_assets.settings import Settings
from attrition_assets.training.families import DEFAULTS, Family, build_pipeline
from attrition_assets.training.features import select_features

from .served import serving

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@cache
def fit_model(family: Family, seed: int = 0) -> tuple[Pipeline, bytes]:
    """A pipeline of the default contract, and its file."""
    import skops.io

    pipeline = fit(read_contract(), family, seed)
    return pipeline, skops.io.dumps(pipeline)


def fit(contract: Contract, family: Family, seed: int = 0) -> Pipeline:
    """A pipeline fitted to people who leave by chance, and by what their first feature is."""
    table = pd.DataFrame(draw_employees(contract, 400, seed))
    rng = np.random.default_rng(seed)
    codes = pd.factorize(table[contract.features[0]])[0]
    left = rng.random(len(table)) < 0.1 + 0.3 * (codes > codes.mean())
    return build_pipeline(contract, DEFAULTS[family]).fit(select_features(table, contract), left)


def put_bundle(
    folder: Path, version: int = 1, family: Family = Family.LOGISTIC, threshold: float = 0.2
) -> bytes:
    """Let a version be the current bundle of a folder; return its model file."""
    contract, (_, model) = read_contract(), fit_model(family, seed=version)
    facts = BundleFacts(
        version=version,
        as_of="2025-12",
        reference_digest="d" * 64,
        threshold=threshold,
        recipe=family.recipe,
        horizon_months=contract.horizon_months,
        importance={},
        contract=contract.name,
        contract_sha256=digest_contract(contract),
        model_sha256=content_digest(model),
        written_at=NOW,
    )
    Bundles(folder).put(facts, model, f"# Model card of version {version}\n".encode())
    return model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"ATTRITION_HOME": str(tmp_path / "home")})


@contextmanager
def serve(
    settings: Settings, *, guarded: bool = False, limits: Limits | None = None
) -> Iterator[httpx.Client]:
    """The API, which does not follow a registry."""
    app = build_prediction_api(settings, guarded=guarded, limits=limits, follows=False)
    with serving(app) as client:
        yield client


@pytest.fixture
def api(settings: Settings) -> Iterator[httpx.Client]:
    """The API with version 1 loaded."""
    put_bundle(settings.serving_folder)
    with serve(settings) as client:
        yield client


def make_rows(request: str, count: int = 1) -> list[dict[str, Any]]:
    """What the API stores of one request."""
    row = {"employee": "7", "probability": 0.25, "flag": True, "threshold": 0.2}
    more = {"model_version": 3, "reasons": "OverTime", "asked_by": "payroll", "scored_at": NOW}
    return [{"request_id": request, "row": number, **row, **more} for number in range(count)]


def draw_people(rows: int, seed: int = 5) -> list[dict[str, Any]]:
    """Employees as they are sent, with the ids 1, 2, ..."""
    contract = read_contract()
    drawn = draw_employees(contract, rows, seed)
    return [{contract.id: number, **each} for number, each in enumerate(drawn, start=1)]


def to_body(people: list[dict[str, Any]]) -> bytes:
    return json.dumps({"employees": people}).encode()
