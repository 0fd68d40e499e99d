"""What the verdict costs, beside Evidently's preset in the same run. Part of bench_drift."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks import QUICK, Section
from drift_draws import draw_strangers, read_people

from attrition_assets.contract import Kind, read_contract
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.people import PeopleHistory
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import parse_month
from attrition_assets.simulation.company import simulate_company

LARGE = 100_000 if QUICK else 1_000_000
SIZES = (100_000, 300_000) if QUICK else (100_000, 1_000_000, 10_000_000)
MONTHS = 36


def measure_speed(path: Path) -> tuple[Section, dict[str, object]]:
    """CPU seconds by the size of the tables, and the ratio to Evidently's."""
    small = _time_small(path)
    month = _time_month()
    rows = [
        {
            "what": "1,000 against 400 rows, mean of 20",
            "CPU seconds": f"{small:.3f}",
            "Evidently": "",
            "ratio": "",
        },
        {
            "what": f"the features of a month of 1,470 people, {MONTHS} months of history",
            "CPU seconds": f"{month:.2f}",
            "Evidently": "",
            "ratio": "",
        },
    ]
    figures: dict[str, object] = {
        "cpu_seconds_1000_400": round(small, 4),
        "cpu_seconds_month": round(month, 3),
    }
    for name, distinct in (("the table's kinds", False), ("numbers real and distinct", True)):
        ours, theirs = (_measure(path, LARGE, distinct, tool) for tool in ("ours", "evidently"))
        ratio = theirs["cpu"] / ours["cpu"]
        rows.append(
            {
                "what": f"{LARGE:,} rows a side, {name}",
                "CPU seconds": f"{ours['cpu']:.2f} ({ours['extra_mib']:.0f} MiB above the data)",
                "Evidently": f"{theirs['cpu']:.1f}",
                "ratio": f"{ratio:.0f}",
            }
        )
        figures["speedup_1m_distinct" if distinct else "speedup_1m"] = round(ratio, 1)
        figures[f"extra_mib{'_distinct' if distinct else ''}"] = round(ours["extra_mib"])
    times = {}
    for size in SIZES:
        times[size] = _measure(path, size, False, "ours")["cpu"]
        rows.append(
            {
                "what": f"{size:,} rows a side",
                "CPU seconds": f"{times[size]:.2f}",
                "Evidently": "",
                "ratio": "",
            }
        )
    figures["cpu_seconds_by_rows"] = {str(size): round(cpu, 3) for size, cpu in times.items()}
    growth = times[SIZES[-1]] / times[SIZES[0]]
    allowed = SIZES[-1] * np.log(SIZES[-1]) / (SIZES[0] * np.log(SIZES[0]))
    figures["growth"], figures["growth_n_log_n"] = round(growth, 1), round(float(allowed), 1)
    about = (
        f"{path.name}, resampled; CPU seconds of the process, imports left out. Evidently is its "
        f"default preset, `DataDriftPreset`, in the same run. From {SIZES[0]:,} to {SIZES[-1]:,} "
        f"rows the time grows {growth:.0f} times; n log n would be {allowed:.0f}. No row is left "
        "out."
    )
    return Section("Speed", about, rows), figures


def _time_small(path: Path) -> float:
    table, detector = read_people(path, read_contract()), DriftDetector(0.05)
    draws = [draw_strangers(table, 1_000, 400, seed) for seed in range(21)]
    detector.detect_drift(reference_data=draws[-1][0], current_data=draws[-1][1])  # warms up
    return _time(
        lambda: [detector.detect_drift(reference_data=r, current_data=c) for r, c in draws[:-1]]
    ) / (len(draws) - 1)


def _time_month() -> float:
    """The feature verdict on a month of a company with three years of history."""
    from attrition_assets.monitoring.feature_drift import judge_features

    first = parse_month("2020-01")
    company = simulate_company(first_month=first, months=MONTHS, seed=0, burn_in_months=240)
    months = list(company.snapshots)

    def judge() -> None:
        judge_features(
            month=months[-1],
            baseline=company.snapshots[months[-7]],
            current=company.snapshots[months[-1]],
            history=PeopleHistory(frozenset(months), company.snapshots.__getitem__),
            standing=None,
            contract=read_contract(),
            policy=MonitoringPolicy(),
        )

    judge()
    return _time(lambda: [judge() for _ in range(5)]) / 5


def _measure(path: Path, rows: int, distinct: bool, tool: str) -> dict[str, float]:
    """CPU seconds and memory of one tool on one pair of tables, in a process of its own."""
    command = [sys.executable, __file__, str(path), str(rows), str(int(distinct)), tool]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    cpu, extra = map(float, done.stdout.split()[-2:])
    print(f"{rows:,} rows, {'distinct' if distinct else 'as they are'}, {tool}: {cpu:.2f} s")
    return {"cpu": cpu, "extra_mib": extra}


def _time(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _make(path: Path, rows: int, distinct: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    contract = read_contract()
    tables = draw_strangers(read_people(path, contract), rows, rows, seed=0)
    if distinct:
        rng = np.random.default_rng(0)
        for table in tables:
            for name in contract.select_kind(Kind.CONTINUOUS, among=contract.monitored):
                table[name] = table[name] * 0.99 + rng.uniform(0, 0.4, rows)
    return tables


def _ask_ours(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    DriftDetector(0.05).compare_features(reference_data=reference, current_data=current)


def _ask_evidently(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    contract = read_contract()
    definition = DataDefinition(
        numerical_columns=list(contract.select_kind(Kind.CONTINUOUS, among=contract.monitored)),
        categorical_columns=list(
            contract.select_kind(Kind.ORDINAL, Kind.NOMINAL, among=contract.monitored)
        ),
    )
    datasets = [
        Dataset.from_pandas(table, data_definition=definition) for table in (current, reference)
    ]
    Report([DataDriftPreset()]).run(*datasets).dict()


def main() -> None:
    """Time one tool on one pair of tables: prints CPU seconds and MiB above the data."""
    warnings.simplefilter("ignore")
    path, rows, distinct, tool = (
        Path(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3] == "1",
        sys.argv[4],
    )
    ask = _ask_ours if tool == "ours" else _ask_evidently
    ask(*_make(path, 30_000, distinct))  # imports and first calls
    tables = _make(path, rows, distinct)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    held = _read_peak()
    cpu = _time(lambda: ask(*tables))
    print(cpu, _read_peak() - held)


def _read_peak() -> float:
    """The most memory the process has held, in MiB, by Linux."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
