"""The loop on a PostgreSQL: months from tables, predictions back into one, the password nowhere."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.definitions import build_definitions
from attrition_assets.defs.metadata import read_all_metadata
from attrition_assets.settings import Settings
from attrition_assets_tests.databases import SECRET, ask, fill
from attrition_assets_tests.seen import assert_in_guide, attrition

from .conftest import FAULT, UNSEEN, Place, Walked


@pytest.fixture
def filled(postgres: Callable[[], str], walked: Walked) -> str:
    """The months of the walked company in two tables, the unseen one too."""
    url, data = postgres(), walked.settings.data
    files = sorted((data / "snapshots").glob("*.parquet"))
    sent = [pd.read_parquet(path) for path in files if path.stem != FAULT]
    fill(
        url,
        people=pd.concat([*sent, walked.unseen], ignore_index=True),
        leavers=pd.read_parquet(data / "departures.parquet"),
    )
    return url


def name_database(url: str) -> dict[str, str]:
    return {
        "ATTRITION_DATABASE": url,
        "ATTRITION_SNAPSHOTS_FROM": 'select * from people where "Age" > 0',
        "ATTRITION_DEPARTURES_FROM": "public.leavers",
        "ATTRITION_PREDICTIONS_TO": "predictions",
    }


@pytest.mark.slow
def test_a_month_goes_from_the_database_through_the_loop_and_back_once(
    filled: str, place: Place, walked: Walked, tmp_path: Path
) -> None:
    home, nowhere = place.settings.home, tmp_path / "nowhere"
    for _ in range(2):
        said = attrition(home, nowhere, "run", UNSEEN, **name_database(filled))
        assert said.exit_code == 0, said.output
    assert "people scored by version" in said.output
    assert "predictions: table predictions of the postgresql database hr" in said.output
    kept = pd.read_parquet(place.asset("employee_snapshot", UNSEEN))
    pd.testing.assert_frame_equal(kept, walked.unseen)
    predictions = pd.read_parquet(place.asset("predictions", UNSEEN))
    written = ask(filled, 'select * from predictions order by "EmployeeNumber"')
    columns = ["EmployeeNumber", "probability", "flag", "model_version", "snapshot_version"]
    pd.testing.assert_frame_equal(written[columns], predictions[columns], check_dtype=False)
    assert set(written["SnapshotDate"].astype(str)) == {"2025-06-30"}
    wrote = [
        each["written_now"] for each in read_all_metadata(place.instance, "published_predictions")
    ]
    assert sorted(wrote) == [False, True]
    for path in home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_a_database_that_is_away_fails_the_month_in_words(
    filled: str, place: Place, tmp_path: Path
) -> None:
    variables = name_database(filled) | {"ATTRITION_SNAPSHOTS_FROM": "peple"}
    said = attrition(place.settings.home, tmp_path, "run", UNSEEN, **variables)
    assert said.exit_code == 1
    assert_in_guide(re.sub(r"hr\d+ on \S+", "hr on db.example", said.output), tmp_path, tmp_path)
    assert SECRET not in said.output
    waiting = attrition(place.settings.home, tmp_path, "status", **name_database(filled))
    assert "no snapshot: there is no row dated " in waiting.output


def test_what_would_not_be_read_is_not_imported_and_the_demo_writes_into_no_database(
    filled: str, place: Place, tmp_path: Path
) -> None:
    named, file = name_database(filled), str(tmp_path / "staff.csv")
    home = place.settings.home
    for words in (("import", file), ("demo", "--data", file)):
        said = attrition(home, tmp_path, *words, **named)
        assert (said.exit_code, "unset ATTRITION_SNAPSHOTS_FROM" in said.output) == (1, True)
    said = attrition(home, tmp_path, "demo", **named)
    assert (said.exit_code, "unset ATTRITION_PREDICTIONS_TO" in said.output) == (1, True)
    assert (home / "assets").is_dir()


def test_status_says_what_is_known_while_the_database_is_away(
    filled: str, place: Place, tmp_path: Path
) -> None:
    away = name_database(filled) | {"ATTRITION_DATABASE": "postgresql://u:pw@127.0.0.1:1/hr"}
    said = attrition(place.settings.home, tmp_path, "status", **away)
    assert said.exit_code == 0
    assert "Champion    version 2" in said.output
    assert "Snapshots   cannot be read: the postgresql database hr on 127.0.0.1" in said.output
    assert "Next        mend what keeps the snapshots from being read" in said.output


def test_the_asset_is_there_only_if_a_table_is_named(filled: str, tmp_path: Path) -> None:
    base = {"ATTRITION_HOME": str(tmp_path)}
    without = build_definitions(Settings.from_environment(base))
    named = build_definitions(Settings.from_environment(base | name_database(filled)))
    asked = {}
    for definitions in (without, named):
        selected = definitions.resolve_job_def("monthly").asset_layer.selected_asset_keys
        asked[definitions is named] = {key.to_user_string() for key in selected}
    assert asked[True] - asked[False] == {"published_predictions"}


def test_doctor_reads_the_database_and_shows_no_password(
    filled: str, place: Place, tmp_path: Path
) -> None:
    said = attrition(place.settings.home, tmp_path, "doctor", **name_database(filled))
    assert re.search(rf"FAILED +snapshots: the query .* lacks {FAULT}", said.output), said.output
    assert re.search("ok +prediction table: table predictions of .* is made when", said.output)
    assert SECRET not in said.output
