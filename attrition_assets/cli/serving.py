"""Commands that serve, and those that say who may ask."""

import ipaddress
from datetime import UTC, datetime
from pathlib import Path

import click

from attrition_assets.cli.group import choose_settings, main
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.ui import PORTS, list_served, run_services

APIS = ("predictions", "drift", "frontend")
_PORTS = ", ".join(f"{PORTS[api]} for {api}" for api in APIS)


@main.group()
def key() -> None:
    """Make, revoke and list the keys of the APIs."""


@key.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([str(s) for s in Scope])
)
def add_key(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key NAME, good for each --scope; it is shown this once."""
    secret = KeyRing(choose_settings().home).add(
        name, tuple(Scope(each) for each in scopes), datetime.now(UTC)
    )
    click.echo(secret)
    click.echo(f"the key {name!r} is not shown again: send it in the header X-API-Key", err=True)


@key.command("revoke")
@click.argument("name")
def revoke_key(name: str) -> None:
    """Let the key NAME be good for nothing from now on."""
    KeyRing(choose_settings().home).revoke(name)
    click.echo(f"the key {name!r} is refused from now on")


@key.command("list")
def list_keys() -> None:
    """List the keys: names, scopes and when they were made."""
    held = KeyRing(choose_settings().home).read()
    for each in held:
        click.echo(f"{each.name}  {', '.join(each.scopes)}  made {each.made:%Y-%m-%d %H:%M}")
    if not held:
        click.echo("there is none: `attrition key add NAME --scope predict`")


@main.command()
@click.argument("api", type=click.Choice(APIS), required=False)
@click.option("--host", default="127.0.0.1", help="address to listen on; default loopback")
@click.option("--port", default=None, type=int, help=f"port to listen on; default {_PORTS}")
@click.option("--keys", is_flag=True, help="ask for keys on loopback too")
def serve(api: str | None, host: str, port: int | None, keys: bool) -> None:
    """Serve an API or the pages until interrupted; all of them and MLflow, on loopback, if none is
    named.

    Keys are asked for everywhere but on loopback; the pages ask each person for theirs.
    """
    from attrition_assets.serving.run import run_api

    if api is None:
        if keys or port is not None or not _is_loopback(host):
            raise click.UsageError(f"name what is to be served so: {', '.join(APIS)}")
        settings = choose_settings()
        run_services(settings, list_served(settings), click.echo)
        return
    guarded = keys or not _is_loopback(host)
    run_api(api, choose_settings(), host, PORTS[api] if port is None else port, guarded=guarded)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--version", type=int, default=None, help="version; default the champion")
def bundle(folder: Path, version: int | None) -> None:
    """Write a version to FOLDER as it is served, for an image to have it baked in."""
    from attrition_assets.adapters.bundles import Bundles
    from attrition_assets.adapters.registry import Registry
    from attrition_assets.contract import read_contract

    settings = choose_settings()
    registry = Registry(
        settings.mlflow_uri, settings.home, read_contract(settings.contract), settings.unit
    )
    chosen = version if version is not None else registry.load_champion().version
    card = settings.home / "reports" / "models" / str(chosen) / "card.md"
    facts = Bundles(folder).write(registry, chosen, card, datetime.now(UTC))
    click.echo(f"version {facts.version} lies in {Bundles(folder).current()}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
