"""All that is asked of Evidently: its own tests, and its page made to show our values.

Evidently drops missing values, tests a column by a p-value or, above 1,000 reference rows, by a
distance, and calls half of all columns drift of the dataset. None of that decides anything here.
"""

import os
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attrition_assets.casting import read_numbers
from attrition_assets.contract import Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.report import FeatureDrift, FeatureTest, Finding, drifted_columns

# Thresholds of Evidently's headline, which compares the share of drifted columns with them.
ANY_COLUMN, ALWAYS, NEVER = 0.001, 0.0, 2.0

# (p-value, drifted) by column: what our test answers while a page is made. Evidently's register of
# tests is global; this is not, so pages made one after the other or side by side do not mix.
_OURS: ContextVar[Mapping[str, tuple[float, bool]]] = ContextVar("our_values_by_column")


@dataclass(frozen=True)
class EvidentlyVerdict:
    """Evidently's own tests, and what it says of the table: the `share` of columns that drifted.

    `drifted` is its verdict on the table: a share of at least one half.
    """

    tests: tuple[FeatureTest, ...]
    share: float
    drifted: bool


@dataclass(frozen=True)
class EvidentlyPage:
    """A standalone page of Evidently, and the columns that it shows."""

    html: str
    columns: tuple[str, ...]


def run_evidently_tests(
    reference: pd.DataFrame, current: pd.DataFrame, kinds: Mapping[str, Kind]
) -> EvidentlyVerdict:
    """Run the tests that Evidently chooses by itself on the columns of `kinds`, in that order.

    It drops missing values, so that a column of which most goes missing may count as unchanged, and
    adjusts for no multiplicity: `adjusted_p_value` is None. Where it measures a distance, that is
    the effect and there is no p-value. `used_by_model` is not known here and keeps its default.
    Raises DriftInputError if no column has values in both tables.
    """
    tables = prepare_table(reference, kinds), prepare_table(current, kinds)
    columns = _require_filled(tables, kinds)
    content = _run_preset(
        tables, {name: kinds[name] for name in columns}, include_tests=True
    ).dict()
    values = {
        metric["config"]["column"]: (metric["config"]["method"], float(metric["value"]))
        for metric in content["metrics"]
        if "column" in metric["config"]
    }
    failed = [
        test["metric_config"]["params"].get("column")
        for test in content["tests"]
        if test["status"].value == "FAIL"
    ]
    tests = tuple(
        _read_test(name, kind, *values[_defuse(name)], _defuse(name) in failed)
        if name in columns
        else FeatureTest(column=name, kind=kind, note="not tested: no values in one table")
        for name, kind in kinds.items()
    )
    return EvidentlyVerdict(
        tests, share=len(drifted_columns(tests)) / len(columns), drifted=None in failed
    )


def render_evidently_page(
    verdict: FeatureDrift,
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    *,
    max_rows: int = 1000,
    seed: int = 0,
) -> EvidentlyPage:
    """Evidently's drift page, about 5 MB, with the verdict's p-values and conclusions for its own.

    A column has the smallest adjusted p of its tests and is drifted if the verdict says so; one
    without a test or, in the sample, without values is left out. The headline follows the finding.
    At most `max_rows` rows a side, sampled by `seed`. Raises DriftInputError if there is nothing to
    show, or Evidently refuses a column.
    """
    values = collect_values(verdict.tests)
    kinds = {test.column: test.kind for test in verdict.tests if test.column in values}
    # Evidently draws means along the index: as drawn, so that no trend by employee number shows.
    tables = tuple(
        prepare_table(
            table.sample(min(max_rows, len(table)), random_state=seed, ignore_index=True), kinds
        )
        for table in (baseline, current)
    )
    columns = _require_filled(tables, kinds)
    reset = _OURS.set({_defuse(name): values[name] for name in columns})
    try:
        snapshot = _run_preset(
            tables,
            {name: kinds[name] for name in columns},
            method=_register_our_test(),
            threshold=verdict.level or 0.05,
            drift_share=_choose_drift_share(verdict, columns),
        )
        return EvidentlyPage(str(snapshot.get_html_str(as_iframe=False)), columns)
    except ValueError as error:
        raise DriftInputError(f"Evidently refuses the tables: {error}") from error
    finally:
        _OURS.reset(reset)


def collect_values(tests: tuple[FeatureTest, ...]) -> dict[str, tuple[float, bool]]:
    """Each tested column's smallest adjusted p (or p, if not adjusted), and whether it drifted."""
    drifted, smallest = drifted_columns(tests), dict[str, float]()
    for test in tests:
        if test.told_p_value is not None:
            smallest[test.column] = min(test.told_p_value, smallest.get(test.column, 1.0))
    return {name: (p_value, name in drifted) for name, p_value in smallest.items()}


def prepare_table(table: pd.DataFrame, kinds: Mapping[str, Kind]) -> pd.DataFrame:
    """The columns of `kinds` as Evidently takes them.

    Names and levels hold no `<`: Evidently writes them into a script of its page as they are, where
    `</script>` would end it.
    """
    columns = {name: read_column(table[name], kind) for name, kind in kinds.items()}
    return pd.DataFrame(
        {
            _defuse(name): column.map(_defuse, na_action="ignore")
            if kinds[name] != Kind.CONTINUOUS
            else column
            for name, column in columns.items()
        }
    )


def read_column(column: pd.Series, kind: Kind) -> pd.Series:
    """A column as finite numbers or, if it has levels, as their text; all else is missing."""
    if kind == Kind.CONTINUOUS:
        return read_numbers(column).replace([np.inf, -np.inf], np.nan)
    return column.astype("object").map(show_level, na_action="ignore")


def show_level(level: object) -> str:
    """A level as text; whole numbers read the same, be they stored as 3 or as 3.0."""
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)


def _defuse(text: str) -> str:
    return text.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")


def _require_filled(tables: tuple[pd.DataFrame, ...], kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    columns = tuple(
        name for name in kinds if all(table[_defuse(name)].notna().any() for table in tables)
    )
    if not columns:
        raise DriftInputError(
            "Evidently has nothing to compare: no tested column has values in both tables"
        )
    return columns


def _run_preset(
    tables: tuple[pd.DataFrame, ...],
    kinds: Mapping[str, Kind],
    *,
    include_tests: bool = False,
    **options: Any,
) -> Any:
    """Evidently's run of its drift preset on prepared tables (baseline, current)."""
    # Evidently reads this when it is imported, and reports its use unless it is set.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [_defuse(name) for name, kind in kinds.items() if kind == Kind.CONTINUOUS]
    levels = [_defuse(name) for name, kind in kinds.items() if kind != Kind.CONTINUOUS]
    # Undeclared, numbers with few values would be taken for categories.
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=levels)
    baseline, current = (
        Dataset.from_pandas(table[numbers + levels], data_definition=definition) for table in tables
    )
    with warnings.catch_warnings():
        # What its tests warn of (an exact p-value that overflows, say) decides nothing here.
        warnings.simplefilter("ignore")
        report = Report([DataDriftPreset(**options)], include_tests=include_tests)
        return report.run(current, baseline)


def _register_our_test() -> str:
    """Make our test known to Evidently, under the name returned; again is no harm."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    test = StatTest(
        name="attrition_assets",
        display_name="adjusted p (ours)",
        allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
    )
    register_stattest(test, default_impl=_look_up)
    return str(test.name)


def _look_up(
    reference: pd.Series, current: pd.Series, feature_type: object, threshold: float
) -> tuple[float, bool]:
    """The verdict's p-value of a column and whether it drifted, by the name of the series."""
    return _OURS.get()[str(reference.name)]


def _choose_drift_share(verdict: FeatureDrift, columns: tuple[str, ...]) -> float:
    """The threshold with which Evidently's headline comes to the verdict's finding."""
    any_drifted = not set(verdict.drifted_features).isdisjoint(columns)
    if verdict.finding == Finding.DRIFT:
        return ANY_COLUMN if any_drifted else ALWAYS
    return NEVER if any_drifted else ANY_COLUMN


def _read_test(name: str, kind: Kind, method: str, value: float, drifted: bool) -> FeatureTest:
    has_p_value = method.endswith("p_value")
    return FeatureTest(
        column=name,
        kind=kind,
        method=method,
        p_value=value if has_p_value else None,
        effect=None if has_p_value else value,
        effect_measure=None if has_p_value else method,
        drifted=drifted,
    )
