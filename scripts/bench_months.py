"""A company's months: alarms in years without change, shifts seen. Part of bench_drift.

Each company is simulated after a burn-in of 240 months, trains a champion, and is judged as
`drift_report` judges it, month by month.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from benchmarks import QUICK, Section, run_all, show_share

from attrition_assets.contract import read_contract
from attrition_assets.monitoring.decision import Decision, decide_retraining
from attrition_assets.monitoring.evidence import ChampionEvidence, History, gather_outcomes
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.people import PeopleHistory
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, Finding
from attrition_assets.months import parse_month
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.shifts import (
    ConceptShift,
    HiringWave,
    MoraleDrop,
    OvertimeCrunch,
    PayInflation,
    Shift,
)
from attrition_assets.training.evaluation import choose_threshold
from attrition_assets.training.features import select_features
from attrition_assets.training.reference import LABEL, build_reference
from attrition_assets.training.search import train_model

HEADCOUNT, BURN_IN, HISTORY, YEAR, TRIALS = 1_470, 240, 16, 12, 4
STATIONARY, SHIFTED = (4, 2) if QUICK else (80, 40)
POLICY = MonitoringPolicy()


@dataclass(frozen=True)
class Planted:
    """A shift that begins in the first judged month, and how it is seen.

    `within` is the month, from 1, up to which it should be found.
    """

    title: str
    make: Callable[[pd.Period], Shift]
    within: int
    concept: bool = False


PLANTED = (
    Planted("pay +3 %", partial(PayInflation, size=0.03), 1),
    Planted("overtime 28 to 40 %", partial(OvertimeCrunch, share=0.40), 1),
    Planted("morale -1 for 25 %", partial(MoraleDrop, share=0.25), 1),
    Planted("morale -1 for 10 %", partial(MoraleDrop, share=0.10), 1),
    Planted("hiring wave 10 %", partial(HiringWave, size=0.10), 1),
    Planted("overtime effect flipped", partial(ConceptShift, size=1.0), 3, concept=True),
    Planted("overtime effect gone", partial(ConceptShift, size=0.5), 6, concept=True),
)


@dataclass(frozen=True)
class Judged:
    """What a month brought: its alarms, and whether retraining was advised."""

    features: bool
    predictions: bool
    concept: bool
    performance: bool
    retrain: bool


Task = tuple[int, Planted | None]


def judge_company(task: Task) -> list[Judged]:
    """The verdicts on a company's months after its champion was trained, up to a year."""
    seed, planted = task
    contract = read_contract()
    first = parse_month("2020-01") + seed % YEAR  # shifts fall on all months of the calendar
    as_of = first + (HISTORY - 1)
    judged = YEAR if planted is None else planted.within
    company = simulate_company(
        first_month=first,
        months=HISTORY + judged,
        seed=seed,
        headcount=HEADCOUNT,
        burn_in_months=BURN_IN,
        shifts=[planted.make(as_of + 1)] if planted else [],
    )
    months, read = list(company.snapshots), company.snapshots.__getitem__
    reference = build_reference(
        as_of,
        accepted=[month for month in months if month <= as_of],
        read=read,
        departures=_known(company.departures, as_of),
        contract=contract,
        window_months=24,
    )
    trained = train_model(reference, contract, trials=TRIALS, seed=seed)
    labels = reference.labelled[LABEL].to_numpy(dtype="int64")
    threshold = choose_threshold(labels, trained.out_of_fold)

    def score(table: pd.DataFrame) -> pd.Series:
        probability = trained.pipeline.predict_proba(select_features(table, contract))[:, 1]
        return pd.Series(probability, index=table.index)

    champion = ChampionEvidence(reference, trained.held_out, score)
    baseline = reference.newest.assign(probability=score(reference.newest))
    found = []
    for month in (as_of + k for k in range(1, judged + 1)):
        accepted = [each for each in months if each <= month]
        history = History(accepted, read, _known(company.departures, month))
        concept, performance = gather_outcomes(month, champion, history, contract)
        current = read(month)
        report = judge_month(
            month=month,
            contract=contract,
            policy=POLICY,
            champion_version=1,
            champion_as_of=as_of,
            reference_digest="",
            threshold=threshold,
            baseline=baseline,
            current=current.assign(probability=score(current)),
            history=PeopleHistory(frozenset(accepted), read),
            concept=concept,
            performance=performance,
            importance=trained.importance,
            seed=seed,
        )
        found.append(_summarise(report))
    return found


def _known(departures: pd.DataFrame, month: pd.Period) -> pd.DataFrame:
    return departures[departures["DepartureDate"] <= month.end_time]


def _summarise(report: DriftReport) -> Judged:
    return Judged(
        features=report.feature_drift.finding == Finding.DRIFT,
        predictions=report.prediction_drift.finding == Finding.DRIFT,
        concept=report.concept_drift.finding == Finding.DRIFT,
        performance=report.performance.finding == Finding.DRIFT,
        retrain=decide_retraining(report, POLICY).decision == Decision.RETRAIN,
    )


def measure_stationary() -> tuple[Section, dict[str, object]]:
    """Years without any change: how many have an alarm of each kind, and how many retrain."""
    tasks: list[Task] = [(seed, None) for seed in range(STATIONARY)]
    years = run_all(judge_company, tasks, "years without change")
    counts = {
        "features": _count(years, lambda month: month.features),
        "predictions": _count(years, lambda month: month.predictions),
        "drift": _count(years, lambda month: month.features or month.predictions),
        "concept": _count(years, lambda month: month.concept),
        "performance": _count(years, lambda month: month.performance),
        "retraining": _count(years, lambda month: month.retrain),
    }
    titles = {
        "features": "feature drift",
        "predictions": "prediction drift",
        "drift": "drift of either",
        "concept": "concept drift",
        "performance": "performance lost",
        "retraining": "retraining advised, needlessly",
    }
    rows = [
        {"alarm": titles[name], "years with one": show_share(count, STATIONARY)}
        for name, count in counts.items()
    ]
    about = (
        f"{STATIONARY} companies of {HEADCOUNT:,} people in which nothing changes, one year each: "
        f"years with at least one alarm, at a yearly budget of {POLICY.yearly_budget:.0%} each for "
        "drift, concept and performance; 95 % intervals."
    )
    figures: dict[str, object] = {
        "yearly_alarms": {name: count / STATIONARY for name, count in counts.items()},
        "stationary_years": STATIONARY,
    }
    return Section("Years without change", about, rows), figures


def measure_shifts() -> tuple[Section, dict[str, object]]:
    """How soon planted shifts are seen, and lead to a retraining."""
    rows, panel, concept, delays = [], {}, {}, {}
    for planted in PLANTED:
        tasks: list[Task] = [(1_000 + seed, planted) for seed in range(SHIFTED)]
        companies = run_all(judge_company, tasks, planted.title)
        seen = [
            [month.concept if planted.concept else month.features for month in c] for c in companies
        ]
        hits = sum(any(months) for months in seen)
        retrained = [next((k for k, m in enumerate(c, 1) if m.retrain), None) for c in companies]
        known = [month for month in retrained if month is not None]
        rows.append(
            {
                "planted": planted.title,
                "seen within": "its month" if planted.within == 1 else f"{planted.within} months",
                "companies": show_share(hits, SHIFTED),
                "retraining advised": show_share(len(known), SHIFTED),
                "in month, on average": f"{np.mean(known):.1f}" if known else "-",
            }
        )
        (concept if planted.concept else panel)[planted.title] = hits / SHIFTED
        delays[planted.title] = round(float(np.mean(known)), 2) if known else None
    about = (
        f"{SHIFTED} companies of {HEADCOUNT:,} people for each shift, which begins in the first "
        "month after the champion's, at any time of the year; seen as feature drift, or as concept "
        "drift where only the effect on leaving changed."
    )
    figures: dict[str, object] = {
        "panel_power": panel,
        "concept_power": concept,
        "retraining_month": delays,
    }
    return Section("Shifts in a company's months", about, rows), figures


def _count(years: Sequence[Sequence[Judged]], alarm: Callable[[Judged], bool]) -> int:
    return sum(any(alarm(month) for month in year) for year in years)
