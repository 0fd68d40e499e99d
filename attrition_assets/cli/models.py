"""Commands about versions of the model and what was decided about them."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from click.core import ParameterSource

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.cli.group import (
    choose_settings,
    choose_version,
    main,
    name_who,
    open_instance,
    refresh_written_cards,
    tell_images,
)
from attrition_assets.cli.pull_requests import FILE, at_repository, promote_merged


@main.command()
@click.option("--version", "--model-version", "version", type=int, help="default the challenger")
@click.option("--run-id", help="the MLflow run that made the version, in place of --version")
@click.option("--reason", help="why; an override needs one")
@click.option("--override", is_flag=True, help="promote although the comparison does not advise it")
@name_who("promotes")
@click.option(
    "--from-pull-request", "event", help="file of GitHub's event of a closed one", type=FILE
)
@click.option("--reviews", help="file of its reviews, as GitHub's API lists them", type=FILE)
@click.option("--collaborators", help="file of who may push, likewise", type=FILE)
@at_repository("where the merge is looked up")
def promote(
    version: int | None,
    run_id: str | None,
    reason: str | None,
    override: bool,
    who: str,
    event: Path | None,
    reviews: Path | None,
    collaborators: Path | None,
    repository: Path,
) -> None:
    """Make a version the champion: from now on it scores.

    Shows how it holds against the champion, and refuses it where that is not shown, unless a person
    overrides that with a reason. With --from-pull-request its merge decides, and its reviews: what
    is asked for, and who promotes.
    """
    from attrition_assets.defs.promotion import promote_version
    from attrition_assets.defs.resources import build_resources

    if (reviews is None) != (collaborators is None):
        raise click.UsageError("--reviews and --collaborators go together")
    if event is not None:
        named = click.get_current_context().get_parameter_source("who")
        if version or run_id or reason or override or named == ParameterSource.COMMANDLINE:
            raise click.UsageError("--from-pull-request takes version, who and why from the merge")
        promote_merged(event, reviews, collaborators, repository)
        return
    if reviews is not None:
        raise click.UsageError("--reviews and --collaborators go with --from-pull-request")
    if override and not (reason or "").strip():
        raise click.UsageError("--override needs a --reason")
    if version is not None and run_id is not None:
        raise click.UsageError("give --version or --run-id, not both")
    settings = choose_settings()
    held = build_resources(settings)
    registry = held["registry"]
    with open_instance(settings) as instance:
        if run_id is not None:
            version = registry.find_version(run_id)
        chosen, note = choose_version(held, version, "promote")
        evidence = registry.read_evidence(chosen)
        if advice := evidence.comparison:
            click.echo(f"against version {evidence.compared_with}: {advice.verdict}")
            click.echo("\n".join(f"  {each}" for each in advice.reasons))
        if evidence.fairness:
            told = ", ".join(f"{name}: {verdict}" for name, verdict in evidence.fairness.items())
            click.echo(f"fairness by attribute and pair: {told}")
        if note:
            click.echo(f"note: {note}")
        previous = promote_version(
            instance,
            registry,
            chosen,
            who=who,
            why=reason or "promoted by command",
            now=datetime.now(UTC),
            override=override,
        )
    refresh_written_cards(held["cards"])
    click.echo(f"version {chosen} is champion now; it was {previous or 'none'} before")
    tell_images(settings, registry)


@main.command()
@click.option("--reason", required=True, help="why: it is kept in the decision log")
@name_who("decides")
def rollback(reason: str, who: str) -> None:
    """Make the version champion again that the present one replaced."""
    from attrition_assets.defs.promotion import roll_back
    from attrition_assets.defs.resources import build_resources

    settings = choose_settings()
    held = build_resources(settings)
    with open_instance(settings) as instance:
        now = datetime.now(UTC)
        former, replaced = roll_back(instance, held["registry"], who=who, why=reason, now=now)
    refresh_written_cards(held["cards"])
    click.echo(f"version {former} is champion again, in place of {replaced}")
    tell_images(settings, held["registry"])


@main.command()
@click.option("--version", "--model-version", "version", type=int, help="default the champion")
def card(version: int | None) -> None:
    """Write a version's model card anew, with the datasheet of its data, and say where they lie."""
    from attrition_assets.adapters.model_cards import CARD, DATASHEET, PAGE
    from attrition_assets.defs.resources import build_resources

    held = build_resources(choose_settings())
    cards, chosen = held["cards"], version
    if chosen is None:
        chosen = held["registry"].champion_version()
    if chosen is None:
        raise click.ClickException("there is no model yet: `attrition retrain --reason TEXT`")
    cards.write(chosen)
    click.echo("\n".join(str(cards.path(chosen, name)) for name in (CARD, PAGE, DATASHEET)))


@main.command()
@click.option("--verify", is_flag=True, help="look for every changed byte of the log; see --seal")
@click.option("--seal", help="a seal that --verify printed earlier, kept elsewhere")
def decisions(verify: bool, seal: str | None) -> None:
    """Show what was decided, by whom and why: retrainings, models, promotions, suspensions.

    With --verify, ends with 1 if the log is not as it was written.
    """
    log = DecisionLog(choose_settings().home)
    if not (verify or seal):
        for entry in log.entries():
            click.echo(entry.describe())
        return
    found = log.verify(seal)
    for each in found.breaks:
        click.echo(each)
    click.echo(f"{found.entries} entries, {len(found.breaks)} breaks\nseal {found.seal}")
    sys.exit(1 if found.breaks else 0)
