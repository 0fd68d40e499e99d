"""The issues of a home on their way to GitHub: written here first, sent at least once, not twice.

`home/outbox/` holds, for each issue, how it should stand and how it stands there. One process sends
at a time. What was cut short is found again on GitHub by the mark in its body.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from attrition_assets.adapters.files import alone, write_atomically
from attrition_assets.adapters.github import GitHub
from attrition_assets.errors import GitHubError
from attrition_assets.monitoring.episodes import Issue, Label, MonthNews, tell_issues
from attrition_assets.values import Value

ISSUE, SENT, NEWS = "issue.json", "sent.json", "news.json"
ASKED = "asked"  # when GitHub was asked to make an issue, until it is known that it did
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
LISTED_AFTER = timedelta(minutes=2)  # an issue that GitHub made may not be listed at once


class Sent(Value):
    """How an issue stands where it was sent to: its number there, its address, its content."""

    number: int
    url: str
    digest: str


class Trouble(Value):
    """Why nothing could be sent: for how many times now, since when, and until when to wait."""

    fault: str
    tries: int
    since: AwareDatetime
    until: AwareDatetime


@dataclass(frozen=True)
class Outbox:
    """The issues of one home."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where a file an issue lies."""
        return self.home / "outbox"

    def note(self, news: MonthNews) -> Issue:
        """Take in what a month tells, in place of what it told before; return its issue.

        All issues are told anew. One whose months went to another, as a month was corrected, is
        closed and says so.
        """
        with self._alone():
            write_atomically(self._path(news.month, NEWS), news.model_dump_json(indent=1).encode())
            told = [
                MonthNews.model_validate_json(path.read_bytes())
                for path in sorted(self.folder.glob(f"*.{NEWS}"))
            ]
            issues = tell_issues(told)
            keys = {issue.key for issue in issues}
            gone = [_close(issue) for issue in self._read_all() if issue.key not in keys]
            for issue in (*issues, *gone):
                self._put(issue)
        return next(issue for issue in reversed(issues) if issue.key <= news.month)

    def _put(self, issue: Issue) -> None:
        content, path = issue.model_dump_json(indent=1).encode(), self._path(issue.key, ISSUE)
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(self.text_path(issue.key), issue.body.encode())
            write_atomically(path, content)

    def text_path(self, key: str) -> Path:
        """Where the text of an issue lies for people, whether it is sent or not."""
        return self.home / "reports" / "issues" / f"{key}.md"

    def waiting(self) -> list[Issue]:
        """The issues that do not stand on GitHub as they should, in order."""
        return [issue for issue in self._read_all() if not self._is_sent(issue)]

    def sent(self, key: str) -> Sent | None:
        """How an issue stands where it was sent to; None if it never was."""
        try:
            return Sent.model_validate_json(self._path(key, SENT).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def describe(self, *, sends: bool) -> str:
        """In a line, whether all issues stand as they should, where they are sent at all."""
        waiting, trouble = self.waiting(), self.trouble()
        if not sends:
            return f"{len(self._read_all())} as files in {self.text_path('x').parent}: no token"
        if not waiting:
            return f"{len(self._read_all())} on GitHub, none waits"
        why = trouble.fault if trouble else "none was tried yet"
        since = f" since {trouble.since:%Y-%m-%d %H:%M}" if trouble else ""
        return f"{len(waiting)} wait{since}: {why}"

    def trouble(self) -> Trouble | None:
        """Why nothing could be sent the last time; None if it could."""
        try:
            return Trouble.model_validate_json((self.folder / "trouble").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def send(self, github: GitHub, now: datetime) -> list[str]:
        """Send what waits; return the keys of what was sent.

        Raises GitHubError at the first that could not be sent: all that are left wait, twice as
        long after each try, and for as long as GitHub wants to be left alone. What GitHub took
        though it did not say so is found by its mark, once it is listed.
        """
        done = []
        with self._alone():
            try:
                for issue in self.waiting():
                    self._send(issue, github, now)
                    done.append(issue.key)
            except GitHubError as error:
                self._note_trouble(error, now)
                raise
            (self.folder / "trouble").unlink(missing_ok=True)
        return done

    def _send(self, issue: Issue, github: GitHub, now: datetime) -> None:
        known = self.sent(issue.key)
        number = known.number if known else github.find_issue(issue.mark)
        labels = {str(label): label in issue.labels for label in Label}
        stands = (issue.title, issue.body, labels, issue.is_open)
        url = github.update_issue(number, *stands) if number else None
        if number is None or url is None:
            with self._asking_once(issue, now):
                number, url = github.create_issue(issue.title, issue.body, list(issue.labels))
            self._write_sent(issue, number, url, digest="")  # it is there, and is still open
            github.update_issue(number, *stands)
        self._write_sent(issue, number, url, digest=_digest(issue))

    @contextmanager
    def _asking_once(self, issue: Issue, now: datetime) -> Iterator[None]:
        """Note that GitHub is asked to make an issue: not again before it would be listed, unless
        it refused.
        """
        path = self._path(issue.key, ASKED)
        if path.is_file():
            wait = datetime.fromisoformat(path.read_text("utf-8")) + LISTED_AFTER - now
            if timedelta(0) < wait <= LISTED_AFTER:
                raise GitHubError(
                    f"GitHub was asked for the issue of {issue.key} and did not say that it made "
                    "it: it is asked again if it does not list it by then",
                    wait=wait,
                )
        write_atomically(path, now.isoformat().encode())
        try:
            yield
        except GitHubError as error:
            if error.refused:
                path.unlink()
            raise

    def _write_sent(self, issue: Issue, number: int, url: str, *, digest: str) -> None:
        sent = Sent(number=number, url=url, digest=digest)
        write_atomically(self._path(issue.key, SENT), sent.model_dump_json().encode())
        self._path(issue.key, ASKED).unlink(missing_ok=True)

    def _note_trouble(self, error: GitHubError, now: datetime) -> None:
        before = self.trouble()
        tries = before.tries + 1 if before else 1
        wait = min(max(FIRST_WAIT * 2 ** min(tries - 1, 20), error.wait), LONGEST_WAIT)
        since = before.since if before else now
        trouble = Trouble(fault=str(error), tries=tries, since=since, until=now + wait)
        write_atomically(self.folder / "trouble", trouble.model_dump_json().encode())

    def _is_sent(self, issue: Issue) -> bool:
        sent = self.sent(issue.key)
        return sent is not None and sent.digest == _digest(issue)

    def _read_all(self) -> list[Issue]:
        paths = sorted(self.folder.glob(f"*.{ISSUE}"))
        return [Issue.model_validate_json(path.read_bytes()) for path in paths]

    def _path(self, key: str, ending: str) -> Path:
        return self.folder / f"{key}.{ending}"

    def _alone(self) -> AbstractContextManager[None]:
        """Wait until no other process writes or sends."""
        return alone(self.folder / "lock")


def _digest(issue: Issue) -> str:
    return sha256(issue.model_dump_json().encode()).hexdigest()


def _close(issue: Issue) -> Issue:
    note = "**Its months are told elsewhere now**, since one of them was judged anew."
    return issue.model_copy(update={"body": f"{issue.mark}\n\n{note}\n", "is_open": False})
