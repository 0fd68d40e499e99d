"""The drift API: rows in, the asset's verdict out; and what was found of each month."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Query, Request
from fastapi import Path as InPath
from pydantic import BaseModel
from starlette.responses import FileResponse, Response

from attrition_assets.contract import Contract, read_contract
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.serving.application import complete, describe_answers, inline
from attrition_assets.serving.champion import Champion
from attrition_assets.serving.drift_answers import (
    Baseline,
    FeatureAnswer,
    LatestFeatures,
    LatestPredictions,
    ScoredAnswer,
    answer_features,
    answer_predictions,
)
from attrition_assets.serving.drift_requests import (
    describe_feature_request,
    describe_score_request,
    describe_scoring_request,
)
from attrition_assets.serving.employees import make_values
from attrition_assets.serving.guard import Limits, Meter
from attrition_assets.serving.keys import Scope
from attrition_assets.serving.month_reports import MONTH, MonthLines, MonthReports
from attrition_assets.serving.problems import describe_problems
from attrition_assets.serving.readiness import Readiness
from attrition_assets.serving.worker import COMPARE_FEATURES, COMPARE_PREDICTIONS, Worker
from attrition_assets.settings import Settings

# Two tables of 20,000 people in JSON; the slowest check of so many takes 15 seconds or less.
LIMITS = Limits(rate=50.0, body=40_000_000, at_once=16, seconds=60.0)
NEEDED = {
    "/drift/feature": Scope.DRIFT,
    "/drift/prediction": Scope.DRIFT,
    "/drift/feature/latest": Scope.READ,
    "/drift/prediction/latest": Scope.READ,
    "/reports": Scope.READ,
    "/reports/{month}": Scope.READ,
    "/metrics": Scope.READ,
}
ABOUT_FEATURES = """Whether the rows differ from those that the champion learned from, or from
`reference`.

It is the row test of the asset `drift_report`, at the level of a month unless `level` says another.
The asset also compares people with themselves a year ago, which needs ids and history: it sees
more, at the same rate of false alarms. Fewer than 60 rows on a side, or too many broken columns,
cannot tell: `dataset_drift` is null, which is never "no drift"."""
ABOUT_PREDICTIONS = """Whether the probabilities differ from the champion's for those that it
learned from, or from `reference`.

Send `probabilities`, or `rows` for the champion to score; the reference is of the same kind. It is
the asset's own test of predictions, at the level of a month unless `level` says another. Fewer than
60 on a side cannot tell: `dataset_drift` is null, which is never "no drift"."""
# A page is looked at, and does nothing in the name of who looks at it.
PAGE_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Month = Annotated[
    str,
    InPath(
        description="a month, such as 2026-01",
        examples=["2026-01"],
        json_schema_extra={"pattern": f"^{MONTH.pattern}$"},
    ),
]


def build_drift_api(
    settings: Settings, *, guarded: bool, limits: Limits | None = None, follows: bool = True
) -> FastAPI:
    """The API of one home. `guarded` asks for keys: everywhere but on loopback."""
    contract, meter = read_contract(settings.contract), Meter()
    champion = Champion(settings.serving_folder, settings.baked_model, contract, settings.unit)
    worker = Worker(settings.home, settings.contract)
    readiness = Readiness(champion, worker)
    months = MonthReports(settings.home, contract, read_policy(settings.contract))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        champion.start(follows=follows)
        yield
        champion.close()
        worker.close()

    app = FastAPI(
        title="Attrition drift",
        version="1",
        summary="Whether people or predictions differ from those that the champion learned from.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )

    async def check(request: Request, what: str) -> Response:
        bundle = champion.served.place if champion.served else None
        reply = await worker.ask(what, bundle, await request.body())
        request.state.noted = {"rows": reply.rows}
        return Response(reply.body, media_type="application/json")

    @app.post(
        "/drift/feature",
        description=ABOUT_FEATURES,
        openapi_extra=_describe_feature_body(contract),
        responses=_describe(FeatureAnswer, 401, 403, 413, 422, 429, 503),
    )
    async def check_features(request: Request) -> Response:
        return await check(request, COMPARE_FEATURES)

    @app.post(
        "/drift/prediction",
        description=ABOUT_PREDICTIONS,
        openapi_extra=_describe_prediction_body(contract),
        responses=_describe(ScoredAnswer, 401, 403, 413, 422, 429, 503),
    )
    async def check_predictions(request: Request) -> Response:
        return await check(request, COMPARE_PREDICTIONS)

    @app.get(
        "/drift/feature/latest",
        responses=_describe(LatestFeatures, 401, 403, 404, 429, 500, 503),
    )
    def latest_features() -> Response:
        """The verdict on the features of the newest month that was judged."""
        report, judged = months.read_newest()
        return _answer(
            LatestFeatures(
                **dict(judged),
                baseline=Baseline.of_report(report),
                current_rows=report.current_rows,
                **answer_features(report.feature_drift, report.data_quality),
            )
        )

    @app.get(
        "/drift/prediction/latest",
        responses=_describe(LatestPredictions, 401, 403, 404, 429, 500, 503),
    )
    def latest_predictions() -> Response:
        """The verdict on the predictions of the newest month that was judged."""
        report, judged = months.read_newest()
        return _answer(
            LatestPredictions(
                **dict(judged),
                baseline=Baseline.of_report(report),
                current_rows=report.current_rows,
                **answer_predictions(report.prediction_drift),
            )
        )

    @app.get("/reports", responses=_describe(MonthLines, 401, 403, 429, 500, 503))
    def list_reports() -> Response:
        """Every month that came or was judged, in order, a line each."""
        return _answer(months.list())

    @app.get("/reports/{month}", responses=_describe_report())
    def read_report(
        month: Month,
        form: Annotated[Literal["json", "html"] | None, Query(alias="format")] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """A month's report, as JSON or as the page for people: by `format`, else by `Accept`."""
        if form == "html" or (form is None and _prefers_page(accept)):
            return FileResponse(months.find_page(month), headers=PAGE_HEADERS)
        return _answer(months.read(month))

    @app.get("/ready", responses={**describe_answers({"type": "object"}), **describe_problems(503)})
    async def ready() -> dict[str, Any]:
        """Whether there is a champion, and what it is compared with can be read."""
        baseline = await readiness.require()
        return {
            "status": "ready",
            "baseline": baseline,
            "registry": champion.describe_registry(datetime.now(UTC)),
        }

    return complete(app, settings, NEEDED, limits or LIMITS, meter, guarded=guarded)


def _answer(value: BaseModel) -> Response:
    return Response(value.model_dump_json(), media_type="application/json")


def _prefers_page(accept: str) -> bool:
    """Whether HTML is named in an Accept header, and before JSON."""
    named = [each.split(";")[0].strip().lower() for each in accept.split(",")]
    first = next((each for each in named if each in ("text/html", "application/json")), "")
    return first == "text/html"


def _describe(answer: type[BaseModel], *problems: int) -> dict[int | str, dict[str, Any]]:
    schema = inline(answer.model_json_schema(mode="serialization"))
    return {**describe_answers(schema), **describe_problems(*problems)}


def _describe_report() -> dict[int | str, dict[str, Any]]:
    described = _describe(DriftReport, 401, 403, 404, 422, 429, 500, 503)
    described[200]["content"]["text/html"] = {"schema": {"type": "string"}}
    return described


def _describe_feature_body(contract: Contract) -> dict[str, Any]:
    schema = inline(describe_feature_request(contract).json_schema())
    row = make_values(contract, contract.monitored)
    return _describe_body(schema, {"rows": {"value": {"rows": [row, row]}}})


def _describe_prediction_body(contract: Contract) -> dict[str, Any]:
    kinds = describe_score_request(contract), describe_scoring_request(contract)
    schema = {"oneOf": [inline(kind.json_schema()) for kind in kinds]}
    steps = [round(0.01 * each, 2) for each in range(60)]
    return _describe_body(
        schema,
        {
            "probabilities": {
                "value": {
                    "probabilities": [round(0.3 + each, 2) for each in steps],
                    "reference": steps,
                    "flag_threshold": 0.4,
                }
            },
            "rows": {"value": {"rows": [make_values(contract, contract.features)]}},
        },
    )


def _describe_body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}
