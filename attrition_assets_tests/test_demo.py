"""What the demo may replace: its own state, and a home that was opened and never used."""

from pathlib import Path

import pytest

from attrition_assets.demo import MARKER, link_instance_config, prepare_home
from attrition_assets.errors import SettingsError


@pytest.mark.parametrize("name", ["assets", "data", "thesis.txt"])
def test_a_folder_that_holds_anything_else_is_left_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SettingsError, match="holds state that no demo made"):
        prepare_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_home_that_was_opened_and_never_used_is_taken(tmp_path: Path) -> None:
    link_instance_config(tmp_path / "home")
    (tmp_path / "home" / "history").mkdir()
    prepare_home(tmp_path / "home")
    assert {path.name for path in (tmp_path / "home").iterdir()} == {MARKER, "dagster.yaml"}


def test_an_earlier_demo_is_replaced_and_the_folder_it_looked_at_is_not(tmp_path: Path) -> None:
    months, home = tmp_path / "months", tmp_path / "home"
    months.mkdir()
    (months / "2026-01.csv").touch()
    prepare_home(home)
    (home / "data").symlink_to(months)
    prepare_home(home)
    assert {path.name for path in home.iterdir()} == {MARKER, "dagster.yaml"}
    assert (months / "2026-01.csv").is_file()
