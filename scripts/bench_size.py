"""Whether a large company passes through the real jobs: seconds and memory of every asset.

A company of 20,000 people is simulated and its people are copied under new numbers until there are
enough of them: ties and correlations are those of a company, and so is the panel, since every copy
stays, changes and leaves as its original does. What is measured is work and memory, not verdicts:
copies are no independent people, so that small differences look surer than they are.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ORIGINALS, BURN_IN_MONTHS = 20_000, 240
FIRST_MONTH = pd.Period("2020-01", freq="M")
# The model is trained on all months but so many; its first outcomes are due in the last.
MONTHS_AFTER = 3
HISTORY, RETRAINING, MONTHLY = "history", "retraining", "monthly"
ASSETS = (
    *("employee_snapshot", "predictions", "drift_report", "monthly_metrics", "monthly_summary"),
    *("reference_data", "model"),
)
POLL_SECONDS, MEGABYTE = 0.02, 2**20


@dataclass(frozen=True)
class Step:
    """What one asset, or a whole job, took: seconds, and the most memory held meanwhile in MB."""

    name: str
    seconds: float
    peak: float


def write_months(folder: Path, employees: int, months: int) -> None:
    """Write a company's months and departures as its HR system would send them."""
    from attrition_assets.simulation.company import simulate_company

    originals = min(employees, ORIGINALS)
    company = simulate_company(
        first_month=FIRST_MONTH,
        months=months,
        seed=0,
        headcount=originals,
        burn_in_months=BURN_IN_MONTHS,
    )
    highest = max(table["EmployeeNumber"].max() for table in company.snapshots.values())
    (folder / "snapshots").mkdir(parents=True, exist_ok=True)
    for month, table in company.snapshots.items():
        copied = _copy_people(table, employees / originals, int(highest))
        copied.to_parquet(folder / "snapshots" / f"{month}.parquet", index=False)
    departures = _copy_people(company.departures, employees / originals, int(highest))
    departures.to_parquet(folder / "departures.parquet", index=False)


def _copy_people(table: pd.DataFrame, times: float, highest: int) -> pd.DataFrame:
    """The rows `times` over, each copy's numbers above those of the copy before.

    Of a last copy that is not whole, the people whose number ends low enough: the same in every
    month.
    """
    copies = [
        table.assign(EmployeeNumber=table["EmployeeNumber"] + number * highest)
        for number in range(int(times))
    ]
    if rest := times % 1:
        part = table[table["EmployeeNumber"] % 1000 < rest * 1000]
        copies.append(part.assign(EmployeeNumber=part["EmployeeNumber"] + int(times) * highest))
    return pd.concat(copies, ignore_index=True)


def run_job(job: str, months: list[pd.Period]) -> None:
    """Run a job of the real definitions in this process; print how long its steps took."""
    from dagster import DagsterInstance

    from attrition_assets.defs.retraining import retraining_config
    from attrition_assets.defs.runs import explain_failure
    from attrition_assets.demo import Loop, link_instance_config
    from attrition_assets.settings import load_settings

    settings = load_settings()
    link_instance_config(settings.home)
    loop = Loop(settings, print)
    took = []
    with DagsterInstance.from_config(str(settings.home)) as instance:
        for month in months:
            if job == RETRAINING:
                result = loop.run(instance, RETRAINING, run_config=retraining_config(month))
            else:
                assets = ["employee_snapshot"] if job == HISTORY else None
                result = loop.run(instance, MONTHLY, month, assets=assets)
            if not result.success:
                raise SystemExit(f"{month}: {explain_failure(instance, result.run_id)}")
            took += [
                (stats.step_key, stats.start_time, stats.end_time)
                for stats in instance.get_run_step_stats(result.run_id)
            ]
        if job == MONTHLY:
            print(loop.read_report(months[-1]).model_dump_json(), file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"steps": took, "peak": peak}))


def measure_job(job: str, months: Sequence[pd.Period], environment: dict[str, str]) -> list[Step]:
    """Run a job in a process of its own: the whole of it, then its steps."""
    command = [sys.executable, __file__, "--run", job, "--on", ",".join(map(str, months))]
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, env=environment, text=True)
        held: list[tuple[float, float]] = []
        while process.poll() is None:
            held.append((time.time(), _read_memory(process.pid)))
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - started
        if process.returncode:
            raise SystemExit(f"{job} ended with {process.returncode}")
        said.seek(0)
        found = json.loads(said.read().splitlines()[-1])
    steps: dict[str, list[Step]] = {}
    for name, start, end in found["steps"]:
        peak = max((memory for when, memory in held if start <= when <= end), default=0.0)
        steps.setdefault(name, []).append(Step(name, end - start, peak))
    whole = Step(f"{job}, the whole process", seconds, found["peak"])
    return [whole, *(_sum_up(name, own) for name, own in steps.items() if name in ASSETS)]


def _sum_up(name: str, own: list[Step]) -> Step:
    """The mean of a step's months, and the most memory of any."""
    mean = sum(step.seconds for step in own) / len(own)
    note = f", mean of {len(own)} months" if len(own) > 1 else ""
    return Step(f"- {name}{note}", mean, max(step.peak for step in own))


def _read_memory(process: int) -> float:
    """What a process holds now, in MB, by Linux; 0 if it has just ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / MEGABYTE


def render(steps: Sequence[Step]) -> str:
    """The steps as a Markdown table."""
    lines = ["| step | seconds | peak RSS, MB |", "|---|---|---|"]
    lines += [f"| {step.name} | {step.seconds:,.1f} | {step.peak:,.0f} |" for step in steps]
    return "\n".join(lines)


@contextmanager
def _open_folder(folder: Path | None) -> Iterator[Path]:
    """The folder that was named, which stays; else a temporary one."""
    if folder:
        yield folder
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def main() -> None:
    """Write the months, run the jobs, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=1_000_000)
    parser.add_argument(
        "--months",
        type=int,
        default=31,
        help="16 or more; at 31, every third of the first 28 is in the reference: ten",
    )
    parser.add_argument("--folder", type=Path, help="keeps data and state; default a temporary one")
    parser.add_argument(
        "--jobs",
        default=f"{HISTORY},{RETRAINING},{MONTHLY}",
        help="which to run; those left out ran in the same folder before",
    )
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--on", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run_job(given.run, [pd.Period(each, freq="M") for each in given.on.split(",")])
        return
    months = [FIRST_MONTH + place for place in range(given.months)]
    before = given.months - MONTHS_AFTER
    with _open_folder(given.folder) as folder:
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(folder / "home"),
            "ATTRITION_HOME": str(folder / "home"),
            "ATTRITION_DATA": str(folder / "data"),
            "ATTRITION_FIRST_MONTH": str(FIRST_MONTH),
            "ATTRITION_TRAINING_MONTHS": str(before - 1),
        }
        if not (folder / "data" / "departures.parquet").is_file():
            write_months(folder / "data", given.employees, given.months)
        (folder / "home").mkdir(exist_ok=True)
        steps = []
        for job, on in (
            (HISTORY, months[:-1]),
            (RETRAINING, [months[before - 1]]),
            (MONTHLY, months[-1:]),
        ):
            if job in given.jobs.split(","):
                steps += measure_job(job, on, environment)
                print(f"{job} is done", file=sys.stderr)
        print(render(steps))


if __name__ == "__main__":
    main()
