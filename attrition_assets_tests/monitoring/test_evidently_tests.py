import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.evidently_tests import (
    prepare_table,
    render_evidently_page,
    run_evidently_tests,
)
from attrition_assets.monitoring.report import FeatureDrift, FeatureTest, Finding

from .conftest import MakeTable
from .test_report_page import make_test

# Evidently and what it imports still use what litestar and NumPy deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KINDS = {"Age": Kind.CONTINUOUS, "Gender": Kind.NOMINAL, "JobLevel": Kind.ORDINAL}


def find_rows(node: Any) -> Iterator[dict[str, Any]]:
    """The rows of Evidently's table, wherever in its page's data they are."""
    if isinstance(node, dict):
        if "drift_score" in node:
            yield node
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from find_rows(child)


def read_table(page: str) -> dict[str, tuple[float, str]]:
    """What Evidently's page shows of each column: its score, and its conclusion."""
    start = re.search(r"var metric_\w+ = ", page)
    assert start
    data, _ = json.JSONDecoder().raw_decode(page, start.end())
    return {row["column_name"]: (row["drift_score"], row["data_drift"]) for row in find_rows(data)}


def make_verdict(*tests: FeatureTest, finding: Finding = Finding.DRIFT) -> FeatureDrift:
    return FeatureDrift(finding=finding, reason="", level=0.01, tests=tests)


def test_evidentlys_page_shows_the_verdicts_p_values_and_conclusions(make_table: MakeTable) -> None:
    page = render_evidently_page(
        make_verdict(
            make_test("Age", 0.7),
            make_test("Age", 0.004, drifted=True),
            make_test("DailyRate", 0.0002, effect=0.01),
            make_test("Gender", 0.3, kind=Kind.NOMINAL, drifted=True),
            FeatureTest(column="OverTime", kind=Kind.NOMINAL, note="constant"),
        ),
        make_table(80, 0),
        make_table(60, 1),
    )
    assert page.columns == ("Age", "DailyRate", "Gender")
    assert read_table(page.html) == {
        "Age": (0.004, "Detected"),
        "DailyRate": (0.0002, "Not Detected"),
        "Gender": (0.3, "Detected"),
    }


def test_pages_made_one_after_the_other_do_not_mix(make_table: MakeTable) -> None:
    tables = make_table(60, 0), make_table(60, 1)
    first = render_evidently_page(make_verdict(make_test("Age", 0.11)), *tables)
    second = render_evidently_page(make_verdict(make_test("DailyRate", 0.22)), *tables)
    again = render_evidently_page(make_verdict(make_test("Age", 0.33, drifted=True)), *tables)
    assert read_table(first.html) == {"Age": (0.11, "Not Detected")}
    assert read_table(second.html) == {"DailyRate": (0.22, "Not Detected")}
    assert read_table(again.html) == {"Age": (0.33, "Detected")}


@pytest.mark.parametrize("drifted", [True, False])
@pytest.mark.parametrize(
    ("finding", "headline"),
    [(Finding.DRIFT, "Dataset Drift is detected"), (Finding.NO_DRIFT, "Drift is NOT detected")],
)
def test_evidentlys_headline_follows_the_finding(
    make_table: MakeTable, finding: Finding, headline: str, drifted: bool
) -> None:
    verdict = make_verdict(make_test("Age", 0.01, drifted=drifted), finding=finding)
    assert headline in render_evidently_page(verdict, make_table(60, 0), make_table(60, 1)).html


def test_neither_a_name_nor_a_level_can_end_evidentlys_script() -> None:
    hostile = "</script><script>alert(1)"
    table = pd.DataFrame({hostile: ["a", f"{hostile}!"] * 30})
    test = make_test(hostile, 0.5, kind=Kind.NOMINAL)
    page = render_evidently_page(make_verdict(test), table, table)
    assert page.columns == (hostile,)
    assert "<script>alert(1)" not in page.html


def test_a_column_without_values_in_the_sample_is_left_out(make_table: MakeTable) -> None:
    verdict = make_verdict(make_test("Age", 0.5), make_test("DailyRate", 0.5))
    current = make_table(60, 1).assign(Age=[40.0] + [np.inf] * 59)
    page = render_evidently_page(verdict, make_table(60, 0), current, max_rows=10)
    assert page.columns == ("DailyRate",)
    with pytest.raises(DriftInputError, match="no tested column has values in both tables"):
        render_evidently_page(make_verdict(), make_table(60, 0), current)


def test_what_evidently_refuses_is_an_error_that_says_so(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("Cannot calculate reference distribution for column 'Age'.")

    monkeypatch.setattr("evidently.Report.run", refuse)
    verdict = make_verdict(make_test("Age", 0.5))
    with pytest.raises(DriftInputError, match="Evidently refuses the tables: Cannot calculate"):
        render_evidently_page(verdict, make_table(60, 0), make_table(60, 1))


def test_evidentlys_own_tests_are_p_values_up_to_a_thousand_reference_rows(
    make_table: MakeTable,
) -> None:
    reference = make_table(300, 0)
    current = reference.assign(Age=make_table(300, 1)["Age"], Gender="Male")
    verdict = run_evidently_tests(reference, current, KINDS)
    age, gender, level = verdict.tests
    assert [test.column for test in verdict.tests] == list(KINDS)
    assert age.method == "K-S p_value"
    assert age.p_value == pytest.approx(stats.ks_2samp(reference["Age"], current["Age"]).pvalue)
    assert age.effect is None
    assert age.adjusted_p_value is None
    assert gender.drifted
    assert not (age.drifted or level.drifted)
    assert verdict.share == pytest.approx(1 / 3)
    assert not verdict.drifted


def test_evidentlys_own_tests_are_distances_above_a_thousand_reference_rows(
    make_table: MakeTable,
) -> None:
    current = make_table(400, 1).assign(Age=70, Gender="Male")
    verdict = run_evidently_tests(make_table(1001, 0), current, KINDS)
    assert [test.p_value for test in verdict.tests] == [None] * 3
    assert verdict.tests[0].effect_measure == "Wasserstein distance (normed)"
    assert verdict.tests[0].effect == pytest.approx(1.4, abs=0.1)
    assert verdict.tests[1].effect_measure == "Jensen-Shannon distance"
    assert verdict.share == pytest.approx(2 / 3)
    assert verdict.drifted


def test_evidently_does_not_see_values_go_missing(make_table: MakeTable) -> None:
    table = make_table(300, 0)
    current = table.assign(Age=table["Age"].where(table.index % 3 == 0), Gender=None)
    age, gender, _ = run_evidently_tests(table, current, KINDS).tests
    assert not age.drifted
    assert gender.method is None
    assert gender.note == "not tested: no values in one table"
    with pytest.raises(DriftInputError, match="no tested column has values"):
        run_evidently_tests(table, current, {"Gender": Kind.NOMINAL})


def test_levels_read_the_same_however_they_are_stored() -> None:
    whole = prepare_table(pd.DataFrame({"JobLevel": [1, 2]}), {"JobLevel": Kind.ORDINAL})
    missing = prepare_table(pd.DataFrame({"JobLevel": [1.0, None]}), {"JobLevel": Kind.ORDINAL})
    assert whole["JobLevel"].tolist() == ["1", "2"]
    assert missing["JobLevel"].iloc[0] == "1"
    assert missing["JobLevel"].isna().tolist() == [False, True]
