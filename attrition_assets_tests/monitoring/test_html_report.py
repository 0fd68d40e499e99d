import logging
import re

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract, Kind
from attrition_assets.monitoring.html_report import (
    choose_edges,
    count_levels,
    describe_levels,
    render_drift_page,
)
from attrition_assets.monitoring.report import DriftReport, FeatureDrift, FeatureTest, Finding

from .conftest import MakeTable
from .test_report_page import make_report, make_test

# Evidently and what it imports still use what litestar and NumPy deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def make_drift(contract: Contract, *drifted: str) -> DriftReport:
    """A report with a test of every monitored column, of which `drifted` drifted."""
    tests = tuple(
        make_test(name, 0.5, kind=contract.columns[name].kind, drifted=name in drifted)
        for name in contract.monitored
    )
    finding = Finding.DRIFT if drifted else Finding.NO_DRIFT
    return make_report(FeatureDrift(finding=finding, reason="as tested", tests=tests))


@pytest.fixture(scope="module")
def page(contract: Contract, make_table: MakeTable) -> str:
    """A month in which two columns drifted, on tables with more rows than Evidently is given."""
    report = make_drift(contract, "OverTime", "MonthlyIncome")
    tables = make_table(1200, 0), make_table(1100, 1)
    return render_drift_page(report, "Retrain <now>", ("drift",), *tables, contract)


def test_the_page_opens_with_our_verdict_then_the_features_then_evidentlys_page(page: str) -> None:
    assert page.lstrip().startswith("<!DOCTYPE html>")
    places = [
        page.index("<title>2026-02: Retrain &lt;now&gt;</title>"),
        page.index('<main class="verdict">\n<h1>'),
        page.index("<h2>The verdicts</h2>"),
        page.index("<h2>The features that moved</h2>"),
        page.index("<h2>All distributions, by Evidently</h2>"),
        page.index("</main>"),
        page.index('<div id="root_metric_'),
    ]
    assert places == sorted(places)
    assert "Dataset Drift is detected" in page


def test_the_page_shows_every_monitored_column_and_needs_no_network(
    page: str, contract: Contract
) -> None:
    assert all(f'"column_name": "{name}"' in page for name in contract.monitored)
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="?https?:', page)
    assert "default-src 'none'" in page
    assert page.encode().index(b"charset") < 1024


def test_the_page_is_little_more_than_evidentlys_own(page: str) -> None:
    assert 3_000_000 < len(page.encode()) < 6_500_000


def test_every_picture_is_told_in_words_and_shows_all_rows(page: str) -> None:
    pictures = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]+)">', page)
    income, overtime = sorted(pictures)
    assert income.startswith("MonthlyIncome, before and after: median ")
    assert re.fullmatch(
        r"OverTime, before and after: No: \d\d\.\d% to \d\d\.\d%; Yes: \d\d\.\d% to \d\d\.\d%",
        overtime,
    )


def test_at_most_eight_columns_are_pictured(contract: Contract, make_table: MakeTable) -> None:
    numbers = contract.select_kind(Kind.CONTINUOUS, among=contract.monitored)[:9]
    tests = tuple(make_test(name, 0.01, drifted=True) for name in numbers)
    report = make_report(FeatureDrift(finding=Finding.DRIFT, reason="", tests=tests))
    page = render_drift_page(report, "", (), make_table(60, 0), make_table(60, 1), contract)
    assert page.count("<figure>") == 8
    assert all(f'<th scope="row">{name}</th>' in page for name in numbers)
    assert "Left out, since not tested: Gender, " in page


def test_a_month_that_cannot_be_told_still_has_its_page(
    contract: Contract, make_table: MakeTable
) -> None:
    verdict = FeatureDrift(finding=Finding.CANNOT_TELL, reason="3 rows < 60")
    page = render_drift_page(
        make_report(verdict), "Open", (), make_table(60, 0), make_table(3, 1), contract
    )
    assert "<h1><small>2026-02</small>Open</h1>" in page
    assert "nothing could be told: 3 rows &lt; 60" in page
    assert "<script>" not in page


def test_what_evidently_refuses_takes_nothing_from_our_part(
    contract: Contract,
    make_table: MakeTable,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("An empty column 'Age' was provided")

    monkeypatch.setattr("evidently.Report.run", refuse)
    report = make_drift(contract, "Age")
    with caplog.at_level(logging.WARNING):
        page = render_drift_page(report, "", (), make_table(60, 0), make_table(60, 1), contract)
    assert "<figcaption><b>Age</b>" in page
    assert "Nothing is shown: Evidently refuses the tables: An empty column" in page
    assert "the page of 2026-02 is without Evidently's part" in caplog.text


def test_names_and_levels_from_the_data_are_text_wherever_they_stand(contract: Contract) -> None:
    name, level = "a<b>$x", "</script>\"'$\\frac$"
    table = pd.DataFrame({name: [level, "other"] * 30})
    test = make_test(name, 0.01, kind=Kind.NOMINAL, drifted=True)
    report = make_report(FeatureDrift(finding=Finding.DRIFT, reason="", tests=(test,)))
    page = render_drift_page(report, "", (), table, table, contract)
    assert '<th scope="row">a&lt;b&gt;$x</th>' in page
    assert "&lt;/script&gt;&quot;&#x27;$\\frac$: 50.0% to 50.0%" in page
    assert "</script>\\" not in page
    assert "<b>$x" not in page


def test_a_column_whose_values_are_missing_is_told_but_not_pictured(
    contract: Contract, make_table: MakeTable
) -> None:
    tests: tuple[FeatureTest, ...] = (
        make_test("Age", 0.01, drifted=True),
        make_test("DailyRate", 0.01, drifted=True),
    )
    report = make_report(FeatureDrift(finding=Finding.DRIFT, reason="", tests=tests))
    current = make_table(60, 1).assign(Age=None, DailyRate=[500.0] * 45 + [np.nan] * 15)
    page = render_drift_page(report, "", (), make_table(60, 0), current, contract)
    assert page.count("<figure>") == 1
    assert "(missing: 0.0% to 25.0%)" in page
    assert '<th scope="row">Age</th>' in page


def test_levels_of_fewer_than_five_people_are_pooled_and_small_sides_not_counted() -> None:
    before = pd.Series(["a"] * 50 + ["b"] * 46 + ["c"] * 3 + ["d"])
    after = pd.Series(["a"] * 50 + ["b"] * 4 + ["new"] * 46)
    counts = count_levels((before, after), ("b", "a", "never"))
    assert counts.index.tolist() == ["b", "a", "new", "other (<5)"]
    assert describe_levels(counts) == (
        "b: 46.0% to <5; a: 50.0% to 50.0%; new: 0.0% to 46.0%; other (<5): <5 to 0.0%"
    )


@pytest.mark.parametrize(
    ("values", "bins", "width"),
    [
        (np.arange(18.0, 76.0), 20, 3),
        (np.array([0.0, 1.0, 4.0]), 5, 1),
        (np.array([1000.0, 30000.0]), 20, 1451),
        (np.array([0.25, 0.75]), 20, 0.025),
        (np.array([0.5, 0.5]), 1, 1),
    ],
)
def test_bins_are_at_most_twenty_and_hold_as_many_whole_numbers_each(
    values: np.ndarray, bins: int, width: float
) -> None:
    edges = choose_edges(values)
    assert np.diff(edges) == pytest.approx([width] * bins)
    assert edges[0] <= values.min()
    assert edges[-1] >= values.max()
