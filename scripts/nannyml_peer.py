"""NannyML's answers to the draws in a folder, as JSON; runs in the environment of `peers.lock`.

The folder holds `<draw>-reference.parquet` and `<draw>-current.parquet` for each draw, and
`columns.json`: the names of the columns that are `categorical`. Prints, as the last line, for each
draw and method the `score`, which rises with the difference, and the `alarm` at NannyML's defaults.

    .venv-peers/bin/python scripts/nannyml_peer.py FOLDER
"""

import json
import os
import sys
import warnings
from pathlib import Path

import pandas as pd

# NannyML reads this when it is imported, and reports its use unless it is set.
os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
import nannyml

Answers = dict[str, dict[str, float | bool]]


def compare_columns(
    reference: pd.DataFrame, current: pd.DataFrame, categorical: list[str]
) -> Answers:
    """The largest distance of any column, for each method, and whether any column alerts.

    Kolmogorov-Smirnov is for continuous columns, Jensen-Shannon for all. A chunk is as large as
    the current table.
    """
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(reference.columns),
        treat_as_categorical=categorical,
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
        categorical_methods=["jensen_shannon"],
        chunk_size=len(current),
    )
    found = calculator.fit(reference).calculate(current).filter(period="analysis").to_df()
    answers: Answers = {}
    for name, method in (
        ("nannyml_ks", "kolmogorov_smirnov"),
        ("nannyml_js", "jensen_shannon"),
    ):
        of_method = found.xs(method, axis="columns", level=1)
        values, alerts = (
            of_method.xs(each, axis="columns", level=1) for each in ("value", "alert")
        )
        answers[name] = {
            "score": float(values.max(axis=None)),
            "alarm": bool(alerts.any(axis=None)),
        }
    return answers


def compare_reconstruction(reference: pd.DataFrame, current: pd.DataFrame) -> Answers:
    """How far the error of PCA reconstruction is from its mean over the reference's chunks."""
    calculator = nannyml.DataReconstructionDriftCalculator(
        column_names=list(reference.columns), chunk_size=len(current)
    )
    found = calculator.fit(reference).calculate(current).to_df()
    is_current = found["chunk", "period"] == "analysis"
    errors = found["reconstruction_error", "value"]
    return {
        "nannyml_pca": {
            "score": float(abs(errors[is_current].mean() - errors[~is_current].mean())),
            "alarm": bool(found.loc[is_current, ("reconstruction_error", "alert")].any()),
        }
    }


def main() -> None:
    """Compare the tables of each draw and print the answers."""
    folder = Path(sys.argv[1])
    categorical = json.loads((folder / "columns.json").read_text("utf-8"))["categorical"]
    answers: dict[str, Answers] = {}
    for path in sorted(folder.glob("*-reference.parquet")):
        draw = path.name.removesuffix("-reference.parquet")
        reference = pd.read_parquet(path)
        current = pd.read_parquet(folder / f"{draw}-current.parquet")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas' future, which is not for this benchmark
            answers[draw] = compare_columns(reference, current, categorical)
            answers[draw] |= compare_reconstruction(reference, current)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
