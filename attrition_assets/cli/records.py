"""Commands about what is on record: why a person was scored so, and what is past its retention."""

import sys
from datetime import UTC, datetime

import click

from attrition_assets.cli.group import (
    choose_settings,
    main,
    name_who,
    open_instance,
    read_month_option,
)


@main.command()
@click.argument("employee")
@click.argument("month")
@click.option("--json", "as_json", is_flag=True, help="for machines")
def explain(employee: str, month: str, as_json: bool) -> None:
    """Say which version scored EMPLOYEE in MONTH, with what score, and for what reasons.

    Scores that were superseded, as the month was corrected, are told as well. Reasons are log-odds
    against the average person that the model learned from; protected attributes are none,
    unless the contract lets the model use them. Asking is not put on record.
    """
    from attrition_assets.contract import read_contract
    from attrition_assets.explanation import collect_explanation, read_employee
    from attrition_assets.governance.explanation import render_explanation

    chosen = read_month_option(month, "MONTH")
    settings = choose_settings()
    try:
        person = read_employee(employee, read_contract(settings.contract))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="EMPLOYEE") from None
    with open_instance(settings, writes=False) as instance:
        told = collect_explanation(settings, instance, person, chosen)
    click.echo(told.model_dump_json(indent=1) if as_json else render_explanation(told))


@main.command()
def record_images() -> None:
    """Put on record the images that `make images` built: their release, from standard input."""
    from attrition_assets.adapters.releases import Release, Releases
    from attrition_assets.defs.images import record_release

    try:
        release = Release.model_validate_json(sys.stdin.read())
    except ValueError as error:
        said = f"standard input holds no release ({str(error).splitlines()[0]}): give images/N.json"
        raise click.ClickException(said) from None
    settings = choose_settings()
    with open_instance(settings) as instance:
        record_release(instance, Releases(settings.home), release)
    click.echo(f"{release.candidate} is on record: {len(release.images)} images")


@main.command()
@click.option("--yes", is_flag=True, help="remove it; by default it is only shown")
@click.option("--reason", help="why; default that it is past its retention")
@name_who("removes")
def purge(yes: bool, reason: str | None, who: str) -> None:
    """Show what is past ATTRITION_RETENTION_DAYS; with --yes, remove it.

    A month is as old as its last day. What goes of it: its snapshot and verdict, predictions, drift
    report, pages and summary, each with the versions that it superseded; metrics, quarantined
    files, waivers, and what a killed process left half-written. A reference table is as old as the
    oldest month in it; with it go the held-out scores in MLflow of what learned from it. Of serving
    go the predictions that were answered in these months, wherever they are stored, and who read
    flagged lists then.

    Never removed: what the champion, the challenger, the version that a rollback restores and the
    versions that scored months still kept were made of; months whose drift alarm is younger than
    the champion. Not personal, and kept: the decision log, acknowledgements, the models themselves
    and their figures in MLflow, Dagster's record of runs. Not ours, and not touched: the folder of
    ATTRITION_DATA, your database, backups.

    A removal is put on record, with who, why, which months and how much, before it is done; if it
    is cut short, the same again removes the rest.
    """
    from attrition_assets.purge import find_past, remove_past, render_past

    settings, now = choose_settings(), datetime.now(UTC)
    with open_instance(settings, writes=yes) as instance:
        past = find_past(settings, instance, now)
        click.echo(render_past(past, settings))
        if not past:
            return
        if not yes:
            click.echo("\nNothing was removed. To remove it: attrition purge --yes")
            return
        entry = remove_past(past, settings, who=who, why=reason, now=now)
    click.echo(f"\nRemoved; decision {entry.number} of the log says so")
