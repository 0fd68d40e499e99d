"""An application over real HTTP: on a port of this machine, in a thread of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.types import ASGIApp

from attrition_assets_tests.processes import wait_until


@contextmanager
def serving(app: ASGIApp) -> Iterator[httpx.Client]:
    """A client of the application, which serves until the block is left."""
    config = uvicorn.Config(app, port=0, access_log=False, log_config=None, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server")
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def get_url(client: httpx.Client) -> str:
    """Where what a client asks is served."""
    return str(client.base_url).rstrip("/")
