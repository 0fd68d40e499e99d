"""What the drift API says of a walked company's month: what the asset said."""

import json
from pathlib import Path

import httpx

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.people import BY_PERSON
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.monitoring.report import DriftReport, FeatureTest
from attrition_assets.months import parse_month
from attrition_assets.serving.champion import Champion
from attrition_assets.serving.comparisons import Comparisons
from attrition_assets.serving.drift_api import build_drift_api
from attrition_assets.serving.follow import follow_once

from ..serving.served import serving
from .conftest import DRIFT, FAULT, LAST, NOW, Walked


def test_a_walked_months_rows_get_the_assets_verdicts_by_the_champion_that_is_followed(
    walked: Walked, tmp_path: Path
) -> None:
    home, loop = walked.settings.home, walked.loop
    assert follow_once(loop.registry, tmp_path, home, NOW).fault == ""
    champion = Champion(tmp_path, None, loop.contract)
    champion.look()
    assert champion.served is not None
    store, month = SnapshotStore(home, loop.contract), parse_month(LAST)
    table = store.read(month)[list(loop.contract.monitored)]
    body = json.dumps({"rows": table.to_dict("records")}).encode()
    checks = Comparisons(home, walked.settings.contract)

    answer = json.loads(checks.compare_features(body, champion.served.place)[0])
    served = [FeatureTest.model_validate(each) for each in answer["feature_drift"]["tests"]]
    facts = champion.served.facts
    assert answer["baseline"]["model_version"] == facts.version == 2
    baseline = ReferenceStore(home, loop.contract).read_newest_month(facts.reference_digest)
    direct, _ = DriftDetector(
        read_policy(walked.settings.contract).feature_level, contract=loop.contract
    ).compare_features(
        reference_data=baseline[list(loop.contract.monitored)],
        current_data=table,
        importance=facts.importance,
    )
    assert tuple(served) == direct.tests
    report = DriftReports(home).read(month)
    assert report is not None
    by_person = set(BY_PERSON.values())
    judged = [test for test in report.feature_drift.tests if test.aspect not in by_person]
    assert {describe(test) for test in served} == {describe(test) for test in judged}

    scored = json.loads(checks.compare_predictions(body, champion.served.place)[0])
    assert scored["prediction_drift"] == report.prediction_drift.model_dump(mode="json")


def test_the_walked_months_are_listed_and_served_as_they_are_stored(walked: Walked) -> None:
    home = walked.settings.home
    with serving(build_drift_api(walked.settings, guarded=False, follows=False)) as client:
        months = {each["month"]: each for each in client.get("/reports").json()["months"]}
        for month in (DRIFT, LAST):
            stored = DriftReports(home).path(parse_month(month)).read_bytes()
            expected = DriftReport.model_validate_json(stored)
            answer = client.get(f"/reports/{month}")
            assert DriftReport.model_validate_json(answer.content) == expected
            page = client.get(f"/reports/{month}", params={"format": "html"}).content
            assert page == (home / "reports" / month / "drift.html").read_bytes()
        assert client.get(f"/reports/{FAULT}").status_code == httpx.codes.NOT_FOUND
    assert months[DRIFT]["decision"] == "retrain"
    assert "MonthlyIncome" in months[DRIFT]["drifted_features"]
    assert (months[FAULT]["state"], months[LAST]["state"]) == ("refused", "judged")


def describe(test: FeatureTest) -> tuple[object, ...]:
    """What a test measured, whatever its level."""
    return test.column, test.aspect, test.p_value, test.adjusted_p_value, test.effect
