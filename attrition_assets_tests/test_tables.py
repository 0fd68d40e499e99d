"""The commands for tables that stay where they are, as a person meets them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.simulation.scenarios import plant_scenario

from .conftest import MakeSnapshot
from .seen import attrition

PEOPLE = 6000


@pytest.fixture(scope="module")
def months(make_snapshot: MakeSnapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of strangers, and the second with more overtime."""
    folder = tmp_path_factory.mktemp("months")
    before, now = (
        make_snapshot(month, PEOPLE, seed) for seed, month in enumerate(("2026-01", "2026-02"))
    )
    before.to_parquet(folder / "before.parquet", index=False)
    now.to_parquet(folder / "now.parquet", index=False)
    more = plant_scenario(now, "overtime", 0.75, seed=0)
    more.to_parquet(folder / "more.parquet", index=False)
    return folder


def test_a_month_is_compared_with_the_summary_of_another(months: Path, tmp_path: Path) -> None:
    summary = tmp_path / "before.json"
    made = attrition(
        tmp_path, months, "summarize", str(months / "before.parquet"), "--output", str(summary)
    )
    assert made.exit_code == 0
    assert made.output == f"6,000 rows, 30 columns: {summary}\n"
    calm = attrition(tmp_path, months, "compare", str(summary), str(months / "now.parquet"))
    assert calm.output.startswith("no_drift: no column moved beyond its limits")
    assert "no_fault: nothing is wrong with the 30 columns" in calm.output
    alarm = attrition(
        tmp_path, months, "compare", str(summary), str(months / "more.parquet"), "--json"
    )
    found = json.loads(alarm.output)
    assert found["drift"]["finding"] == "drift"
    assert {test["column"] for test in found["drift"]["tests"] if test["drifted"]} == {"OverTime"}
    assert found["quality"]["finding"] == "no_fault"


def test_a_longer_reference_is_made_of_summaries(months: Path, tmp_path: Path) -> None:
    parts = []
    for name in ("before", "now"):
        parts.append(str(tmp_path / f"{name}.json"))
        table = str(months / f"{name}.parquet")
        assert attrition(tmp_path, months, "summarize", table, "--output", parts[-1]).exit_code == 0
    whole = tmp_path / "both.json"
    made = attrition(tmp_path, months, "summarize", *parts, "--output", str(whole))
    assert made.output.startswith("12,000 rows")
    counted = json.loads(whole.read_text())["columns"]["OverTime"]["counts"]
    read = [pd.read_parquet(months / f"{name}.parquet")["OverTime"] for name in ("before", "now")]
    assert counted == pd.concat(read).value_counts().sort_index().tolist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("summarize", "TABLE", "--output", "sum.txt"), "sum.txt does not end in .json"),
        (("summarize", "absent.parquet", "--output", "sum.json"), "absent.parquet is not there"),
        (("summarize", "TABLE", "TABLE", "--output", "sum.json"), "before.parquet: named twice"),
        (
            ("summarize", "FOLDER", "--output", "sum.json"),
            "holds damaged.json beside Parquet files",
        ),
        (("summarize", "DAMAGED", "OTHER", "--output", "sum.json"), "is no summary (KeyError)"),
        (("compare", "TABLE", "OTHER"), "staff.csv is no Parquet file: write the table as Parquet"),
        (("compare", "absent.json", "TABLE"), "absent.json is no summary (FileNotFoundError)"),
        (("compare", "DAMAGED", "TABLE"), "is no summary (KeyError): make one with `attrition"),
        (("compare", "TABLE", "TABLE", "--engine", "mysql://x"), "begins with 'mysql'"),
        (("compare", "TABLE", "TABLE", "--level", "5"), "--level"),
        (("compare", "FEW", "TABLE"), "one summary is of 100 rows: their p-values hold from 5,000"),
        (("score", "TABLE", "out.parquet"), "there is no model yet"),
    ],
)
def test_what_cannot_be_done_is_an_error_in_words(
    words: tuple[str, ...], said: str, months: Path, tmp_path: Path
) -> None:
    table = months / "before.parquet"
    (tmp_path / "few").mkdir()
    pd.read_parquet(table)[:100].to_parquet(tmp_path / "few" / "part.parquet")
    (tmp_path / "staff.csv").write_text("EmployeeNumber,Age\n1,30\n")
    (tmp_path / "damaged.json").write_text("{}")
    named = {
        "TABLE": str(table),
        "FEW": str(tmp_path / "few"),
        "DAMAGED": str(tmp_path / "damaged.json"),
        "FOLDER": str(tmp_path),
        "OTHER": str(tmp_path / "staff.csv"),
    }
    result = attrition(tmp_path / "home", months, *(named.get(word, word) for word in words))
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


def test_a_wrong_engine_in_the_settings_is_named(months: Path, tmp_path: Path) -> None:
    table = str(months / "before.parquet")
    result = attrition(tmp_path, months, "compare", table, table, ATTRITION_ENGINE="duck")
    assert result.exit_code == 1
    assert "ATTRITION_ENGINE: no engine has a URL that begins with 'duck'" in result.output
