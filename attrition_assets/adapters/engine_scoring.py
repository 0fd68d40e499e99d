"""Scores for a table that stays where it is: read, scored and written a part at a time.

On Spark its workers do that, elsewhere this process. The scores are those of the table in memory,
bit for bit: a row's score depends on nothing but the row.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from pydantic import SecretStr

from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_columns import count_columns, select_columns
from attrition_assets.adapters.engine_url import DUCKDB
from attrition_assets.adapters.files import writing_atomically
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.table_summary import TableSummary
from attrition_assets.training.families import predict_leaving
from attrition_assets.training.features import select_features

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from sklearn.pipeline import Pipeline

# As few rows as make the overhead of a part small beside it, so that memory stays bounded.
PART_ROWS = 50_000


@dataclass(frozen=True)
class Scoring:
    """What is needed to score rows, and can be sent to a worker: a fitted pipeline of a version."""

    pipeline: "Pipeline"
    contract: Contract
    threshold: float
    model_version: int

    def score(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Id, probability, flag and model version of each row; `rows` hold the features."""
        X = select_features(rows, self.contract)
        probability = predict_leaving(self.pipeline, X)
        return pd.DataFrame(
            {
                self.contract.id: rows[self.contract.id].to_numpy(),
                "probability": probability,
                "flag": probability >= self.threshold,
                "model_version": self.model_version,
            }
        )


def keep_features(contract: Contract) -> Contract:
    """The contract of what a model needs to know: its features, and the keys."""
    keys = (contract.id, contract.snapshot_date, contract.label, *contract.features)
    columns = {name: column for name, column in contract.columns.items() if name in keys}
    return contract.model_copy(update={"columns": columns})


@dataclass(frozen=True)
class Scored:
    """How many rows were scored and flagged."""

    rows: int
    flagged: int


def score_table(
    engine: TableEngine,
    place: str | Path,
    scoring: Scoring,
    path: Path,
    report: Callable[[int], None] = lambda rows: None,
    checked: TableSummary | None = None,
) -> Scored:
    """Score a table that the engine reads, and write the scores to `path` as Parquet.

    A file, or on Spark a folder of them, that is there as a whole or not at all. `report` is told
    how many rows are done. Raises SnapshotError if the table is absent, holds what the contract
    does not accept, or other values than when it was `checked`.
    """
    # Of broken data there are no scores, as in the loop.
    needed = keep_features(scoring.contract)
    selected = select_columns(engine.backend, engine.read(place), needed, str(place))
    with engine.speaking(f"read {place}"):
        counts = count_columns(engine.backend, selected, needed, str(place))
    before = checked.counts if checked else counts
    if any(
        name not in before or not counted.equals(before[name]) for name, counted in counts.items()
    ):
        raise SnapshotError(
            f"{place} is not what it was when it was checked: materialize employee_snapshot again"
        )
    if engine.is_spark:
        return _score_on_spark(engine, selected, scoring, path)
    with writing_atomically(path) as file:
        return _write_scores(engine.stream(selected, PART_ROWS), scoring, file, report)


class CountedScores(NamedTuple):
    """What is in a file of scores: rows, different people, and probabilities that are none."""

    rows: int
    people: int
    invalid: int


def count_scores(path: Path, identity: str) -> CountedScores:
    """Count what `score_table` wrote, in bounded memory, by DuckDB, wherever it was scored.

    Raises SnapshotError if it is not there.
    """
    engine = TableEngine(SecretStr(DUCKDB))
    try:
        table = engine.read(path)
        with engine.speaking(f"read {path}"):
            valid = table["probability"].between(0, 1) & ~table["probability"].isnan()
            counted = table.aggregate(
                rows=table.count(),
                people=table[identity].nunique(),
                valid=valid.ifelse(1, 0).sum(),
            )
            (told,) = engine.backend.to_pyarrow(counted).to_pylist()
    finally:
        engine.close()
    return CountedScores(told["rows"], told["people"], told["rows"] - (told["valid"] or 0))


def _write_scores(
    batches: "Iterator[pa.RecordBatch]",
    scoring: Scoring,
    file: object,
    report: Callable[[int], None],
) -> Scored:
    import pyarrow as pa
    from pyarrow import parquet

    rows = flagged = 0
    writer = None
    with ExitStack() as stack:
        for batch in batches:
            scores = scoring.score(batch.to_pandas())
            rows, flagged = rows + len(scores), flagged + int(scores["flag"].sum())
            part = pa.Table.from_pandas(scores, preserve_index=False)
            writer = writer or stack.enter_context(
                parquet.ParquetWriter(file, part.schema, compression="zstd")
            )
            writer.write_table(part)
            report(rows)
    if not rows:
        raise SnapshotError("the table has no rows: there is nobody to score")
    return Scored(rows, flagged)


def _replace(path: Path, folder: Path) -> None:
    """Put a finished folder in the place of what is there."""
    former = path.with_name(f".{path.name}.former.tmp")
    if path.exists():
        if former.is_dir():  # left by a run that was killed after its scores were in place
            shutil.rmtree(former)
        path.rename(former)
    folder.rename(path)
    shutil.rmtree(former, ignore_errors=True)
    if former.exists():  # it was a file
        former.unlink()


def _score_on_spark(engine: TableEngine, table: "ir.Table", scoring: Scoring, path: Path) -> Scored:
    session = engine.backend._session
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(PART_ROWS))

    def score(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            yield scoring.score(part)

    identity = table[scoring.contract.id].type()
    kind = "string" if identity.is_string() else "long"
    schema = f"`{scoring.contract.id}` {kind}, probability double, flag boolean, model_version long"
    temporary = path.with_name(f".{path.name}.tmp")
    with engine.speaking(f"score into {path}"):
        rows = session.sql(engine.backend.compile(table))
        rows.mapInPandas(score, schema).write.mode("overwrite").parquet(str(temporary))
        found = session.read.parquet(str(temporary)).selectExpr(
            "count(*) as n", "sum(cast(flag as int)) as flagged"
        )
        (told,) = found.collect()
    if not told["n"]:
        raise SnapshotError("the table has no rows: there is nobody to score")
    _replace(path, temporary)
    return Scored(int(told["n"]), int(told["flagged"]))
