"""A branch is made beside the work tree, and what git refuses leaves everything as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from attrition_assets.adapters.git_repository import Base, GitRepository
from attrition_assets.errors import RepositoryError
from attrition_assets_tests.github_server import NAME, TOKEN, GitHubServer, git, serving_github

BRANCH, FILES = "promote-version-2", {"promotions/champion.yaml": "version: 2\n", "new": "ä\n"}


def make_checkout(folder: Path) -> GitRepository:
    """A checkout on a branch of its own, with a changed, a staged and an untracked file."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, value in {"user.name": "author", "user.email": "author@company.example"}.items():
        git(folder, "config", name, value)
    (folder / "promotions").mkdir()
    (folder / "promotions" / "champion.yaml").write_text("version: 1\n")
    (folder / "kept").write_text("kept\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "checkout", "-q", "-b", "at-work")
    (folder / "kept").write_text("being written\n")
    (folder / "staged").write_text("staged\n")
    git(folder, "add", "staged")
    (folder / "untracked").write_text("untracked\n")
    return GitRepository.find(folder / "promotions")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return make_checkout(tmp_path / "checkout")


def describe(repository: GitRepository) -> tuple[str, str, str]:
    """All that a person sees of a checkout: branches, current branch, files."""
    path = repository.path
    files = [each for each in path.rglob("*") if each.is_file() and ".git/" not in str(each)]
    return (
        git(path, "for-each-ref", "--format=%(refname) %(objectname)"),
        git(path, "status", "--porcelain", "--branch"),
        "".join(f"{each}: {each.read_text('utf-8')}" for each in sorted(files)),
    )


def test_a_branch_holds_the_files_and_the_work_tree_is_as_it_was(
    repository: GitRepository,
) -> None:
    refs, *seen = describe(repository)
    base = repository.find_base()
    commit = repository.make_branch(BRANCH, base, FILES, "Promote\n\nfor a reason\n")
    after, *seen_after = describe(repository)
    assert seen_after == seen
    assert after == f"{refs}refs/heads/{BRANCH} {commit}\n"
    assert {path: repository.read(commit, path) for path in FILES} == FILES
    changed = git(repository.path, "diff", "--name-only", f"main..{BRANCH}").split()
    assert changed == ["new", "promotions/champion.yaml"]
    assert git(repository.path, "log", "-1", "--format=%an: %s", BRANCH) == "author: Promote\n"


def test_the_base_is_the_remotes_default_branch(repository: GitRepository, tmp_path: Path) -> None:
    assert repository.find_base().branch == "main"
    git(repository.path, "branch", "-m", "main", "trunk")
    with pytest.raises(RepositoryError, match="no commit on a branch main to build upon: fetch it"):
        repository.find_base()
    git(repository.path, "checkout", "-q", "-f", "trunk")
    git(tmp_path, "clone", "-q", str(repository.path), "clone")
    base = GitRepository.find(tmp_path / "clone").find_base()
    assert base == Base("trunk", git(repository.path, "rev-parse", "trunk").strip())


def test_a_branch_that_is_there_is_not_moved(repository: GitRepository) -> None:
    base = repository.find_base()
    repository.make_branch(BRANCH, base, FILES, "Promote")
    seen = describe(repository)
    with pytest.raises(RepositoryError, match=rf"has a branch {BRANCH} already.*branch -D"):
        repository.make_branch(BRANCH, base, {"new": "other\n"}, "Promote")
    assert describe(repository) == seen
    repository.remove_branch(BRANCH, git(repository.path, "rev-parse", BRANCH).strip())
    assert BRANCH not in describe(repository)[0]


def test_what_git_refuses_leaves_no_branch(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = describe(repository)
    with pytest.raises(
        RepositoryError, match=r"`git update-index` is refused .*No branch was made"
    ):
        repository.make_branch(BRANCH, repository.find_base(), {"../out": "x"}, "Promote")
    git(repository.path, "config", "user.useConfigOnly", "true")
    git(repository.path, "config", "--unset", "user.email")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.delenv("EMAIL", raising=False)
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RepositoryError, match=r"`git commit-tree` is refused .*user\.email"):
        repository.make_branch(BRANCH, repository.find_base(), FILES, "Promote")
    assert describe(repository) == seen


def test_it_is_not_led_astray_by_the_variables_of_a_hook(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_checkout(tmp_path / "other")
    seen = describe(other)
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git" / "index"))
    found = GitRepository.find(repository.path)
    found.make_branch(BRANCH, found.find_base(), FILES, "Promote")
    monkeypatch.undo()
    assert describe(other) == seen
    assert BRANCH in describe(repository)[0]


def test_a_folder_without_a_repository_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RepositoryError, match="is no folder: name a git checkout"):
        GitRepository.find(tmp_path / "absent")
    with pytest.raises(RepositoryError, match="is not in a git repository with a work tree"):
        GitRepository.find(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git is not installed"):
        GitRepository.find(tmp_path)


def test_changes_that_no_commit_holds_are_told_where_they_matter(
    repository: GitRepository,
) -> None:
    repository.require_untouched(["promotions/champion.yaml"])
    (repository.path / "promotions" / "champion.yaml").write_text("version: 3\n")
    with pytest.raises(RepositoryError, match=r"promotions/champion\.yaml in .* not committed"):
        repository.require_untouched(["promotions/champion.yaml"])


def test_a_commit_that_is_absent_is_not_a_file_that_is_absent(repository: GitRepository) -> None:
    assert repository.read("main", "promotions/absent") is None
    with pytest.raises(RepositoryError, match="does not hold the commit 1234567"):
        repository.read("1234567", "promotions/champion.yaml")


def test_bytes_that_are_no_text_are_shown_as_such(repository: GitRepository) -> None:
    git(repository.path, "checkout", "-q", "-f", "main")
    (repository.path / "kept").write_bytes(b"caf\xe9\n")
    git(repository.path, "commit", "-q", "-a", "-m", "in another encoding")
    assert repository.read("main", "kept") == "caf\N{REPLACEMENT CHARACTER}\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    with serving_github(tmp_path / "github") as server:
        yield server


def test_a_branch_is_pushed_with_the_token_once_and_taken_back(
    repository: GitRepository, server: GitHubServer
) -> None:
    address, token = f"{server.url}/{NAME}.git", SecretStr(TOKEN)
    commit = repository.make_branch(BRANCH, repository.find_base(), FILES, "Promote")
    with pytest.raises(RepositoryError, match="could not be pushed to") as caught:
        repository.push(BRANCH, address, SecretStr("wrong"))
    assert "wrong" not in str(caught.value)
    repository.push(BRANCH, address, token)
    assert git(server.bare, "rev-parse", BRANCH).strip() == commit
    repository.remove_branch(BRANCH, commit)
    other = repository.make_branch(BRANCH, repository.find_base(), {"new": "other\n"}, "Promote")
    assert other != commit
    with pytest.raises(RepositoryError, match=rf"has a branch {BRANCH} already"):
        repository.push(BRANCH, address, token)
    repository.push(BRANCH, address, token, remove=True)
    assert server.branches() == set()
    assert TOKEN not in (repository.path / ".git" / "config").read_text()
