"""Two tables of strangers: how often the verdict cries wolf, what it sees. Part of bench_drift."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks import QUICK, Section, measure_interval, run_all, show_share
from drift_draws import draw_strangers, read_people

from attrition_assets.contract import read_contract
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.simulation.held_out import HELD_OUT
from attrition_assets.simulation.scenarios import BENCHMARK, plant_scenario

LEVEL = 0.05
CELLS = ((1_000, 60), (1_000, 300), (1_000, 400), (20_000, 20_000))
REPETITIONS, DRAWS = (20, 3) if QUICK else (2_000, 100)
FIRST_CALM_SEED = 10_000

Task = tuple[Path, int, int, int, tuple[str, float] | None]


@cache
def _read(path: Path) -> pd.DataFrame:
    return read_people(path, read_contract())


def _judge(task: Task) -> tuple[bool, float]:
    """Whether there was an alarm, and the share of columns that were flagged."""
    path, before, now, seed, planted = task
    reference, current = draw_strangers(_read(path), before, now, seed)
    if planted:
        current = plant_scenario(current, *planted, seed=seed)
    detector = DriftDetector(LEVEL, seed=seed)
    alarm, share, _ = detector.detect_drift(reference_data=reference, current_data=current)
    return alarm, share


def measure_false_alarms(path: Path) -> tuple[Section, dict[str, object]]:
    """Alarms at 5 % when nothing changed, by the tables' sizes."""
    rows, figures = [], {}
    for before, now in CELLS:
        tasks = [(path, before, now, FIRST_CALM_SEED + k, None) for k in range(REPETITIONS)]
        results = run_all(_judge, tasks, f"{before:,} against {now:,}, nothing changed")
        alarms = sum(alarm for alarm, _ in results)
        flagged = float(np.mean([share for _, share in results]))
        low, high = measure_interval(alarms, REPETITIONS)
        cell = f"{before}/{now}"
        rows.append(
            {
                "reference / current rows": f"{before:,} / {now:,}",
                "false alarms": show_share(alarms, REPETITIONS),
                "columns flagged": f"{flagged:.2%}",
            }
        )
        figures[cell] = {
            "rate": round(alarms / REPETITIONS, 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "columns_flagged": round(flagged, 5),
        }
    about = (
        f"{path.name}, {REPETITIONS:,} draws a cell at a level of {LEVEL:.0%}; rows at random, "
        "nobody in both tables, or with replacement where the table has fewer; 95 % intervals."
    )
    return Section("False alarms between strangers", about, rows), {"false_alarms": figures}


def measure_power(path: Path) -> tuple[Section, dict[str, object]]:
    """Alarms at 5 % when something was planted: what was tuned on, and what was not."""
    rows: list[dict[str, object]] = []
    figures: dict[str, object] = {}
    for what, cases in (("", BENCHMARK), ("_held_out", HELD_OUT)):
        power = _plant(path, cases)
        rows += [
            {
                "planted in 400 rows": title if not what else f"{title} (held out)",
                "alarms": show_share(hits, DRAWS),
            }
            for title, hits in power.items()
        ]
        mean = float(np.mean([hits / DRAWS for hits in power.values()]))
        rows.append({"planted in 400 rows": f"**mean of {len(power)}**", "alarms": f"{mean:.1%}"})
        figures[f"power_mean{what}"] = round(mean, 4)
        figures[f"power{what}"] = {title: hits / DRAWS for title, hits in power.items()}
    about = (
        f"{path.name}, 1,000 reference rows against 400, {DRAWS} draws of each, at a level of "
        f"{LEVEL:.0%}. The design was chosen with the first list in sight, and not the second, "
        "which was written apart from it."
    )
    return Section("Power between strangers", about, rows), figures


def _plant(path: Path, cases: Sequence[tuple[str, str, float]]) -> dict[str, int]:
    found = {}
    for title, name, size in cases:
        tasks = [(path, 1_000, 400, seed, (name, size)) for seed in range(DRAWS)]
        found[title] = sum(alarm for alarm, _ in run_all(_judge, tasks, title))
    return found
