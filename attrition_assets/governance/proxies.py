"""The proxy audit: how well the model's features tell the protected attributes kept from it.

Leaving an attribute out takes nothing from a model whose other columns tell it. The audit informs
whoever decides what a feature may be used for; it blocks nothing, and says nothing of how the model
uses what its features tell.
"""

from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from attrition_assets.contract import Contract, Kind
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.groups import check_protected, keep_newest
from attrition_assets.governance.intervals import Estimate, estimate_auc
from attrition_assets.training.evaluation import measure_alone
from attrition_assets.training.families import Family, build_pipeline
from attrition_assets.training.features import build_columns, select_features
from attrition_assets.values import Value

FOLDS = 5
STRENGTH = 0.1
SHOWN_FEATURES = 5
WELL = 0.8


class Telling(StrEnum):
    """How well the features tell an attribute, by the interval of the AUC.

    `not at all` if it reaches down to .5, `well` if all of it is .8 or more.
    """

    UNSURE = "insufficient data"
    NOT = "not at all"
    SOMEWHAT = "somewhat"
    WELL = "well"


class TellingFeature(Value):
    """A feature by itself: `auc` (.5 to 1) of telling who is in the group."""

    feature: str
    auc: float


class ProxyTarget(Value):
    """How well all features together, and the strongest ones alone, tell one group of an attribute.

    `auc` is that of people whom the fitted model has not seen; None, like the features, if there
    are too few people in the group or outside.
    """

    attribute: str
    group: str
    telling: Telling
    auc: Estimate | None = None
    strongest: tuple[TellingFeature, ...] = ()


class ProxyAudit(Value):
    """The audit of one table's features. `people` counts each person once, by the newest row.

    `used` names the attributes that need no telling, since the contract lets the model use them.
    """

    people: int
    targets: tuple[ProxyTarget, ...]
    used: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[ProxyTarget, ...]:
        """What the features tell, the best told first."""
        told = [each for each in self.targets if each.telling in (Telling.SOMEWHAT, Telling.WELL)]
        return tuple(sorted(told, key=lambda each: -(each.auc.value if each.auc else 0)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the features tell, in words: no person, no group under the minimum."""
        return tuple(
            f"{each.attribute}, {each.group}: told {each.telling} by the features, AUC {each.auc}; "
            + "strongest: "
            + ", ".join(f"{one.feature} ({one.auc:.2f})" for one in each.strongest)
            for each in self.told
        )


def audit_proxies(table: pd.DataFrame, contract: Contract, policy: FairnessPolicy) -> ProxyAudit:
    """Predict each attribute kept from the model from its features, five-fold, by its own recipe.

    Levels are predicted each against the rest (one of them if there are two), numbers as above the
    median or not. People whose value is missing are left out of that attribute's prediction. The
    order of rows changes nothing. Raises FairnessError if an attribute is absent.
    """
    names = check_protected(table, contract)
    used = tuple(name for name in names if contract.columns[name].is_used)
    people = table.iloc[keep_newest(table, contract, policy.seed)].reset_index(drop=True)
    inputs = build_columns(contract).fit_transform(select_features(people, contract))
    targets = tuple(
        _audit_target(people[known], inputs[known], name, group, inside[known], contract, policy)
        for name in names
        if name not in used
        for known in (people[name].notna().to_numpy(dtype=bool),)
        for group, inside in _list_targets(people[name], contract)
    )
    return ProxyAudit(people=len(people), targets=targets, used=used)


def _list_targets(values: pd.Series, contract: Contract) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """What is predicted of an attribute: names of groups, and who (bool) is in them."""
    column = contract.columns[str(values.name)]
    if column.kind == Kind.NOMINAL or column.is_text:
        levels = (column.levels or ())[-1:] if len(column.levels or ()) == 2 else column.levels
        return [
            (str(level), values.eq(level).fillna(False).to_numpy(bool)) for level in levels or ()
        ]
    median = float(values.median())
    return [(f"above {median:g}", values.gt(median).fillna(False).to_numpy(bool))]


def _audit_target(
    people: pd.DataFrame,
    inputs: pd.DataFrame,
    attribute: str,
    group: str,
    inside: npt.NDArray[np.bool_],
    contract: Contract,
    policy: FairnessPolicy,
) -> ProxyTarget:
    y = inside.astype("int64")
    if min(y.sum(), len(y) - y.sum()) < policy.smallest(len(people)):
        return ProxyTarget(attribute=attribute, group=group, telling=Telling.UNSURE)
    predicted = cross_val_predict(
        build_pipeline(contract, {"family": Family.LOGISTIC, "C": STRENGTH})[1:],
        inputs,
        y,
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=policy.seed),
        method="predict_proba",
    )[:, 1]
    auc = estimate_auc(y, predicted)
    telling = Telling.SOMEWHAT
    if auc.low <= 0.5:
        telling = Telling.NOT
    elif auc.low >= WELL:
        telling = Telling.WELL
    return ProxyTarget(
        attribute=attribute,
        group=group,
        telling=telling,
        auc=auc,
        strongest=_find_strongest(people, y, contract),
    )


def _find_strongest(
    people: pd.DataFrame, inside: npt.NDArray[np.int64], contract: Contract
) -> tuple[TellingFeature, ...]:
    """The features that tell most by themselves, on the people they are measured on."""
    alone = [
        TellingFeature(
            feature=name,
            auc=measure_alone(
                people[name],
                inside,
                by_level=contract.columns[name].kind == Kind.NOMINAL
                or contract.columns[name].is_text,
            ),
        )
        for name in contract.features
    ]
    return tuple(sorted(alone, key=lambda each: -each.auc)[:SHOWN_FEATURES])
