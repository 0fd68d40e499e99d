"""Commands about tables that stay where they are: summarize, compare and score them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attrition_assets.cli.group import choose_settings, main
from attrition_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from attrition_assets.adapters.engine import TableEngine
    from attrition_assets.monitoring.table_summary import TableSummary

engine_option = click.option(
    "--engine", help="its URL, as ATTRITION_ENGINE has it, which is the default"
)


@main.command()
@click.argument("tables", nargs=-1, required=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="a .json file",
)
@engine_option
def summarize(tables: tuple[str, ...], output: Path, engine: str | None) -> None:
    """Reduce TABLES to one summary, by which `attrition compare` compares them later.

    A table is a Parquet file, a folder of them, or a table of the engine's database; a summary, a
    .json file, can be one of several as well: a longer reference is no new reading. Their rows are
    counted as those of different people. The summary is whole numbers; no row is in it, but every
    value that occurs, and how often.
    """
    from attrition_assets.adapters.files import write_atomically

    if output.suffix != ".json":
        raise click.BadParameter(f"{output} does not end in .json", param_hint="--output")
    named = [table if "://" in table else str(Path(table).resolve()) for table in tables]
    if twice := {table for table in named if named.count(table) > 1}:
        raise click.BadParameter(f"{', '.join(sorted(twice))}: named twice", param_hint="TABLES")
    settings = load_settings()
    opened = _open(settings, engine)
    merged = _read(tables[0], opened, settings)
    for table in tables[1:]:
        merged = merged.merge(_read(table, opened, settings))
    write_atomically(output, merged.to_json().encode())
    click.echo(f"{merged.rows:,} rows, {len(merged.counts)} columns: {output}")


@main.command()
@click.argument("before")
@click.argument("now")
@engine_option
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="probability of any alarm when nothing changed",
)
@click.option("--json", "as_json", is_flag=True, help="for machines")
def compare(before: str, now: str, engine: str | None, level: float, as_json: bool) -> None:
    """Say whether the monitored columns of NOW moved against BEFORE, or broke.

    Each is a table, as `attrition summarize` takes it, or a summary, a .json file; of 5,000 rows or
    more. Rows count as those of different people: months of one company share most of theirs, and
    their differences are smaller than this test expects.
    """
    from attrition_assets.contract import read_contract
    from attrition_assets.monitoring.drift_detection import DriftDetector
    from attrition_assets.monitoring.policy import read_policy

    settings = load_settings()
    opened = _open(settings, engine)
    sides = _read(before, opened, settings), _read(now, opened, settings)
    detector = DriftDetector(
        level, policy=read_policy(settings.contract), contract=read_contract(settings.contract)
    )
    drift, quality = detector.compare_summaries(*sides)
    if as_json:
        click.echo(
            f'{{"drift": {drift.model_dump_json()}, "quality": {quality.model_dump_json()}}}'
        )
        return
    click.echo(f"{drift.finding}: {drift.reason}")
    click.echo(f"{quality.finding}: {quality.reason}")


@main.command()
@click.argument("table")
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--version", type=int, help="of the model; default the champion")
@engine_option
def score(table: str, output: Path, version: int | None, engine: str | None) -> None:
    """Score everybody in TABLE, a part at a time, and write OUTPUT as Parquet.

    The table is as `attrition summarize` takes it. The scores are those of the loop, bit for bit.
    They are not put on record, and no reasons are given.
    """
    from attrition_assets.adapters.engine_scoring import Scoring, score_table
    from attrition_assets.adapters.registry import Registry
    from attrition_assets.contract import read_contract

    settings = choose_settings()
    contract = read_contract(settings.contract)
    registry = Registry(settings.mlflow_uri, settings.home, contract, settings.unit)
    model = registry.load_champion() if version is None else registry.load(version)
    scoring = Scoring(model.pipeline, contract, model.threshold, model.version)

    def report(rows: int) -> None:
        click.echo(f"\r{rows:,} rows", nl=False, err=True)

    scored = score_table(_open(settings, engine), table, scoring, output, report)
    click.echo("", err=True)
    click.echo(
        f"{scored.rows:,} rows by version {model.version}, {scored.flagged:,} flagged: {output}"
    )


def _open(settings: Settings, url: str | None) -> "TableEngine":
    from pydantic import SecretStr

    from attrition_assets.adapters.engine import TableEngine
    from attrition_assets.adapters.engine_url import check_engine_url

    return TableEngine(settings.engine if url is None else SecretStr(check_engine_url(url)))


def _read(table: str, engine: "TableEngine", settings: Settings) -> "TableSummary":
    """The summary in a file, or of a table."""
    from attrition_assets.contract import read_contract
    from attrition_assets.monitoring.table_summary import TableSummary

    if table.endswith(".json"):
        try:
            return TableSummary.from_json(Path(table).read_text("utf-8"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise click.BadParameter(
                f"{table} is no summary ({type(error).__name__}): make one with `attrition "
                "summarize`",
            ) from None
    return engine.summarize(table, read_contract(settings.contract))
