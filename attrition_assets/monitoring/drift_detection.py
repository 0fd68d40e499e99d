"""Whether two tables differ: in their features, or in the predictions made for them.

Two-sample tests column by column, Benjamini-Hochberg over them, and an effect floor. Rows count as
independent of each other. Which months to compare, and what an alarm leads to, is not decided here.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from attrition_assets.contract import Contract, Kind, read_contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.pairing import (
    SIDES,
    ColumnPair,
    check_table,
    pair_columns,
    read_numbers,
)
from attrition_assets.monitoring.report import (
    FeatureTest,
    Finding,
    PredictionDrift,
    drifted_columns,
    drifted_share,
)
from attrition_assets.monitoring.two_sample import (
    MISSING_RATE,
    TwoSampleResult,
    compare_continuous,
    compare_missing,
    compare_nominal,
    compare_ordinal,
)

_LOG = logging.getLogger(__name__)


class DriftDetector:
    """Compares a current table with a reference table, columns by the contract's kinds.

    `drift_threshold` is the probability of any alarm when nothing changed, over all columns of a
    table together: the level of the Benjamini-Hochberg procedure (Benjamini and Hochberg, 1995).
    A column whose values differ by less than `effect_floor` (KS distance or total variation, 0..1)
    does not count as drifted, however sure the difference; any sure change in its rate of missing
    values does. `kinds` declares columns that `contract` (default: the project's) does not have.

    Raises ValueError if a number lies outside its range or a kind is unknown.
    """

    def __init__(
        self,
        drift_threshold: float = 0.05,
        *,
        effect_floor: float = 0.05,
        prediction_effect_floor: float = 0.10,
        min_rows: int = 30,
        contract: Contract | None = None,
        kinds: Mapping[str, Kind | str] | None = None,
    ) -> None:
        if not 0 < drift_threshold < 1:
            raise ValueError(
                f"drift_threshold is {drift_threshold}: it is the probability of an alarm when "
                "nothing changed, so give a number between 0 and 1, such as 0.05"
            )
        for name, floor in (
            ("effect_floor", effect_floor),
            ("prediction_effect_floor", prediction_effect_floor),
        ):
            if not 0 <= floor < 1:
                raise ValueError(f"{name} is {floor}: give a distance from 0 to below 1")
        self.drift_threshold = drift_threshold
        self.effect_floor = effect_floor
        self.prediction_effect_floor = prediction_effect_floor
        self.min_rows = min_rows
        self.contract = contract or read_contract()
        self.kinds = {name: Kind(kind) for name, kind in (kinds or {}).items()}

    def detect_drift(
        self, *, reference_data: pd.DataFrame, current_data: pd.DataFrame
    ) -> tuple[bool, float, list[str]]:
        """Whether any column drifted, the share of tested columns that did (0..1), and which.

        Raises DriftInputError if the tables cannot be compared: that is never "no drift".
        """
        tests = self.test_features(reference_data=reference_data, current_data=current_data)
        drifted = drifted_columns(tests)
        return bool(drifted), drifted_share(tests), list(drifted)

    def test_features(
        self, *, reference_data: pd.DataFrame, current_data: pd.DataFrame
    ) -> tuple[FeatureTest, ...]:
        """Test every column but labels, ids, dates and those the contract ignores.

        Values and, where any are missing, the rate of missing values. Columns that are constant or
        all missing are returned untested, with a note. Raises DriftInputError if the tables cannot
        be compared or no column can be tested.
        """
        pairs = pair_columns(reference_data, current_data, self.contract, self.kinds)
        self._check_rows(len(reference_data), len(current_data))
        tests = [test for pair in pairs for test in self._test_pair(pair)]
        p_values = [test.p_value for test in tests if test.p_value is not None]
        if not p_values:
            raise DriftInputError(
                "no column can be tested: all are constant or missing in reference_data and "
                "current_data; give columns that vary"
            )
        adjusted = iter(stats.false_discovery_control(p_values, method="bh").tolist())
        return tuple(
            test if test.p_value is None else self._decide(test, next(adjusted)) for test in tests
        )

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
        """Compare two sets of probabilities by the KS test, or of 0/1 flags by their shares.

        Drift is p <= `drift_threshold` and a distance of at least `prediction_effect_floor`. Raises
        DriftInputError as `detect_prediction_drift` does.
        """
        reference = _read_probabilities(reference_data, SIDES[0], prediction_column)
        current = _read_probabilities(current_data, SIDES[1], prediction_column)
        self._check_rows(len(reference), len(current))
        flagged = reference >= flag_threshold, current >= flag_threshold
        flags = compare_nominal(flagged[0].astype(object), flagged[1].astype(object))
        is_flag = np.isin(np.concatenate([reference, current]), (0.0, 1.0)).all()
        result = flags if is_flag else compare_continuous(reference, current)
        drifted = (
            result.p_value <= self.drift_threshold and result.effect >= self.prediction_effect_floor
        )
        shares = float(flagged[0].mean()), float(flagged[1].mean())
        return PredictionDrift(
            finding=Finding.DRIFT if drifted else Finding.NO_DRIFT,
            reason=f"predictions differ by {result.effect:.3f} (p = {result.p_value:.2g}; drift is "
            f"at least {self.prediction_effect_floor:g} with p up to {self.drift_threshold:g}); "
            f"{shares[0]:.1%} of {len(reference)} were flagged, {shares[1]:.1%} of {len(current)} "
            f"are (p = {flags.p_value:.2g})",
            score=result.effect,
            p_value=result.p_value,
            flagged_share_baseline=shares[0],
            flagged_share_current=shares[1],
            flagged_p_value=flags.p_value,
        )

    def _check_rows(self, *rows: int) -> None:
        for count, side in zip(rows, SIDES, strict=True):
            if count < self.min_rows:
                raise DriftInputError(
                    f"{side} has {count} rows, too few to compare: give at least {self.min_rows}"
                )

    def _test_pair(self, pair: ColumnPair) -> list[FeatureTest]:
        """The test of the column's values and, if any are missing, that of their rate."""
        notes = []
        if pair.inferred:
            notes.append(f"kind {pair.kind} is inferred from the values: declare it in `kinds`")
            _LOG.info("column %s: %s", pair.column, notes[0])
        result = _compare_values(pair)
        if isinstance(result, str):
            notes.append(f"values not tested: {result}")
        used = pair.column not in self.contract.columns or pair.column in self.contract.features
        untested = FeatureTest(
            column=pair.column, kind=pair.kind, used_by_model=used, note="; ".join(notes)
        )
        results = [] if isinstance(result, str) else [result]
        absent = pair.reference.missing, pair.current.missing
        if any(side.any() for side in absent) and not all(side.all() for side in absent):
            results.append(compare_missing(*absent))
        return [untested.model_copy(update=asdict(each)) for each in results] or [untested]

    def _decide(self, test: FeatureTest, adjusted: float) -> FeatureTest:
        floor = 0.0 if test.effect_measure == MISSING_RATE else self.effect_floor
        drifted = adjusted <= self.drift_threshold and (test.effect or 0.0) >= floor
        return test.model_copy(update={"adjusted_p_value": adjusted, "drifted": drifted})


def _compare_values(pair: ColumnPair) -> TwoSampleResult | str:
    """The test that the column's kind calls for, or why there can be none."""
    reference, current = pair.reference.present, pair.current.present
    if not len(reference) or not len(current):
        side = "both tables" if not len(reference) and not len(current) else "one table"
        return f"all missing in {side}"
    if len({*reference.tolist(), *current.tolist()}) == 1:
        return "constant, and the same in both tables"
    if pair.kind == Kind.NOMINAL:
        return compare_nominal(reference, current)
    if pair.kind == Kind.ORDINAL:
        return compare_ordinal(reference, current)
    return compare_continuous(reference, current)


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
