"""Promotion by pull request: a version is proposed on a branch, and a merge that fits promotes it.

What a pull request asks for and what decides on its merge is in `governance.promotion_request`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dagster import DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.git_repository import Base, GitRepository
from attrition_assets.adapters.github import GitHub
from attrition_assets.adapters.registry import MODEL_NAME, Registry
from attrition_assets.defs.promotion import (
    LOOP,
    find_objection,
    promote_version,
    reconcile_champion,
)
from attrition_assets.errors import GitHubError, PromotionError, RepositoryError
from attrition_assets.governance.decisions import Kind
from attrition_assets.governance.promotion_page import (
    render_body,
    render_difference,
    render_evidence,
    render_verdicts,
)
from attrition_assets.governance.promotion_request import (
    CARD_FILE,
    CHAMPION_FILE,
    PROMOTION_LABEL,
    PromotionDecision,
    PromotionRequest,
    decide_promotion,
    make_request,
)
from attrition_assets.governance.pull_requests import PullRequestEvent, Review

CARRIED = ("threshold", "as_of", "held_out_sha256", "recipe")


@dataclass(frozen=True)
class Proposal:
    """A version on a branch of its own. `url` is its pull request's; None where it is yet to be
    pushed and opened by hand, with the body that lies at `body`.
    """

    version: int
    branch: str
    base: Base
    title: str
    body: Path
    url: str | None


def read_registered(registry: Registry, version: int) -> PromotionRequest:
    """The request for a version by what the registry has of it now.

    Raises RegistryError if it is unknown or its model is not the one registered, PromotionError if
    its evidence cannot be read.
    """
    model, evidence = registry.load(version), registry.read_evidence(version)
    tags = registry.read_tags(version)
    if evidence.fault:
        raise PromotionError(evidence.fault)
    return make_request(
        version,
        model_sha256=model.model_sha256,
        reference_digest=model.reference_digest,
        compared_with=evidence.compared_with,
        comparison=evidence.comparison,
        fairness=evidence.fairness,
        audit=registry.read_audit(version),
        carried={name: tags[name] for name in CARRIED if name in tags},
    )


def propose_version(
    registry: Registry,
    version: int,
    repository: GitRepository,
    github: GitHub | None,
    *,
    template: str,
    card: str,
    notes: Sequence[str] = (),
) -> Proposal:
    """Put a version that nothing speaks against on a branch, and open its pull request.

    Without `github` the branch stays in the repository, and the body in the home. `card` is the
    model card's Markdown. Raises PromotionError, RegistryError, RepositoryError or GitHubError, and
    leaves no branch behind then.
    """
    asked = read_registered(registry, version)
    _require_no_objection(registry, version)
    evidence, figures = _render_sections(registry, version, notes)
    if github is not None:
        github.require_label(PROMOTION_LABEL)
    base = repository.find_base()
    repository.require_untouched((CHAMPION_FILE, CARD_FILE))
    if repository.read(base.commit, CHAMPION_FILE) == asked.render():
        raise PromotionError(
            f"{CHAMPION_FILE} on {base.branch} asks for version {version} already, so no pull "
            "request would change it; to make it champion again, `attrition promote --version "
            f"{version} --reason TEXT`"
        )
    change = render_difference(repository.read(base.commit, CARD_FILE) or "", card)
    sections = {"version": str(version), "evidence": evidence, "fairness": figures, "card": change}
    body = render_body(template, sections)
    branch, title = f"promote-version-{version}", f"Promote version {version} of {MODEL_NAME}"
    message = f"{title}\n\n{asked.evidence.verdict}, compared with {asked.evidence.compared_with}\n"
    files = {CHAMPION_FILE: asked.render(), CARD_FILE: card}
    lying = registry.home / "proposals" / f"version-{version}.md"
    commit, url = repository.make_branch(branch, base, files, message), None
    try:
        write_atomically(lying, body.encode())
        if github is not None:
            number, url = _open_pull_request(repository, github, branch, base, title, body)
    except BaseException:  # an interruption as well
        lying.unlink(missing_ok=True)
        repository.remove_branch(branch, commit)
        raise
    if github is not None:
        _add_label(github, number, str(url))
    return Proposal(version, branch, base, title, lying, url)


def promote_by_pull_request(
    instance: DagsterInstance,
    registry: Registry,
    repository: GitRepository,
    event: PullRequestEvent,
    reviews: Sequence[Review],
    may_push: Collection[str],
    now: datetime,
) -> PromotionDecision:
    """Promote what a pull request's merge asks for, or say why not; either goes on record.

    What does not concern a promotion is put on no record. Raises PromotionError if the version's
    evidence speaks against it by now, RecordError if the log cannot tell whether the pull request
    has promoted before, and what `promote_version` raises.
    """
    log, number = DecisionLog(registry.home), event.number
    finished = reconcile_champion(instance, registry, now)
    if finished and finished.facts.get("pull_request") == number:  # a run before was cut short
        return PromotionDecision(
            promotes=True,
            reasons=(),
            concerned=True,
            version=finished.version,
            approvers=tuple(finished.who.split(", ")),
        )
    known = [each for each in log.entries() if each.facts.get("pull_request") == number]
    if any(each.kind == Kind.PROMOTED for each in known):
        decision = PromotionDecision(
            promotes=False,
            reasons=(f"pull request #{number} has promoted once already: it does so once",),
            concerned=True,
        )
    else:
        before, after = _read_files(repository, event)
        decision = decide_promotion(
            event,
            reviews,
            may_push,
            before,
            after,
            lambda asked: (
                read_registered(registry, asked) if asked in registry.versions() else None
            ),
            registry.present_champion(),
        )
    if decision.promotes:
        assert decision.version
        promote_version(
            instance,
            registry,
            decision.version,
            who=", ".join(decision.approvers),
            why=event.describe(),
            now=now,
            pull_request=number,
        )
    elif decision.concerned:
        why = f"{event.describe()}: {'; '.join(decision.reasons)}"
        version = {"version": decision.version} if decision.version else {}
        log.append(
            Kind.PROMOTION_REFUSED, who=LOOP, why=why, at=now, pull_request=number, **version
        )
    return decision


def _read_files(
    repository: GitRepository, event: PullRequestEvent
) -> tuple[str | None, str | None]:
    """The champion's file before and after the merge; None where there is none, or no merge."""
    commit = event.pull_request.merge_commit_sha
    if not event.merged_into_default or commit is None:
        return None, None
    return repository.read(f"{commit}^1", CHAMPION_FILE), repository.read(commit, CHAMPION_FILE)


def _require_no_objection(registry: Registry, version: int) -> None:
    if version == registry.present_champion():
        raise PromotionError(f"version {version} is champion already: nothing is to be proposed")
    if objection := find_objection(registry, version):
        raise PromotionError(
            f"version {version} is not proposed: {objection}. A pull request overrides nothing; "
            f"who answers for it can: `attrition promote --version {version} --override --reason "
            "TEXT`"
        )


def _render_sections(registry: Registry, version: int, notes: Sequence[str]) -> tuple[str, str]:
    """The paired evidence and the fairness table, as Markdown."""
    champion, evidence = registry.present_champion(), registry.read_evidence(version)
    before = registry.read_evidence(champion).fairness if champion else {}
    audit = registry.read_audit(version)
    return (
        render_evidence(version, evidence.compared_with, evidence.comparison, notes),
        render_verdicts(version, evidence.fairness, champion or 0, before, audit),
    )


def _open_pull_request(
    repository: GitRepository, github: GitHub, branch: str, base: Base, title: str, body: str
) -> tuple[int, str]:
    """Push the branch and open its pull request; if it is not opened, the branch is taken back."""
    address = github.address
    repository.push(branch, address, github.token)
    try:
        return github.open_pull_request(branch, base.branch, title, body)
    except BaseException as error:
        try:
            repository.push(branch, address, github.token, remove=True)
        except RepositoryError as left:
            raise GitHubError(f"{error}. Its branch {branch} stays there: {left}") from None
        raise


def _add_label(github: GitHub, number: int, url: str) -> None:
    try:
        github.add_label(number, PROMOTION_LABEL)
    except GitHubError as error:
        raise GitHubError(
            f"{url} was opened without its label and promotes nothing without it: add "
            f"{PROMOTION_LABEL} to it there ({error})"
        ) from None
