"""`attrition ...`: what is no materialization. A command reads settings and calls one function."""

import getpass
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import pandas as pd
from click.core import ParameterSource
from dagster import DagsterInstance
from sqlalchemy.exc import OperationalError

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.storage import explain_failure, require_room, require_unlocked
from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.errors import AttritionError
from attrition_assets.governance.decisions import Kind, require_named
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings, load_settings


class _Group(click.Group):
    """Shows the project's own errors as one message, without a traceback.

    So it does where Dagster's or MLflow's SQLite files are locked, full or read-only; any other
    exception is a fault of the program, and its traceback is shown.
    """

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AttritionError as error:
            raise click.ClickException(str(error)) from None
        except (OSError, OperationalError) as error:
            said = explain_failure(error, load_settings().home)
            if said is None:
                raise
            raise click.ClickException(said) from None


def _who(does: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that says who takes a decision."""
    said = f"who {does}; default the user's name"
    return click.option("--who", default=getpass.getuser, help=said)


@click.group(cls=_Group)
def main() -> None:
    """Watches an employee-attrition model and retrains it when, and only when, it should."""


@main.command()
@click.option("--data", type=click.Path(path_type=Path), help="a table to import, or a folder")
@click.option("--departures", type=click.Path(path_type=Path), help="as `attrition import` has it")
def demo(data: Path | None, departures: Path | None) -> None:
    """Walk the loop over a company's months, in a fresh home."""
    from attrition_assets.adapters.import_table import read_months, write_months
    from attrition_assets.contract import read_contract
    from attrition_assets.demo import Loop, prepare_home, render_table

    started = time.monotonic()
    settings = load_settings()
    _require_folder(settings, "demo --data", data is not None)
    if settings.predictions_to:
        raise click.ClickException(
            "the demo writes no predictions into a database: unset ATTRITION_PREDICTIONS_TO"
        )
    if departures and (data is None or data.is_dir()):
        raise click.UsageError("--departures belongs to a table: give it with --data FILE")
    imported = None
    if data and not data.is_dir():  # before the home of an earlier demo is replaced
        contract = read_contract(settings.contract)
        imported = read_months(data, contract, first_month=settings.start, departures=departures)
    require_room(settings.home)
    prepare_home(settings.home)
    if data and data.is_dir():
        (settings.home / "data").symlink_to(data.absolute())
    elif imported:
        write_months(*imported, settings.home / "data")
    settings = load_settings()
    loop = Loop(settings, _progress(started))
    with DagsterInstance.from_config(str(settings.home)) as instance:
        results = loop.walk(instance)
    table = render_table(loop, results)
    (settings.home / "reports" / "demo.md").write_text(table + "\n", "utf-8")
    click.echo(f"\n{table}\n")
    click.echo(f"State: {settings.home}. Look at it with: make ui")
    retrained = [str(row.month) for row in results if "retrained" in row.action]
    refused = [str(row.month) for row in results if row.found.startswith("refused")]
    figures = {
        "months": len(results),
        "retrained": retrained,
        "refused": refused,
        "champion": loop.registry.champion_version(),
        "seconds": round(time.monotonic() - started, 1),
    }
    click.echo(json.dumps(figures))


@main.command("contract")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="default: FILE's name, in yaml")
@click.option("--label", help="the column that says who left, if its name does not tell")
@click.option("--id", "id_column", help="the column that says whose a row is, likewise")
@click.option("--departures", type=click.Path(path_type=Path), help="a table of who left when")
def contract_command(
    file: Path,
    output: Path | None,
    label: str | None,
    id_column: str | None,
    departures: Path | None,
) -> None:
    """Draft a contract from any table: kinds, ranges, levels and roles, each guess with its reason.

    A person confirms it, line by line; columns that tell who left are ignored.
    """
    from attrition_assets.adapters.files import write_atomically
    from attrition_assets.adapters.snapshots import read_file
    from attrition_assets.drafting import draft_contract

    path = output or Path(f"{file.stem}.yaml")
    if path.exists():
        raise click.ClickException(f"{path} is there already: give another --output, or remove it")
    draft = draft_contract(
        read_file(file),
        file.stem,
        label=label,
        id_column=id_column,
        departures=read_file(departures) if departures else None,
    )
    write_atomically(path, draft.render_checked().encode())
    for guess in draft.guesses:
        role, kind = guess.entry["role"], guess.entry["kind"]
        click.echo(f"{guess.column:<28} {role:<14} {kind:<11} {guess.why}")
    click.echo(
        f"\nwrote {path}: read it, confirm or correct each line, then\n"
        f"  export ATTRITION_CONTRACT={path}\n  attrition import {file}"
        + (f" --departures {departures}" if departures else "")
    )


@main.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--months", default=6, show_default=True, help="months to deal half the rows to")
@click.option("--seed", default=0, show_default=True, help="seed of the draw")
@click.option("--departures", type=click.Path(path_type=Path), help="who left when, for months")
def import_command(file: Path, months: int, seed: int, departures: Path | None) -> None:
    """Turn a table into months, in home/data.

    One that has the contract's snapshot date is split by it. Of any other, whose rows say who left,
    half becomes a labelled history, and the rest months at random.
    """
    from attrition_assets.adapters.import_table import import_table
    from attrition_assets.contract import read_contract

    settings = load_settings()
    _require_folder(settings, "import", True)
    folder = settings.home / "data"
    dates = import_table(
        file,
        folder,
        read_contract(settings.contract),
        first_month=settings.start,
        months=months,
        seed=seed,
        departures=departures,
    )
    click.echo(f"{file}: {len(dates)} months, {dates[0]} to {dates[-1]}, written to {folder}")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--list", "listed", is_flag=True, help="show what can be planted, and end")
@click.option("--plant", multiple=True, metavar="NAME@MONTH=SIZE", help="may be given repeatedly")
@click.option("--first-month", default="2023-11", show_default=True)
@click.option("--months", default=36, show_default=True, type=click.IntRange(1, 600))
@click.option("--headcount", default=1470, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.option("--replace", is_flag=True, help="replace the months that lie in FOLDER")
@click.pass_context
def simulate(
    ctx: click.Context,
    folder: Path | None,
    listed: bool,
    plant: tuple[str, ...],
    first_month: str,
    months: int,
    headcount: int,
    seed: int,
    replace: bool,
) -> None:
    """Write a simulated company's months into FOLDER, for ATTRITION_DATA.

    Without any option, the company that the project ships.
    """
    from attrition_assets.simulation.composing import compose_company, list_planted
    from attrition_assets.simulation.shipped import simulate_shipped_company, write_company

    if listed:
        click.echo("\n".join(list_planted()))
        return
    if folder is None:
        raise click.UsageError("give a FOLDER to write, or --list")
    if (folder / "snapshots").exists() and not replace:
        raise click.ClickException(f"months lie in {folder}: choose another, or add --replace")
    composing = {"plant", "first_month", "months", "headcount", "seed"}
    if {ctx.get_parameter_source(name) for name in composing} == {ParameterSource.DEFAULT}:
        company = simulate_shipped_company()
    else:
        company = compose_company(
            plant,
            first_month=_read_month(first_month, "--first-month"),
            months=months,
            headcount=headcount,
            seed=seed,
        )
    write_company(company, folder)
    click.echo(f"wrote {folder}: {len(company.snapshots)} months")
    if company.later:
        held = ", ".join(map(str, sorted(company.later)))
        click.echo(f"files of {held} come a month later: {folder}/later/README.md says what to do")


@main.command()
def ui() -> None:
    """Serve Dagster, MLflow and the reports on 127.0.0.1 until interrupted."""
    from attrition_assets.demo import link_instance_config
    from attrition_assets.ui import serve_ui

    settings = load_settings()
    link_instance_config(settings.home)
    serve_ui(settings, click.echo)


@main.command()
@click.option("--version", "--model-version", "version", type=int, help="default the challenger")
@click.option("--run-id", help="the MLflow run that made the version, in place of --version")
@click.option("--reason", help="why; an override needs one")
@click.option("--override", is_flag=True, help="promote although the comparison does not advise it")
@_who("promotes")
def promote(
    version: int | None, run_id: str | None, reason: str | None, override: bool, who: str
) -> None:
    """Make a version the champion: from now on it scores.

    Shows how it holds against the champion, and refuses it where that is not shown, unless a person
    overrides that with a reason.
    """
    from attrition_assets.defs.promotion import promote_version
    from attrition_assets.defs.resources import build_resources

    if override and reason is None:
        raise click.UsageError("--override needs a --reason")
    if version is not None and run_id is not None:
        raise click.UsageError("give --version or --run-id, not both")
    settings = load_settings()
    held = build_resources(settings)
    registry = held["registry"]
    with _open_instance(settings) as instance:
        if run_id is not None:
            version = registry.find_version(run_id)
        chosen = registry.challenger_version() if version is None else version
        if chosen is None:
            raise click.ClickException("there is no challenger to promote: train a model first")
        digest = registry.load(chosen).reference_digest
        changed = held["snapshot_store"].find_changed(held["reference_store"].sources(digest))
        evidence = registry.read_evidence(chosen)
        if advice := evidence.comparison:
            click.echo(f"against version {evidence.compared_with}: {advice.verdict}")
            click.echo("\n".join(f"  {each}" for each in advice.reasons))
        if evidence.fairness:
            told = ", ".join(f"{name}: {verdict}" for name, verdict in evidence.fairness.items())
            click.echo(f"fairness by attribute: {told}")
        previous = promote_version(
            instance,
            registry,
            chosen,
            who=who,
            why=reason or "promoted by command",
            now=datetime.now(UTC),
            override=override,
        )
    if changed:
        click.echo(f"note: it learned from {', '.join(changed)}, refused or corrected since")
    click.echo(f"version {chosen} is champion now; it was {previous or 'none'} before")


@main.command()
@click.option("--reason", required=True, help="why: it is kept in the decision log")
@_who("decides")
def rollback(reason: str, who: str) -> None:
    """Make the version champion again that the present one replaced."""
    from attrition_assets.defs.promotion import roll_back
    from attrition_assets.defs.resources import build_resources

    settings = load_settings()
    registry = build_resources(settings)["registry"]
    with _open_instance(settings) as instance:
        now = datetime.now(UTC)
        former, replaced = roll_back(instance, registry, who=who, why=reason, now=now)
    click.echo(f"version {former} is champion again, in place of {replaced}")


@main.command()
@click.option("--reason", required=True, help="why: it is recorded with the run")
@click.option("--as-of", default="", help="month such as 2026-01; default the newest accepted")
@_who("asks")
def retrain(reason: str, as_of: str, who: str) -> None:
    """Train a challenger now, whatever the drift checks say."""
    from attrition_assets.definitions import defs
    from attrition_assets.defs.retraining import retraining_config
    from attrition_assets.defs.runs import REASON_TAG
    from attrition_assets.demo import QUIET
    from attrition_assets.month_run import explain_run

    run_config = retraining_config(_read_month(as_of, "--as-of")) if as_of else {}
    settings = load_settings()
    with _open_instance(settings) as instance:
        DecisionLog(settings.home).append(
            Kind.RETRAINING_REQUESTED, who=who, why=reason, at=datetime.now(UTC)
        )
        result = defs.resolve_job_def("retraining").execute_in_process(
            instance=instance,
            run_config={**run_config, **QUIET},
            tags={REASON_TAG: reason},
            raise_on_error=False,
        )
        if not result.success:
            why = explain_run(instance, result.run_id)
            raise click.ClickException(f"the retraining failed: {why}")
    click.echo("a challenger waits: attrition promote")


@main.command()
def status() -> None:
    """Say where the loop stands, what is blocked and why, and the next thing to do."""
    from attrition_assets.status import collect_status, render_status

    settings = load_settings()
    with _open_instance(settings, writes=False) as instance:
        click.echo(render_status(collect_status(settings, instance, datetime.now(UTC))))


@main.command()
@click.option("--reason", required=True, help="why: it is shown wherever a score is missing")
@_who("suspends")
def suspend(reason: str, who: str) -> None:
    """Suspend scoring: months are still checked, nobody is scored."""
    from attrition_assets.defs.suspension import report_suspension

    require_named(Kind.SUSPENDED, who, reason)
    settings = load_settings()
    suspension = Suspension(who=who, why=reason, since=datetime.now(UTC))
    ScoringSwitch(settings.home).suspend(suspension)  # whatever else may be in the way
    click.echo(str(suspension))
    with _open_instance(settings) as instance:
        report_suspension(instance, ScoringSwitch(settings.home), suspension)


@main.command()
@click.option("--reason", required=True, help="why scoring may go on: it is recorded")
@_who("resumes")
def resume(reason: str, who: str) -> None:
    """Let scoring go on."""
    from attrition_assets.defs.suspension import resume_scoring

    settings = load_settings()
    with _open_instance(settings) as instance:
        switch = ScoringSwitch(settings.home)
        resume_scoring(instance, switch, who, reason, datetime.now(UTC))
    click.echo("scoring goes on; months that were missed: attrition status")


@main.command()
@click.argument("month")
@click.option("--check", "checks", multiple=True, required=True, help="the check; may be repeated")
@click.option("--reason", required=True, help="why the month is right: it is kept with it")
@_who("vouches")
def accept(month: str, checks: tuple[str, ...], reason: str, who: str) -> None:
    """Vouch for a refused MONTH that only differs from those before it, as after a merger."""
    from attrition_assets.adapters.snapshot_store import SnapshotStore
    from attrition_assets.contract import read_contract

    chosen = _read_month(month, "MONTH")
    settings = load_settings()
    store = SnapshotStore(settings.home, read_contract(settings.contract))
    require_named(Kind.CHECK_WAIVED, who, reason)
    for check in checks:
        store.waive(chosen, check, who, reason)
        DecisionLog(settings.home).append(
            Kind.CHECK_WAIVED,
            who=who,
            why=reason,
            at=datetime.now(UTC),
            month=str(chosen),
            check=check,
        )
    click.echo(f"{', '.join(checks)} waived for the file of {chosen}; now: attrition run {chosen}")


@main.command()
@click.argument("month")
@click.option("--reason", required=True, help="why what moved is the new normal: it is kept")
@_who("answers")
def acknowledge(month: str, reason: str, who: str) -> None:
    """Answer the drift alarm of MONTH, and those before it, for good.

    They stand no longer, and later months are compared with the people of MONTH.
    """
    from attrition_assets.adapters.acknowledgements import Acknowledgements
    from attrition_assets.adapters.drift_reports import DriftReports

    chosen = _read_month(month, "MONTH")
    home = load_settings().home
    now = datetime.now(UTC)
    counts_from = Acknowledgements(home).answer(chosen, DriftReports(home), who, reason, now)
    DecisionLog(home).append(
        Kind.ALARM_ACKNOWLEDGED,
        who=who,
        why=reason,
        at=now,
        month=str(chosen),
        counts_from=str(counts_from),
    )
    click.echo(f"the alarms up to {chosen} are answered, for months from {counts_from} on")


@main.command("run")
@click.argument("month")
def run_command(month: str) -> None:
    """Check, score, judge and report MONTH, such as 2026-01, now."""
    from attrition_assets.month_run import read_month, run_month

    try:
        chosen = read_month(month, now=datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="MONTH") from None
    settings = load_settings()
    with _open_instance(settings) as instance:
        click.echo(run_month(settings, instance, chosen))


@main.command()
@click.option("--verify", is_flag=True, help="look for every changed byte of the log")
@click.option("--seal", help="a seal that --verify printed earlier, kept elsewhere")
def decisions(verify: bool, seal: str | None) -> None:
    """Show what was decided, by whom and why: retrainings, models, promotions, suspensions.

    With --verify, ends with 1 if the log is not as it was written.
    """
    log = DecisionLog(load_settings().home)
    if not (verify or seal):
        for entry in log.entries():
            click.echo(entry.describe())
        return
    found = log.verify(seal)
    for each in found.breaks:
        click.echo(each)
    click.echo(f"{found.entries} entries, {len(found.breaks)} breaks\nseal {found.seal}")
    sys.exit(1 if found.breaks else 0)


@main.command()
def doctor() -> None:
    """Check every dependency, setting and store, and say how to mend what is wrong.

    Ends with 0 if all is well, 1 if something is wrong or could not be checked, and 3 if nothing
    is wrong but nothing was ever run here.
    """
    from attrition_assets.doctor import CHECKS
    from attrition_assets.doctor.examination import examine, render_verdict
    from attrition_assets.doctor.subject import Subject

    with Subject(os.environ, datetime.now(UTC)) as subject:
        findings = []
        for finding in examine(CHECKS, subject):
            findings.append(finding)
            click.echo(finding.render())
    text, code = render_verdict(findings)
    click.echo(f"\n{text}")
    sys.exit(code)


def _read_month(text: str, hint: str) -> pd.Period:
    try:
        return parse_month(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=hint) from None


def _require_folder(settings: Settings, command: str, asked: bool) -> None:
    """Refuse to import months that would not be read: the database's would."""
    if asked and settings.snapshots_from:
        raise click.ClickException(
            f"months come out of the database, and `attrition {command}` would not be read: unset "
            "ATTRITION_SNAPSHOTS_FROM"
        )


def _open_instance(settings: Settings, writes: bool = True) -> DagsterInstance:
    from attrition_assets.demo import link_instance_config

    if writes:
        require_room(settings.home)
        require_unlocked(settings.home)
    link_instance_config(settings.home)
    return DagsterInstance.from_config(str(settings.home))


def _progress(started: float) -> Callable[[str], None]:
    def say(line: str) -> None:
        click.echo(f"[{time.monotonic() - started:5.0f} s] {line}")
        sys.stdout.flush()

    return say
