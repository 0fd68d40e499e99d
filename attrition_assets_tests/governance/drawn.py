"""People in groups, drawn for the tests of the fairness audit."""

from typing import Any

import numpy as np
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.governance.fairness import audit_fairness
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.fairness_report import FairnessAudit, GroupAudit, PartitionAudit
from attrition_assets_tests.conftest import declare_contract

PEOPLE = 1470
SHARES = {"A": 0.15, "B": 0.45, "C": 0.40}
QUICK = {"permutations": 199}

CONTRACT = declare_contract(
    Team={"kind": "nominal", "role": "protected", "levels": list(SHARES), "missing": True},
    Sex={"kind": "nominal", "role": "protected", "levels": ["F", "M"]},
    Pay={"kind": "continuous", "role": "feature", "range": [0, 1]},
)


class Drawn:
    """People in groups, some of whom are flagged and some of whom leave; flags are not shifted."""

    def __init__(
        self, seed: int, ratio: float = 1.0, flagged: float = 0.37, people: int = PEOPLE
    ) -> None:
        rng = np.random.default_rng(seed)
        team = rng.choice(list(SHARES), people, p=list(SHARES.values()))
        others = flagged / (1 - SHARES["A"] + SHARES["A"] * ratio)
        flags = rng.random(people) < np.where(team == "A", ratio * others, others)
        self.table = pd.DataFrame(
            {
                "Id": np.arange(people),
                "Date": pd.Timestamp("2026-01-31"),
                "Team": team,
                "Sex": rng.choice(["F", "M"], people, p=[0.4, 0.6]),
                "Pay": rng.random(people),
            }
        )
        self.left = (rng.random(people) < 0.16).astype("int64")
        self.probability = np.where(flags, 0.5, 0.0) + 0.5 * rng.random(people)

    def audit(self, contract: Contract = CONTRACT, **policy: Any) -> FairnessAudit:
        return audit_fairness(
            self.table,
            self.left,
            self.probability,
            threshold=0.5,
            contract=contract,
            policy=FairnessPolicy.model_validate({**QUICK, **policy}),
        )


def find(audit: FairnessAudit, name: str) -> PartitionAudit:
    return next(part for part in audit.partitions if part.name == name)


def find_group(audit: FairnessAudit, name: str, group: str) -> GroupAudit:
    return next(each for each in find(audit, name).groups if each.group == group)
