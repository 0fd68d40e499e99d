"""The prediction API over HTTP: what it answers, what it stores, what it says when it cannot."""

import json
import logging
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import httpx
import pandas as pd
import pytest
from pydantic import SecretStr

from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.contract import read_contract
from attrition_assets.serving.guard import Limits
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.settings import Settings
from attrition_assets.training.families import Family
from attrition_assets.training.features import select_features
from attrition_assets_tests.outages import holding
from attrition_assets_tests.processes import wait_until

from .conftest import NOW, draw_people, fit_model, put_bundle, serve, to_body

PEOPLE = draw_people(3)
BODY = to_body(PEOPLE)


def list_stored(settings: Settings) -> pd.DataFrame:
    path = settings.served_predictions.get_secret_value().removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        return pd.read_sql_query("SELECT * FROM served_predictions ORDER BY row", connection)


def test_each_employee_is_scored_as_by_the_model_and_stored_once(
    api: httpx.Client, settings: Settings
) -> None:
    answer = api.post("/predict", content=BODY)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    pipeline, _ = fit_model(Family.LOGISTIC, 1)
    table = select_features(pd.DataFrame(PEOPLE), read_contract())
    expected = pipeline.predict_proba(table)[:, 1].tolist()
    assert [each["probability"] for each in told["predictions"]] == pytest.approx(expected)
    assert [each["EmployeeNumber"] for each in told["predictions"]] == [1, 2, 3]
    assert [each["flag"] for each in told["predictions"]] == [p >= 0.2 for p in expected]
    assert (told["model_version"], told["threshold"]) == (1, 0.2)
    assert "A flag is no decision" in told["notice"]
    stored = list_stored(settings)
    assert stored["request_id"].tolist() == [told["request_id"]] * 3
    assert stored["employee"].tolist() == ["1", "2", "3"]
    assert stored["probability"].tolist() == [each["probability"] for each in told["predictions"]]
    assert stored["model_version"].tolist() == [1, 1, 1]
    when = datetime.fromisoformat(told["scored_at"]).replace(tzinfo=None)
    assert pd.to_datetime(stored["scored_at"]).tolist() == [when] * 3


def test_many_at_once_are_scored_like_one_by_one(api: httpx.Client) -> None:
    people = draw_people(400)
    several = api.post("/predict", content=to_body(people)).json()["predictions"]
    singly = api.post("/predict", content=to_body([people[-1]])).json()["predictions"]
    assert several[-1]["probability"] == pytest.approx(singly[0]["probability"], rel=1e-12)
    assert several[-1]["reasons"] == singly[0]["reasons"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (to_body([PEOPLE[0] | {"JobLevel": -5}]), "employees.0.JobLevel"),
        (to_body([PEOPLE[0], PEOPLE[1] | {"Gender": "Martian"}]), "employees.1.Gender"),
        (
            to_body([{k: v for k, v in PEOPLE[0].items() if k != "OverTime"}]),
            "employees.0.OverTime",
        ),
        (b"{", "body"),
        (b"\xff", "body"),
        (b"", "body"),
    ],
)
def test_what_is_wrong_with_a_body_is_a_problem_that_names_the_field_and_stores_nothing(
    api: httpx.Client, settings: Settings, content: bytes, field: str
) -> None:
    answer = api.post("/predict", content=content)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert "Martian" not in answer.text
    api.post("/predict", content=to_body([PEOPLE[2]]))
    assert list_stored(settings)["employee"].tolist() == ["3"]


def test_without_a_model_it_is_alive_and_not_ready(settings: Settings) -> None:
    with serve(settings) as api:
        assert api.get("/health").json() == {"status": "alive"}
        for answer in (api.get("/ready"), api.post("/predict", content=BODY)):
            assert answer.status_code == 503
            assert "none was promoted here" in answer.json()["detail"]
        put_bundle(settings.serving_folder)
        wait_until(lambda: api.get("/ready").status_code == 200, "the model to be loaded")


def test_a_new_champion_is_served_without_a_restart_and_a_broken_one_never_is(
    api: httpx.Client, settings: Settings
) -> None:
    def version() -> int:
        told: int = api.get("/model-info").json()["version"]
        return told

    assert version() == 1
    put_bundle(settings.serving_folder, version=2)
    wait_until(lambda: version() == 2, "version 2")
    assert api.get("/model-info").json()["card"] == "# Model card of version 2\n"
    put_bundle(settings.serving_folder, version=3)
    for path in settings.serving_folder.glob("3-*/model.skops"):
        path.write_bytes(b"changed")
    put_bundle(settings.serving_folder, version=4)
    wait_until(lambda: version() == 4, "version 4")
    answer = api.post("/predict", content=BODY).json()
    assert answer["model_version"] == 4


def test_a_model_file_that_was_changed_is_not_loaded_and_the_last_good_one_serves(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    put_bundle(settings.serving_folder, version=1)
    with serve(settings) as api:
        put_bundle(settings.serving_folder, version=2, family=Family.LOGISTIC)
        wait_until(lambda: api.get("/model-info").json()["version"] == 2, "version 2")
        folder = next(settings.serving_folder.glob("2-*"))
        (folder / "model.skops").write_bytes(b"changed")
        assert api.post("/predict", content=BODY).json()["model_version"] == 2
    with serve(settings) as api:  # started anew, it has nothing that is good
        assert api.get("/ready").status_code == 503
        assert "the newest one cannot be read" in api.get("/ready").json()["detail"]
    assert "is not the model that was registered as version 2" in caplog.text


def test_a_model_that_is_baked_in_serves_until_there_is_a_champion(
    settings: Settings, tmp_path: Path
) -> None:
    baked = tmp_path / "baked"
    put_bundle(baked, version=7)
    image = settings.model_copy(update={"baked_model": baked})
    with serve(image) as api:
        assert api.get("/ready").json()["model_version"] == 7
        put_bundle(settings.serving_folder, version=8)
        wait_until(lambda: api.get("/ready").json()["model_version"] == 8, "version 8")


def test_while_scoring_is_suspended_nobody_is_scored_and_the_reason_is_told(
    api: httpx.Client, settings: Settings
) -> None:
    switch = ScoringSwitch(settings.home)
    switch.suspend(Suspension(who="Ada", why="an audit", since=NOW))
    for answer in (api.post("/predict", content=BODY), api.get("/ready")):
        assert answer.status_code == 503
        assert "by Ada: an audit" in answer.json()["detail"]
    switch.resume()
    assert api.post("/predict", content=BODY).status_code == 200


def test_what_cannot_be_stored_is_not_answered(api: httpx.Client, settings: Settings) -> None:
    assert api.post("/predict", content=BODY).status_code == 200
    path = settings.served_predictions.get_secret_value().removeprefix("sqlite:///")
    with holding(settings.home / "serving" / "predictions.db"):
        answer = api.post("/predict", content=BODY)
    assert answer.status_code == 503
    assert "could not be stored, so none is answered" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "5"
    assert path not in answer.text
    assert api.post("/predict", content=BODY).status_code == 200
    assert len(list_stored(settings)) == 6


def test_a_database_that_is_away_lets_predictions_wait_where_that_is_configured(
    settings: Settings,
) -> None:
    put_bundle(settings.serving_folder)
    away = {"served_predictions": SecretStr("postgresql://127.0.0.1:9/hr"), "store_away": "queue"}
    with serve(settings.model_copy(update=away)) as api:
        told = api.post("/predict", content=BODY)
        assert told.status_code == 200
    waits = settings.model_copy(update={"served_predictions": settings.waiting_predictions})
    assert list_stored(waits)["request_id"].tolist() == [told.json()["request_id"]] * 3


def test_ids_are_stored_as_digests_where_a_key_is_given(settings: Settings) -> None:
    put_bundle(settings.serving_folder)
    with serve(settings.model_copy(update={"pseudonym_key": SecretStr("a key")})) as api:
        told = api.post("/predict", content=BODY).json()
    assert [each["EmployeeNumber"] for each in told["predictions"]] == [1, 2, 3]
    assert list_stored(settings)["employee"].map(len).tolist() == [64, 64, 64]


@pytest.fixture
def guarded(settings: Settings) -> Iterator[httpx.Client]:
    put_bundle(settings.serving_folder)
    with serve(settings, guarded=True) as client:
        yield client


def test_a_key_is_asked_for_and_is_good_for_its_scopes_until_it_is_revoked(
    guarded: httpx.Client, settings: Settings
) -> None:
    ring = KeyRing(settings.home)
    assert guarded.get("/health").status_code == 200
    missing = guarded.post("/predict", content=BODY)
    assert missing.status_code == 401
    assert "send one in the header X-API-Key" in missing.json()["detail"]
    assert missing.headers["www-authenticate"].startswith("ApiKey")
    secret = ring.add("payroll", (Scope.PREDICT,), NOW)
    headers = {"X-API-Key": secret}
    assert guarded.post("/predict", content=BODY, headers=headers).status_code == 200
    assert list_stored(settings)["asked_by"].tolist() == ["payroll"] * 3
    other = guarded.get("/model-info", headers=headers)
    assert other.status_code == 403
    assert "is not good for read" in other.json()["detail"]
    ring.revoke("payroll")
    assert guarded.post("/predict", content=BODY, headers=headers).status_code == 401


def test_more_requests_than_the_rate_are_refused_until_later(settings: Settings) -> None:
    put_bundle(settings.serving_folder)
    with serve(settings, limits=Limits(rate=5)) as api:
        statuses = [api.post("/predict", content=BODY).status_code for _ in range(20)]
        refused = api.post("/predict", content=BODY)
        assert statuses[:5] == [200] * 5
        assert 429 in statuses
        assert refused.headers["retry-after"] == "1"
        assert "more than 5 requests a second" in refused.json()["detail"]
        assert api.get("/health").status_code == 200
        wait_until(lambda: api.post("/predict", content=BODY).status_code == 200, "a token")
        answered = len(list_stored(settings)) / 3
    assert answered == statuses.count(200) + 1


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_announced_or_not(
    settings: Settings, announced: bool
) -> None:
    put_bundle(settings.serving_folder)
    with serve(settings, limits=Limits(body=5_000)) as api:
        content = b" " * 5_001 if announced else (b" " * 1_000 for _ in range(6))
        answer = api.post("/predict", content=content)
        assert answer.status_code == 413
        assert "larger than the 5,000 bytes" in answer.json()["detail"]


def test_a_body_that_never_ends_is_given_up(settings: Settings) -> None:
    put_bundle(settings.serving_folder)
    with serve(settings, limits=Limits(seconds=0.3)) as api:
        place = (api.base_url.host, api.base_url.port or 80)
        with socket.create_connection(place, timeout=30) as slow:
            slow.sendall(b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: 50\r\n\r\n{")
            answer = slow.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"more than 0.3 seconds" in answer


def test_what_is_not_there_and_other_methods_are_problems_too(api: httpx.Client) -> None:
    for answer, status in ((api.get("/nothing"), 404), (api.get("/predict"), 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    foreign = api.options("/predict", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in foreign.headers


def test_the_metrics_count_requests_and_predictions(api: httpx.Client) -> None:
    api.post("/predict", content=BODY)
    api.post("/predict", content=b"{")
    api.get("/secret-path-of-nobody")
    text = api.get("/metrics").text
    counted = 'attrition_request_seconds_count{method="POST",path="/predict",status="%d"} 1.0'
    assert counted % 200 in text
    assert counted % 422 in text
    assert 'path="other",status="404"' in text
    assert "nobody" not in text
    told = [line for line in text.splitlines() if line.startswith("attrition_predictions_total{")]
    assert sum(float(line.split()[-1]) for line in told) == 3
    assert all('model_version="1"' in line for line in told)


def test_the_log_has_a_line_a_request_and_nothing_of_an_employee(
    api: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sent = to_body([PEOPLE[0] | {"EmployeeNumber": 987654321, "MonthlyIncome": 12345}])
    api.post("/predict", content=sent)
    api.post("/predict", content=to_body([PEOPLE[0] | {"MonthlyIncome": 987654321}]))
    lines = [json.loads(each.message) for each in caplog.records if each.name == "attrition.access"]
    assert [(each["path"], each["status"]) for each in lines] == [
        ("/predict", 200),
        ("/predict", 422),
    ]
    assert lines[0]["rows"] == 1
    assert not any(word in caplog.text for word in ("987654321", "12345", "MonthlyIncome"))


def test_the_example_of_the_document_works_as_it_is(api: httpx.Client) -> None:
    described = api.get("/openapi.json").json()
    operation = described["paths"]["/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert api.post("/predict", json=example).status_code == 200
    assert operation["security"] == [{"key": ["predict"]}]
    assert "security" not in described["paths"]["/health"]["get"]
