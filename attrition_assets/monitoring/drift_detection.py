"""Whether two tables differ: in their features, or in the predictions made for them.

Rows count as independent of each other: two tables of strangers. What a company's months tell
because they show the same people is for `people`; what an alarm leads to is not decided here.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract, Kind, read_contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.integrity import judge_quality
from attrition_assets.monitoring.pairing import (
    SIDES,
    ColumnPair,
    ComparedColumn,
    check_table,
    pair_columns,
    read_numbers,
)
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import (
    Aspect,
    DataQuality,
    Evidence,
    FeatureDrift,
    FeatureTest,
    Finding,
    PredictionDrift,
)
from attrition_assets.monitoring.row_measures import get_adjusted
from attrition_assets.monitoring.row_test import (
    Keys,
    Limits,
    RowComparison,
    compare_rows,
    compare_summaries,
)
from attrition_assets.monitoring.table_summary import TableSummary, declare
from attrition_assets.monitoring.two_sample import compare_continuous, compare_flags

METHODS = ("permutation", "evidently")


class DriftDetector:
    """Compares a current table with a reference table, columns by the contract's kinds.

    `drift_threshold` is the probability of any alarm when nothing changed, over all columns of a
    table together, whatever their number, kinds and sizes. Floors, and the fewest rows a side, come
    from `policy`. `kinds` declares columns that `contract` (default: the project's) does not have.
    `method` "evidently" runs Evidently's own tests instead, for whoever wants them: their
    false-alarm rate is not `drift_threshold`, and missing values are dropped. `seed` settles the
    permutations: the same tables and seed give the same verdict.

    Raises ValueError if a number lies outside its range or a name is unknown.
    """

    def __init__(
        self,
        drift_threshold: float = 0.05,
        *,
        policy: MonitoringPolicy | None = None,
        contract: Contract | None = None,
        kinds: Mapping[str, Kind | str] | None = None,
        method: Literal["permutation", "evidently"] = "permutation",
        seed: int = 0,
    ) -> None:
        if not 0 < drift_threshold < 1:
            raise ValueError(
                f"drift_threshold is {drift_threshold}: it is the probability of an alarm when "
                "nothing changed, so give a number between 0 and 1, such as 0.05"
            )
        if method not in METHODS:
            raise ValueError(f"method is {method!r}: give one of {', '.join(METHODS)}")
        self.drift_threshold = drift_threshold
        self.policy = policy or MonitoringPolicy()
        self.contract = contract or read_contract()
        self.kinds = {name: Kind(kind) for name, kind in (kinds or {}).items()}
        self.method = method
        self.seed = seed

    def detect_drift(
        self, *, reference_data: pd.DataFrame, current_data: pd.DataFrame
    ) -> tuple[bool, float, list[str]]:
        """Whether anything moved or broke, the share of columns that did (0..1), and which.

        Which of the two it was, `compare_features` tells. Raises DriftInputError if the tables
        cannot be compared: that is never "no drift".
        """
        drift, quality = self.compare_features(
            reference_data=reference_data, current_data=current_data
        )
        broken = [fault.column for fault in quality.faults]
        if drift.finding == Finding.CANNOT_TELL and not broken:
            raise DriftInputError(drift.reason)
        moved = list(dict.fromkeys([*drift.drifted_features, *broken]))
        columns = {test.column for test in drift.tests}
        return drift.finding == Finding.DRIFT or bool(broken), len(moved) / len(columns), moved

    def compare_features(
        self,
        *,
        reference_data: pd.DataFrame,
        current_data: pd.DataFrame,
        importance: Mapping[str, float] | None = None,
    ) -> tuple[FeatureDrift, DataQuality]:
        """Whether the columns moved, and whether any is broken: two verdicts, told apart.

        Every column is tested but labels, ids, dates and those the contract ignores. Columns that
        are constant or all missing are reported untested, with a note. `importance` is each
        column's weight in the model: the most important come first. Raises DriftInputError if the
        tables cannot be compared.
        """
        pairs = pair_columns(reference_data, current_data, self.contract, self.kinds)
        self._check_rows(len(reference_data), len(current_data))
        if self.method == "evidently":
            return self._ask_evidently(reference_data, current_data, pairs)
        limits = Limits(self.drift_threshold, self.policy.effect_floor, self.policy.relation_floor)
        keys = _find_keys(reference_data, current_data, self.contract)
        found = compare_rows(pairs, limits, importance=importance, seed=self.seed, keys=keys)
        return self._tell(found, len(reference_data), len(current_data), len(pairs))

    def compare_summaries(
        self,
        reference: TableSummary,
        current: TableSummary,
        importance: Mapping[str, float] | None = None,
    ) -> tuple[FeatureDrift, DataQuality]:
        """What `compare_features` says of two tables of 5,000 rows or more, by their summaries.

        Those of the contract's monitored columns. Raises DriftInputError if they are of another
        contract, or of fewer rows.
        """
        columns, told = ComparedColumn.of_contract(self.contract), declare(self.contract)
        for summary, side in zip((reference, current), SIDES, strict=True):
            names = {*told, *summary.declared}
            if other := [name for name in names if told.get(name) != summary.declared.get(name)]:
                raise DriftInputError(
                    f"the summary of {side} is of another contract, which says otherwise of "
                    f"{', '.join(sorted(other))}: summarize the table again with the contract "
                    f"{self.contract.name}"
                )
        limits = Limits(self.drift_threshold, self.policy.effect_floor, self.policy.relation_floor)
        found = compare_summaries(columns, reference, current, limits, importance=importance)
        return self._tell(found, reference.rows, current.rows, len(columns))

    def _tell(
        self, found: RowComparison, before: int, now: int, columns: int
    ) -> tuple[FeatureDrift, DataQuality]:
        """A comparison of so many rows as two verdicts."""
        evidence = Evidence(
            method=found.method,
            p_value=found.p_value,
            level=self.drift_threshold,
            note=f"{now} rows against {before}",
            alarmed=found.drifted,
        )
        return (
            FeatureDrift(
                finding=find_drift(found),
                reason=describe_rows(found, self.drift_threshold),
                p_value=found.p_value,
                level=self.drift_threshold,
                alarmed=found.drifted,
                reaches_model=found.drifted and _find_reach(found.tests),
                evidence=(evidence,),
                tests=found.tests,
                detectable=found.detectable,
            ),
            judge_quality(found.faults, columns),
        )

    def _ask_evidently(
        self, reference: pd.DataFrame, current: pd.DataFrame, pairs: tuple[ColumnPair, ...]
    ) -> tuple[FeatureDrift, DataQuality]:
        """Evidently's own tests and its own verdict: half of all columns."""
        from attrition_assets.monitoring.evidently_tests import run_evidently_tests

        used = {pair.column: pair.used for pair in pairs}
        found = run_evidently_tests(reference, current, {pair.column: pair.kind for pair in pairs})
        tests = tuple(
            test.model_copy(update={"used_by_model": used[test.column]}) for test in found.tests
        )
        drift = FeatureDrift(
            finding=Finding.DRIFT if found.drifted else Finding.NO_DRIFT,
            reason=f"Evidently's own tests: {found.share:.0%} of the columns drifted; half of them "
            "would be drift",
            alarmed=found.drifted,
            reaches_model=found.drifted and _find_reach(tests),
            evidence=(Evidence(method="Evidently's own tests"),),
            tests=tests,
        )
        quality = DataQuality(
            finding=Finding.CANNOT_TELL, reason="Evidently does not look for faults"
        )
        return drift, quality

    def detect_prediction_drift(
        self,
        *,
        reference_data: pd.DataFrame,
        current_data: pd.DataFrame,
        prediction_column: str = "prediction",
    ) -> tuple[bool, float]:
        """Whether the predictions drifted, and by how much: their KS distance (0..1).

        Predictions are probabilities or 0/1 flags. Raises DriftInputError if the column is absent,
        or holds anything else.
        """
        drift = self.compare_predictions(
            reference_data=reference_data,
            current_data=current_data,
            prediction_column=prediction_column,
        )
        return drift.finding == Finding.DRIFT, drift.score or 0.0

    def compare_predictions(
        self,
        *,
        reference_data: pd.DataFrame,
        current_data: pd.DataFrame,
        prediction_column: str = "prediction",
        flag_threshold: float = 0.5,
    ) -> PredictionDrift:
        """Compare two sets of probabilities by the KS test and by the shares flagged.

        Each at half of `drift_threshold`; of 0/1 flags the shares alone. Drift is a p at or below
        that and a difference of at least the policy's floor. Raises DriftInputError as
        `detect_prediction_drift` does.
        """
        reference = _read_probabilities(reference_data, SIDES[0], prediction_column)
        current = _read_probabilities(current_data, SIDES[1], prediction_column)
        self._check_rows(len(reference), len(current))
        flagged = reference >= flag_threshold, current >= flag_threshold
        flags = compare_flags(*flagged)
        is_flag = np.isin(np.concatenate([reference, current]), (0.0, 1.0)).all()
        scores = flags if is_flag else compare_continuous(reference, current)
        floor, level = self.policy.prediction_effect_floor, self.drift_threshold / 2
        drifted = (scores.p_value <= level and scores.effect >= floor) or (
            flags.p_value <= level and flags.effect >= floor / 2
        )
        shares = float(flagged[0].mean()), float(flagged[1].mean())
        return PredictionDrift(
            finding=Finding.DRIFT if drifted else Finding.NO_DRIFT,
            reason=f"scores differ by {scores.effect:.3f} (p = {scores.p_value:.2g}; drift is at "
            f"least {floor:g} with p up to {level:.2g}); {shares[0]:.1%} of {len(reference)} were "
            f"flagged, {shares[1]:.1%} of {len(current)} are (p = {flags.p_value:.2g}; drift is at "
            f"least {50 * floor:g} points)",
            score=scores.effect,
            p_value=scores.p_value,
            level=self.drift_threshold,
            flagged_share_baseline=shares[0],
            flagged_share_current=shares[1],
            flagged_p_value=flags.p_value,
        )

    def _check_rows(self, *rows: int) -> None:
        for count, side in zip(rows, SIDES, strict=True):
            if count < self.policy.min_rows:
                raise DriftInputError(
                    f"{side} has {count} rows, too few to tell: give at least "
                    f"{self.policy.min_rows}"
                )


def _find_keys(reference: pd.DataFrame, current: pd.DataFrame, contract: Contract) -> Keys | None:
    """The ids of both tables' rows, if both have whole numbers for them."""
    if any(contract.id not in table for table in (reference, current)):
        return None
    ids = [table[contract.id] for table in (reference, current)]
    if not all(pd.api.types.is_integer_dtype(each.dtype) and not each.hasnans for each in ids):
        return None
    before, now = (each.to_numpy(dtype=np.int64) for each in ids)
    return before, now


def find_drift(found: RowComparison) -> Finding:
    """What a comparison of rows says; a broken column that the model uses leaves it open."""
    if found.drifted:
        return Finding.DRIFT
    broken = {fault.column for fault in found.faults}
    used = any(test.column in broken and test.used_by_model for test in found.tests)
    return Finding.CANNOT_TELL if found.p_value is None or used else Finding.NO_DRIFT


def _find_reach(tests: tuple[FeatureTest, ...]) -> bool:
    """Whether a column that the model uses drifted, or none can be named."""
    drifted = [test for test in tests if test.drifted]
    return not drifted or any(test.used_by_model for test in drifted)


def describe_rows(found: RowComparison, level: float) -> str:
    """A comparison of rows in words: what moved, or what would have been seen."""
    if found.p_value is None:
        return f"{found.method}: give columns that vary, with sound values"
    numbers = f"p = {found.p_value:.2g} for all columns together, drift is up to {level:.2g}"
    if not found.drifted:
        return f"no column moved beyond its limits ({numbers})"
    return f"{describe_drift(found.tests)} ({numbers})"


def describe_drift(tests: Sequence[FeatureTest]) -> str:
    """What drifted, in words: each column once, what became of it, and what found it."""
    moved = [test for test in tests if test.drifted]
    named = []
    for column in dict.fromkeys(test.column for test in moved):
        own = [test for test in moved if test.column == column]
        values = next(
            (each for each in tests if each.column == column and each.aspect == Aspect.VALUES), None
        )
        change = f", {values.note}" if values and values.note else ""
        aspects = ", ".join(
            f"{each.aspect} {each.note}" if each.aspect == Aspect.RELATION else each.aspect
            for each in own
        )
        named.append(
            f"{column}{change} (by {aspects}; adjusted p {min(map(get_adjusted, own)):.2g})"
        )
    return "; ".join(named) or "many columns moved a little"


def _read_probabilities(table: pd.DataFrame, side: str, column: str) -> npt.NDArray[np.float64]:
    check_table(table, side)
    if column not in table:
        raise DriftInputError(
            f"{side} has no column {column}: score the table first, or name its prediction_column"
        )
    if missing := int(table[column].isna().sum()):
        raise DriftInputError(
            f"{side}, column {column}: {missing} of {len(table)} predictions are missing: score "
            "every row"
        )
    values = read_numbers(table[column], side)
    if values.min() < 0 or values.max() > 1:
        raise DriftInputError(
            f"{side}, column {column} goes from {values.min():g} to {values.max():g}: give "
            "probabilities from 0 to 1, or 0/1 flags"
        )
    return values
