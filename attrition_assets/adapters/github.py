"""One repository on GitHub: where to push to, its labels, a pull request, its issues.

PyGithub is imported inside the functions that use it. What is written there is for `governance`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import SecretStr

from attrition_assets.errors import GitHubError
from attrition_assets.settings import Settings

if TYPE_CHECKING:
    from github.Repository import Repository

TRIES_AGAIN = 2
USUAL_WAIT = timedelta(hours=1)  # until GitHub takes requests of a token again
PAGE, MOST_ISSUES = 100, 1000  # of which one is looked for
GONE, TOO_MANY, SERVER_FAULT = 410, 429, 500


@dataclass(frozen=True)
class GitHub:
    """The repository `name` (owner/name), by the API at `url`, as the token's owner.

    `pause_seconds` lie between two changes, as GitHub asks for; no answer takes longer than
    `patience_seconds`.
    """

    name: str
    token: SecretStr
    url: str
    pause_seconds: float = 1.0
    patience_seconds: int = 15

    @cached_property
    def repository(self) -> "Repository":
        """The repository. Raises GitHubError if the token or the name is refused."""
        from github import Auth, Github
        from urllib3 import Retry

        # Only what changes nothing is tried again: a pull request must not be opened twice. A month
        # does not wait for GitHub to take requests again: that is for who asks.
        patience = Retry(
            total=TRIES_AGAIN,
            backoff_factor=self.pause_seconds / 4,
            status_forcelist=range(500, 600),
            allowed_methods={"GET"},
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        client = Github(
            auth=Auth.Token(self.token.get_secret_value()),
            base_url=self.url,
            timeout=self.patience_seconds,
            per_page=PAGE,
            seconds_between_writes=self.pause_seconds,
            seconds_between_requests=self.pause_seconds / 4,
            retry=patience,
        )
        absent = (
            f"there is no repository {self.name}, or the token may not see it: correct "
            "ATTRITION_GITHUB_REPOSITORY, or give the token access to it"
        )
        with self.asking(absent):
            return client.get_repo(self.name)

    @property
    def address(self) -> str:
        """Where git pushes to."""
        return self.repository.clone_url

    def require_label(self, label: str) -> None:
        """Raise GitHubError if the repository has no such label."""
        absent = (
            f"{self.name} has no label {label}: make it, `gh label create {label} --repo "
            f"{self.name}`, then do it again"
        )
        with self.asking(absent):
            self.repository.get_label(label)

    def open_pull_request(self, branch: str, base: str, title: str, body: str) -> tuple[int, str]:
        """Open a pull request of a pushed branch; return its number and where people see it."""
        with self.asking(f"{self.name} or its branch {branch} is gone: look there, then try again"):
            opened = self.repository.create_pull(base, branch, title=title, body=body)
        return opened.number, opened.html_url

    def add_label(self, number: int, label: str) -> None:
        """Add a label to a pull request or an issue."""
        with self.asking(f"{self.name} has no number {number} any more: look there"):
            self.repository.get_issue(number).add_to_labels(label)

    def find_issue(self, mark: str) -> int | None:
        """The number of the issue whose body holds `mark`; None if none of the newest 1,000 does.

        It is listed, not searched for: GitHub's search knows of an issue only after a while.
        """
        with self.asking(f"{self.name} has no issues: switch them on in its settings"):
            listed = self.repository.get_issues(state="all", sort="created", direction="desc")
            for issue in islice(listed, MOST_ISSUES):
                if mark in (issue.body or ""):
                    return issue.number
        return None

    def create_issue(self, title: str, body: str, labels: Collection[str]) -> tuple[int, str]:
        """Make an issue; return its number and where people see it."""
        with self.asking(f"{self.name} has no issues: switch them on in its settings"):
            made = self.repository.create_issue(title, body=body, labels=list(labels))
        return made.number, made.html_url

    def update_issue(
        self, number: int, title: str, body: str, labels: dict[str, bool], is_open: bool
    ) -> str | None:
        """Let an issue stand so; return where people see it, None if it was deleted.

        `labels` says which it has and which it has not; any other stays as it is.
        """
        from github import GithubException, UnknownObjectException

        with self.asking(f"the issue {number} of {self.name} may not be changed by this token"):
            try:
                issue = self.repository.get_issue(number)
            except UnknownObjectException:
                return None
            except GithubException as error:
                if error.status == GONE:
                    return None
                raise
            others = [each.name for each in issue.labels if each.name not in labels]
            own = [name for name, given in labels.items() if given]
            state = "open" if is_open else "closed"
            issue.edit(title=title, body=body, labels=[*others, *own], state=state)
        return issue.html_url

    @contextmanager
    def asking(self, absent: str) -> Iterator[None]:
        """Turn what GitHub refuses into a GitHubError; `absent` says what a 404 means."""
        from github import (
            BadCredentialsException,
            GithubException,
            RateLimitExceededException,
            UnknownObjectException,
        )

        try:
            yield
        except BadCredentialsException:
            raise GitHubError(
                f"GitHub at {self.url} refuses the token: it is wrong, revoked or past its date; "
                "make a new one and set ATTRITION_GITHUB_TOKEN"
            ) from None
        except UnknownObjectException:
            raise GitHubError(absent) from None
        except GithubException as error:
            if isinstance(error, RateLimitExceededException) or error.status == TOO_MANY:
                wait = _read_wait(error.headers or {})
                raise GitHubError(
                    f"GitHub at {self.url} takes no more requests of this token for now: try again "
                    f"in {max(1, round(wait / timedelta(minutes=1)))} minutes",
                    wait=wait,
                ) from None
            raise GitHubError(
                f"GitHub at {self.url} refuses what is asked of {self.name} ({_explain(error)}): "
                "the token needs to read and write contents, issues and pull requests",
                refused=error.status < SERVER_FAULT,
            ) from None
        except OSError as error:  # those of the library underneath are of that kind
            raise GitHubError(
                f"GitHub at {self.url} cannot be reached ({_name_cause(error)}): see that the "
                "network is up, and correct ATTRITION_GITHUB_URL if it is wrong",
                refused=False,
            ) from None


def open_github(settings: Settings) -> GitHub | None:
    """The repository that the settings name; None if they name none."""
    if settings.github_token is None or settings.github_repository is None:
        return None
    return GitHub(settings.github_repository, settings.github_token, settings.github_url)


def _explain(error: Exception) -> str:
    """The status and GitHub's own words."""
    status, data = getattr(error, "status", "?"), getattr(error, "data", None)
    told = data if isinstance(data, dict) else {}
    faults = [each for each in told.get("errors") or () if isinstance(each, dict)]
    details = [str(each["message"]) for each in faults if "message" in each]
    return "; ".join([f"{status} {told.get('message', 'without a word')}", *details])[:300]


def _read_wait(headers: Mapping[str, str]) -> timedelta:
    """How long GitHub wants to be left alone, as its answer says; an hour if it does not.

    A moment is counted from the answer's own time, so that this machine's clock does not matter.
    """
    if (after := headers.get("retry-after", "")).isdigit():
        return timedelta(seconds=int(after))
    try:
        answered = parsedate_to_datetime(headers["date"])
        reset = datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC)
        return max(timedelta(0), reset - answered)
    except (KeyError, ValueError, TypeError, OverflowError):  # absent, or no moments
        return USUAL_WAIT


def _name_cause(error: BaseException) -> str:
    """The innermost cause in a word or two: an address that carries no secret."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split())[:200]
