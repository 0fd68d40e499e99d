"""Tables and outcomes for the tests of monitoring: synthetic ones by seed, and the real one."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from attrition_assets.contract import Contract, Kind, read_contract
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.pairing import pair_columns
from attrition_assets.monitoring.people import PeopleHistory
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import (
    ChampionAge,
    ConceptDrift,
    DataQuality,
    DriftReport,
    FeatureDrift,
    Finding,
    Performance,
    PredictionDrift,
)
from attrition_assets.monitoring.row_test import Limits, RowComparison, compare_rows
from attrition_assets.months import last_day
from attrition_assets_tests.conftest import declare_contract

REAL_TABLE = Path(__file__).parents[3] / "shared" / "data" / "ibm_hr_attrition.csv"

MakeTable = Callable[..., pd.DataFrame]
MakeOutcomes = Callable[..., OutcomeSample]
Panel = Mapping[pd.Period, pd.DataFrame]

PANEL_START = pd.Period("2024-01", freq="M")
PANEL_CONTRACT = declare_contract(
    Pay={"kind": "continuous", "role": "feature", "range": [0, 100_000]},
    Mood={"kind": "ordinal", "role": "feature", "levels": [1, 2, 3, 4, 5]},
    Team={"kind": "nominal", "role": "feature", "levels": ["red", "blue", "green", "new"]},
    Age={"kind": "continuous", "role": "protected", "range": [18, 99]},
)


def draw_panel(
    months: int, *, people: int = 600, joiners: int | Iterable[int] = 12, seed: int = 0
) -> dict[pd.Period, pd.DataFrame]:
    """Months of one company in which nothing changes: who joins replaces who is there longest.

    Pay wavers a little each month, moods are redrawn for one in five, teams for one in fifty; `new`
    is nobody's team.
    """
    rng = np.random.default_rng(seed)

    def hire(first: int, count: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Id": np.arange(first, first + count),
                "Pay": 4000 * rng.lognormal(0, 0.4, count),
                "Mood": rng.integers(1, 6, count),
                "Team": rng.choice(["red", "blue", "green"], count),
                "Age": rng.integers(20, 60, count),
            }
        )

    staff, next_id = hire(1, people), people + 1
    counts = [joiners] * months if isinstance(joiners, int) else list(joiners)
    panel = {}
    for place, count in enumerate(counts):
        if place:
            staff = pd.concat([staff[count:], hire(next_id, count)], ignore_index=True)
            next_id += count
            staff["Pay"] = staff["Pay"] * rng.normal(1, 0.01, people)
            for column, chance in (("Mood", 0.2), ("Team", 0.02)):
                drawn = hire(0, people)[column]
                staff[column] = staff[column].where(rng.random(people) > chance, drawn)
        month = PANEL_START + place
        panel[month] = staff.assign(Date=last_day(month))
    return panel


def make_report(**given: object) -> DriftReport:
    """The report on a calm month in which outcomes are not due, but for what is given."""
    calm: dict[str, object] = {
        "month": "2026-01",
        "snapshot_version": 1,
        "champion_version": 7,
        "reference_digest": "abc",
        "baseline_month": "2025-10",
        "baseline_rows": 900,
        "current_rows": 500,
        "data_quality": DataQuality(finding=Finding.NO_FAULT, reason="of data"),
        "feature_drift": FeatureDrift(finding=Finding.NO_DRIFT, reason="of features"),
        "prediction_drift": PredictionDrift(finding=Finding.NO_DRIFT, reason="of predictions"),
        "concept_drift": ConceptDrift(finding=Finding.NOT_DUE, reason="of concept"),
        "performance": Performance(finding=Finding.NOT_DUE, reason="of performance"),
        "champion_age": ChampionAge(finding=Finding.NO_DRIFT, reason="of age", months=3, limit=12),
    }
    return DriftReport.model_validate(calm | given)


def look_back(
    panel: Panel,
    *,
    without: Iterable[pd.Period] = (),
    incidents: Iterable[pd.Period] = (),
) -> PeopleHistory:
    """The history of a panel: all its months were accepted but those `without`."""
    return PeopleHistory(
        frozenset(panel) - frozenset(without), panel.__getitem__, frozenset(incidents)
    )


def draw_staff(rows: int, seed: int, *, missing: float = 0.0) -> pd.DataFrame:
    """Strangers who work for one company: columns of every kind, which depend on each other.

    Pay is told by the level to one fifth; `missing` is the share of pays and of answers that are.
    """
    rng = np.random.default_rng([2, seed])
    level = rng.choice(np.arange(1, 6), rows, p=[0.37, 0.36, 0.15, 0.07, 0.05])
    worked = rng.gamma(2 + level, 1.6).clip(0, 45).astype(int)
    pay = 1000 + 1500 * level**1.35 * rng.lognormal(0, 0.2, rows)
    departments = ["Human Resources", "Research & Development", "Sales"]
    table = pd.DataFrame(
        {
            "Age": (20 + worked + rng.gamma(2, 3, rows)).clip(18, 70).astype(int),
            "Gender": rng.choice(["Female", "Male"], rows, p=[0.4, 0.6]),
            "Department": rng.choice(departments, rows, p=[0.05, 0.65, 0.3]),
            "JobLevel": level,
            "MonthlyIncome": pay.clip(1009, 19_999).astype(int),
            "JobSatisfaction": rng.integers(1, 5, rows),
            "OverTime": rng.choice(["No", "Yes"], rows, p=[0.72, 0.28]),
            "TotalWorkingYears": worked,
        }
    )
    for column in ("MonthlyIncome", "JobSatisfaction") if missing else ():
        table[column] = table[column].where(rng.random(rows) >= missing)
    return table


def compare_tables(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    contract: Contract | None = None,
    level: float = 0.05,
    seed: int = 0,
) -> RowComparison:
    """The row test at `level`, with the policy's floors."""
    policy = MonitoringPolicy()
    limits = Limits(level, policy.effect_floor, policy.relation_floor)
    pairs = pair_columns(reference, current, contract or read_contract(), {})
    return compare_rows(pairs, limits, seed=seed)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Matrices are small here: threads would cost three times the CPU that they save."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def contract() -> Contract:
    return read_contract()


@pytest.fixture(scope="session")
def make_table(contract: Contract) -> MakeTable:
    """A table of the monitored columns, each drawn evenly from what the contract accepts."""

    def make(rows: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        table = {}
        for name in contract.monitored:
            column = contract.columns[name]
            if column.kind == Kind.CONTINUOUS and column.range:
                table[name] = rng.integers(int(column.range[0]), int(column.range[1]) + 1, rows)
            else:
                table[name] = rng.choice(np.array(column.levels), rows)
        return pd.DataFrame(table)

    return make


@pytest.fixture(scope="session")
def make_outcomes(make_table: MakeTable) -> MakeOutcomes:
    """Outcomes of a company of which the champion is right, unless told otherwise."""

    def make(
        rows: int, seed: int, *, overtime: float = 1.5, base: float = -2.3, noise: float = 0.0
    ) -> OutcomeSample:
        table, rng = make_table(rows, seed), np.random.default_rng(seed + 1_000_000)
        age = (table["Age"].to_numpy() - 46.5) / 17
        works_over = (table["OverTime"] == "Yes").to_numpy()
        predicted = -2.3 + 1.5 * works_over - 0.8 * age + noise * rng.normal(size=rows)
        actual = base + overtime * works_over - 0.8 * age
        return OutcomeSample(
            features=table,
            left=rng.random(rows) < 1 / (1 + np.exp(-actual)),
            probability=1 / (1 + np.exp(-predicted)),
        )

    return make


@pytest.fixture(scope="session")
def real_table() -> pd.DataFrame:
    if not REAL_TABLE.exists():
        pytest.skip(f"the real IBM table is not at {REAL_TABLE}: its false alarms are NOT tested")
    return pd.read_csv(REAL_TABLE, encoding="utf-8-sig")
