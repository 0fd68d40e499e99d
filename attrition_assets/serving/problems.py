"""Errors as HTTP answers: RFC 9457 problem details, in words, without anything of the inside."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20


class ProblemError(Exception):
    """What is answered in place of what was asked: a status, and in words why and what to do."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers = list(errors), dict(headers or {})

    def render(self) -> bytes:
        """The answer's body."""
        return to_json(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                **({"errors": self.errors} if self.errors else {}),
            }
        )

    def respond(self) -> Response:
        """The answer."""
        return Response(self.render(), self.status, self.headers, MEDIA_TYPE)


def explain_body(error: ValidationError) -> ProblemError:
    """The first faults of a body, each with the place of its field; no value is repeated."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        {"field": ".".join(map(str, fault["loc"])) or "body", "message": fault["msg"]}
        for fault in faults[:MOST_ERRORS]
    ]
    first = errors[0]
    more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
    detail = f"{first['field']}: {first['message']}{more}"
    return ProblemError(422, detail, errors=errors)


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI is to say of these statuses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}},
        }
        for status in statuses
    }
