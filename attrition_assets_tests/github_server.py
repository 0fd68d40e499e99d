"""A server on this machine that speaks what is needed of GitHub: its API, and git over HTTP."""

import json
import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAME, TOKEN = "company/attrition", "token-of-a-test"
API = f"/repos/{NAME}"


@dataclass
class GitHubServer:
    """What the server holds, and the answers that it gives instead of doing what is asked.

    `failing` gives a status and a body for a method and path, sent with `headers`. What is
    `unheard` is done, and the connection is cut before it is answered; what is `slow` is done, and
    answered once it is `quick`. Issues that are `unlisted` are there, and in no list.
    """

    folder: Path
    url: str = ""
    labels: set[str] = field(default_factory=lambda: {"model-promotion"})
    opened: list[dict[str, Any]] = field(default_factory=list)
    failing: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    unheard: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    unlisted: set[int] = field(default_factory=set)
    quick: threading.Event = field(default_factory=threading.Event)

    def restore(self) -> None:
        """Let the server do from now on what it is asked to do."""
        for held in (self.failing, self.unheard, self.headers, self.slow, self.unlisted):
            held.clear()
        self.quick.set()

    @property
    def bare(self) -> Path:
        """The repository that is pushed to."""
        return self.folder / f"{NAME}.git"

    def branches(self) -> set[str]:
        """The names of its branches."""
        listed = git(self.bare, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        return set(listed.split())

    def answer(self, method: str, path: str, given: Any) -> tuple[int, Any]:
        """GitHub's answer to a request of its API."""
        if failure := self.failing.get(f"{method} {path}"):
            return failure
        if (method, path) == ("GET", API):
            clone = f"{self.url}/{NAME}.git"
            return 200, {"full_name": NAME, "url": self.url + API, "clone_url": clone}
        if method == "GET" and path.removeprefix(f"{API}/labels/") in self.labels:
            return 200, {"name": path.rsplit("/", 1)[1]}
        if (method, path) == ("POST", f"{API}/pulls"):
            number = len(self.opened) + 1
            self.opened.append({**given, "number": number, "labels": []})
            page = f"https://github.example/{NAME}/pull/{number}"
            return 201, {"number": number, "html_url": page, "url": f"{self.url}{API}/pulls/1"}
        if path.startswith(f"{API}/issues") and not self.opened:
            return self.answer_issue(method, path.removeprefix(f"{API}/issues"), given)
        if (method, path) == ("GET", f"{API}/issues/1") and self.opened:
            return 200, {"number": 1, "url": f"{self.url}{API}/issues/1"}
        if (method, path) == ("POST", f"{API}/issues/1/labels"):
            self.opened[0]["labels"] = given
            return 200, []
        return 404, {"message": "Not Found"}

    def answer_issue(self, method: str, path: str, given: Any) -> tuple[int, Any]:
        """GitHub's answer to a request about its issues; a deleted one is gone."""
        if (method, path) == ("GET", ""):
            return 200, [
                each
                for each in reversed(self.issues)
                if each["state"] != "deleted" and each["number"] not in self.unlisted
            ]
        if (method, path) == ("POST", ""):
            number = len(self.issues) + 1
            links = {"url": f"{self.url}{API}/issues/{number}", "html_url": f"page/{number}"}
            self.issues.append({"number": number, "state": "open", **links})
            path, method = f"/{number}", "PATCH"
        issue = self.issues[int(path[1:]) - 1]
        if issue["state"] == "deleted":
            return 410, {"message": "This issue was deleted"}
        if method == "PATCH":
            issue.update(given)
            issue["labels"] = [
                each if isinstance(each, dict) else {"name": each} for each in issue["labels"]
            ]
        return 200, issue


def git(folder: Path, *words: str) -> str:
    """A git command in a folder, which must succeed."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    )
    return done.stdout


@contextmanager
def serving_github(folder: Path) -> Iterator[GitHubServer]:
    """The server, with an empty repository in `folder`, until the block is left."""
    held = GitHubServer(folder)
    held.bare.mkdir(parents=True)
    git(held.bare, "init", "-q", "--bare", "-b", "main")
    git(held.bare, "config", "http.receivepack", "true")
    basic = b64encode(f"x-access-token:{TOKEN}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path, _, query = self.path.partition("?")
            login = self.headers.get("Authorization")
            if path.startswith(f"/{NAME}.git"):
                if login != f"Basic {basic}":
                    self.reply(401, b"", {"WWW-Authenticate": 'Basic realm="GitHub"'})
                else:
                    self.reply(*run_git_backend(held.folder, self, path, query, content))
            elif login != f"token {TOKEN}":
                self.reply(401, b'{"message": "Bad credentials"}', {})
            else:
                status, body = held.answer(self.command, path, json.loads(content or b"{}"))
                if f"{self.command} {path}" in held.unheard:
                    self.connection.close()
                    return
                if f"{self.command} {path}" in held.slow:
                    held.quick.wait()
                sent = {"Content-Type": "application/json", **held.headers}
                self.reply(status, json.dumps(body).encode(), sent)

        do_GET = do_POST = do_PATCH = handle_request  # noqa: N815 - the server's names

        def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield held
    finally:
        held.quick.set()
        server.shutdown()
        server.server_close()


def run_git_backend(
    folder: Path, request: BaseHTTPRequestHandler, path: str, query: str, content: bytes
) -> tuple[int, bytes, dict[str, str]]:
    """What git's own server program answers, by CGI."""
    done = subprocess.run(
        ["git", "http-backend"],
        input=content,
        capture_output=True,
        check=True,
        env={
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(content)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "author",
            "REMOTE_ADDR": "127.0.0.1",
        },
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    return status, body, headers
