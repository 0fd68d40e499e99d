"""A file a month, all of them one table; the newest month is the one that Prometheus is told."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.metrics_table import MetricsTable
from attrition_assets.errors import SnapshotError
from attrition_assets.months import parse_month
from attrition_assets_tests.monitoring.test_metrics import measure

JANUARY, MARCH = parse_month("2024-01"), parse_month("2024-03")


def rows_of(month: pd.Period) -> pd.DataFrame:
    return measure().assign(month=str(month))


@pytest.fixture
def table(tmp_path: Path) -> MetricsTable:
    held = MetricsTable(tmp_path)
    held.write(MARCH, rows_of(MARCH))
    held.write(JANUARY, rows_of(JANUARY))
    return held


def test_the_folder_is_read_as_one_table(table: MetricsTable) -> None:
    table.path(MARCH).with_name(".2024-02.parquet.7.tmp").write_bytes(b"half")
    whole = pd.read_parquet(table.folder)
    pd.testing.assert_frame_equal(whole, table.read_all())
    assert list(whole["month"].unique()) == ["2024-01", "2024-03"]
    assert str(whole["people"].dtype) == "Int64"


def test_a_month_again_replaces_its_rows_alone(table: MetricsTable) -> None:
    before = table.path(JANUARY).read_bytes()
    table.write(MARCH, rows_of(MARCH).head(3))
    assert len(table.read(MARCH)) == 3
    assert table.path(JANUARY).read_bytes() == before


def test_prometheus_is_told_of_the_newest_month_whichever_was_written(table: MetricsTable) -> None:
    before = table.prometheus.read_text("utf-8")
    assert 'month="2024-03"' in before
    table.write(JANUARY, rows_of(JANUARY).assign(value=0.5))
    assert table.prometheus.read_text("utf-8") == before
    table.path(MARCH).unlink()
    table.write_prometheus()
    assert 'month="2024-01"' in table.prometheus.read_text("utf-8")
    table.path(JANUARY).unlink()
    table.write_prometheus()
    assert not table.prometheus.exists()


def test_months_written_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    table, months = MetricsTable(tmp_path), list(pd.period_range("2024-01", periods=8, freq="M"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda month: table.write(month, rows_of(month)), months))
    assert table.months() == months
    assert 'month="2024-08"' in table.prometheus.read_text("utf-8")


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(table: MetricsTable) -> None:
    table.path(JANUARY).write_bytes(b"no table")
    said = r"2024-01\.parquet cannot be read: move it away, then materialize monthly_metrics"
    with pytest.raises(SnapshotError, match=said):
        table.read_all()
    rows_of(JANUARY).drop(columns="unit").to_parquet(table.path(JANUARY), index=False)
    with pytest.raises(SnapshotError, match=r"not of this release's schema \(no column unit\)"):
        table.read_all()
    table.path(JANUARY).unlink()
    with pytest.raises(SnapshotError, match="no metrics of 2024-01 at"):
        table.read(JANUARY)
