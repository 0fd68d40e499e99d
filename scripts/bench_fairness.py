"""How often the fairness audit calls for a person: under true parity, and with a planted ratio.

    python scripts/bench_fairness.py [SERIES]

Each series audits 1,470 drawn people in three attributes (shares 15, 45 and 40 %; 40 and 60 %; ages
in four groups) and their pairs; a flag depends on nothing, or on being in the group of 15 %.
"""

import sys
from collections import Counter

import numpy as np
import pandas as pd
from scipy import stats

from attrition_assets.contract import Contract
from attrition_assets.governance import fairness
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.fairness_report import FairnessAudit

PEOPLE, LEAVING = 1470, 0.16
SHARES = {"A": 0.15, "B": 0.45, "C": 0.40}
CONTRACT = Contract.model_validate(
    {
        "name": "drawn",
        "columns": {
            "Id": {"kind": "id", "role": "id"},
            "Date": {"kind": "date", "role": "snapshot_date"},
            "Left": {"kind": "nominal", "role": "label", "levels": ["N", "Y"], "positive": "Y"},
            "Team": {"kind": "nominal", "role": "protected", "levels": list(SHARES)},
            "Sex": {"kind": "nominal", "role": "protected", "levels": ["F", "M"]},
            "Age": {"kind": "continuous", "role": "protected", "range": [18, 75], "integer": True},
            "Pay": {"kind": "continuous", "role": "feature", "range": [0, 1]},
        },
    }
)


def audit_drawn(seed: int, *, flagged: float, ratio: float, flag_means: str) -> FairnessAudit:
    """The audit of people of whom the share `flagged` is: group A `ratio` times as often."""
    rng = np.random.default_rng(seed)
    team = rng.choice(list(SHARES), PEOPLE, p=list(SHARES.values()))
    others = flagged / (1 - SHARES["A"] + SHARES["A"] * ratio)
    flags = rng.random(PEOPLE) < np.where(team == "A", ratio * others, others)
    table = pd.DataFrame(
        {
            "Id": np.arange(PEOPLE),
            "Date": pd.Timestamp("2026-01-31"),
            "Team": team,
            "Sex": rng.choice(["F", "M"], PEOPLE, p=[0.4, 0.6]),
            "Age": np.clip(rng.normal(37, 9, PEOPLE), 18, 75).round(),
        }
    )
    return fairness.audit_fairness(
        table,
        (rng.random(PEOPLE) < LEAVING).astype("int64"),
        np.where(flags, 0.5, 0.0) + 0.5 * rng.random(PEOPLE),
        threshold=0.5,
        contract=CONTRACT,
        policy=FairnessPolicy.model_validate(
            {"flag_means": flag_means, "edges": {"Age": (30, 40, 50)}}
        ),
    )


def main(series: int) -> None:
    """Print a line for each ratio, share flagged and meaning of a flag."""
    # Fairlearn's differences decide nothing and take most of the time.
    fairness.measure_difference = lambda *_: 0.0
    print("ratio flagged means: called (95 % interval), failed, insufficient data")
    for ratio, shares, meanings in (
        (1.0, (0.37, 0.16), ("undeclared", "burden", "benefit")),
        (0.5, (0.37, 0.25, 0.20, 0.16), ("undeclared", "benefit")),
        (2.0, (0.37, 0.16), ("undeclared", "burden")),
    ):
        for flagged in shares:
            for means in meanings:
                verdicts = Counter(
                    audit_drawn(seed, flagged=flagged, ratio=ratio, flag_means=means).verdict.value
                    for seed in range(series)
                )
                called = verdicts["look"] + verdicts["fail"]
                low, high = stats.binomtest(called, series).proportion_ci()
                print(
                    f"{ratio:g} {flagged:.2f} {means}: {called / series:.3f} ({low:.3f} to "
                    f"{high:.3f}), {verdicts['fail'] / series:.3f}, "
                    f"{verdicts['insufficient data'] / series:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
