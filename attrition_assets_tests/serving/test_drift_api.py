"""The drift API in this process, and its worker in another, as they are served."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import numpy as np
import pandas as pd
import pytest

from attrition_assets.adapters.acknowledgements import Acknowledgements
from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.contract import Kind
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.monitoring.report import DriftReport, Finding
from attrition_assets.months import parse_month
from attrition_assets.serving.comparisons import Comparisons
from attrition_assets.serving.drift_api import build_drift_api
from attrition_assets.serving.drift_requests import make_table
from attrition_assets.serving.guard import Limits
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.serving.problems import ProblemError
from attrition_assets.simulation.scenarios import plant_scenario
from attrition_assets_tests.processes import wait_until

from .drift_home import AS_OF, CALM, DRIFTED, REFUSED, Home, MakeHome, make_home
from .served import serving

__all__ = ["make_home"]


@pytest.fixture(scope="module")
def home(make_home: MakeHome, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("drift"))


@pytest.fixture(scope="module")
def api(home: Home) -> Iterator[httpx.Client]:
    """The API on loopback: no key is asked for."""
    with serving(build_drift_api(home.settings, guarded=False, follows=False)) as client:
        wait_until(lambda: client.get("/ready").status_code == 200, "the baseline")
        yield client


def ask(api: httpx.Client, path: str, body: Any, status: int = 200) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code == status, answer.text
    expected = "application/json" if status == 200 else "application/problem+json"
    assert answer.headers["content-type"] == expected
    read: dict[str, Any] = answer.json()
    return read


def open_checks(home: Home) -> tuple[Comparisons, Path]:
    """What the worker computes with, and where the champion lies."""
    bundle = Bundles(home.settings.serving_folder).current()
    assert bundle is not None
    return Comparisons(home.settings.home, home.settings.contract), bundle


def list_noted(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the access log says of each request."""
    records = [each for each in caplog.records if each.name == "attrition.access"]
    return [json.loads(each.getMessage()) for each in records]


def double(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"rows": rows, "reference": rows}


def test_rows_get_the_verdict_that_the_detector_gives_against_the_champions_baseline(
    api: httpx.Client, home: Home
) -> None:
    for month in (CALM, DRIFTED):
        answer = ask(api, "/drift/feature", {"rows": home.rows(home.tables[month])})
        detector = DriftDetector(read_policy(home.settings.contract).feature_level)
        names = list(home.contract.monitored)
        drift, quality = detector.compare_features(
            reference_data=home.baseline[names],
            current_data=home.tables[month][names],
            importance=home.version.importance,
        )
        assert answer["feature_drift"] == drift.model_dump(mode="json")
        assert answer["data_quality"] == quality.model_dump(mode="json")
        assert answer["dataset_drift"] is (month == DRIFTED)
        assert answer["baseline"] == {"model_version": 7, "month": AS_OF, "rows": 300, "note": ""}
        assert answer["current_rows"] == 300


def test_the_verdict_is_that_of_the_months_own_report(api: httpx.Client, home: Home) -> None:
    for month, report in home.reports.items():
        rows = {"rows": home.rows(home.tables[month])}
        features, predictions = (
            ask(api, f"/drift/{name}", rows) for name in ("feature", "prediction")
        )
        stored = report.model_dump(mode="json")
        assert features["feature_drift"]["tests"] == stored["feature_drift"]["tests"]
        assert features["feature_drift"]["finding"] == stored["feature_drift"]["finding"]
        assert predictions["prediction_drift"] == stored["prediction_drift"]


def test_what_drifted_is_named_with_its_share_of_all_columns(api: httpx.Client, home: Home) -> None:
    answer = ask(api, "/drift/feature", {"rows": home.rows(home.tables[DRIFTED])})
    assert answer["drifted_features"] == ["OverTime"]
    assert answer["n_drifted_features"] == 1
    assert answer["drift_share"] == 1 / len(home.contract.monitored)
    assert answer["p_value"] <= answer["level"] == pytest.approx(0.05 * 0.8 / 12)


def test_two_tables_of_the_caller_are_compared_at_the_callers_level(
    api: httpx.Client, home: Home
) -> None:
    """Ages of mean 35 against 40, a hundred each; every other column as it was."""
    rng = np.random.default_rng(0)
    people = home.tables[CALM].head(100)
    sides = [
        home.rows(people.assign(Age=rng.normal(mean, 5, 100).clip(18, 75).round().astype(int)))
        for mean in (35, 40)
    ]
    moved = ask(api, "/drift/feature", {"rows": sides[1], "reference": sides[0], "level": 0.05})
    assert (moved["dataset_drift"], moved["drifted_features"]) == (True, ["Age"])
    assert moved["level"] == 0.05
    assert moved["baseline"] == {"model_version": None, "month": None, "rows": 100, "note": ""}
    assert moved["feature_drift"]["reaches_model"] is False  # Age is protected and not used
    same = ask(api, "/drift/feature", {"rows": sides[0], "reference": sides[0], "level": 0.05})
    assert same["dataset_drift"] is False
    assert same["feature_drift"]["detectable"]


@pytest.mark.parametrize(
    ("scenario", "size", "column"),
    [
        ("pay-rise", 0.5, "MonthlyIncome"),
        ("overtime", 0.9, "OverTime"),
        ("department-mix", 0.6, "Department"),
    ],
)
def test_each_planted_shift_is_named(
    api: httpx.Client, home: Home, scenario: str, size: float, column: str
) -> None:
    table = home.tables[CALM]
    planted = plant_scenario(table, scenario, size, seed=0)
    for name in home.contract.select_kind(Kind.CONTINUOUS):
        low, high = home.contract.columns[name].range or (0, 0)
        planted[name] = planted[name].clip(low, high)
    body = {"rows": home.rows(planted), "reference": home.rows(table), "level": 0.05}
    assert column in ask(api, "/drift/feature", body)["drifted_features"]


def test_what_cannot_be_told_is_null_and_says_why_and_is_never_no_drift(
    api: httpx.Client, home: Home
) -> None:
    few = ask(api, "/drift/feature", {"rows": home.rows(home.tables[CALM].head(59))})
    assert few["feature_drift"]["finding"] == few["data_quality"]["finding"] == "cannot_tell"
    assert few["feature_drift"]["reason"] == (
        "current_data has 59 rows, too few to tell: give at least 60"
    )
    same = ask(api, "/drift/feature", {"rows": home.rows(home.tables[CALM].head(1)) * 60})
    assert same["data_quality"]["finding"] == "fault"  # every column went constant
    for answer in (few, same):
        assert answer["dataset_drift"] is answer["drift_share"] is None
        assert answer["n_drifted_features"] is None
    scores = ask(api, "/drift/prediction", {"probabilities": [0.5] * 59})
    assert scores["dataset_drift"] is scores["drift_score"] is None
    assert scores["prediction_drift"]["finding"] == "cannot_tell"


def test_a_missing_column_is_an_error_that_names_it(api: httpx.Client, home: Home) -> None:
    lacking = [
        {name: value for name, value in row.items() if name != "Age"}
        for row in home.rows(home.tables[CALM])
    ]
    problem = ask(api, "/drift/feature", {"rows": lacking}, 422)
    assert problem["detail"] == "rows.0.Age: Field required"
    assert "drift" not in problem["detail"]


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("feature", {"rows": []}, "rows: List should have at least 1 item"),
        ("feature", {"rows": [{}] * 20_001}, "rows.0.Age: Field required"),
        ("feature", {}, "rows: Field required"),
        ("feature", {"rows": [1], "other": 2}, "rows.0: Input should be an object"),
        ("feature", [], "body: Input should be an object"),
        ("feature", {"rows": [{}], "level": 1}, "rows.0.Age: Field required"),
        ("prediction", {}, "probabilities: Field required"),
        ("prediction", {"probabilities": [0.5, 1.5]}, "probabilities.1: Input should be less than"),
        ("prediction", {"probabilities": ["0.5"]}, "probabilities.0: Input should be a valid num"),
        ("prediction", {"probabilities": [0.5], "rows": []}, "rows: List should have at least 1"),
        ("prediction", {"probabilities": [1], "level": 0.0001}, "level: Input should be greater"),
        ("prediction", {"probabilities": [1], "reference": [{}]}, "reference.0: Input should be a"),
    ],
)
def test_what_is_no_request_is_refused_with_the_field_named(
    api: httpx.Client, path: str, body: Any, detail: str
) -> None:
    problem = ask(api, f"/drift/{path}", body, 422)
    assert problem["detail"].startswith(detail), problem
    assert (problem["status"], problem["title"]) == (422, HTTPStatus(422).phrase)
    assert problem["errors"][0]["field"] in detail


def test_more_rows_than_are_accepted_are_refused(api: httpx.Client) -> None:
    problem = ask(api, "/drift/prediction", {"probabilities": [0.5] * 20_001}, 422)
    assert problem["detail"].startswith("probabilities: List should have at most 20000 items")


@pytest.mark.parametrize("body", [b"", b"{", b'{"rows": [NaN]}', b"\xff\xfe", b"null", b"[" * 9999])
def test_what_is_no_json_is_refused(api: httpx.Client, body: bytes) -> None:
    for path in ("/drift/feature", "/drift/prediction"):
        assert api.post(path, content=body).status_code == 422


def test_probabilities_are_compared_with_those_of_the_champions_own_people(
    api: httpx.Client, home: Home
) -> None:
    calm = home.version.score(home.tables[CALM]).tolist()
    answer = ask(api, "/drift/prediction", {"probabilities": calm})
    rows = ask(api, "/drift/prediction", {"rows": home.rows(home.tables[CALM])})
    assert answer == rows
    assert answer["flag_threshold"] == 0.3
    assert answer["baseline"]["model_version"] == 7
    assert answer["dataset_drift"] is False


def test_flags_that_went_from_30_to_70_percent_are_drift_with_a_score(
    api: httpx.Client,
) -> None:
    flags = {share: [1.0] * share + [0.0] * (100 - share) for share in (30, 70)}
    body = {"probabilities": flags[70], "reference": flags[30]}
    answer = ask(api, "/drift/prediction", body)
    assert (answer["dataset_drift"], answer["drift_score"]) == (True, pytest.approx(0.4))
    shares = answer["flagged_share_baseline"], answer["flagged_share_current"]
    assert shares == (0.3, 0.7)
    table = pd.DataFrame({"p": flags[30]}), pd.DataFrame({"p": flags[70]})
    drift = DriftDetector(answer["level"]).compare_predictions(
        reference_data=table[0], current_data=table[1], prediction_column="p", flag_threshold=0.3
    )
    assert answer["prediction_drift"] == drift.model_dump(mode="json")


def test_scored_rows_may_lack_what_the_model_does_not_use(api: httpx.Client, home: Home) -> None:
    whole = home.rows(home.tables[CALM])
    used = [{name: row[name] for name in home.contract.features} for row in whole]
    answers = [
        ask(api, "/drift/prediction", {"rows": rows, "reference": whole}) for rows in (whole, used)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["drift_score"] == 0


def test_the_newest_verdict_is_told_with_what_came_after_it(api: httpx.Client, home: Home) -> None:
    report = home.reports[DRIFTED]
    features = api.get("/drift/feature/latest").json()
    assert features["month"] == DRIFTED
    assert features["feature_drift"] == report.feature_drift.model_dump(mode="json")
    assert features["data_quality"] == report.data_quality.model_dump(mode="json")
    assert (features["dataset_drift"], features["drifted_features"]) == (True, ["OverTime"])
    predictions = api.get("/drift/prediction/latest").json()
    assert predictions["prediction_drift"] == report.prediction_drift.model_dump(mode="json")
    assert predictions["drift_score"] == report.prediction_drift.score
    for answer in (features, predictions):
        assert (answer["is_current"], answer["not_judged"]) == (True, [REFUSED])
        assert answer["baseline"] == {"model_version": 7, "month": AS_OF, "rows": 300, "note": ""}


def test_months_are_listed_with_their_findings_the_decision_and_how_they_stand(
    api: httpx.Client,
) -> None:
    calm, drifted, refused = api.get("/reports").json()["months"]
    assert (calm["month"], calm["state"], calm["decision"]) == (CALM, "judged", "keep")
    assert calm["findings"]["feature_drift"] == "no_drift"
    assert (drifted["month"], drifted["decision"]) == (DRIFTED, "retrain")
    assert drifted["headline"] == "Retraining is advised"
    assert drifted["reasons"][0].startswith("feature drift: OverTime")
    assert (drifted["drifted_features"], drifted["champion_version"]) == (["OverTime"], 7)
    assert drifted["auc"] is None
    assert (refused["month"], refused["state"]) == (REFUSED, "refused")
    assert (refused["findings"], refused["refused_by"]) == (None, ["units_unchanged"])


def test_a_months_report_is_the_stored_one_as_json_or_as_the_page(
    api: httpx.Client, home: Home
) -> None:
    for month, report in home.reports.items():
        answer = api.get(f"/reports/{month}")
        assert answer.headers["content-type"] == "application/json"
        assert DriftReport.model_validate_json(answer.content) == report
    page = (home.settings.home / "reports" / CALM / "drift.html").read_bytes()
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    asked: list[Any] = [{"params": {"format": "html"}}, {"headers": {"Accept": browser}}]
    for how in asked:
        answer = api.get(f"/reports/{CALM}", **how)
        assert answer.content == page
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == "sandbox allow-scripts"
    for accept in ("*/*", "application/json, text/html", "image/png"):
        answer = api.get(f"/reports/{CALM}", headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/json"
    named = api.get(f"/reports/{CALM}", params={"format": "json"}, headers={"Accept": browser})
    assert named.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "month", ["2025-13", "x", "2025", "\uff12025-02", "2025-02-01", "0", "%00"]
)
def test_what_is_no_month_is_told_what_is_accepted(api: httpx.Client, month: str) -> None:
    answer = api.get(f"/reports/{month}")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "this is not a month: write it as 2026-01"


@pytest.mark.parametrize("month", ["..%2f..%2fserving%2fkeys.json", "%2e%2e", "2025-02/../../x"])
def test_no_path_leads_out_of_the_reports(api: httpx.Client, month: str) -> None:
    answer = api.get(f"/reports/{month}", params={"format": "html"})
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_month_that_was_not_judged_is_told_with_those_that_were(api: httpx.Client) -> None:
    for form in ("json", "html"):
        answer = api.get(f"/reports/{REFUSED}", params={"format": form})
        assert answer.status_code == 404
        assert answer.json()["detail"] == "2025-04 was not judged; there is: 2025-02 to 2025-03"
    assert api.get("/reports/2025-02", params={"format": "pdf"}).status_code == 422


def test_examples_of_the_document_work_as_they_are_and_answers_are_as_it_says(
    api: httpx.Client,
) -> None:
    document = api.get("/openapi.json").json()
    posted = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "post":
                body = operation["requestBody"]["content"]["application/json"]
                answers = []
                for example in body["examples"].values():
                    jsonschema_rs.validate(body["schema"], example["value"])
                    answers.append(api.post(path, json=example["value"]))
                    posted += 1
            else:
                answers = [api.get(path.replace("{month}", CALM))]
            for answer in answers:
                assert answer.status_code == 200
                said = operation["responses"]["200"].get("content", {}).get("application/json")
                if path != "/metrics":
                    jsonschema_rs.validate(said["schema"], answer.json())
    assert posted == 3


def test_no_other_site_may_ask_in_a_browsers_name(api: httpx.Client) -> None:
    origin = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    asked = [api.options("/drift/feature", headers=origin), api.get("/health", headers=origin)]
    for answer in asked:
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_each_path_asks_for_a_key_of_its_scope_but_those_of_health(home: Home) -> None:
    ring = KeyRing(home.settings.home)
    keys = {scope: ring.add(scope, (scope,), datetime.now(UTC)) for scope in Scope}
    limits = Limits(body=1)  # so that whoever may ask is told that it is too much
    app = build_drift_api(home.settings, guarded=True, limits=limits, follows=False)
    needed = {
        ("POST", "/drift/feature"): Scope.DRIFT,
        ("POST", "/drift/prediction"): Scope.DRIFT,
        ("GET", "/drift/feature/latest"): Scope.READ,
        ("GET", "/drift/prediction/latest"): Scope.READ,
        ("GET", "/reports"): Scope.READ,
        ("GET", f"/reports/{CALM}"): Scope.READ,
        ("GET", f"/reports/{CALM}?format=html"): Scope.READ,
        ("GET", "/reports/x"): Scope.READ,
        ("GET", "/metrics"): Scope.READ,
    }
    with serving(app) as client:
        for (method, path), scope in needed.items():
            body = b"{}" if method == "POST" else b""
            assert client.request(method, path, content=body).status_code == 401, path
            for held, key in keys.items():
                answer = client.request(method, path, content=body, headers={"X-API-Key": key})
                expected = {"/reports/x": 422}.get(path, 413 if body else 200)
                assert answer.status_code == (expected if held == scope else 403), (path, held)
        assert client.get("/health").status_code == 200
        ring.revoke(Scope.READ)
        revoked = {"X-API-Key": keys[Scope.READ]}
        assert client.get("/reports", headers=revoked).status_code == 401


def test_a_body_too_large_and_too_many_requests_are_refused(home: Home) -> None:
    limits = Limits(rate=2, body=100, at_once=4, seconds=30)
    app = build_drift_api(home.settings, guarded=False, limits=limits, follows=False)
    with serving(app) as client:
        assert client.post("/drift/feature", content=b"x" * 101).status_code == 413
        answers = [client.get("/reports") for _ in range(6)]
        assert [each.status_code for each in answers][-1] == 429
        assert answers[-1].headers["retry-after"] == "1"


def test_a_check_past_its_time_is_ended(home: Home) -> None:
    limits = Limits(seconds=0.05)
    app = build_drift_api(home.settings, guarded=False, limits=limits, follows=False)
    rows = {"rows": home.rows(home.tables[CALM]) * 20}
    with serving(app) as client:
        ended = client.post("/drift/feature", json=rows)
        assert (ended.status_code, ended.json()["detail"]) == (
            503,
            "it took more than 0.05 seconds",
        )
        assert client.get("/reports").status_code == 200


def test_neither_errors_nor_logs_show_what_was_sent_or_where_it_lies(
    api: httpx.Client,
    home: Home,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, "attrition")
    rows = home.rows(home.tables[CALM].head(60).assign(MonthlyIncome=29_187))
    spoilt = [rows[0] | {"OverTime": "Hieronymus"}]
    seen = [
        ask(api, "/drift/feature", {"rows": rows}),
        ask(api, "/drift/feature", {"rows": spoilt}, 422),
        ask(api, "/drift/prediction", {"rows": spoilt}, 422),
        ask(api, "/drift/prediction", {"probabilities": [0.29187] * 70}),
        api.get("/reports/Hieronymus").json(),
    ]
    wait_until(lambda: len(list_noted(caplog)) == len(seen), "the last line of the log")
    out, err = capfd.readouterr()
    logged = [each.getMessage() for each in caplog.records if each.name.startswith("attrition")]
    text = json.dumps([seen[1], seen[2], seen[4], *logged]) + out + err
    for secret in ("Hieronymus", "29187", str(home.settings.home), "Traceback", "pydantic"):
        assert secret not in text
    noted = list_noted(caplog)
    assert [each.get("rows") for each in noted] == [60, None, None, 70, None]
    assert {each["path"] for each in noted} == {
        "/drift/feature",
        "/drift/prediction",
        "/reports/{month}",
    }


def test_acknowledged_people_are_the_baseline_as_they_are_the_assets(
    make_home: MakeHome, tmp_path: Path
) -> None:
    home = make_home(tmp_path)
    checks, bundle = open_checks(home)
    rows = json.dumps({"rows": home.rows(home.tables[DRIFTED])}).encode()
    assert json.loads(checks.compare_features(rows, bundle)[0])["dataset_drift"] is True
    Acknowledgements(tmp_path).answer(
        parse_month(DRIFTED), DriftReports(tmp_path), "Ada", "a new rota", datetime.now(UTC)
    )
    answer = json.loads(checks.compare_features(rows, bundle)[0])
    assert answer["dataset_drift"] is False
    assert answer["baseline"]["month"] == DRIFTED
    assert answer["baseline"]["note"] == "acknowledged by Ada: a new rota"


def test_a_report_that_cannot_be_read_is_an_error_and_never_no_drift(
    make_home: MakeHome, tmp_path: Path
) -> None:
    home = make_home(tmp_path)
    DriftReports(tmp_path).path(parse_month(DRIFTED)).write_text('{"finding": "no_drift"}')
    with serving(build_drift_api(home.settings, guarded=False, follows=False)) as client:
        for path in ("/drift/feature/latest", f"/reports/{DRIFTED}"):
            problem = client.get(path)
            assert problem.status_code == 500
            assert problem.json()["detail"].startswith("the report of 2025-03 cannot be read by th")
            assert "whether there is drift is not known" in problem.json()["detail"]
            assert str(tmp_path) not in problem.text
        assert client.get("/reports").json()["months"][1]["state"] == "unreadable"


@pytest.mark.parametrize("lost", ["the reference data", "the champion's bundle"])
def test_a_baseline_that_cannot_be_read_is_an_error_and_never_no_drift(
    make_home: MakeHome, tmp_path: Path, lost: str
) -> None:
    home = make_home(tmp_path)
    checks, bundle = open_checks(home)
    digest = home.version.reference_digest
    stored = ReferenceStore(tmp_path, home.contract).folder / f"{digest}.parquet"
    (stored if lost == "the reference data" else bundle / "model.skops").write_bytes(b"")
    rows = home.rows(home.tables[CALM])
    alone, both = (json.dumps(body).encode() for body in ({"rows": rows}, double(rows)))
    for check in (checks.compare_features, checks.compare_predictions):
        with pytest.raises(ProblemError) as problem:
            check(alone, bundle)
        assert problem.value.status == 503
        assert problem.value.detail.endswith("the API's log says why and what to do")
        assert str(tmp_path) not in problem.value.detail
    assert json.loads(checks.compare_features(both, bundle)[0])["dataset_drift"] is False


def test_a_home_without_a_champion_compares_what_it_is_given_alone(
    home: Home, tmp_path: Path
) -> None:
    empty = home.settings.model_copy(update={"home": tmp_path})
    with serving(build_drift_api(empty, guarded=False, follows=False)) as client:
        assert client.get("/ready").status_code == 503
        assert client.get("/drift/feature/latest").status_code == 404
        assert client.get("/reports").json() == {"months": []}
        assert client.get(f"/reports/{CALM}").json()["detail"].endswith("there is: no month yet")
    checks = Comparisons(tmp_path, empty.contract)
    rows = home.rows(home.tables[CALM])
    alone, both = (json.dumps(body).encode() for body in ({"rows": rows}, double(rows)))
    for check, body in (
        (checks.compare_features, alone),
        (checks.compare_predictions, alone),
        (checks.compare_predictions, both),
    ):
        with pytest.raises(ProblemError, match="there is no champion to compare with"):
            check(body, None)
    answer = json.loads(checks.compare_features(both, None)[0])
    assert answer["baseline"] == {"model_version": None, "month": None, "rows": 300, "note": ""}
    scores = b'{"probabilities": [%s 1], "reference": [%s 1]}' % (b"0.5," * 60, b"0.5," * 60)
    assert json.loads(checks.compare_predictions(scores, None)[0])["flag_threshold"] == 0.5


def test_rows_become_the_table_that_a_snapshot_is(home: Home) -> None:
    names = home.contract.monitored
    made = make_table(home.rows(home.tables[CALM]), names, home.contract)
    pd.testing.assert_frame_equal(made, home.tables[CALM][list(names)])


def test_findings_of_a_month_are_those_of_its_report(api: httpx.Client, home: Home) -> None:
    for line in api.get("/reports").json()["months"][:2]:
        report = home.reports[line["month"]]
        for name, finding in line["findings"].items():
            assert Finding(finding) == getattr(report, name).finding
