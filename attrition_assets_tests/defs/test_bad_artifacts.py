"""One byte of an artifact changed, or an alias that points nowhere: named, and nothing is moved."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.promotion import promote_version, roll_back
from attrition_assets.errors import RegistryError
from attrition_assets_tests.seen import assert_in_guide, attrition

from .conftest import LAST, NOW, Place

FILES = ("model.skops", "held_out.parquet")
CHAMPION, OTHER = 2, 1


def change_a_byte(registry: Registry, version: int, file: str) -> None:
    held = registry.client.get_model_version("attrition", str(version))
    run = registry.client.get_run(str(held.run_id)).info.artifact_uri
    place = registry.client.get_logged_model(held.source.removeprefix("models:/")).artifact_location
    path = Path((run if file == FILES[1] else place).removeprefix("file://")) / file
    assert path.is_relative_to(registry.home)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def give_alias(registry: Registry, alias: str, version: int) -> None:
    with closing(sqlite3.connect(registry.home / "mlflow" / "mlflow.db")) as database, database:
        database.execute(
            "UPDATE registered_model_aliases SET version = ? WHERE alias = ?", (version, alias)
        )


@pytest.mark.parametrize("file", FILES)
def test_a_byte_of_the_other_version_hinders_its_promotion_and_no_scoring(
    file: str, place: Place
) -> None:
    registry = place.loop.registry
    change_a_byte(registry, OTHER, file)
    with pytest.raises(RegistryError, match=f"{file} of version 1 is not the one registered"):
        promote_version(place.instance, registry, OTHER, who="Ada", why="?", now=NOW, override=True)
    assert registry.champion_version() == CHAMPION
    before = place.asset("predictions", LAST).read_bytes()
    assert place.run(LAST, "predictions").success
    assert place.asset("predictions", LAST).read_bytes() == before


@pytest.mark.parametrize("file", FILES)
def test_a_byte_of_the_champion_stops_scoring_until_another_is_promoted(
    file: str, place: Place
) -> None:
    registry, path = place.loop.registry, place.asset("predictions", LAST)
    before = path.read_bytes()
    change_a_byte(registry, CHAMPION, file)
    said = place.why(place.run(LAST, "predictions"))
    assert f"{file} of version 2 is not the one registered: restore {file} of version 2" in said
    assert "or make another version champion with `attrition promote --version N`" in said
    assert path.read_bytes() == before
    moved = roll_back(place.instance, registry, who="Ada", why="damaged", now=NOW)
    assert moved == (OTHER, CHAMPION)
    assert registry.load_champion().version == OTHER


def test_an_alias_that_points_nowhere_is_told_as_lost_and_given_again(place: Place) -> None:
    registry, home = place.loop.registry, place.settings.home
    give_alias(registry, "champion", 7)
    give_alias(registry, "challenger", 7)
    assert registry.challenger_version() is None
    said = r"no version of 'attrition' has the alias 'champion' though 2 exist.* N in \[1, 2\]"
    with pytest.raises(RegistryError, match=said):
        registry.load_champion()
    failed = attrition(home, place.settings.data, "purge")
    assert failed.exit_code == 1
    assert_in_guide(failed.output, home, place.settings.data)
    given = attrition(home, place.settings.data, "promote", "--version", "2", "--reason", "lost")
    assert given.exit_code == 0, given.output
    assert registry.champion_version() == CHAMPION
