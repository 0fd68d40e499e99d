"""The prediction API against its own OpenAPI document."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from schemathesis.python.asgi import shutdown_lifespans

from attrition_assets.serving.guard import Limits
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.serving.prediction_api import build_prediction_api
from attrition_assets.settings import Settings

from .conftest import put_bundle
from .fuzzing import FEW, MANY, SHOWN, asked, covered, covered_document, document

__all__ = ["covered_document", "document"]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    """The guarded API of a home without months, and a key that may do all."""
    home = Settings.from_environment({"ATTRITION_HOME": str(tmp_path_factory.mktemp("fuzzed"))})
    put_bundle(home.serving_folder)
    key = KeyRing(home.home).add("fuzz", tuple(Scope), datetime.now(UTC))
    yield build_prediction_api(home, guarded=True, limits=Limits(rate=1e6), follows=False), key
    shutdown_lifespans()


@pytest.mark.slow
@asked.parametrize()
@settings(SHOWN, max_examples=FEW)
def test_answers_are_as_the_document_says(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.mark.fuzz
@covered.parametrize()
@settings(SHOWN, max_examples=MANY)
def test_a_thousand_answers_of_each_path_are_as_the_document_says(
    case: schemathesis.Case[Any],
) -> None:
    case.call_and_validate()
