"""The drift API against its own OpenAPI document."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from schemathesis.python.asgi import shutdown_lifespans

from attrition_assets.serving.drift_api import build_drift_api
from attrition_assets.serving.guard import Limits
from attrition_assets.serving.keys import KeyRing, Scope

from .drift_home import MakeHome, make_home
from .fuzzing import FEW, MANY, SHOWN, asked, covered, covered_document, document

__all__ = ["covered_document", "document", "make_home"]


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
