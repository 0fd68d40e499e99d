"""Commands that look at the loop, run a part of it, or switch it off."""

import os
import sys
import time
from datetime import UTC, datetime

import click

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.cli.group import (
    choose_settings,
    main,
    name_who,
    open_instance,
    read_month_option,
    read_unit,
    report_progress,
)
from attrition_assets.governance.decisions import Kind, require_named
from attrition_assets.settings import load_settings


@main.command()
def ui() -> None:
    """Serve Dagster, MLflow and the reports on 127.0.0.1 until interrupted."""
    from attrition_assets.demo import link_instance_config
    from attrition_assets.ui import list_services, run_services

    settings = load_settings()
    link_instance_config(settings.home)
    run_services(settings, list_services(settings), click.echo)


@main.command("run")
@click.argument("month", required=False)
@click.option("--at", "url", help="a Dagster elsewhere that does it, such as http://127.0.0.1:3000")
def run_command(month: str | None, url: str | None) -> None:
    """Check, score, judge and report MONTH, such as 2026-01, now; by default the last that ended.

    With --at a deployed Dagster runs it, its own sensor decides, and the retraining that it may
    request is awaited too.
    """
    from attrition_assets.month_run import read_last_month, read_month, run_month

    now = datetime.now(UTC)
    try:
        chosen = read_month(month, now) if month else read_last_month(now)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="MONTH") from None
    if url is not None:
        from attrition_assets.deployment import Deployment

        click.echo(f"{chosen} at {url}")
        Deployment(url.rstrip("/"), click.echo).run_month(chosen, choose_settings().unit)
        return
    settings = choose_settings()
    with open_instance(settings) as instance:
        click.echo(run_month(settings, instance, chosen))


@main.command()
@click.option("--reason", required=True, help="why: it is recorded with the run")
@click.option("--as-of", default="", help="month such as 2026-01; default the newest accepted")
@name_who("asks")
def retrain(reason: str, as_of: str, who: str) -> None:
    """Train a challenger now, whatever the drift checks say."""
    from attrition_assets.definitions import defs
    from attrition_assets.defs.command_runs import tagging_runs
    from attrition_assets.defs.retraining import retraining_config
    from attrition_assets.defs.runs import REASON_TAG
    from attrition_assets.demo import QUIET
    from attrition_assets.month_run import explain_run

    run_config = retraining_config(read_month_option(as_of, "--as-of")) if as_of else {}
    settings = choose_settings()
    with open_instance(settings) as instance, tagging_runs(settings.instance_home) as tags:
        DecisionLog(settings.home).append(
            Kind.RETRAINING_REQUESTED, who=who, why=reason, at=datetime.now(UTC)
        )
        result = defs.resolve_job_def("retraining").execute_in_process(
            instance=instance,
            partition_key=settings.unit,
            run_config={**run_config, **QUIET},
            tags={**tags, REASON_TAG: reason},
            raise_on_error=False,
        )
        if not result.success:
            why = explain_run(instance, result.run_id)
            raise click.ClickException(f"the retraining failed: {why}")
    click.echo("a challenger waits: attrition promote")


@main.command()
def search() -> None:
    """Make trials of a retraining's search, with all who do, and train nothing.

    Of the retraining that is at it or comes next on the same reference data; ends when the search
    has all its trials. Needs ATTRITION_STUDY_DATABASE.
    """
    from attrition_assets.defs.resources import build_resources
    from attrition_assets.defs.search import join_search

    settings = choose_settings()
    held = build_resources(settings)
    found = join_search(
        settings,
        held["registry"],
        held["reference_store"],
        held["training"],
        report=report_progress(time.monotonic()),
    )
    click.echo(f"the search has {len(found.trials)} trials")


@main.command()
def status() -> None:
    """Say where the loop stands, what is blocked and why, and the next thing to do."""
    from attrition_assets.status import collect_status, render_status

    settings = choose_settings()
    with open_instance(settings, writes=False) as instance:
        click.echo(render_status(collect_status(settings, instance, datetime.now(UTC))))


@main.command()
@click.option("--reason", required=True, help="why: it is shown wherever a score is missing")
@name_who("suspends")
def suspend(reason: str, who: str) -> None:
    """Suspend scoring: months are still checked, nobody is scored."""
    from attrition_assets.defs.suspension import report_suspension

    require_named(Kind.SUSPENDED, who, reason)
    settings = choose_settings()
    suspension = Suspension(who=who, why=reason, since=datetime.now(UTC))
    ScoringSwitch(settings.home).suspend(suspension)  # whatever else may be in the way
    click.echo(str(suspension))
    with open_instance(settings) as instance:
        report_suspension(instance, ScoringSwitch(settings.home), suspension)


@main.command()
@click.option("--reason", required=True, help="why scoring may go on: it is recorded")
@name_who("resumes")
def resume(reason: str, who: str) -> None:
    """Let scoring go on."""
    from attrition_assets.defs.suspension import resume_scoring

    settings = choose_settings()
    with open_instance(settings) as instance:
        switch = ScoringSwitch(settings.home)
        resume_scoring(instance, switch, who, reason, datetime.now(UTC))
    click.echo("scoring goes on; months that were missed: attrition status")


@main.command()
def doctor() -> None:
    """Check every dependency, setting and store, and say how to mend what is wrong.

    Ends with 0 if all is well, 1 if something is wrong or could not be checked, and 3 if nothing
    is wrong but nothing was ever run here.
    """
    from attrition_assets.doctor import CHECKS
    from attrition_assets.doctor.examination import examine, render_verdict
    from attrition_assets.doctor.subject import Subject

    with Subject(os.environ, datetime.now(UTC), read_unit()) as subject:
        findings = []
        for finding in examine(CHECKS, subject):
            findings.append(finding)
            click.echo(finding.render())
    text, code = render_verdict(findings)
    click.echo(f"\n{text}")
    sys.exit(code)
