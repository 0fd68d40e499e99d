"""What both APIs share: the guard, errors in one form, and what OpenAPI says of keys."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from attrition_assets.serving.guard import Guard, Limits, Meter
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.serving.problems import ProblemError, describe_problems
from attrition_assets.settings import Settings


def complete(
    app: FastAPI,
    settings: Settings,
    needed: Mapping[str, Scope],
    limits: Limits,
    meter: Meter,
    *,
    guarded: bool,
) -> FastAPI:
    """The API with what both have, behind its guard: whether it is alive, and its metrics.

    `needed` is the scope of each path that is not open to all. A path with parameters is named as
    its route is: `/overview/{month}`.
    """

    @app.get("/health", responses=describe_answers({"type": "object"}))
    async def health() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "alive"}

    @app.get(
        "/metrics",
        response_class=Response,
        responses={**describe_text(), **describe_problems(401, 403, 429)},
    )
    async def metrics() -> Response:
        """Latency, errors and what else is counted here, as Prometheus reads it."""
        return Response(generate_latest(meter.registry), media_type=CONTENT_TYPE_LATEST)

    async def explain(_: Request, error: Exception) -> Response:
        if isinstance(error, ProblemError):
            return error.respond()
        if isinstance(error, RequestValidationError):
            faults = [
                {"field": ".".join(map(str, each["loc"])), "message": each["msg"]}
                for each in error.errors()
            ]
            first = faults[0]
            return ProblemError(
                422, f"{first['field']}: {first['message']}", errors=faults
            ).respond()
        assert isinstance(error, HTTPException)
        return ProblemError(error.status_code, str(error.detail), headers=error.headers).respond()

    for kind in (ProblemError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, explain)
    name_path = _name_paths(app)
    app.add_middleware(
        Guard,
        keys=KeyRing(settings.home) if guarded else None,
        needed=lambda path: needed.get(name_path(path)),
        name_path=name_path,
        limits=limits,
        meter=meter,
    )
    _describe_keys(app, needed)
    return app


def _name_paths(app: FastAPI) -> Callable[[str], str]:
    """What gives the route of a path, as the router will find it; `other` where there is none."""
    exact = {route.path for route in app.routes if isinstance(route, Route)}
    patterns = [
        (route.path, route.path_regex)
        for route in app.routes
        if isinstance(route, Route) and route.param_convertors
    ]

    def name(path: str) -> str:
        if path in exact:
            return path
        return next((known for known, pattern in patterns if pattern.match(path)), "other")

    return name


def describe_answers(schema: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI is to say of an answer that went well."""
    content = {"application/json": {"schema": dict(schema)}}
    return {200: {"description": "Successful Response", "content": content}}


def describe_text() -> dict[int | str, dict[str, Any]]:
    """What OpenAPI is to say of an answer that is text; the route's class is `Response`."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {200: {"description": "Successful Response", "content": content}}


def inline(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its definitions in their places."""
    definitions = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return resolve(definitions[part["$ref"].rsplit("/", 1)[1]])
            return {name: resolve(value) for name, value in part.items()}
        return [resolve(each) for each in part] if isinstance(part, list) else part

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def _describe_keys(app: FastAPI, needed: Mapping[str, Scope]) -> None:
    """Let OpenAPI say which paths ask for a key."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        described = plain()
        header = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
        described.setdefault("components", {})["securitySchemes"] = {"key": header}
        for path, scope in needed.items():
            for operation in described["paths"].get(path, {}).values():
                operation["security"] = [{"key": [str(scope)]}]
        return described

    app.openapi = openapi  # type: ignore[method-assign]
