"""What GitHub says of a pull request, its reviews and who may push, and who has approved it.

Only the fields that a promotion is decided by are read; the rest of a payload is GitHub's business.
What the pull request asks for is in `promotion_request`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StrictBool,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from attrition_assets.contract import explain_faults
from attrition_assets.errors import PromotionError
from attrition_assets.values import Value

OPINIONS = (APPROVED, CHANGES_REQUESTED, DISMISSED) = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


Listed = TypeVar("Listed", bound=_Payload)


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
    merged_at: AwareDatetime | None
    merge_commit_sha: str | None
    labels: tuple[Named, ...]
    head: Branch
    base: Branch

    @model_validator(mode="after")
    def _require_time_of_merge(self) -> Self:
        if self.merged and self.merged_at is None:
            raise ValueError("it is merged, and merged_at does not say when")
        return self


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

    @property
    def name(self) -> str:
        """Whose review it is."""
        return self.user.login if self.user else "an account that GitHub has forgotten"


class Rights(_Payload):
    """What somebody may do to the repository."""

    push: StrictBool


class Collaborator(_Payload):
    """An account with access to the repository; many may only read it."""

    login: str
    permissions: Rights


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
    return _read_listed(answer, TypeAdapter(tuple[Review, ...]), "reviews", "pulls/N/reviews")


def read_collaborators(answer: object) -> frozenset[str]:
    """The logins, in lower case, of those who may push, by GitHub's answer to `collaborators`.

    It is a list, or a list of its pages. Raises PromotionError that names what is none.
    """
    kind = TypeAdapter(tuple[Collaborator, ...])
    known = _read_listed(answer, kind, "collaborators", "collaborators")
    return frozenset(each.login.lower() for each in known if each.permissions.push)


def _read_listed(
    answer: object, kind: TypeAdapter[tuple[Listed, ...]], what: str, address: str
) -> tuple[Listed, ...]:
    pages: list[Any] = answer if isinstance(answer, list) else [answer]
    listed = [one for page in pages for one in (page if isinstance(page, list) else [page])]
    try:
        return kind.validate_python(listed)
    except ValidationError as error:
        raise PromotionError(
            f"these are no {what} as `gh api repos/OWNER/NAME/{address}` gives them:\n"
            f"{explain_faults(error, what)}"
        ) from None


def find_approvals(
    event: PullRequestEvent, reviews: Sequence[Review], may_push: Collection[str]
) -> Approvals:
    """Who approves what was merged by their latest review until then, and what stands in the way.

    Comments change nothing. It must be a person other than the author who may push to the
    repository: `may_push` has their logins in lower case. A person who may and requests changes
    withdraws everybody's approval; so does an account that GitHub has forgotten, which may have
    been one.
    """
    merged_at, author = event.pull_request.merged_at, event.pull_request.user
    assert merged_at  # what was not merged has no approvals to find
    if author is None:
        told = "GitHub does not know the author, so nobody is known to be another person"
        return Approvals(approvers=(), objections=(told,))
    given, late = _find_latest(reviews, merged_at)
    passed_over = [f"the review of {review.name} came after the merge" for review in late]
    approvers, against = [], []
    for review in given:
        name = review.name
        if review.user is None and review.state == CHANGES_REQUESTED:
            against.append(f"{name} requests changes; who answers for it may dismiss that review")
        elif review.user is None:
            passed_over.append(f"{name} may be the author")
        elif review.state == APPROVED and name.lower() == author.login.lower():
            passed_over.append(f"{name} is the author")
        elif review.user.type != "User":
            passed_over.append(f"{name} is no person")
        elif name.lower() not in may_push:
            passed_over.append(f"{name} may not push")
        elif review.state == CHANGES_REQUESTED:
            against.append(f"{name} requests changes")
        elif review.state == DISMISSED:
            passed_over.append(f"the review of {name} was dismissed")
        elif review.commit_id != event.pull_request.head.sha:
            read, head = (review.commit_id or "nothing")[:7], event.pull_request.head.sha[:7]
            passed_over.append(f"{name} approved {read}, and {head} came after it")
        else:
            approvers.append(name)
    if not approvers:
        told = "; ".join(passed_over) or "there is no review"
        against.append(f"nobody other than the author approves it ({told})")
    return Approvals(approvers=tuple(approvers), objections=tuple(against))


def _find_latest(
    reviews: Iterable[Review], merged_at: datetime
) -> tuple[list[Review], list[Review]]:
    """The latest review of each reviewer that says yes or no, or did; those after the merge apart.

    Of forgotten accounts every review counts: nobody knows which are of the same one.
    """
    latest: dict[str | int, tuple[datetime, Review]] = {}
    late = []
    for place, review in enumerate(reviews):
        given = review.submitted_at
        if given is None or review.state not in OPINIONS:
            continue
        if given > merged_at:
            late.append(review)
            continue
        reviewer = review.user.login.lower() if review.user else place
        if reviewer not in latest or latest[reviewer][0] <= given:
            latest[reviewer] = given, review
    return [review for _, review in latest.values()], late
