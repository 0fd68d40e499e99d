from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import write_atomically
from attrition_assets.contract import Kind
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.feature_drift import PastAlarm
from attrition_assets.monitoring.report import Aspect, FeatureDrift, FeatureTest, Finding
from attrition_assets.months import parse_month
from attrition_assets_tests.monitoring.conftest import make_report

JAN, FEB, MAR, APR = (parse_month(f"2026-0{month}") for month in range(1, 5))


def keep_report(
    home: Path,
    month: pd.Period,
    *moved: str,
    alarmed: bool = True,
    standing: bool = False,
    version: int = 1,
) -> None:
    """Write a month's report; it alarmed, if so, by the columns that `moved`."""
    drift = FeatureDrift(
        finding=Finding.DRIFT if alarmed or standing else Finding.NO_DRIFT,
        reason="of features",
        alarmed=alarmed,
        reaches_model=alarmed and moved != ("Age",),
        standing_since=str(JAN) if standing else None,
        tests=tuple(FeatureTest(column=name, kind=Kind.ORDINAL, drifted=True) for name in moved),
    )
    report = make_report(month=str(month), snapshot_version=version, feature_drift=drift)
    write_atomically(DriftReports(home).path(month), report.model_dump_json().encode())


def is_first(month: pd.Period) -> int:
    """Every month's snapshot is as it was first accepted."""
    return 1


def test_a_report_is_read_as_it_was_kept_under_its_partition_key(tmp_path: Path) -> None:
    keep_report(tmp_path, FEB, "OverTime")
    reports = DriftReports(tmp_path)
    assert reports.path(FEB) == tmp_path / "assets" / "drift_report" / "2026-02-01.json"
    report = reports.read(FEB)
    assert report is not None
    assert (report.month, report.feature_drift.drifted_features) == ("2026-02", ("OverTime",))
    assert reports.read(MAR) is None


def test_the_months_that_were_judged_are_listed_in_order(tmp_path: Path) -> None:
    assert DriftReports(tmp_path).months() == []
    for month in (MAR, JAN, FEB):
        keep_report(tmp_path, month, alarmed=False)
    (DriftReports(tmp_path).folder / ".2026-04-01.json.1.tmp").write_text("{")
    assert DriftReports(tmp_path).months() == [JAN, FEB, MAR]


def test_alarms_are_those_of_the_months_before_with_what_moved(tmp_path: Path) -> None:
    keep_report(tmp_path, MAR, "Age")
    keep_report(tmp_path, JAN, "OverTime", "JobLevel")
    keep_report(tmp_path, FEB, alarmed=False)
    reports = DriftReports(tmp_path)
    first = PastAlarm(JAN, ("OverTime", "JobLevel"), reaches_model=True)
    assert reports.alarms(APR, is_first) == [first, PastAlarm(MAR, ("Age",), reaches_model=False)]
    assert reports.alarms(MAR, is_first) == [first]
    assert reports.alarms(JAN, is_first) == []


def test_an_alarm_that_only_stands_is_not_raised_again(tmp_path: Path) -> None:
    keep_report(tmp_path, FEB, alarmed=False, standing=True)
    assert DriftReports(tmp_path).alarms(APR, is_first) == []


@pytest.mark.parametrize("present", [0, 2])
def test_an_alarm_on_a_snapshot_that_was_refused_or_corrected_since_is_none(
    present: int, tmp_path: Path
) -> None:
    keep_report(tmp_path, JAN, "OverTime")
    keep_report(tmp_path, FEB, "JobLevel", version=3)
    versions = {JAN: present, FEB: 3}
    alarms = DriftReports(tmp_path).alarms(APR, versions.__getitem__)
    assert [alarm.month for alarm in alarms] == [FEB]


@pytest.mark.parametrize("content", ["{", "[]", '{"month": "2026-02"}', "\x00"])
def test_a_report_of_another_release_is_named_with_what_to_do(content: str, tmp_path: Path) -> None:
    keep_report(tmp_path, JAN, "OverTime")
    reports = DriftReports(tmp_path)
    reports.path(FEB).write_text(content)
    said = r"2026-02-01\.json cannot be read by this release: move it away, then `attrition run 20"
    with pytest.raises(SnapshotError, match=said):
        reports.read(FEB)
    with pytest.raises(SnapshotError, match=said):
        reports.alarms(APR, is_first)
    assert len(reports.alarms(FEB, is_first)) == 1


def test_an_alarm_of_an_earlier_release_still_counts(tmp_path: Path) -> None:
    keep_report(tmp_path, JAN, "OverTime")
    reports = DriftReports(tmp_path)
    content = reports.path(JAN).read_text("utf-8")
    older = content.replace(f'"{Aspect.VALUES}"', '"worded otherwise"').replace('"reason"', '"why"')
    assert older.count("worded otherwise") == 1
    reports.path(JAN).write_text(older, "utf-8")
    assert reports.alarms(APR, is_first) == [PastAlarm(JAN, ("OverTime",), reaches_model=True)]
    with pytest.raises(SnapshotError, match="cannot be read by this release"):
        reports.read(JAN)
