"""What every answer of the pages carries, and which requests are not answered at all."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The full report is a page of Evidently's, whose scripts run in it: in an origin of its own, which
# can read nothing of these pages and fetch nothing.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Shield:
    """The middleware. `local` takes requests only by a name of this machine.

    Without a sign-in, what a browser sends is all there is to tell a person's request from that of
    a page elsewhere: one that names another host (by which a name that was bound anew leads here),
    or that another site sent, is refused.
    """

    def __init__(self, app: ASGIApp, *, local: bool) -> None:
        self.app, self.local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refuse(scope["method"], headers)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                given.setdefault("Content-Security-Policy", POLICY)
                static = scope["path"].startswith("/static/")
                given.setdefault("Cache-Control", "max-age=300" if static else "no-store")
                for name, value in HEADERS.items():
                    given.setdefault(name, value)
            await send(message)

        app = PlainTextResponse(refusal, 403) if refusal else self.app
        await app(scope, receive, guarded)

    def _refuse(self, method: str, headers: Headers) -> str:
        """Why a request is not answered; empty if it is."""
        host = headers.get("host", "")
        if self.local and _name_host(host) not in LOCAL:
            return "These pages are asked for by the name of this machine: 127.0.0.1 or localhost."
        if method in ("GET", "HEAD"):
            return ""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in (None, "same-origin") or (origin and urlsplit(origin).netloc != host):
            return "A form is taken from these pages only."
        return ""


def _name_host(host: str) -> str:
    return urlsplit(f"//{host}").hostname or "" if host.isascii() else ""
