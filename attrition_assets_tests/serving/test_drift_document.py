"""The drift API against its own OpenAPI document: schemathesis asks what it allows, and what not.

What is drawn has few rows, as a document's examples do; half of the bodies are drawn with each row
many times, so that they are judged.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.python.asgi import shutdown_lifespans

from attrition_assets.serving.drift_api import build_drift_api
from attrition_assets.serving.guard import Limits
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets_tests.processes import PATIENCE_SECONDS

from .drift_home import MakeHome, make_home

__all__ = ["make_home"]

FEW, MANY = 3, 1_000
SHOWN = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)


@pytest.fixture(scope="module")
def fuzzed(
    make_home: MakeHome, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FastAPI, str]]:
    """The guarded API, and a key that may do all."""
    home = make_home(tmp_path_factory.mktemp("fuzzed"))
    key = KeyRing(home.settings.home).add("fuzz", tuple(Scope), datetime.now(UTC))
    limits = Limits(rate=1e6)
    yield build_drift_api(home.settings, guarded=True, limits=limits, follows=False), key
    shutdown_lifespans()


def open_document(fuzzed: tuple[FastAPI, str], *, covers: bool) -> schemathesis.BaseSchema:
    """The API's document; `covers` adds every field's limits, by the thousand."""
    app, key = fuzzed
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    schema.config.phases.coverage.enabled = covers
    schema.config.request_timeout = PATIENCE_SECONDS

    @schema.auth()
    class Key:
        def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
            return key

        def set(
            self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext
        ) -> None:
            case.headers["X-API-Key"] = data

    @schema.hook
    def map_body(context: schemathesis.HookContext, body: Any) -> Any:
        if isinstance(body, dict):
            for name, values in body.items():
                if isinstance(values, list) and 2 <= len(values) < 60:
                    body[name] = values * 60
        return body

    return schema


@pytest.fixture(scope="module")
def document(fuzzed: tuple[FastAPI, str]) -> schemathesis.BaseSchema:
    return open_document(fuzzed, covers=False)


@pytest.fixture(scope="module")
def covered_document(fuzzed: tuple[FastAPI, str]) -> schemathesis.BaseSchema:
    return open_document(fuzzed, covers=True)


asked = schemathesis.pytest.from_fixture("document")
covered = schemathesis.pytest.from_fixture("covered_document")


@asked.parametrize()
@settings(SHOWN, max_examples=FEW)
def test_answers_are_as_the_document_says(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.mark.slow
@covered.parametrize()
@settings(SHOWN, max_examples=MANY)
def test_a_thousand_answers_of_each_path_are_as_the_document_says(
    case: schemathesis.Case[Any],
) -> None:
    case.call_and_validate()
