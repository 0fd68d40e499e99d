"""What the prediction API tells people who read: months, an overview, a flagged list, versions.

Read from the home's files, without MLflow and without Dagster. The flagged list alone names
employees: it has a scope of its own, and each reading of it is put on record before it is answered.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from starlette.responses import Response

from attrition_assets.adapters.flagged_access import Access, FlaggedAccess
from attrition_assets.contract import Contract
from attrition_assets.errors import AttritionError, StorageError
from attrition_assets.serving.aggregates import Overview
from attrition_assets.serving.keys import Scope
from attrition_assets.serving.months_read import FlaggedList, MonthList, MonthReader, render_csv
from attrition_assets.serving.problems import ProblemError, describe_problems
from attrition_assets.serving.versions_read import CardRead, VersionReader, Versions
from attrition_assets.settings import Settings

READING = {
    "/months": Scope.READ,
    "/overview/{month}": Scope.READ,
    "/versions": Scope.READ,
    "/model-card/{version}": Scope.READ,
    "/flagged/{month}": Scope.FLAGGED,
}
MOST_ROWS = 10_000
Told = TypeVar("Told")
_LOG = logging.getLogger(__name__)
Month = Annotated[
    str,
    InPath(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2])|latest)$", description="2026-01, or latest"),
]
PROBLEMS = describe_problems(401, 403, 404, 422, 429, 503)


def add_reading(app: FastAPI, settings: Settings, contract: Contract) -> None:
    """Let an API answer what `READING` lists."""
    months = MonthReader(settings.home, contract, settings.contract)
    versions = VersionReader(settings.home)
    access = FlaggedAccess(settings.home)

    @app.get("/months", responses=describe_problems(401, 403, 429, 503))
    def list_months() -> MonthList:
        """The months since the first that was scored: people, scores, and what was decided."""
        return _told(months.read_all)

    @app.get("/overview/{month}", responses=PROBLEMS)
    def overview(month: Month) -> Overview:
        """A scored month as a whole and by groups; none of fewer than five people is told."""
        return _told(lambda: _found(months.overview(month), month))

    @app.get("/flagged/{month}", responses={**PROBLEMS, **_describe_csv()})
    def flagged(
        request: Request,
        month: Month,
        form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
        offset: Annotated[int, Query(ge=0, le=100_000_000)] = 0,
        order: Literal["highest", "lowest"] = "highest",
    ) -> FlaggedList:
        """The flagged employees with probability and reasons, by probability; on record who read.

        As CSV it is the whole list, whatever `limit` and `offset` say.
        """
        part = None if form == "csv" else slice(offset, offset + limit)
        found = _told(lambda: _found(months.flagged(month, part, order), month))
        rows = len(found.flagged)
        _put_on_record(access, request.state.caller, found.month, form, rows)
        request.state.noted = {"rows": rows}
        if form == "json":
            return found
        name = f'attachment; filename="flagged-{found.month}.csv"'
        headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
        # FastAPI passes a response on as it is.
        return Response(render_csv(found), 200, headers, "text/csv")  # type: ignore[return-value]

    @app.get("/versions", responses=describe_problems(401, 403, 429, 503))
    def list_versions() -> Versions:
        """Champion, challenger, every version with a card, and who promoted what and why."""
        return _told(versions.read_all)

    @app.get("/model-card/{version}", responses=PROBLEMS)
    def model_card(version: Annotated[int, InPath(ge=1, le=2**31)]) -> CardRead:
        """The facts of a version's model card, its uses and its limits."""
        return _told(lambda: _found(versions.card(version), f"version {version}"))


def _told(read: Callable[[], Told]) -> Told:
    """What reading gives. What is wrong with the home's files is for the log: it names places."""
    try:
        return read()
    except AttritionError:
        _LOG.exception("the home's files cannot be read")
        raise ProblemError(
            503, "what is asked for cannot be read as it should: the API's log says why"
        ) from None


def _found(found: Told | None, what: str) -> Told:
    if found is None:
        raise ProblemError(404, f"nothing is on record of {what}: see /months and /versions")
    return found


def _put_on_record(access: FlaggedAccess, who: str, month: str, form: str, rows: int) -> None:
    now = datetime.now(UTC)
    try:
        access.add(Access(at=now, who=who, month=month, form=form, rows=rows))
    except StorageError:
        raise ProblemError(
            503, "who reads the flagged list could not be put on record, so it is not given out"
        ) from None


def _describe_csv() -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
