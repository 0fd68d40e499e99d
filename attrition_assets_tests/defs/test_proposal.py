"""A version is proposed by a pull request, and its merge promotes it once, with who approved it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.promotion import roll_back
from attrition_assets.governance.comparison import Recommendation
from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.governance.promotion_request import CHAMPION_FILE, read_request
from attrition_assets_tests.adapters.test_git_repository import make_checkout
from attrition_assets_tests.github_server import API, NAME, TOKEN, GitHubServer, git, serving_github
from attrition_assets_tests.governance.test_pull_requests import load
from attrition_assets_tests.seen import attrition

from .conftest import ADA, Place, advise, set_tag
from .test_bad_artifacts import change_a_byte

BRANCH = "promote-version-2"
Command = Callable[..., Result]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path / "checkout").path


@pytest.fixture
def command(place: Place, registry: Registry, checkout: Path) -> Command:
    """The command on the walked state, where version 2 waits, and on the checkout."""

    def call(*words: str, **more: str) -> Result:
        home, data = place.settings.home, place.settings.data
        return attrition(home, data, *words, "--repository", str(checkout), **more)

    return call


def merge(
    checkout: Path,
    folder: Path,
    payload: str = "merged.json",
    squash: bool = False,
    content: bytes | None = None,
) -> str:
    """Merge the branch as GitHub would, and write GitHub's event of it; returns its file.

    `content` is what somebody wrote into the champion's file on the branch.
    """
    if content is not None:
        git(checkout, "checkout", "-q", "-f", BRANCH)
        (checkout / CHAMPION_FILE).write_bytes(content)
        git(checkout, "commit", "-q", "-a", "-m", "by hand")
    head = git(checkout, "rev-parse", BRANCH).strip()
    git(checkout, "checkout", "-q", "-f", "main")
    git(checkout, "merge", "-q", *(["--squash"] if squash else ["--no-ff", "--no-edit"]), BRANCH)
    if squash:
        git(checkout, "commit", "-q", "-m", "Promote (#12)")
    event: dict[str, Any] = load(payload)
    event["pull_request"]["head"]["sha"] = head
    event["pull_request"]["merge_commit_sha"] = git(checkout, "rev-parse", "HEAD").strip()
    (folder / "event.json").write_text(json.dumps(event))
    (recorded,) = load("reviews.json")
    (folder / "reviews.json").write_text(json.dumps([recorded | {"commit_id": head}]))
    (folder / "collaborators.json").write_text(json.dumps(load("collaborators.json")))
    return str(folder / "event.json")


def approved(folder: Path) -> tuple[str, ...]:
    """The options that name what `merge` wrote of reviews and of who may push."""
    files = {f"--{name}": folder / f"{name}.json" for name in ("reviews", "collaborators")}
    return tuple(str(word) for option in files.items() for word in option)


def last_entry(registry: Registry) -> Entry:
    return DecisionLog(registry.home).entries()[-1]


def test_a_challenger_is_proposed_by_hand_and_its_merge_promotes_it_once(
    command: Command, registry: Registry, place: Place, checkout: Path, tmp_path: Path
) -> None:
    refs = git(checkout, "for-each-ref")
    refused = command("propose")
    assert refused.exit_code == 1
    assert "version 2 is not proposed: against the champion the comparison says" in refused.output
    assert git(checkout, "for-each-ref") == refs

    advise(registry, Recommendation.PROMOTE)
    proposed = command("propose")
    assert proposed.exit_code == 0, proposed.output
    body = place.settings.home / "proposals" / "version-2.md"
    push, opened = proposed.output.splitlines()[2:4]
    assert push == f"  git -C {checkout} push origin {BRANCH}"
    assert opened.startswith(f"  gh pr create --base main --head {BRANCH} --label model-promotion")
    assert opened.endswith(f"--body-file {body}")
    told = body.read_text("utf-8")
    assert "Version 2 against version 1, the champion: **promote**." in told
    assert "| groups by | version 1 | version 2 |\n| --- | --- | --- |\n| Age |" in told
    assert "+# Model card: version 2" in told
    assert "+## What it learned from" in told
    assert "<!-- card -->" not in told
    asked = read_request(git(checkout, "show", f"{BRANCH}:{CHAMPION_FILE}"))
    assert asked.model_sha256 == registry.load(2).model_sha256

    event = merge(checkout, tmp_path)
    unreviewed = command("promote", "--from-pull-request", event)
    assert unreviewed.exit_code == 1
    assert "(no --reviews were given: without, nobody has approved)" in unreviewed.output
    entry = last_entry(registry)
    assert (entry.kind, entry.facts["pull_request"]) == (Kind.PROMOTION_REFUSED, 12)
    assert registry.champion_version() == 1
    words = ("promote", "--from-pull-request", event, *approved(tmp_path))
    promoted = command(*words)
    assert promoted.output == "version 2 is champion now, approved by reviewer\n"
    entry = last_entry(registry)
    assert (entry.kind, entry.who) == (Kind.PROMOTED, "reviewer")
    assert entry.why == "pull request #12: Promote version 2 of attrition"
    assert entry.facts == {"version": 2, "previous": 1, "pull_request": 12}

    assert roll_back(place.instance, registry, **ADA) == (1, 2)
    again = command(*words)
    assert again.exit_code == 1
    assert "pull request #12 has promoted once already" in again.output
    assert registry.champion_version() == 1
    git(checkout, "branch", "-D", BRANCH)
    assert "on main asks for version 2 already" in command("propose").output


def test_evidence_that_changed_since_promotes_nothing_and_that_is_recorded(
    command: Command, registry: Registry, checkout: Path, tmp_path: Path
) -> None:
    advise(registry, Recommendation.PROMOTE)
    assert command("propose").exit_code == 0
    event = merge(checkout, tmp_path, "merged_unlabelled.json", squash=True)
    before = last_entry(registry)
    unlabelled = command("promote", "--from-pull-request", event, *approved(tmp_path))
    assert unlabelled.exit_code == 0
    assert "lacks the label model-promotion" in unlabelled.output
    assert last_entry(registry) == before

    git(checkout, "reset", "-q", "--hard", "HEAD~1")
    event = merge(checkout, tmp_path, squash=True)
    threshold = registry.read_tags(2)["threshold"]
    set_tag(registry, 2, threshold="0.001")
    assert command("promote", "--from-pull-request", event, *approved(tmp_path)).exit_code == 1
    assert "was changed: fairness.json" in last_entry(registry).why
    set_tag(registry, 2, threshold=threshold, as_of="2025-03")
    assert command("promote", "--from-pull-request", event, *approved(tmp_path)).exit_code == 1
    assert "evidence_sha256 is" in last_entry(registry).why
    set_tag(registry, 2, fairness=json.dumps({"Gender": "pass"}))
    refused = command("promote", "--from-pull-request", event, *approved(tmp_path))
    assert refused.exit_code == 1
    assert "the evidence of version 2 was changed: fairness.json" in refused.output
    entry = last_entry(registry)
    assert (entry.kind, entry.facts) == (
        Kind.PROMOTION_REFUSED,
        {"version": 2, "pull_request": 12},
    )
    assert registry.champion_version() == 1


def test_a_merge_that_was_cut_short_is_finished_once_by_the_workflow_run_again(
    command: Command, registry: Registry, place: Place, checkout: Path, tmp_path: Path
) -> None:
    advise(registry, Recommendation.PROMOTE)
    assert command("propose").exit_code == 0
    words = ("promote", "--from-pull-request", merge(checkout, tmp_path), *approved(tmp_path))
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(AssertionError, match="division by zero"),
    ):
        patch.setattr(DecisionLog, "append", lambda *_, **__: 1 / 0)
        command(*words)
    assert registry.champion_version() == 2
    again = command(*words)
    assert again.output == "version 2 is champion now, approved by reviewer\n"
    assert last_entry(registry).facts == {"version": 2, "previous": 1, "pull_request": 12}

    assert roll_back(place.instance, registry, **ADA) == (1, 2)
    log = DecisionLog(registry.home)
    text = log.path.read_text("utf-8")
    log.path.write_text(text.replace('"pull_request":12', '"pull_request": 12'), "utf-8")
    unsure = command(*words)
    assert unsure.exit_code == 1
    assert "is not written as entries are" in unsure.output
    assert registry.champion_version() == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version: 2024-99-99\n", "version: Input should be a valid integer"),
        (b"version: !!int ''\n", "version: Input should be a valid integer"),
        (b"[" * 3000, "it is nested too deeply"),
        (b"version: 2  # caf\xe9\n", "it holds bytes that are no UTF-8"),
        (None, "model.skops of version 2 is not the one registered"),
    ],
    ids=("no date", "no number", "nested", "no UTF-8", "another model"),
)
def test_what_cannot_be_read_at_a_merge_is_a_refusal_on_record(
    content: bytes | None, said: str, command: Command, registry: Registry, checkout: Path
) -> None:
    advise(registry, Recommendation.PROMOTE)
    assert command("propose").exit_code == 0
    if content is None:
        change_a_byte(registry, 2, "model.skops")
    event = merge(checkout, checkout.parent, content=content)
    refused = command("promote", "--from-pull-request", event, *approved(checkout.parent))
    assert refused.exit_code == 1
    assert said in refused.output
    entry = last_entry(registry)
    assert (entry.kind, entry.facts["pull_request"]) == (Kind.PROMOTION_REFUSED, 12)
    assert said in entry.why
    assert registry.champion_version() == 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    with serving_github(tmp_path / "github") as server:
        yield server


def test_with_a_token_the_pull_request_is_opened_or_nothing_is_left(
    command: Command, registry: Registry, checkout: Path, server: GitHubServer
) -> None:
    advise(registry, Recommendation.PROMOTE)
    token = {
        "ATTRITION_GITHUB_TOKEN": TOKEN,
        "ATTRITION_GITHUB_REPOSITORY": NAME,
        "ATTRITION_GITHUB_URL": server.url,
    }
    refs = git(checkout, "for-each-ref")
    server.failing[f"POST {API}/pulls"] = 422, {"message": "Validation Failed"}
    assert "(422 Validation Failed)" in command("propose", **token).output
    assert git(checkout, "for-each-ref") == refs
    assert server.branches() == set()
    assert not list(registry.home.glob("proposals/*"))

    server.failing.clear()
    opened = command("propose", **token)
    assert f"its pull request: https://github.example/{NAME}/pull/1" in opened.output
    (request,) = server.opened
    assert (request["head"], request["base"]) == (BRANCH, "main")
    assert request["labels"] == ["model-promotion"]
    assert "## Checklist" in request["body"]
    assert server.branches() == {BRANCH}
    for folder in (checkout, server.bare):
        git(folder, "update-ref", "-d", f"refs/heads/{BRANCH}")
    server.opened.clear()
    server.failing[f"POST {API}/issues/1/labels"] = 403, {"message": "Resource not accessible"}
    unlabelled = command("propose", **token)
    assert f"/{NAME}/pull/1 was opened without its label and promotes" in unlabelled.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version", "2"), "takes version, who and why from the merge"),
        (("--reviews", "EVENT", "--collaborators", "EVENT"), "EVENT is no JSON"),
        (("--reviews", "EVENT"), "--reviews and --collaborators go together"),
        (("--collaborators", "EVENT"), "--reviews and --collaborators go together"),
    ],
)
def test_what_does_not_go_together_is_told_before_anything_is_read(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("{")
    named = [str(tmp_path / "event.json") if word == "EVENT" else word for word in words]
    event = ("--from-pull-request", str(tmp_path / "event.json"))
    done = attrition(tmp_path, tmp_path, "promote", *event, *named)
    assert done.exit_code != 0
    assert said.replace("EVENT", str(tmp_path / "event.json")) in " ".join(done.output.split())
    both = ("--reviews", event[1], "--collaborators", event[1])
    alone = attrition(tmp_path, tmp_path, "promote", *both)
    assert "--reviews and --collaborators go with --from-pull-request" in alone.output
