"""Who comes in: everybody on loopback, elsewhere who enters an API key that is one."""

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import parse_qsl, quote

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from attrition_assets.serving.frontend.client import Kind, Service, attempt
from attrition_assets.serving.frontend.render import Content, Renderer
from attrition_assets.serving.frontend.session import COOKIE, HOURS, Sessions, choose_target

PROBE = "/months"
UNKNOWN = "This key is not known, or was revoked."
_KEY = re.compile(r"[\w.~-]{1,200}", re.ASCII)  # what can be sent at all
Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """The sign-in of one process. Without one, `key` is everybody's."""

    def __init__(
        self, predictions: Service, renderer: Renderer, key: SecretStr | None, *, signs_in: bool
    ) -> None:
        self.predictions, self.renderer = predictions, renderer
        self.key, self.signs_in, self.sessions = key, signs_in, Sessions()

    def closes(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for those who are signed in."""

        @wraps(endpoint)
        async def check(request: Request) -> Response:
            request.state.key = self.key
            if self.signs_in:
                token = request.cookies.get(COOKIE)
                request.state.key = self.sessions.find(token, time.monotonic())
                if request.state.key is None:
                    return RedirectResponse(f"/sign-in?to={quote(request.url.path)}", 303)
            return await endpoint(request)

        return check

    async def sign_in(self, request: Request) -> Response:
        """Ask for an API key; a good one begins a visit."""
        sent = await read_form(request)
        to = choose_target(sent.get("to") or request.query_params.get("to") or "/")
        fault = ""
        if not self.signs_in:
            return RedirectResponse(to, 303)
        if request.method == "POST":
            key = SecretStr(sent.get("key", "").strip())
            fault = await require_good_key(self.predictions, key)
            if not fault:
                token = self.sessions.open(key, time.monotonic())
                answer = RedirectResponse(to, 303)
                answer.set_cookie(
                    COOKIE,
                    token,
                    max_age=HOURS * 3600,
                    httponly=True,
                    samesite="strict",
                    secure=request.url.scheme == "https",
                )
                return answer

        async def build() -> Content:
            return Content("sign_in.html", {"to": to, "fault": fault}, 401 if fault else 200)

        return await self.renderer.answer(request, "Sign in", build)

    async def sign_out(self, request: Request) -> Response:
        """End the visit."""
        self.sessions.close(request.cookies.get(COOKIE))
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


async def read_form(request: Request) -> dict[str, str]:
    """What a form sent, by name."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), True))


async def require_good_key(api: Service, key: SecretStr) -> str:
    """Why nobody is signed in with this key, in words; empty if it is good for something.

    An API that takes any key would let anybody in: first it is asked with one that nobody made.
    """
    if not key.get_secret_value():
        return "Enter a key."
    if not _KEY.fullmatch(key.get_secret_value()):
        return UNKNOWN
    unknown = await attempt(api.get(PROBE, SecretStr(secrets.token_urlsafe(32))))
    if unknown.trouble is None:
        return (
            "Nobody can sign in: the prediction API takes any key. Whoever runs it should start "
            "it with --keys."
        )
    if unknown.trouble.kind != Kind.NO_KEY:
        return f"Nobody can sign in now: the {api.name} does not answer as it should. Try later."
    found = await attempt(api.get(PROBE, key))
    if found.trouble is None or found.trouble.kind == Kind.FORBIDDEN:  # good for something else
        return ""
    if found.trouble.kind == Kind.NO_KEY:
        return UNKNOWN
    return f"Nobody can sign in now: the {api.name} does not answer as it should. Try later."
