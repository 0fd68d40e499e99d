"""The prediction API against a bare echo and a bare pipeline, with the champion changed under load.

OPENBLAS_NUM_THREADS=1 python scripts/bench_serving.py
"""

import http.client
import itertools
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks import QUICK, Section, publish
from dagster import DagsterInstance
from pydantic import SecretStr
from pydantic_core import to_json

from attrition_assets.adapters.served_predictions import ServedPredictions
from attrition_assets.contract import read_contract
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.demo import Loop, prepare_home
from attrition_assets.months import parse_month
from attrition_assets.serving.employees import describe_request
from attrition_assets.serving.scorer import Scorer, draw_employees
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.shipped import write_company
from attrition_assets.training.features import select_features

CONTRACT = read_contract()
BIN, SCRIPTS = Path(sys.executable).parent, Path(__file__).parent
SECONDS = 10 if QUICK else 60
ROUNDS, BATCH, REPEATS = (300, 10_000, 3) if QUICK else (3_000, 10_000, 9)
SECONDS_A_CHAMPION = 4
RATE, LIMIT = 100, 200  # requests a second: the load, and what the API accepts of one caller
API, ECHO = 8190, 8191
ECHO_APP = """
from fastapi import FastAPI
app = FastAPI()
@app.post("/echo")
async def echo(body: dict) -> dict:
    return body
"""


def make_home(folder: Path) -> tuple[Settings, Loop]:
    """A home in which two versions were trained; version 1 is champion."""
    home, data = folder / "home", folder / "data"
    company = simulate_company(
        first_month=parse_month("2023-11"), months=16, seed=11, headcount=400, burn_in_months=60
    )
    write_company(company, data)
    prepare_home(home)
    given = {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), "ATTRITION_TRIALS": "1"}
    loop = Loop(Settings.from_environment(given), lambda line: None)
    with DagsterInstance.from_config(str(home)) as instance:
        for month in loop.source.months():
            loop.run(instance, "monthly", month, assets=["employee_snapshot"])
        for as_of in ("2025-01", "2025-02"):
            config = retraining_config(parse_month(as_of))
            assert loop.run(instance, "retraining", run_config=config).success
    return loop.settings, loop


@contextmanager
def running(settings: Settings, *command: str, cwd: Path | None = None) -> Iterator[Any]:
    """A server until the block is left."""
    environment = {**os.environ, "ATTRITION_HOME": str(settings.home)}
    environment["ATTRITION_DATA"] = str(settings.data)
    with (settings.home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=cwd, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_for(port: int, path: str) -> None:
    """Wait until a server answers with 200."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"no answer from port {port} within two minutes: see serve.log of the home")


def send(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[float, bytes]:
    """Seconds of one request, and its answer."""
    started = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    seconds = time.perf_counter() - started
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}: {content[:300]!r}")
    return seconds, content


def compare_with_echo(body: bytes) -> tuple[float, float]:
    """Median milliseconds of `/predict` and of a bare echo of the same body, by turns."""
    api, echo = (http.client.HTTPConnection("127.0.0.1", port) for port in (API, ECHO))
    pairs = []
    for number in range(ROUNDS + 50):
        pair = send(api, "/predict", body)[0], send(echo, "/echo", body)[0]
        pairs += [pair] * (number >= 50)
        time.sleep(1 / LIMIT)
    ours, bare = zip(*pairs, strict=True)
    return 1000 * statistics.median(ours), 1000 * statistics.median(bare)


def start_load(body: Path, rate: int, seconds: int) -> "subprocess.Popen[str]":
    """The load as a process of its own."""
    words = [str(API), "/predict", str(body), str(rate), str(seconds), "16"]
    command = [sys.executable, str(SCRIPTS / "serving_load.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_load(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What came of a load."""
    output, _ = process.communicate()
    found: dict[str, Any] = json.loads(output)
    return found


def measure_batch(
    pipeline: Any, people: list[dict[str, Any]], settings: Settings
) -> tuple[Section, float]:
    """Seconds of many employees in one call, against the pipeline on a table, and where they go."""
    body = json.dumps({"employees": people}).encode()
    table = select_features(pd.DataFrame(people), CONTRACT)
    reader, scorer = describe_request(CONTRACT), Scorer(pipeline, CONTRACT)
    connection = http.client.HTTPConnection("127.0.0.1", API)
    scores = scorer.score(people)
    _, answer = send(connection, "/predict", body)
    told = json.loads(answer)
    stored = ServedPredictions(settings.served_predictions).read(len(people), told["request_id"])
    other = ServedPredictions(SecretStr(f"sqlite:///{settings.home}/other.db"))
    requests = itertools.count()

    def store() -> None:
        number = str(next(requests))
        other.write([{**row, "request_id": number} for row in stored])

    steps = {
        "the whole call": lambda: send(connection, "/predict", body),
        "parsing": lambda: reader.validate_json(body),
        "scores and contributions": lambda: scorer.score(people),
        "reasons": scores.give_reasons,
        "the answer's text": lambda: to_json(told),
        "storing": store,
        "the pipeline's predict_proba on a table": lambda: pipeline.predict_proba(table),
    }
    took: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(REPEATS):  # by turns
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            took[name].append(time.perf_counter() - started)
    median = {name: statistics.median(each) for name, each in took.items()}
    bare = median["the pipeline's predict_proba on a table"]
    rows = [
        {"what": name, "seconds": f"{each:.3f}", "times the pipeline": f"{each / bare:.1f}"}
        for name, each in median.items()
    ]
    about = (
        f"{len(people):,} employees in one call, the median of {REPEATS} by turns; what is not "
        "named is HTTP and what is put together for the answer and the record. At most 12 times "
        "the pipeline is wanted."
    )
    return Section("Many at once", about, rows), median["the whole call"] / bare


def switch_under_load(loop: Loop, body: Path, settings: Settings) -> dict[str, Any]:
    """A load during which the champion's alias is moved to and fro, and what of it was lost."""
    load, moves, version = start_load(body, RATE, SECONDS), 0, 1
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends - SECONDS_A_CHAMPION:
        time.sleep(SECONDS_A_CHAMPION)
        version = 3 - version
        loop.registry.promote(version)
        moves += 1
    found = read_load(load)
    loop.registry.promote(1)
    with closing(sqlite3.connect(settings.home / "serving" / "predictions.db")) as connection:
        counted = connection.execute(
            "SELECT model_version, COUNT(*) FROM served_predictions GROUP BY 1"
        ).fetchall()
    found["moves"], found["by_version"] = moves, dict(counted)
    found["not_stored"] = count_not_stored(found, settings)
    found["failures"] = sum(n for status, n in found["statuses"].items() if status != "200")
    return found


def count_not_stored(found: dict[str, Any], settings: Settings) -> int:
    """How many answers of a load are not on record."""
    with closing(sqlite3.connect(settings.home / "serving" / "predictions.db")) as connection:
        stored = {row[0] for row in connection.execute("SELECT request_id FROM served_predictions")}
    return len(set(found["acknowledged"]) - stored)


def overload(body: Path, server: "subprocess.Popen[bytes]", settings: Settings) -> dict[str, Any]:
    """Twice the accepted rate: what is refused, what memory grows by, what is lost, and after."""
    before = read_memory(server.pid)
    found = read_load(start_load(body, 2 * LIMIT, SECONDS))
    found["memory_growth_mib"] = read_memory(server.pid) - before
    found["not_stored"] = count_not_stored(found, settings)
    after = read_load(start_load(body, RATE, 5))
    found["after"] = after["statuses"]
    return found


def read_memory(process: int) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    """Measure everything and publish it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("a company's two models are trained ...", flush=True)
        settings, loop = make_home(folder)
        (folder / "echo_app.py").write_text(ECHO_APP)
        people = [
            {CONTRACT.id: number, **each}
            for number, each in enumerate(draw_employees(CONTRACT, BATCH, 1), start=1)
        ]
        one = json.dumps({"employees": people[:1]}).encode()
        (folder / "one.json").write_bytes(one)
        serve = (str(BIN / "attrition"), "serve", "predictions", "--port", str(API))
        bare = (str(BIN / "uvicorn"), "echo_app:app", "--port", str(ECHO), "--no-access-log")
        with (
            running(settings, *serve) as server,
            running(settings, *bare, "--log-level", "warning", cwd=folder),
        ):
            wait_for(API, "/ready")
            wait_for(ECHO, "/openapi.json")
            print("one by one ...", flush=True)
            ours, echo = compare_with_echo(one)
            print("at a fixed rate ...", flush=True)
            steady = read_load(start_load(folder / "one.json", RATE, SECONDS))
            print("many at once ...", flush=True)
            pipeline = loop.registry.load(1).pipeline
            batch, batch_ratio = measure_batch(pipeline, people, settings)
            print("with the champion changed ...", flush=True)
            switched = switch_under_load(loop, folder / "one.json", settings)
            print("at twice the accepted rate ...", flush=True)
            over = overload(folder / "one.json", server, settings)
    rows = [
        {
            "what": "one employee with reasons, stored: median over a bare echo's",
            "measured": f"{ours / echo:.2f} ({ours:.2f} and {echo:.2f} ms)",
            "wanted": "at most 3",
        },
        {
            "what": f"{RATE} requests a second for {SECONDS} s: 99th percentile",
            "measured": f"{steady['p99_ms']:.1f} ms (median {steady['median_ms']:.1f})",
            "wanted": "at most 30 ms",
        },
        {
            "what": f"{switched['moves']} changes of champion at that rate: requests lost",
            "measured": f"{switched['failures']} of {RATE * SECONDS}, answers not stored "
            f"{switched['not_stored']}, by version {switched['by_version']}",
            "wanted": "0",
        },
        {
            "what": f"twice the accepted rate of {LIMIT} for {SECONDS} s",
            "measured": f"{over['statuses']}, memory {over['memory_growth_mib']:+.0f} MiB, answers "
            f"not stored {over['not_stored']}; {RATE} a second after it: {over['after']}",
            "wanted": "429s, none lost, all 200 after it",
        },
    ]
    about = (
        "One process of the API, the load from another, all on one machine; the model is a "
        "champion of the default search, its store a SQLite file. Latency at a fixed rate counts "
        "from when a request was due."
    )
    figures = {
        "predict_median_ratio": round(ours / echo, 2),
        "predict_p99_ms": round(steady["p99_ms"], 1),
        "batch_ratio": round(batch_ratio, 1),
        "switch_failures": switched["failures"],
        "switch_not_stored": switched["not_stored"],
        "overload_statuses": over["statuses"],
        "overload_not_stored": over["not_stored"],
        "overload_memory_mib": round(over["memory_growth_mib"]),
    }
    sections = [Section("The prediction API", about, rows), batch]
    publish("serving", "Serving, measured", sections, figures)


if __name__ == "__main__":
    main()
