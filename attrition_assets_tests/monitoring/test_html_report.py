import re
import warnings
from collections.abc import Iterator

import pytest

from attrition_assets.contract import Contract
from attrition_assets.monitoring.html_report import render_evidently_report

from .conftest import MakeTable


@pytest.fixture(autouse=True)
def _allow_evidentlys_warnings() -> Iterator[None]:
    """Evidently and what it imports still use what litestar and NumPy deprecate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def test_the_page_shows_every_monitored_column_and_needs_no_network(
    contract: Contract, make_table: MakeTable
) -> None:
    page = render_evidently_report(
        make_table(80, 0), make_table(50, 1), contract, "1 of 9 <drifted>", max_rows=60
    )
    assert "<b>1 of 9 &lt;drifted&gt;</b><br>This is the verdict." in page
    assert all(name in page for name in contract.monitored)
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="?https?:', page)


def test_a_column_without_values_is_left_out(contract: Contract, make_table: MakeTable) -> None:
    current = make_table(50, 1).assign(Gender=None)
    page = render_evidently_report(make_table(50, 0), current, contract, "")
    assert "MonthlyIncome" in page
    assert "Gender" not in page
