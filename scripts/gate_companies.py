"""Real retrains of simulated companies, judged by the gate. Part of bench_gate.

A champion is trained, a challenger of the same recipe a year later, and both are compared on the
rows that `select_fair_rows` finds. Unlike in drawn scores, the true difference is not known.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from benchmarks import QUICK, Section, run_all, show_share
from scipy import stats

from attrition_assets.contract import read_contract
from attrition_assets.governance.comparison import (
    LEVEL,
    Comparison,
    Recommendation,
    compare_models,
)
from attrition_assets.governance.fair_rows import select_fair_rows
from attrition_assets.months import parse_month
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.shifts import ConceptShift, Shift
from attrition_assets.training.features import select_features
from attrition_assets.training.reference import ReferenceData, build_reference
from attrition_assets.training.search import TrainedModel, train_model

HEADCOUNT, BURN_IN, HISTORY, AGE, WINDOW, TRIALS = 1_470, 120, 28, 12, 24, 4
COMPANIES = 2 if QUICK else 20
WIDE_MARGIN = 0.02
HAPPENED: dict[str, Callable[[pd.Period], Shift] | None] = {
    "nothing": None,
    "overtime effect flipped": partial(ConceptShift, size=1.0),
}

Task = tuple[int, str]


def retrain_company(task: Task) -> Comparison:
    """The comparison of a company's champion with its retrain a year later."""
    seed, what = task
    contract = read_contract()
    first = parse_month("2020-01") + seed % 12
    before = first + (HISTORY - 1)
    make = HAPPENED[what]
    company = simulate_company(
        first_month=first,
        months=HISTORY + AGE,
        seed=seed,
        headcount=HEADCOUNT,
        burn_in_months=BURN_IN,
        shifts=[make(before + 1)] if make else [],
    )
    old, champion = _train(company, before)
    new, challenger = _train(company, before + AGE)

    def score(table: pd.DataFrame) -> pd.Series:
        probability = champion.pipeline.predict_proba(select_features(table, contract))[:, 1]
        return pd.Series(probability, index=table.index)

    rows = select_fair_rows(
        new,
        _hold_out(new, challenger),
        champion_as_of=before,
        champion_held_out=_hold_out(old, champion),
        score=score,
    )
    return compare_models(
        rows.left, rows.champion, rows.challenger, people=rows.people, same_recipe=True
    )


def _train(company: Company, as_of: pd.Period) -> tuple[ReferenceData, TrainedModel]:
    contract = read_contract()
    reference = build_reference(
        as_of,
        accepted=[month for month in company.snapshots if month <= as_of],
        read=company.snapshots.__getitem__,
        departures=company.departures[company.departures["DepartureDate"] <= as_of.end_time],
        contract=contract,
        window_months=WINDOW,
    )
    return reference, train_model(reference, contract, trials=TRIALS)


def _hold_out(reference: ReferenceData, trained: TrainedModel) -> pd.DataFrame:
    keys = [reference.contract.id, reference.contract.snapshot_date]
    return reference.outcomes[keys].assign(probability=trained.held_out)


def measure_retrains() -> tuple[Section, dict[str, object]]:
    """What the gate says of real retrains, where nothing changed and where they are needed."""
    rows, figures = [], {}
    for what in HAPPENED:
        tasks = [(seed, what) for seed in range(COMPANIES)]
        found = run_all(retrain_company, tasks, f"companies, {what}")
        told = [each for each in found if each.verdict != Recommendation.CANNOT_TELL]
        apart = [each.auc_difference for each in told if each.auc_difference is not None]
        values, errors = ([getattr(each, name) for each in apart] for name in ("value", "error"))
        mean, error = float(np.mean(values)), float(stats.sem(values))
        z = stats.norm.isf(LEVEL)
        counts = {
            "retrain gate": sum(each.verdict == Recommendation.PROMOTE for each in told),
            "AUC rule, margin .02": sum(
                each.value - z * each.error > -WIDE_MARGIN for each in apart
            ),
            "higher AUC wins": sum(each.value > 0 for each in apart),
        }
        rows.append(
            {
                "what happened": what,
                "told": f"{len(told)} of {COMPANIES}",
                "AUC difference, mean": f"{mean:+.4f} ± {1.96 * error:.4f}",
                "its error in one company": f"{np.mean(errors):.4f}",
                **{
                    f"promoted: {rule}": show_share(int(n), len(told)) for rule, n in counts.items()
                },
            }
        )
        figures[what] = {
            "told": len(told),
            "auc_difference": round(mean, 5),
            "auc_difference_error": round(error, 5),
            **{rule: round(float(n / len(told)), 4) for rule, n in counts.items()},
        }
    about = (
        f"{COMPANIES} companies of {HEADCOUNT:,} people each; a champion and its retrain a year "
        "later, both by the recipe of `model`. Where nothing happened they should be equal: the "
        "difference below 0 is what it costs the challenger to be judged out of fold."
    )
    return Section("Real retrains of simulated companies", about, rows), {"companies": figures}
