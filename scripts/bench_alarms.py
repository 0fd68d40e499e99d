"""How often the monthly verdict cries wolf on strangers: one table, split at random, many times.

Each seed splits a labelled table as `attrition import` does, trains on the history, and judges
each month as `drift_report` does. Nothing changed, so every alarm is false.

    python scripts/bench_alarms.py ../shared/data/ibm_hr_attrition.csv
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks import publish

from attrition_assets.adapters.import_table import split_table
from attrition_assets.contract import Contract, read_contract
from attrition_assets.monitoring.decision import Decision, decide_retraining
from attrition_assets.monitoring.evidence import ChampionEvidence, History, gather_outcomes
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Finding
from attrition_assets.months import parse_month
from attrition_assets.training.evaluation import choose_threshold
from attrition_assets.training.features import select_features
from attrition_assets.training.reference import LABEL, build_reference
from attrition_assets.training.search import train_model

MONTHS, TRIALS = 6, 4
POLICY = MonitoringPolicy()


def judge_split(path: Path, contract: Contract, seed: int) -> list[dict[str, bool]]:
    """The alarms of each month of one split."""
    snapshots = split_table(
        path, contract, first_month=parse_month("2023-11"), months=MONTHS, seed=seed
    )
    months = list(snapshots)
    as_of = months[0] + contract.horizon_months
    reference = build_reference(
        as_of,
        accepted=months,
        read=snapshots.__getitem__,
        departures=None,
        contract=contract,
        window_months=24,
    )
    trained = train_model(reference, contract, trials=TRIALS)
    threshold = choose_threshold(
        reference.labelled[LABEL].to_numpy(dtype="int64"), trained.out_of_fold
    )

    def score(table: pd.DataFrame) -> pd.Series:
        probability = trained.pipeline.predict_proba(select_features(table, contract))[:, 1]
        return pd.Series(probability, index=table.index)

    champion = ChampionEvidence(reference, trained.out_of_fold, score)
    alarms = []
    for month in months[1:]:
        history = History(
            [each for each in months if each <= month], snapshots.__getitem__, departures=None
        )
        concept, performance = gather_outcomes(month, champion, history, contract)
        current = snapshots[month]
        report = judge_month(
            month=month,
            contract=contract,
            policy=POLICY,
            champion_version=1,
            champion_as_of=as_of,
            reference_digest="",
            threshold=threshold,
            baseline=reference.newest.assign(probability=score(reference.newest)),
            current=current.assign(probability=score(current)),
            concept=concept,
            performance=performance,
        )
        verdicts = {
            "feature drift": report.feature_drift.finding,
            "prediction drift": report.prediction_drift.finding,
            "concept drift": report.concept_drift.finding,
            "performance lost": report.performance.finding,
        }
        alarms.append(
            {name: finding == Finding.DRIFT for name, finding in verdicts.items()}
            | {"retraining": decide_retraining(report, POLICY).decision == Decision.RETRAIN}
        )
    return alarms


def main() -> None:
    """Judge every seed's months and publish the shares of false alarms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="a labelled table in the contract's schema")
    path = parser.parse_args().table
    seeds = 20 if os.environ.get("QUICK") else 200
    contract = read_contract()
    by_seed = []
    for seed in range(seeds):
        by_seed.append(pd.DataFrame(judge_split(path, contract, seed)))
        print(f"\rseed {seed + 1} of {seeds}", end="", flush=True)
    print()
    rows, figures = [], {}
    for name in by_seed[0].columns:
        shares = np.array([float(alarms[name].mean()) for alarms in by_seed])
        margin = 1.96 * shares.std(ddof=1) / np.sqrt(seeds)
        splits = float((shares > 0).mean())
        rows.append(
            {
                "alarm": name,
                "months with a false alarm": f"{shares.mean():.1%} ± {margin:.1%}",
                "splits with one in their six months": f"{splits:.1%}",
            }
        )
        figures[name.replace(" ", "_")] = round(float(shares.mean()), 4)
    publish(
        "alarms",
        "False alarms on strangers",
        f"{path.name}, {seeds} seeds: half of the rows as history, the rest dealt to {MONTHS} "
        "months; 95 % intervals by seed. The seeds split the same rows, so they are not wholly "
        "independent.",
        rows,
        {"seeds": seeds, "months": MONTHS, **figures},
    )


if __name__ == "__main__":
    main()
