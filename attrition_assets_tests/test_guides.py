"""What the guides show is what a person gets: their commands are run, and their output compared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from attrition_assets.settings import PROJECT_ROOT
from attrition_assets_tests.seen import attrition

GUIDE = (PROJECT_ROOT / "docs" / "your-data.md").read_text("utf-8")


def find_block(begins: str) -> str:
    """The block of the guide that begins so."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(begins)]
    return str(found)


def test_the_walk_through_of_a_table_of_months_goes_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home, command = tmp_path / "home", find_block(".venv/bin/attrition simulate practice")
    made = attrition(home, tmp_path, *command.replace("\\\n", " ").split()[1:])
    assert made.exit_code == 0, made.output
    subprocess.run([sys.executable, "-c", find_block("import pandas")], check=True)
    shown = find_block("$ attrition contract people.csv")
    drafted = attrition(home, tmp_path, *shown.splitlines()[0].split()[2:])
    assert shown.splitlines()[1:] == drafted.output.splitlines()
    # The walk itself takes most of a minute; `make demo` is one.
    words = shown.splitlines()[-1].split()[1:]
    chosen = {"ATTRITION_CONTRACT": str(tmp_path / "people.yaml")}
    imported = attrition(home, tmp_path, *words, **chosen)
    assert "people.csv: 18 months, 2024-01 to 2025-06, written to" in imported.output


def test_the_scenarios_are_all_listed(tmp_path: Path) -> None:
    shown = find_block("$ attrition simulate --list").splitlines()[1:]
    assert shown == attrition(tmp_path, tmp_path, "simulate", "--list").output.splitlines()
