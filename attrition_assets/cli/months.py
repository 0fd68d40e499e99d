"""Commands about tables and months: a company to walk, a contract, what to import or vouch for."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from click.core import ParameterSource
from dagster import DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.storage import require_room
from attrition_assets.cli.group import (
    choose_settings,
    main,
    name_who,
    read_month_option,
    report_progress,
    require_folder,
)
from attrition_assets.governance.decisions import Kind, require_named
from attrition_assets.settings import load_settings


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
    if settings.units:
        raise click.ClickException("the demo walks one company: unset ATTRITION_UNITS")
    require_folder(settings, "demo --data", data is not None)
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
    loop = Loop(settings, report_progress(started))
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

    settings = choose_settings()
    require_folder(settings, "import", True)
    folder = settings.import_folder
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
            first_month=read_month_option(first_month, "--first-month"),
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
@click.argument("month")
@click.option("--check", "checks", multiple=True, required=True, help="the check; may be repeated")
@click.option("--reason", required=True, help="why the month is right: it is kept with it")
@name_who("vouches")
def accept(month: str, checks: tuple[str, ...], reason: str, who: str) -> None:
    """Vouch for a refused MONTH that only differs from those before it, as after a merger."""
    from attrition_assets.adapters.snapshot_store import SnapshotStore
    from attrition_assets.contract import read_contract

    chosen = read_month_option(month, "MONTH")
    settings = choose_settings()
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
@name_who("answers")
def acknowledge(month: str, reason: str, who: str) -> None:
    """Answer the drift alarm of MONTH, and those before it, for good.

    They stand no longer, and later months are compared with the people of MONTH.
    """
    from attrition_assets.adapters.acknowledgements import Acknowledgements
    from attrition_assets.adapters.drift_reports import DriftReports

    chosen = read_month_option(month, "MONTH")
    home = choose_settings().home
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
