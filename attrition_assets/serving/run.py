"""How an API, or the pages, are run: one process, its log in JSON lines, and a graceful stop."""

import logging
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from attrition_assets.settings import Settings

GRACE_SECONDS = 10


def _build_predictions(settings: Settings, guarded: bool) -> ASGIApp:
    from attrition_assets.serving.prediction_api import build_prediction_api

    return build_prediction_api(settings, guarded=guarded)


def _build_frontend(settings: Settings, guarded: bool) -> ASGIApp:
    from attrition_assets.serving.frontend.pages import build_frontend

    return build_frontend(
        settings.prediction_api, settings.drift_api, settings.frontend_key, signs_in=guarded
    )


# Each imports what it serves when it is built: no process carries another's libraries.
BUILDERS: dict[str, Callable[[Settings, bool], ASGIApp]] = {
    "predictions": _build_predictions,
    "frontend": _build_frontend,
}


def run_api(api: str, settings: Settings, host: str, port: int, *, guarded: bool) -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is answered first."""
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[log], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell each address asked
    app = BUILDERS[api](settings, guarded)
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        h11_max_incomplete_event_size=16_384,
    )


class JsonLines(logging.Formatter):
    """A record as a line of JSON; one of the access log is that already."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        import json

        said = record.getMessage()
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        if record.name == "attrition.access":
            return f'{{"at": "{at}", {said[1:]}'
        line = {"at": at, "level": record.levelname, "name": record.name, "said": said}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)
