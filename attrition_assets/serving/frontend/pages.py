"""The application of the pages: its routes, and what each of them asks the two APIs for."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from attrition_assets.serving.frontend.client import Part, Service, Trouble, attempt
from attrition_assets.serving.frontend.door import Door, Endpoint, read_form
from attrition_assets.serving.frontend.figures import read_figures
from attrition_assets.serving.frontend.predict_form import (
    fill_in,
    fill_with_example,
    list_fields,
    make_employee,
    put_faults,
)
from attrition_assets.serving.frontend.render import FOLDER, Content, Renderer
from attrition_assets.serving.frontend.shield import REPORT_POLICY, Shield
from attrition_assets.serving.frontend.timeline import Timeline, merge_months
from attrition_assets.serving.guard import Guard, Limits, Meter
from attrition_assets.serving.keys import Scope

PAGE_ROWS = 100
LIMITS = Limits(rate=100.0, body=64_000, at_once=32, seconds=30.0)


def build_frontend(
    prediction_url: str,
    drift_url: str,
    key: SecretStr | None,
    *,
    signs_in: bool = False,
) -> Starlette:
    """The pages. `signs_in` asks each person for their own API key: everywhere but on loopback.

    Without, `key` is what is sent to the APIs, if they ask for one.
    """
    pages = Pages(prediction_url, drift_url, key, signs_in=signs_in)
    routes = pages.list_routes()
    named = [route for route in routes if isinstance(route, Route)]

    def name_path(path: str) -> str:
        found = (route.path for route in named if route.path_regex.match(path))
        return "/static" if path.startswith("/static/") else next(found, "other")

    return Starlette(
        routes=routes,
        lifespan=pages.lifespan,
        exception_handlers={404: pages.show_missing, 405: pages.show_missing},
        middleware=[
            Middleware(Shield, local=not signs_in),
            Middleware(
                Guard,
                keys=None,
                needed=lambda path: None if path.startswith("/static/") else Scope.READ,
                name_path=name_path,
                limits=LIMITS,
                meter=Meter(),
            ),
        ],
    )


class Pages:
    """The pages of one process."""

    def __init__(
        self,
        prediction_url: str,
        drift_url: str,
        key: SecretStr | None,
        *,
        signs_in: bool,
    ) -> None:
        # No proxy of the environment and no redirect: a key goes to the two addresses alone.
        self._client = httpx.AsyncClient(trust_env=False)
        self.predictions = Service("prediction API", prediction_url, self._client)
        self.drift = Service("drift API", drift_url, self._client)
        self._render = Renderer(signs_in=signs_in)
        self._door = Door(self.predictions, self._render, key, signs_in=signs_in)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Close the connections at the end."""
        async with self._client:
            yield

    def list_routes(self) -> list[Route | Mount]:
        """Every page, those behind the sign-in among them."""
        closed: dict[str, Endpoint] = {
            "/": self.overview,
            "/months": self.months,
            "/months/{month}": self.month,
            "/months/{month}/report": self.report,
            "/months/{month}/flagged": self.flagged,
            "/months/{month}/flagged.csv": self.export,
            "/model": self.model,
        }
        return [
            *(Route(path, self._door.closes(endpoint)) for path, endpoint in closed.items()),
            Route("/predict", self._door.closes(self.predict), methods=["GET", "POST"]),
            Route("/sign-in", self._door.sign_in, methods=["GET", "POST"]),
            Route("/sign-out", self._door.sign_out, methods=["POST"]),
            Route("/health", self.health),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ]

    async def health(self, _: Request) -> Response:
        """Whether the process is alive."""
        return JSONResponse({"status": "alive"})

    async def show_missing(self, request: Request, error: Exception) -> Response:
        """What is answered where there is no page."""
        status = error.status_code if isinstance(error, HTTPException) else 404

        async def build() -> Content:
            return Content("missing.html", status=status)

        return await self._render.answer(request, "No such page", build)

    async def _list_months(self, request: Request) -> Timeline:
        """The months as both APIs know them."""
        key = request.state.key
        scored, judged = await asyncio.gather(
            attempt(self.predictions.get("/months", key)),
            attempt(self.drift.get("/reports", key)),
        )
        return merge_months(scored, judged)

    async def overview(self, request: Request) -> Response:
        """The newest scored month: people, risk, groups, and how it came about."""

        async def build() -> Content:
            line, latest = await asyncio.gather(
                self._list_months(request),
                attempt(self.predictions.get("/overview/latest", request.state.key)),
            )
            values = {"line": line, "latest": latest}
            empty = line.scored.data is not None and line.latest is None
            return Content("overview.html", values, 200 if empty else latest.status)

        return await self._render.answer(request, "Overview", build)

    async def months(self, request: Request) -> Response:
        """All months with their verdicts."""

        async def build() -> Content:
            line = await self._list_months(request)
            return Content("months.html", {"line": line}, line.status)

        return await self._render.answer(request, "Months", build)

    async def month(self, request: Request) -> Response:
        """One month: the verdicts, the decision, what drifted, and performance."""
        name = _require_month(request)

        async def build() -> Content:
            key, at = request.state.key, f"/reports/{name}"
            line, report, page = await asyncio.gather(
                self._list_months(request),
                attempt(self.drift.get(at, key)),
                attempt(self.drift.get_text(at, key, format="html")),
            )
            month = line.find(name)
            known = month is not None or report.data is not None
            figures = read_figures(page.data) if page.data else []
            values = {
                "name": name,
                "line": line,
                "month": month,
                "known": known,
                "report": report,
                "page": page,
                "figures": figures,
            }
            status = 200 if known else max(line.status, report.status)
            return Content("month.html", values, status)

        return await self._render.answer(request, f"Month {name}", build)

    async def report(self, request: Request) -> Response:
        """The full report of a month, in a sandbox: its scripts reach nothing of these pages."""
        name = _require_month(request)

        async def build() -> Content:
            raise trouble

        try:
            page = await self.drift.get_text(f"/reports/{name}", request.state.key, format="html")
        except Trouble as error:
            trouble = error
            return await self._render.answer(request, f"Report {name}", build)
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return Response(page, headers=headers, media_type="text/html")

    async def flagged(self, request: Request) -> Response:
        """The flagged employees of a month, a part of the list at a time."""
        name = _require_month(request)
        order = "lowest" if request.query_params.get("order") == "lowest" else "highest"
        asked = request.query_params.get("page", "1")
        number = int(asked) if asked.isdecimal() and len(asked) < 7 else 1

        async def build() -> Content:
            found = await self.predictions.get(
                f"/flagged/{name}",
                request.state.key,
                limit=PAGE_ROWS,
                offset=PAGE_ROWS * (max(1, number) - 1),
                order=order,
            )
            values = {"name": name, "found": found, "order": order, "number": max(1, number)}
            return Content("flagged.html", values | {"rows": PAGE_ROWS})

        return await self._render.answer(request, f"Flagged in {name}", build)

    async def export(self, request: Request) -> Response:
        """The whole flagged list as CSV."""
        name = _require_month(request)

        async def build() -> Content:
            raise trouble

        try:
            table = await self.predictions.get_text(
                f"/flagged/{name}", request.state.key, format="csv"
            )
        except Trouble as error:
            trouble = error
            return await self._render.answer(request, f"Flagged in {name}", build)
        headers = {"Content-Disposition": f'attachment; filename="flagged-{name}.csv"'}
        return Response(table, headers=headers, media_type="text/csv")

    async def model(self, request: Request) -> Response:
        """A version: the champion, or the one that is asked for."""
        asked = request.query_params.get("version", "")

        async def build() -> Content:
            key = request.state.key
            versions = await self.predictions.get("/versions", key)
            chosen = int(asked) if asked.isdecimal() and len(asked) < 9 else versions["champion"]
            card = Part()
            if chosen is not None:
                card = await attempt(self.predictions.get(f"/model-card/{chosen}", key))
            values = {"versions": versions, "chosen": chosen, "card": card}
            return Content("model.html", values, card.status)

        return await self._render.answer(request, "Model", build)

    async def predict(self, request: Request) -> Response:
        """The form, and the score of what was sent."""
        typed = await read_form(request)
        example = request.query_params.get("example") is not None

        async def build() -> Content:
            key = request.state.key
            document = await self.predictions.get("/openapi.json", key)
            fields, result, rest = list_fields(document), None, []
            values: dict[str, Any] = {"fields": fields, "trouble": None}
            status = 200
            if request.method == "POST":
                fill_in(fields, typed)
                body = {"employees": [make_employee(fields)]}
                try:
                    result = await self.predictions.post("/predict", key, body)
                except Trouble as trouble:
                    status = trouble.status
                    if status == 422:
                        rest = put_faults(fields, trouble)
                    else:
                        values["trouble"] = trouble
            elif example:
                fill_with_example(fields, document)
            by_name = {each.name: each for each in fields}
            values |= {"result": result, "rest": rest, "by_name": by_name}
            return Content("predict.html", values, status)

        return await self._render.answer(request, "Predict", build)


def _require_month(request: Request) -> str:
    """The month in a page's address, and nothing else that could lead elsewhere in an API."""
    name: str = request.path_params["month"]
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", name):
        raise HTTPException(404)
    return name
