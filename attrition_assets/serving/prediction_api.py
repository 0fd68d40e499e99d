"""The prediction API: scores with reasons, by the champion, each stored before it is answered."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from attrition_assets.adapters.served_predictions import Rows, ServedPredictions
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.contract import Contract, read_contract
from attrition_assets.errors import DatabaseError, SuspendedError
from attrition_assets.serving.application import complete, describe_answers, inline
from attrition_assets.serving.champion import Champion, Served
from attrition_assets.serving.employees import describe_request, make_employee
from attrition_assets.serving.guard import Limits, Meter
from attrition_assets.serving.keys import Scope
from attrition_assets.serving.problems import ProblemError, describe_problems, explain_body
from attrition_assets.serving.reading import READING, add_reading
from attrition_assets.serving.store import PredictionStore, Pseudonyms
from attrition_assets.settings import Settings

SMALL_BODY = 16_384  # bytes; what is parsed and scored in less time than a thread takes to begin
NOTICE = (
    "A flag is no decision: it asks a person to look, with the reasons, before anything is done."
)
NEEDED = {
    "/predict": Scope.PREDICT,
    "/model-info": Scope.READ,
    "/metrics": Scope.READ,
    **READING,
}


class Predictor:
    """What answers `POST /predict`: parsed, scored, stored, in this order."""

    def __init__(
        self,
        contract: Contract,
        champion: Champion,
        store: PredictionStore,
        switch: ScoringSwitch,
        pseudonyms: Pseudonyms,
        meter: Meter,
    ) -> None:
        self.champion, self.store, self.switch = champion, store, switch
        self.identity = contract.id
        self.pseudonyms, self.meter = pseudonyms, meter
        self.request: TypeAdapter[dict[str, Any]] = describe_request(contract)

    async def answer(self, body: bytes, caller: str) -> tuple[bytes, int]:
        """The answer to a body, and how many employees it is of. Raises ProblemError."""
        served = self._require_served()
        if len(body) <= SMALL_BODY:
            answer, rows = self._score(body, served, caller)
        else:
            answer, rows = await run_in_threadpool(self._score, body, served, caller)
        try:
            await asyncio.wrap_future(self.store.put(rows))
        except DatabaseError:
            raise ProblemError(
                503,
                "the predictions could not be stored, so none is answered: try again later",
                headers={"Retry-After": "5"},
            ) from None
        for flag in (True, False):
            count = sum(row["flag"] == flag for row in rows)
            self.meter.predictions.labels(str(served.facts.version), str(flag)).inc(count)
        return answer, len(rows)

    def _require_served(self) -> Served:
        try:
            self.switch.require_on()
        except SuspendedError as error:
            raise ProblemError(503, str(error)) from None
        return self.champion.require()

    def _score(self, body: bytes, served: Served, caller: str) -> tuple[bytes, Rows]:
        try:
            employees = self.request.validate_json(body)["employees"]
        except ValidationError as error:
            raise explain_body(error) from None
        scores, facts = served.scorer.score(employees), served.facts
        request_id, now = uuid.uuid4().hex, datetime.now(UTC)
        predictions, rows = [], []
        values = zip(employees, scores.probability.tolist(), scores.give_reasons(), strict=True)
        for number, (employee, probability, reasons) in enumerate(values):
            flag, identity = probability >= facts.threshold, employee[self.identity]
            predictions.append(
                {
                    self.identity: identity,
                    "probability": probability,
                    "flag": flag,
                    "reasons": reasons,
                }
            )
            rows.append(
                {
                    "request_id": request_id,
                    "row": number,
                    "employee": self.pseudonyms.name(identity),
                    "probability": probability,
                    "flag": flag,
                    "threshold": facts.threshold,
                    "model_version": facts.version,
                    "reasons": "; ".join(str(each["feature"]) for each in reasons),
                    "asked_by": caller,
                    "scored_at": now,
                }
            )
        answer = {
            "request_id": request_id,
            "scored_at": now,
            "model_version": facts.version,
            "threshold": facts.threshold,
            "predictions": predictions,
            "notice": NOTICE,
        }
        return to_json(answer), rows


def build_prediction_api(
    settings: Settings, *, guarded: bool, limits: Limits | None = None, follows: bool = True
) -> FastAPI:
    """The API of one home. `guarded` asks for keys: everywhere but on loopback."""
    contract, meter = read_contract(settings.contract), Meter()
    champion = Champion(settings.serving_folder, settings.baked_model, contract, settings.unit)
    store = PredictionStore(
        ServedPredictions(settings.served_predictions),
        ServedPredictions(settings.waiting_predictions) if settings.store_away == "queue" else None,
    )
    predictor = Predictor(
        contract,
        champion,
        store,
        ScoringSwitch(settings.home),
        Pseudonyms(settings.pseudonym_key),
        meter,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        champion.start(follows=follows)
        yield
        champion.close()
        store.close()

    app = FastAPI(
        title="Attrition predictions",
        version="1",
        summary="Who may leave within the horizon, with reasons, by the model that is champion.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )

    @app.post(
        "/predict",
        openapi_extra=_describe_body(contract, predictor.request),
        responses={
            **describe_answers(_describe_predictions(contract)),
            **describe_problems(401, 403, 413, 422, 429, 503),
        },
    )
    async def predict(request: Request) -> Response:
        """Score one employee or many; every answered prediction is on record."""
        body = await request.body()
        answer, rows = await predictor.answer(body, request.state.caller)
        request.state.noted = {"rows": rows}
        return Response(answer, media_type="application/json")

    @app.get("/ready", responses={**describe_answers({"type": "object"}), **describe_problems(503)})
    async def ready() -> dict[str, Any]:
        """Whether a verified champion is loaded and scoring is on."""
        served = predictor._require_served()
        return {
            "status": "ready",
            "model_version": served.facts.version,
            "registry": champion.describe_registry(datetime.now(UTC)),
        }

    @app.get(
        "/model-info",
        responses={**describe_answers({"type": "object"}), **describe_problems(401, 403, 429, 503)},
    )
    async def model_info() -> dict[str, Any]:
        """The version that answers, what it learned from, and its model card as Markdown."""
        served = champion.require()
        return {**served.facts.model_dump(mode="json"), "card": served.card, "notice": NOTICE}

    add_reading(app, settings, contract)
    return complete(app, settings, NEEDED, limits or Limits(), meter, guarded=guarded)


def _describe_body(contract: Contract, request: TypeAdapter[dict[str, Any]]) -> dict[str, Any]:
    schema = inline(request.json_schema())
    example = {"employees": [make_employee(contract)]}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _describe_predictions(contract: Contract) -> dict[str, Any]:
    identity = {"type": "integer" if contract.columns[contract.id].integer else "string"}
    reason = {
        "type": "object",
        "required": ["feature", "log_odds"],
        "properties": {
            "feature": {"type": "string", "enum": list(contract.features)},
            "log_odds": {"type": "number", "exclusiveMinimum": 0},
        },
    }
    prediction = {
        "type": "object",
        "required": [contract.id, "probability", "flag", "reasons"],
        "properties": {
            contract.id: identity,
            "probability": {"type": "number", "minimum": 0, "maximum": 1},
            "flag": {"type": "boolean"},
            "reasons": {"type": "array", "maxItems": 3, "items": reason},
        },
    }
    return {
        "type": "object",
        "required": ["request_id", "scored_at", "model_version", "threshold", "predictions"],
        "properties": {
            "request_id": {"type": "string"},
            "scored_at": {"type": "string", "format": "date-time"},
            "model_version": {"type": "integer"},
            "threshold": {"type": "number"},
            "predictions": {"type": "array", "items": prediction},
            "notice": {"type": "string"},
        },
    }
