"""Who has approved a pull request, by GitHub's own payloads."""

import json
from pathlib import Path
from typing import Any

import pytest

from attrition_assets.errors import PromotionError
from attrition_assets.governance.pull_requests import (
    find_approvals,
    read_collaborators,
    read_event,
    read_reviews,
)

PAYLOADS = Path(__file__).parent / "payloads"
MERGED, AFTERWARDS = "10:21", "10:22"  # the recorded merge is at 10:21:18
FORGOTTEN = "an account that GitHub has forgotten"
Review = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text("utf-8"))


def review(at: str = "10:12", login: str = "reviewer", kind: str = "User", **more: Any) -> Review:
    """The recorded review, at another time of its day or of another account."""
    (recorded,) = load("reviews.json")
    account = {**recorded["user"], "login": login, "type": kind}
    return {**recorded, "submitted_at": f"2026-11-03T{at}:00Z", "user": account, **more}


def approve(*reviews: Review) -> tuple[tuple[str, ...], str]:
    may_push = read_collaborators(load("collaborators.json"))
    found = find_approvals(read_event(load("merged.json")), read_reviews(list(reviews)), may_push)
    return found.approvers, "; ".join(found.objections)


def test_an_approval_by_another_person_of_the_newest_commit_counts() -> None:
    assert approve(review()) == (("reviewer",), "")
    two = approve(review(), review(MERGED, login="Auditor"))
    assert two == (("reviewer", "Auditor"), "")


def test_a_comment_after_an_approval_changes_nothing() -> None:
    assert approve(review(), review("10:15", state="COMMENTED"))[0] == ("reviewer",)
    pending = review(state="PENDING")
    del pending["submitted_at"]
    assert approve(review(), pending)[0] == ("reviewer",)


@pytest.mark.parametrize(
    ("reviews", "said"),
    [
        ([], "there is no review"),
        ([review(login="Author")], "Author is the author"),
        ([review(login="helper[bot]", kind="Bot")], "helper[bot] is no person"),
        ([review(login="reader", author_association="COLLABORATOR")], "reader may not push"),
        ([review(login="member", author_association="MEMBER")], "member may not push"),
        ([review(AFTERWARDS)], "the review of reviewer came after the merge"),
        ([review(AFTERWARDS, state="CHANGES_REQUESTED")], "of reviewer came after the merge"),
        ([review(commit_id="0" * 40)], "reviewer approved 0000000, and ec26c3e came after it"),
        ([review(commit_id=None)], "reviewer approved nothing, and ec26c3e came after it"),
        ([review(state="DISMISSED")], "the review of reviewer was dismissed"),
        ([review(), review("10:15", state="DISMISSED")], "the review of reviewer was dismissed"),
        ([review(), review("10:15", state="CHANGES_REQUESTED")], "reviewer requests changes"),
        ([review("10:15", state="CHANGES_REQUESTED"), review()], "reviewer requests changes"),
        ([review(user=None)], f"{FORGOTTEN} may be the author"),
    ],
)
def test_what_does_not_count_is_told(reviews: list[Review], said: str) -> None:
    approvers, objections = approve(*reviews)
    assert approvers == ()
    assert said in objections
    assert "nobody other than the author approves it" in objections


def test_changes_requested_by_another_person_stand_until_they_are_withdrawn() -> None:
    against = review(login="auditor", state="CHANGES_REQUESTED")
    assert approve(review(), against) == (("reviewer",), "auditor requests changes")
    assert approve(review(), against, review("10:20", login="auditor"))[1] == ""
    passer_by = review(login="reader", state="CHANGES_REQUESTED")
    assert approve(review(), passer_by) == (("reviewer",), "")


def test_what_is_said_after_the_merge_neither_gives_nor_withdraws_an_approval() -> None:
    late = review(AFTERWARDS, state="CHANGES_REQUESTED")
    assert approve(review(), late) == (("reviewer",), "")
    withdrawn = approve(review(state="CHANGES_REQUESTED"), review(AFTERWARDS))
    assert withdrawn[0] == ()
    assert withdrawn[1].startswith("reviewer requests changes; ")


def test_changes_requested_by_an_account_that_github_forgot_stand_until_dismissed() -> None:
    against = review(user=None, state="CHANGES_REQUESTED")
    approvers, objections = approve(review(), against, review(user=None))
    assert approvers == ("reviewer",)
    assert objections.startswith(f"{FORGOTTEN} requests changes")
    assert approve(review(), against | {"state": "DISMISSED"}) == (("reviewer",), "")
    assert approve(review(), against | {"submitted_at": "2026-11-03T10:22:00Z"})[1] == ""


def test_an_author_whom_github_forgot_cannot_be_told_from_the_reviewer() -> None:
    payload = load("merged.json")
    payload["pull_request"]["user"] = None
    found = find_approvals(read_event(payload), read_reviews([review()]), {"reviewer"})
    assert found.approvers == ()
    assert "GitHub does not know the author" in found.objections[0]


def test_reviews_are_read_from_pages_too() -> None:
    assert read_reviews([[review()], [review(login="auditor")], []]) == read_reviews(
        [review(), review(login="auditor")]
    )


def test_who_may_push_is_read_from_a_list_and_from_pages() -> None:
    recorded = load("collaborators.json")
    assert read_collaborators(recorded) == {"author", "reviewer", "auditor"}
    assert read_collaborators([recorded[:2], recorded[2:], []]) == read_collaborators(recorded)
    assert read_collaborators([[]]) == frozenset()


@pytest.mark.parametrize("payload", [{}, [], None, {"action": "closed"}, "merged"])
def test_what_is_no_event_is_refused_with_what_it_lacks(payload: Any) -> None:
    with pytest.raises(PromotionError, match="no `pull_request` event of GitHub"):
        read_event(payload)
    spoiled = load("merged.json")
    spoiled["pull_request"]["merged"] = "yes"
    with pytest.raises(PromotionError, match=r"pull_request\.merged: Input should be a valid bool"):
        read_event(spoiled)
    undated = load("merged.json")
    undated["pull_request"]["merged_at"] = None
    with pytest.raises(PromotionError, match="it is merged, and merged_at does not say when"):
        read_event(undated)
    del undated["pull_request"]["merged_at"]
    with pytest.raises(PromotionError, match=r"pull_request\.merged_at: Field required"):
        read_event(undated)


@pytest.mark.parametrize("answer", [{"message": "Not Found"}, [{"state": "APPROVED"}], None])
def test_what_are_no_reviews_is_refused(answer: Any) -> None:
    with pytest.raises(PromotionError, match="no reviews as `gh api"):
        read_reviews(answer)


@pytest.mark.parametrize(
    ("answer", "lacking"),
    [
        ({"message": "Must have push access"}, r"0\.login: Field required"),
        ([{"login": "reviewer"}], r"0\.permissions: Field required"),
        ([[{"login": "reviewer", "permissions": {"push": "yes"}}]], r"0\.permissions\.push: Input"),
        (None, "0: Input should be a valid dictionary"),
    ],
)
def test_what_are_no_collaborators_is_refused_with_what_they_lack(
    answer: Any, lacking: str
) -> None:
    with pytest.raises(PromotionError, match=rf"no collaborators as `gh api .*\n  {lacking}"):
        read_collaborators(answer)
