"""Promotion by pull request: the command that proposes, and what a merge is promoted by."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attrition_assets.cli.group import (
    choose_settings,
    choose_version,
    main,
    open_instance,
    refresh_written_cards,
    tell_images,
)
from attrition_assets.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from attrition_assets.defs.proposal import Proposal

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TEMPLATE = PROJECT_ROOT / ".github" / "PULL_REQUEST_TEMPLATE" / "model_promotion.md"


def at_repository(used: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that names the git checkout; `used` says what for."""
    return click.option(
        "--repository",
        type=click.Path(path_type=Path),
        default=PROJECT_ROOT,
        help=f"the git checkout {used}; default the project's",
    )


@main.command()
@click.option("--version", "--model-version", "version", type=int, help="default the challenger")
@at_repository("that gets the branch")
def propose(version: int | None, repository: Path) -> None:
    """Ask for a version's promotion by a pull request, with its evidence and its model card.

    Makes the branch beside your work tree, and opens the pull request if ATTRITION_GITHUB_TOKEN is
    set; refuses what the evidence speaks against. Merging it promotes: see docs/promotion.md.
    """
    from attrition_assets.adapters.git_repository import GitRepository
    from attrition_assets.adapters.github import open_github
    from attrition_assets.defs.proposal import propose_version
    from attrition_assets.defs.resources import build_resources
    from attrition_assets.governance.model_card import render_model_card

    settings = _choose_settings()
    held = build_resources(settings)
    chosen, note = choose_version(held, version, "propose")
    found = GitRepository.find(repository)
    proposal = propose_version(
        held["registry"],
        chosen,
        found,
        open_github(settings),
        template=TEMPLATE.read_text("utf-8"),
        card=render_model_card(held["cards"].write(chosen)),
        notes=[note] if note else [],
    )
    base = f"{proposal.base.branch} ({proposal.base.commit[:7]})"
    click.echo(f"version {chosen} is on the branch {proposal.branch} of {found.path}, from {base}")
    click.echo(_say_next(proposal, found.path))


def promote_merged(
    event: Path, reviews: Path | None, collaborators: Path | None, repository: Path
) -> None:
    """Promote what a merge asks for; ends with 1 where a merge was to promote and does not."""
    from attrition_assets.adapters.git_repository import GitRepository
    from attrition_assets.defs.proposal import promote_by_pull_request
    from attrition_assets.defs.resources import build_resources
    from attrition_assets.governance.pull_requests import (
        read_collaborators,
        read_event,
        read_reviews,
    )

    told = read_event(_read_json(event))
    given = read_reviews(_read_json(reviews)) if reviews else ()
    may_push = read_collaborators(_read_json(collaborators)) if collaborators else frozenset()
    settings = _choose_settings()
    held = build_resources(settings)
    registry = held["registry"]
    with open_instance(settings) as instance:
        found, now = GitRepository.find(repository), datetime.now(UTC)
        decision = promote_by_pull_request(instance, registry, found, told, given, may_push, now)
    if decision.promotes:
        refresh_written_cards(held["cards"])
        by = ", ".join(decision.approvers)
        click.echo(f"version {decision.version} is champion now, approved by {by}")
        tell_images(settings, registry)
        return
    said = f"nothing is promoted by {told.describe()}\n" + "\n".join(
        f"  {reason}" for reason in decision.reasons
    )
    if reviews is None:
        said += "\n  (no --reviews were given: without, nobody has approved)"
    if decision.concerned and told.pull_request.merged:
        raise click.ClickException(said)
    click.echo(said)


def _choose_settings() -> Settings:
    """The settings. A unit's are refused: a pull request does not say of which unit it is."""
    settings = choose_settings()
    if settings.unit is not None:
        raise click.ClickException(
            f"pull requests know no units: attrition --unit {settings.unit} promote --version N "
            "--reason TEXT"
        )
    return settings


def _say_next(proposal: "Proposal", checkout: Path) -> str:
    """Where the pull request is, or how to open it by hand."""
    from attrition_assets.governance.promotion_request import PROMOTION_LABEL

    if proposal.url is not None:
        return f"its pull request: {proposal.url}; merged with an approval, it promotes"
    push = shlex.join(["git", "-C", str(checkout), "push", "origin", proposal.branch])
    opened = shlex.join(
        [
            *("gh", "pr", "create", "--base", proposal.base.branch, "--head", proposal.branch),
            *("--label", PROMOTION_LABEL, "--title", proposal.title),
            *("--body-file", str(proposal.body)),
        ]
    )
    return (
        "ATTRITION_GITHUB_TOKEN is not set, so the rest is by hand:\n"
        f"  {push}\n  {opened}\n"
        f"or on GitHub: into {proposal.base.branch}, with the label {PROMOTION_LABEL}, and as body "
        f"what lies in {proposal.body}"
    )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{path} is no JSON ({error}): give GitHub's answer") from None
