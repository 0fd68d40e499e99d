"""A git repository, written to beside its work tree: nobody's files or current branch are touched.

A commit is put together from git's own objects and a temporary index, then named by a branch; what
is in it is the caller's business.
"""

import os
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from attrition_assets.errors import RepositoryError

# What git sets for its hooks: they would lead a command to another repository or index.
MISLEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
NEVER_ASK = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
NO_COMMIT = "0" * 40
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Base:
    """The branch that is built upon: its plain name, and the commit that it stands at."""

    branch: str
    commit: str


@dataclass(frozen=True)
class GitRepository:
    """The repository with the work tree at `path`."""

    path: Path

    @classmethod
    def find(cls, folder: Path) -> Self:
        """The repository that a folder is in. Raises RepositoryError if it is in none."""
        repository = cls(folder)
        if not folder.is_dir():
            raise RepositoryError(f"{folder} is no folder: name a git checkout with --repository")
        done = repository._run("rev-parse", "--show-toplevel")
        if done.returncode:
            raise RepositoryError(
                f"{folder} is not in a git repository with a work tree ({_say(done)}): name a "
                "checkout with --repository"
            )
        return cls(Path(done.stdout.strip()))

    def find_base(self) -> Base:
        """The default branch as the remote `origin` has it, else `main`.

        Raises RepositoryError if there is neither.
        """
        head = self._run("symbolic-ref", "--short", "refs/remotes/origin/HEAD")
        branch = head.stdout.strip().removeprefix("origin/") if not head.returncode else "main"
        for name in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
            found = self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            if not found.returncode:
                return Base(branch, found.stdout.strip())
        raise RepositoryError(
            f"{self.path} has no commit on a branch {branch} to build upon: fetch it (`git -C "
            f"{self.path} fetch origin`), and where the default branch has another name, `git -C "
            f"{self.path} remote set-head origin --auto`"
        )

    def read(self, commit: str, path: str) -> str | None:
        """The text of a file at a commit; None if it is not there.

        U+FFFD stands in it for bytes that are no UTF-8. Raises RepositoryError if the commit is not
        there.
        """
        known = self._run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
        if known.returncode:
            raise RepositoryError(
                f"{self.path} does not hold the commit {commit}: fetch its branch with its history "
                f"(`git -C {self.path} fetch origin`), or name the checkout that has it with "
                "--repository"
            )
        listed = self._do("ls-tree", "--name-only", known.stdout.strip(), "--", path)
        return self._do("cat-file", "blob", f"{known.stdout.strip()}:{path}") if listed else None

    def require_untouched(self, paths: Sequence[str]) -> None:
        """Raise RepositoryError if one of the files has changes that no commit holds."""
        if changed := self._do("status", "--porcelain", "--", *paths).splitlines():
            names = ", ".join(line[3:] for line in changed)
            raise RepositoryError(
                f"{names} in {self.path} has changes that were not committed, and what is proposed "
                f"would pass them over: commit them to {self.find_base().branch}, or move them away"
            )

    def make_branch(self, name: str, base: Base, files: Mapping[str, str], message: str) -> str:
        """A new branch of one commit on `base` that writes the files; returns the commit.

        Raises RepositoryError, with every branch as it was, if the branch is there already or git
        refuses.
        """
        if not self._run("rev-parse", "--verify", "--quiet", f"refs/heads/{name}").returncode:
            raise RepositoryError(
                f"{self.path} has a branch {name} already, of an earlier proposal: push that, or "
                f"remove it (`git -C {self.path} branch -D {name}`) and propose anew"
            )
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._do("read-tree", base.commit, **index)
            for path, text in files.items():
                blob = self._do("hash-object", "-w", "--stdin", given=text).strip()
                self._do("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
            tree = self._do("write-tree", **index).strip()
        commit = self._do("commit-tree", tree, "-p", base.commit, given=message).strip()
        self._do("update-ref", f"refs/heads/{name}", commit, NO_COMMIT)
        return commit

    def remove_branch(self, name: str, commit: str) -> None:
        """Remove a branch that still stands at a commit."""
        self._do("update-ref", "-d", f"refs/heads/{name}", commit)

    def push(self, name: str, address: str, token: SecretStr, remove: bool = False) -> None:
        """Push a branch to an address that does not have it yet, or `remove` it there.

        The token goes by the environment, where no list of processes shows it. Raises
        RepositoryError with git's own words.
        """
        login = b64encode(f"x-access-token:{token.get_secret_value()}".encode()).decode()
        config = {
            f"http.{address}.extraHeader": f"Authorization: Basic {login}",
            "credential.helper": "",
        }
        variables = {"GIT_CONFIG_COUNT": str(len(config))}
        for place, (key, value) in enumerate(config.items()):
            variables |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
        ref = f"refs/heads/{name}"
        done = self._run(
            "push",
            "--quiet",
            *(() if remove else (f"--force-with-lease={ref}:",)),  # it must not be there
            address,
            f":{ref}" if remove else f"{ref}:{ref}",
            **variables,
        )
        if not done.returncode:
            return
        if "stale info" in done.stderr or "already exists" in done.stderr:
            raise RepositoryError(
                f"{address} has a branch {name} already, of an earlier proposal: close its pull "
                "request and remove the branch there, then propose anew"
            )
        raise RepositoryError(
            f"{name} could not be pushed to {address} ({_say(done)}): see that the token may write "
            "contents, and that the network is up, then propose anew"
        )

    def _do(self, *words: str, given: str | None = None, **variables: str) -> str:
        """What a git command prints. Raises RepositoryError with its complaint."""
        done = self._run(*words, given=given, **variables)
        if done.returncode:
            raise RepositoryError(
                f"`git {words[0]}` is refused in {self.path} ({_say(done)}): mend that, and do it "
                "again. No branch was made or moved"
            )
        return done.stdout

    def _run(
        self, *words: str, given: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: each for name, each in os.environ.items() if name not in MISLEADING}
        try:
            return subprocess.run(
                ["git", "-C", str(self.path), *words],
                env=inherited | NEVER_ASK | variables,
                input=given,
                stdin=None if given is not None else subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise RepositoryError("git is not installed, or not on the PATH: install it") from None
        except subprocess.TimeoutExpired:
            raise RepositoryError(
                f"`git {words[0]}` did not end within {TIMEOUT_SECONDS} seconds: see that the "
                "network is up and that no other git holds the repository, then do it again"
            ) from None


def _say(done: subprocess.CompletedProcess[str]) -> str:
    """What git complains of, on one line."""
    told = [line for line in done.stderr.splitlines() if not line.startswith("hint:")]
    return " ".join(" ".join(told).split())[:300] or f"it ended with {done.returncode}"
