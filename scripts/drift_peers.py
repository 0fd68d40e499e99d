"""What other tools say of two tables: the rules that the drift benchmark compares with ours.

Each takes a reference and a current table of the contract's monitored columns and answers with an
alarm at its defaults and, where it has one, a score that rises with the difference. NannyML, which
needs an environment of its own, is in `nannyml_peer.py`.
"""

import json
import os
import subprocess
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from attrition_assets.contract import Contract, Kind
from attrition_assets.monitoring.drift_detection import DriftDetector

ALPHA = 0.05
# Evidently's choice above 1,000 reference rows.
DISTANCES = {"num_method": "wasserstein", "cat_method": "jensenshannon"}
VALUE_DRIFT = "evidently:metric_v2:ValueDrift"
DRIFTED_COLUMNS = "evidently:metric_v2:DriftedColumnsCount"


@dataclass(frozen=True)
class Answer:
    """A tool's alarm at its defaults, and its score; None where the tool has only a verdict."""

    alarm: bool
    score: float | None = None


Tables = tuple[pd.DataFrame, pd.DataFrame]
Answers = dict[str, Answer]


def ask_ours(reference: pd.DataFrame, current: pd.DataFrame, contract: Contract) -> Answers:
    """The project's detector, at its level."""
    detector = DriftDetector(drift_threshold=ALPHA, contract=contract)
    drifted, _, _ = detector.detect_drift(reference_data=reference, current_data=current)
    return {"ours": Answer(drifted)}


def ask_evidently(reference: pd.DataFrame, current: pd.DataFrame, contract: Contract) -> Answers:
    """Evidently's tests and distances, an alarm if any column drifted, and its preset's verdict.

    The tests are its default to 1,000 reference rows. The verdict is that half the columns drifted.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    categorical = contract.select_kind(Kind.ORDINAL, Kind.NOMINAL, among=contract.monitored)
    definition = DataDefinition(
        numerical_columns=[name for name in contract.monitored if name not in categorical],
        categorical_columns=list(categorical),
    )
    datasets = [
        Dataset.from_pandas(table, data_definition=definition) for table in (current, reference)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests, distances = (
            Report([preset]).run(*datasets).dict()["metrics"]
            for preset in (DataDriftPreset(), DataDriftPreset(**DISTANCES))
        )
    return {
        "evidently_p": _read_columns(tests),
        "evidently_distance": _read_columns(distances),
        "evidently_preset": _read_preset(tests),
    }


def _read_columns(metrics: list[dict[str, Any]]) -> Answer:
    """Any column: a p-value below its threshold, or a distance that reaches it.

    A column without a number, which Evidently takes for not drifted, does not count.
    """
    columns = [each for each in metrics if each["config"]["type"] == VALUE_DRIFT]
    values = np.array([each["value"] for each in columns], dtype=float)
    thresholds = np.array([each["config"]["threshold"] for each in columns], dtype=float)
    is_p = {each["config"]["method"].endswith("p_value") for each in columns}
    if is_p == {True}:
        return Answer(bool((values < thresholds).any()), -float(np.nanmin(values)))
    if is_p == {False}:
        return Answer(bool((values >= thresholds).any()), float(np.nanmax(values)))
    raise RuntimeError(f"Evidently mixed p-values and distances: {columns}")


def _read_preset(metrics: list[dict[str, Any]]) -> Answer:
    (counted,) = (each for each in metrics if each["config"]["type"] == DRIFTED_COLUMNS)
    return Answer(bool(counted["value"]["share"] >= counted["config"]["drift_share"]))


def ask_bonferroni(reference: pd.DataFrame, current: pd.DataFrame, contract: Contract) -> Answers:
    """The smallest p over columns, times their number: KS where continuous, else chi-square.

    Missing values are dropped.
    """
    p_values = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*ks_2samp: Exact calculation", RuntimeWarning)
        for name in contract.monitored:
            sides = reference[name].dropna(), current[name].dropna()
            if contract.columns[name].kind == Kind.CONTINUOUS:
                p_values.append(float(stats.ks_2samp(*sides).pvalue))
            else:
                p_values.append(_compare_levels(*sides))
    smallest = min(p_values)
    return {"bonferroni": Answer(smallest * len(p_values) <= ALPHA, -smallest)}


def _compare_levels(reference: pd.Series, current: pd.Series) -> float:
    side = np.repeat(["reference", "current"], [len(reference), len(current)])
    counts = pd.crosstab(side, pd.concat([reference, current], ignore_index=True))
    return float(stats.chi2_contingency(counts, correction=False).pvalue)


def ask_classifier(reference: pd.DataFrame, current: pd.DataFrame, contract: Contract) -> Answers:
    """A linear classifier of the side that a row is from: the rank test's p of its scores.

    Scores are out of fold; that the folds share rows is not in the p, as is usual.
    """
    rows = pd.concat([reference, current], ignore_index=True)
    is_current: npt.NDArray[np.int_] = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(
        _build_classifier(), rows, is_current, cv=folds, method="decision_function"
    )
    p_value = stats.mannwhitneyu(
        scores[is_current == 1], scores[is_current == 0], alternative="greater"
    ).pvalue
    return {"domain_classifier": Answer(bool(p_value <= ALPHA), -float(p_value))}


def _build_classifier() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return make_pipeline(
        make_column_transformer(
            (numbers, make_column_selector(dtype_include="number")),
            (
                OneHotEncoder(handle_unknown="ignore"),
                make_column_selector(dtype_exclude="number"),
            ),
        ),
        LogisticRegression(max_iter=1000),
    )


# Ask each for its answers, by tool.
ASKED: tuple[Callable[[pd.DataFrame, pd.DataFrame, Contract], Answers], ...] = (
    ask_ours,
    ask_evidently,
    ask_bonferroni,
    ask_classifier,
)


def ask_nannyml(
    draws: Mapping[str, Callable[[], Tables]], python: Path, contract: Contract
) -> dict[str, Answers]:
    """NannyML's answers to every draw, from one process of the `python` that has NannyML."""
    worker = Path(__file__).with_name("nannyml_peer.py")
    categorical = contract.select_kind(Kind.ORDINAL, Kind.NOMINAL, among=contract.monitored)
    with TemporaryDirectory() as folder:
        (Path(folder) / "columns.json").write_text(
            json.dumps({"categorical": categorical}), "utf-8"
        )
        for name, draw in draws.items():
            for side, table in zip(("reference", "current"), draw(), strict=True):
                table.to_parquet(Path(folder) / f"{name}-{side}.parquet", index=False)
        printed = subprocess.run(
            [python, worker, folder], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    return {
        draw: {tool: Answer(**answer) for tool, answer in answers.items()}
        for draw, answers in json.loads(printed.splitlines()[-1]).items()
    }
