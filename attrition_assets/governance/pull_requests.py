"""What GitHub says of a pull request and its reviews, and who has approved it.

Only the fields that a promotion is decided by are read; the rest of a payload is GitHub's business.
What the pull request asks for is in `promotion_request`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StrictBool, TypeAdapter, ValidationError

from attrition_assets.contract import explain_faults
from attrition_assets.errors import PromotionError
from attrition_assets.values import Value

# Who may push to the repository, as GitHub tells it of a reviewer. Anybody may review in public.
MAY_APPROVE = ("OWNER", "MEMBER", "COLLABORATOR")
OPINIONS = (APPROVED, CHANGES_REQUESTED, DISMISSED) = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Account(_Payload):
    """A user of GitHub; `type` is `User` for a person, else `Bot` or the like."""

    login: str
    type: str


class Named(_Payload):
    """A label."""

    name: str


class Branch(_Payload):
    """One side of a pull request."""

    ref: str
    sha: str


class PullRequest(_Payload):
    """A pull request as it was when the event happened. The author is None if GitHub forgot it."""

    title: str
    user: Account | None
    merged: StrictBool
    merge_commit_sha: str | None
    labels: tuple[Named, ...]
    head: Branch
    base: Branch


class Home(_Payload):
    """The repository that the pull request is of."""

    default_branch: str


class PullRequestEvent(_Payload):
    """GitHub's webhook event `pull_request`."""

    action: str
    number: int
    pull_request: PullRequest
    repository: Home

    def has_label(self, name: str) -> bool:
        """Whether the pull request had a label when the event happened."""
        return name in (each.name for each in self.pull_request.labels)

    @property
    def merged_into_default(self) -> bool:
        """Whether it was closed by merging it into the repository's default branch."""
        request = self.pull_request
        return (
            self.action == "closed"
            and request.merged
            and request.base.ref == self.repository.default_branch
        )

    def describe(self) -> str:
        """The pull request in a line: why something was done."""
        return f"pull request #{self.number}: {' '.join(self.pull_request.title.split())}"


class Review(_Payload):
    """One review, in the state it has now: one that was dismissed is `DISMISSED`."""

    user: Account | None
    state: str
    commit_id: str | None
    submitted_at: AwareDatetime | None = None
    author_association: str


class Approvals(Value):
    """Who approves what was merged, and what speaks against that or does not count."""

    approvers: tuple[str, ...]
    objections: tuple[str, ...]


def read_event(payload: object) -> PullRequestEvent:
    """A payload as the event. Raises PromotionError that names what it lacks."""
    try:
        return PullRequestEvent.model_validate(payload)
    except ValidationError as error:
        raise PromotionError(
            "this is no `pull_request` event of GitHub (GITHUB_EVENT_PATH names its file in a "
            f"workflow):\n{explain_faults(error, 'payload')}"
        ) from None


def read_reviews(answer: object) -> tuple[Review, ...]:
    """The reviews in GitHub's answer to `pulls/N/reviews`: a list, or a list of its pages.

    Raises PromotionError that names what is none.
    """
    pages: list[Any] = answer if isinstance(answer, list) else [answer]
    listed = [one for page in pages for one in (page if isinstance(page, list) else [page])]
    try:
        return TypeAdapter(tuple[Review, ...]).validate_python(listed)
    except ValidationError as error:
        raise PromotionError(
            "these are no reviews as `gh api repos/OWNER/NAME/pulls/N/reviews` gives them:\n"
            f"{explain_faults(error, 'reviews')}"
        ) from None


def find_approvals(event: PullRequestEvent, reviews: Sequence[Review]) -> Approvals:
    """Who approves the newest commit by their latest review, and what stands in the way.

    Comments change nothing. It must be a person other than the author who may push to the
    repository. A person who may and requests changes withdraws everybody's approval.
    """
    author = event.pull_request.user
    if author is None:
        told = "GitHub does not know the author, so nobody is known to be another person"
        return Approvals(approvers=(), objections=(told,))
    approvers, passed_over, against = [], [], []
    for review in _find_latest(reviews):
        assert review.user
        name = review.user.login
        if review.state == APPROVED and name.lower() == author.login.lower():
            passed_over.append(f"{name} is the author")
        elif review.user.type != "User":
            passed_over.append(f"{name} is no person")
        elif review.author_association not in MAY_APPROVE:
            passed_over.append(f"{name} may not push ({review.author_association.lower()})")
        elif review.state == CHANGES_REQUESTED:
            against.append(f"{name} requests changes")
        elif review.state == DISMISSED:
            passed_over.append(f"the review of {name} was dismissed")
        elif review.commit_id != event.pull_request.head.sha:
            given, head = (review.commit_id or "nothing")[:7], event.pull_request.head.sha[:7]
            passed_over.append(f"{name} approved {given}, and {head} came after it")
        else:
            approvers.append(name)
    if not approvers:
        told = "; ".join(passed_over) or "there is no review"
        against.append(f"nobody other than the author approves it ({told})")
    return Approvals(approvers=tuple(approvers), objections=tuple(against))


def _find_latest(reviews: Iterable[Review]) -> list[Review]:
    """The latest review of each reviewer that says yes or no, or did."""
    latest: dict[str, tuple[datetime, Review]] = {}
    for review in reviews:
        given, opinion = review.submitted_at, review.state in OPINIONS
        if review.user is None or given is None or not opinion:
            continue
        name = review.user.login.lower()
        if name not in latest or latest[name][0] <= given:
            latest[name] = given, review
    return [review for _, review in latest.values()]
