"""The command `attrition`, and what its commands share."""

import getpass
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from dagster import DagsterInstance
from sqlalchemy.exc import OperationalError

from attrition_assets.adapters.storage import explain_failure, require_room, require_unlocked
from attrition_assets.errors import AttritionError
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from attrition_assets.adapters.model_cards import ModelCards
    from attrition_assets.adapters.registry import Registry


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


def name_who(does: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that says who takes a decision."""
    said = f"who {does}; default the user's name"
    return click.option("--who", default=getpass.getuser, help=said)


@click.group(cls=_Group)
@click.option("--unit", help="the business unit that is meant, where ATTRITION_UNITS names some")
@click.pass_context
def main(ctx: click.Context, unit: str | None) -> None:
    """Watches an employee-attrition model and retrains it when, and only when, it should."""
    ctx.obj = unit


def read_unit() -> str | None:
    """The business unit that the command line names; None if it names none."""
    unit: str | None = click.get_current_context().find_root().obj
    return unit


def choose_settings() -> Settings:
    """The settings; where there are business units, those of the one that is named.

    Raises SettingsError, which lists the units, if none is named then, or one that is unknown.
    """
    return load_settings().choose_unit(read_unit())


def choose_version(held: dict[str, Any], version: int | None, what: str) -> tuple[int, str]:
    """The version named, else the challenger, and a note on months it learned from, or nothing.

    `held` are the resources; `what` is to be done with it, for the error where there is none.
    """
    chosen = held["registry"].challenger_version() if version is None else version
    if chosen is None:
        raise click.ClickException(f"there is no challenger to {what}: train a model first")
    digest = held["registry"].load(chosen).reference_digest
    changed = held["snapshot_store"].find_changed(held["reference_store"].sources(digest))
    note = f"it learned from {', '.join(changed)}, refused, corrected or removed since"
    return chosen, note if changed else ""


def read_month_option(text: str, hint: str) -> pd.Period:
    """The month that an option or argument names; `hint` is what a typo is reported of."""
    try:
        return parse_month(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=hint) from None


def require_folder(settings: Settings, command: str, asked: bool) -> None:
    """Refuse to import months that would not be read: the database's would."""
    if asked and settings.snapshots_from:
        raise click.ClickException(
            f"months come out of the database, and `attrition {command}` would not be read: unset "
            "ATTRITION_SNAPSHOTS_FROM"
        )


def open_instance(settings: Settings, writes: bool = True) -> DagsterInstance:
    """Dagster's instance at the home; refused first where it `writes` and could not.

    Who writes ends first what commands that were killed have left in progress.
    """
    from attrition_assets.defs.command_runs import end_dead_runs
    from attrition_assets.demo import link_instance_config

    if writes:
        require_room(settings.home)
        require_unlocked(settings.instance_home)
    link_instance_config(settings.instance_home)
    instance = DagsterInstance.from_config(str(settings.instance_home))
    if writes:
        end_dead_runs(instance, settings.instance_home)
    return instance


def report_progress(started: float) -> Callable[[str], None]:
    """What shows a line of progress, with the seconds since `started`."""

    def say(line: str) -> None:
        click.echo(f"[{time.monotonic() - started:5.0f} s] {line}")
        sys.stdout.flush()

    return say


def tell_images(settings: Settings, registry: "Registry") -> None:
    """Let the images' tag follow the champion, and say so. Where it cannot, the daemon goes on
    trying: the champion is promoted all the same.
    """
    from attrition_assets.defs.images import move_champion_tag

    try:
        if said := move_champion_tag(settings, registry):
            click.echo(said)
    except AttritionError as error:
        click.echo(f"note: the images' tag was not moved, the sensor tag_champion will: {error}")


def refresh_written_cards(cards: "ModelCards") -> None:
    """Let the cards show who is champion now; what is lost of a version keeps nothing else back."""
    from attrition_assets.defs.model_card import refresh_cards

    for said in refresh_cards(cards)[1].values():
        click.echo(f"note: {said}")
