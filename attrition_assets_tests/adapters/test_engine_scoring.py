"""Scores a part at a time: those of the table in memory, bit for bit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import SecretStr

from attrition_assets.adapters import engine_scoring
from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_scoring import Scored, Scoring, score_table
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.training.families import DEFAULTS, Family, build_pipeline, predict_leaving
from attrition_assets.training.features import select_features
from attrition_assets_tests.conftest import MakeSnapshot
from attrition_assets_tests.engines import Held

PEOPLE = 2011
BARE = TableEngine(SecretStr("duckdb://"))


@pytest.fixture(scope="module", params=list(Family))
def scoring(
    request: pytest.FixtureRequest, contract: Contract, make_snapshot: MakeSnapshot
) -> Scoring:
    table = make_snapshot("2026-01", 600, 0)
    left = np.random.default_rng(0).random(600) < 0.2
    pipeline = build_pipeline(contract, DEFAULTS[request.param])
    pipeline.fit(select_features(table, contract), left)
    return Scoring(pipeline, contract, 0.2, 7)


@pytest.fixture(scope="module")
def people(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2026-02", PEOPLE, 1)


def read(path: Path, identity: str) -> pd.DataFrame:
    return pd.read_parquet(path).sort_values(identity, ignore_index=True)


def test_every_engine_gives_the_scores_of_the_table_in_memory(
    held: Held, scoring: Scoring, people: pd.DataFrame, tmp_path: Path
) -> None:
    identity = scoring.contract.id
    expected = scoring.score(people).sort_values(identity, ignore_index=True)
    told: list[int] = []
    place = held.put(people.drop(columns=scoring.contract.snapshot_date))
    (tmp_path / "scores.parquet").write_bytes(b"of a former run")
    found = score_table(held.engine, place, scoring, tmp_path / "scores.parquet", told.append)
    assert found == Scored(PEOPLE, int(expected["flag"].sum()))
    pd.testing.assert_frame_equal(
        read(tmp_path / "scores.parquet", identity), expected, check_exact=True
    )
    assert 0 < found.flagged < PEOPLE
    assert held.engine.is_spark or told[-1] == PEOPLE
    again = score_table(held.engine, place, scoring, tmp_path / "scores.parquet")
    assert again == found
    assert [each.name for each in tmp_path.iterdir()] == ["scores.parquet"]


@pytest.mark.parametrize("part", [1, 7, 64, 1000])
def test_a_rows_score_does_not_depend_on_the_rows_beside_it(
    part: int, scoring: Scoring, people: pd.DataFrame
) -> None:
    X = select_features(people, scoring.contract)
    whole = predict_leaving(scoring.pipeline, X)
    rows = min(len(X), 100 * part)
    parts = [
        predict_leaving(scoring.pipeline, X.iloc[start : start + part])
        for start in range(0, rows, part)
    ]
    assert np.array_equal(np.concatenate(parts), whole[:rows])
    np.testing.assert_allclose(whole, scoring.pipeline.predict_proba(X)[:, 1], rtol=1e-12)


def test_scores_are_there_as_a_whole_or_not_at_all(
    scoring: Scoring, people: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody stops it after some parts were written."""
    monkeypatch.setattr(engine_scoring, "PART_ROWS", 500)
    out, place = tmp_path / "scores.parquet", tmp_path / "people.parquet"
    people.to_parquet(place, index=False)
    score_table(BARE, place, scoring, out)
    before = out.read_bytes()

    def stop(rows: int) -> None:
        if rows >= 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_table(BARE, place, scoring, out, stop)
    assert out.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["people.parquet", "scores.parquet"]


def test_tables_that_cannot_be_scored_are_refused(
    scoring: Scoring, people: pd.DataFrame, tmp_path: Path
) -> None:
    place = tmp_path / "people.parquet"
    people.drop(columns=["OverTime", "Education"]).to_parquet(place, index=False)
    out = tmp_path / "out.parquet"
    with pytest.raises(SnapshotError, match="lacks Education, OverTime: give every"):
        score_table(BARE, place, scoring, out)
    for column, value, said in (
        ("Department", "Space", "Department has 1 rows that are not one of"),
        ("MonthlyIncome", 400_000, "MonthlyIncome has 1 rows that are not 1000 to 30000"),
        ("Education", None, "Education is missing in 1 rows"),
        ("EmployeeNumber", None, "1 rows have no EmployeeNumber"),
    ):
        odd = people.astype({column: object})
        odd.loc[1900, column] = value
        odd.infer_objects().to_parquet(place, index=False)
        with pytest.raises(SnapshotError, match=said):
            score_table(BARE, place, scoring, out)
    parquet.write_table(pa.Table.from_pandas(people, preserve_index=False)[:0], place)
    with pytest.raises(SnapshotError, match="no rows: there is nobody to score"):
        score_table(BARE, place, scoring, out)
    content = people.to_parquet(index=False)
    place.write_bytes(content[: len(content) // 2])
    with pytest.raises(SnapshotError, match="is no Parquet file"):
        score_table(BARE, place, scoring, out)
    assert not (tmp_path / "out.parquet").exists()
