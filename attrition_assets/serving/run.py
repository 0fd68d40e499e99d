"""How an API is run: one process, its log in JSON lines, and a graceful stop."""

from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from attrition_assets.serving.drift_api import build_drift_api
from attrition_assets.serving.logs import log_json_lines
from attrition_assets.serving.prediction_api import build_prediction_api
from attrition_assets.settings import Settings

GRACE_SECONDS = 30  # the longest drift check takes half of it
BUILDERS: dict[str, Callable[..., FastAPI]] = {
    "predictions": build_prediction_api,
    "drift": build_drift_api,
}


def run_api(api: str, settings: Settings, host: str, port: int, *, guarded: bool) -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is answered first."""
    log_json_lines()
    app = BUILDERS[api](settings, guarded=guarded)
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
