"""How a page is answered: whole, or its frame first where an API takes its time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from attrition_assets.serving.frontend import charts, words
from attrition_assets.serving.frontend.client import Trouble

FOLDER = Path(__file__).parent
PATIENCE_SECONDS = 0.5  # after which the frame is shown, saying that the rest is asked for
PLACE = "<!-- content -->"


@dataclass
class Content:
    """What stands in a page's frame: a template, its values, and the answer's status."""

    template: str
    values: dict[str, Any] = field(default_factory=dict)
    status: int = 200


Build = Callable[[], Awaitable[Content]]


def make_environment() -> Environment:
    """The templates, everything escaped, with the words and the charts that they use."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": words.show_share,
        "count": words.show_count,
        "number": words.show_number,
        "p": words.show_p,
        "day": words.show_date,
        "column": words.name_column,
        "factor": words.show_factor,
        "code": words.show_code,
    }
    environment.globals |= {"words": words, "charts": charts}
    return environment


class Renderer:
    """Makes answers of templates."""

    def __init__(self, *, signs_in: bool) -> None:
        self._environment, self._signs_in = make_environment(), signs_in

    async def answer(self, request: Request, title: str, build: Build) -> Response:
        """A page, with its status; if it is not ready soon, its frame at once and then the rest.

        A frame that was sent has the status 200, whatever the rest turns out to be.
        """
        task = asyncio.ensure_future(self._fill(request, title, build))
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        before, after = self._frame(request, title)
        if task.done():
            content, status = task.result()
            return HTMLResponse(before + content + after, status)

        async def stream() -> AsyncIterator[str]:
            yield before + self._render(request, Content("loading.html"))
            content, _ = await task
            yield content + after

        return StreamingResponse(stream(), media_type="text/html")

    async def _fill(self, request: Request, title: str, build: Build) -> tuple[str, int]:
        try:
            content = await build()
        except Trouble as trouble:
            content = Content("trouble.html", {"trouble": trouble, "title": title}, trouble.status)
        return self._render(request, content), content.status

    def _render(self, request: Request, content: Content) -> str:
        template = self._environment.get_template(content.template)
        return template.render(path=request.url.path, request=request, **content.values)

    def _frame(self, request: Request, title: str) -> tuple[str, str]:
        frame = self._environment.get_template("frame.html").render(
            title=title,
            path=request.url.path,
            place=Markup(PLACE),
            signed_in=self._signs_in and request.url.path != "/sign-in",
        )
        before, _, after = frame.partition(PLACE)
        return before, after
