"""The settings of business units, and the option that names one."""

from pathlib import Path

import pytest

from attrition_assets.adapters.registry import Registry
from attrition_assets.contract import Contract
from attrition_assets.errors import SettingsError
from attrition_assets.settings import Settings
from attrition_assets.ui import list_served, list_services

from .seen import attrition

UNITS = {"ATTRITION_UNITS": "north,south"}


def read(home: Path, **more: str) -> Settings:
    return Settings.from_environment({"ATTRITION_HOME": str(home), **more})


def test_a_unit_has_data_state_and_a_model_of_its_own_in_the_groups_home(
    tmp_path: Path, contract: Contract
) -> None:
    group = read(tmp_path, ATTRITION_DATA=str(tmp_path / "sent"), **UNITS)
    north, south = group.by_unit()
    assert (north.unit, south.unit, group.unit) == ("north", "south", None)
    assert north.home == tmp_path / "units" / "north"
    assert north.data == tmp_path / "sent" / "north"
    assert north.served_predictions != south.served_predictions
    assert north.mlflow_uri == south.mlflow_uri == group.mlflow_uri
    assert north.instance_home == group.instance_home == tmp_path
    assert north.by_unit() == (north,)
    assert north.import_folder == tmp_path / "data" / "north"
    names = [
        Registry(each.mlflow_uri, each.home, contract, each.unit).name for each in (north, group)
    ]
    assert names == ["attrition-north", "attrition"]


def test_without_units_everything_is_where_it_was(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.units == ()
    assert settings.by_unit() == (settings,)
    assert settings.choose_unit(None) is settings
    assert settings.instance_home == settings.home
    assert settings.import_folder == tmp_path / "data"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("north", "'north' is one unit: name two or more, or unset it"),
        ("north,South", "'South': no name of a unit"),
        ("north,", "'': no name of a unit"),
        ("north,a|b,../c", "'a|b', '../c': no name of a unit"),
        ("north,south,north", "north: named twice"),
        ("north,2026-01", "'2026-01': no name of a unit"),
        ("models,south", "'models': no name of a unit"),
    ],
)
def test_units_that_are_none_are_refused(given: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ATTRITION_UNITS: ") as refused:
        read(tmp_path, ATTRITION_UNITS=given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "more",
    [
        {"ATTRITION_IMAGES": "build"},
        {"ATTRITION_SERVED_PREDICTIONS": "sqlite:////tmp/one.db"},
        {"ATTRITION_BAKED_MODEL": "/bundle"},
        {"ATTRITION_GITHUB_TOKEN": "t", "ATTRITION_GITHUB_REPOSITORY": "company/attrition"},
        {"ATTRITION_DATABASE": "sqlite:////tmp/hr.db", "ATTRITION_SNAPSHOTS_FROM": "people"},
    ],
)
def test_what_would_mix_units_is_refused_with_them(more: dict[str, str], tmp_path: Path) -> None:
    read(tmp_path, **more)
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, **more, **UNITS)
    assert f"{next(iter(more))}: set for all units at once" in str(refused.value)


def test_each_unit_is_served_by_itself_and_its_reports_are_seen_under_its_name(
    tmp_path: Path,
) -> None:
    group = read(tmp_path, **UNITS)
    north = group.of_unit("north")
    assert list_served(north)["drift"][1:] == ["--unit", "north", "serve", "drift"]
    list_services(group)
    list_services(group)  # again, what is there stays
    assert (tmp_path / "reports" / "north").resolve() == north.home / "reports"


def test_a_unit_that_is_none_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no unit 'west': there are north, south"):
        read(tmp_path, **UNITS).of_unit("west")
    with pytest.raises(SettingsError, match="ATTRITION_UNITS is not set"):
        read(tmp_path).of_unit("north")


def test_a_command_works_on_the_unit_that_is_named(tmp_path: Path) -> None:
    def command(*words: str) -> str:
        result = attrition(tmp_path / "home", tmp_path / "data", *words, **UNITS)
        return f"{result.exit_code} {result.output}"

    assert command("--unit", "north", "key", "add", "ada", "--scope", "predict").startswith("0 ")
    assert "ada  predict" in command("--unit", "north", "key", "list")
    assert "there is none" in command("--unit", "south", "key", "list")
    assert (tmp_path / "home" / "units" / "north").is_dir()


def test_a_command_that_needs_a_unit_says_which_there_are(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    missing = attrition(home, data, "status", **UNITS)
    assert missing.exit_code == 1
    assert "of which unit? There are north, south: attrition --unit north" in missing.output
    unknown = attrition(home, data, "--unit", "west", "status", **UNITS)
    assert unknown.exit_code == 1
    assert "no unit 'west': there are north, south" in unknown.output
    told = attrition(home, data, "doctor", **UNITS).output
    assert "of which unit? There are north, south" in told
    demo = attrition(home, data, "demo", **UNITS)
    assert "the demo walks one company: unset ATTRITION_UNITS" in demo.output
    proposed = attrition(home, data, "--unit", "north", "propose", **UNITS)
    assert "pull requests know no units" in proposed.output
    assert attrition(home, data, "simulate", "--list", **UNITS).exit_code == 0
