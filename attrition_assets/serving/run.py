"""How an API, or the pages, are run: one process, its log in JSON lines, and a graceful stop."""

import logging
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from attrition_assets.serving.logs import log_json_lines
from attrition_assets.settings import Settings

GRACE_SECONDS = 30  # the longest drift check takes half of it


def _build_predictions(settings: Settings, guarded: bool) -> ASGIApp:
    from attrition_assets.serving.prediction_api import build_prediction_api

    return build_prediction_api(settings, guarded=guarded)


def _build_drift(settings: Settings, guarded: bool) -> ASGIApp:
    from attrition_assets.serving.drift_api import build_drift_api

    return build_drift_api(settings, guarded=guarded)


def _build_frontend(settings: Settings, guarded: bool) -> ASGIApp:
    from attrition_assets.serving.frontend.pages import build_frontend

    return build_frontend(
        settings.prediction_api, settings.drift_api, settings.frontend_key, signs_in=guarded
    )


# Each imports what it serves when it is built: no process carries another's libraries.
BUILDERS: dict[str, Callable[[Settings, bool], ASGIApp]] = {
    "predictions": _build_predictions,
    "drift": _build_drift,
    "frontend": _build_frontend,
}


def run_api(api: str, settings: Settings, host: str, port: int, *, guarded: bool) -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is answered first."""
    log_json_lines()
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
