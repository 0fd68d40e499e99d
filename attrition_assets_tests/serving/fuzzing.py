"""An API against its own OpenAPI document: schemathesis asks what it allows, and what not.

What is drawn has few rows, as a document's examples do; half of the bodies are drawn with each row
many times, so that they are judged.
"""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings

from attrition_assets_tests.processes import PATIENCE_SECONDS

FEW, MANY = 3, 1_000
SHOWN = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)


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
    """The document of the module's `fuzzed` API."""
    return open_document(fuzzed, covers=False)


@pytest.fixture(scope="module")
def covered_document(fuzzed: tuple[FastAPI, str]) -> schemathesis.BaseSchema:
    """The same, with every field's limits."""
    return open_document(fuzzed, covers=True)


asked = schemathesis.pytest.from_fixture("document")
covered = schemathesis.pytest.from_fixture("covered_document")
