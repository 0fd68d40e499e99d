"""What goes wrong around the program, made for real: mounts, full disks, servers, locked files."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def mounted(folder: Path, *what: str) -> Iterator[None]:
    """Something mounted on a folder; the test is skipped, loudly, where that is not permitted."""
    done = subprocess.run(
        ["mount", *what, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting is not permitted ({done.stderr.strip()}): this fault is NOT tested")
    try:
        yield
    finally:
        # At once, even while this process has a file of it open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int) -> None:
    """Fill a small file system but for so many bytes."""
    path = disk / "fill"
    path.unlink(missing_ok=True)
    with path.open("wb") as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"\0" * 1_000_000)
            file.flush()
    with path.open("r+b") as file:
        file.truncate(max(0, path.stat().st_size - left))


@contextmanager
def serving(status: int, seconds: float) -> Iterator[str]:
    """A server that answers everything with `status`, after so many seconds."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            closing.wait(seconds)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        closing.set()
        server.shutdown()
        server.server_close()


class KilledError(BaseException):
    """What ends a process at any instant."""


@contextmanager
def killed_after(owner: object, name: str) -> Iterator[None]:
    """A process ends right after it has called a function."""
    goes_on = getattr(owner, name)

    def end(*given: Any, **named: Any) -> None:
        goes_on(*given, **named)
        raise KilledError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(owner, name, end)
        yield


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Another process that holds a SQLite file."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.kill()
