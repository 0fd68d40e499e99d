"""Who has approved a pull request, by GitHub's own payloads."""

import json
from pathlib import Path
from typing import Any

import pytest

from attrition_assets.errors import PromotionError
from attrition_assets.governance.pull_requests import (
    find_approvals,
    read_event,
    read_reviews,
)

PAYLOADS = Path(__file__).parent / "payloads"
Review = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text("utf-8"))


def review(at: str = "10:12", login: str = "reviewer", kind: str = "User", **more: Any) -> Review:
    """The recorded review, at another time of its day or of another account."""
    (recorded,) = load("reviews.json")
    account = {**recorded["user"], "login": login, "type": kind}
    return {**recorded, "submitted_at": f"2026-11-03T{at}:00Z", "user": account, **more}


def approve(*reviews: Review) -> tuple[tuple[str, ...], str]:
    found = find_approvals(read_event(load("merged.json")), read_reviews(list(reviews)))
    return found.approvers, "; ".join(found.objections)


def test_an_approval_by_another_person_of_the_newest_commit_counts() -> None:
    assert approve(review()) == (("reviewer",), "")
    two = approve(review(), review(login="auditor", author_association="OWNER"))
    assert two == (("reviewer", "auditor"), "")


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
        ([review(author_association="NONE")], "reviewer may not push (none)"),
        ([review(author_association="CONTRIBUTOR")], "reviewer may not push (contributor)"),
        ([review(commit_id="0" * 40)], "reviewer approved 0000000, and ec26c3e came after it"),
        ([review(commit_id=None)], "reviewer approved nothing, and ec26c3e came after it"),
        ([review(state="DISMISSED")], "the review of reviewer was dismissed"),
        ([review(), review("10:15", state="DISMISSED")], "the review of reviewer was dismissed"),
        ([review(), review("10:15", state="CHANGES_REQUESTED")], "reviewer requests changes"),
        ([review("10:15", state="CHANGES_REQUESTED"), review()], "reviewer requests changes"),
        ([review(user=None)], "there is no review"),
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
    passer_by = against | {"author_association": "NONE"}
    assert approve(review(), passer_by) == (("reviewer",), "")


def test_an_author_whom_github_forgot_cannot_be_told_from_the_reviewer() -> None:
    payload = load("merged.json")
    payload["pull_request"]["user"] = None
    found = find_approvals(read_event(payload), read_reviews([review()]))
    assert found.approvers == ()
    assert "GitHub does not know the author" in found.objections[0]


def test_reviews_are_read_from_pages_too() -> None:
    assert read_reviews([[review()], [review(login="auditor")], []]) == read_reviews(
        [review(), review(login="auditor")]
    )


@pytest.mark.parametrize("payload", [{}, [], None, {"action": "closed"}, "merged"])
def test_what_is_no_event_is_refused_with_what_it_lacks(payload: Any) -> None:
    with pytest.raises(PromotionError, match="no `pull_request` event of GitHub"):
        read_event(payload)
    spoiled = load("merged.json")
    spoiled["pull_request"]["merged"] = "yes"
    with pytest.raises(PromotionError, match=r"pull_request\.merged: Input should be a valid bool"):
        read_event(spoiled)


@pytest.mark.parametrize("answer", [{"message": "Not Found"}, [{"state": "APPROVED"}], None])
def test_what_are_no_reviews_is_refused(answer: Any) -> None:
    with pytest.raises(PromotionError, match="no reviews as `gh api"):
        read_reviews(answer)
