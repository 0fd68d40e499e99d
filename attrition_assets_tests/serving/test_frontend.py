"""The pages as a browser asks for them, against both APIs over HTTP; no browser yet."""

import re
import socket
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from attrition_assets.adapters.flagged_access import FlaggedAccess
from attrition_assets.serving.frontend import client as asking
from attrition_assets.serving.frontend.session import COOKIE
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.settings import Settings

from ..walking import DRIFT, FAULT, LAST
from .frontend_home import home, make_key, serving_apis, serving_pages

__all__ = ["home"]

NOWHERE = "http://127.0.0.1:9"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def pages(home: Settings) -> Iterator[httpx.Client]:
    with serving_apis(home) as (predictions, drift), serving_pages(predictions, drift) as client:
        yield client


def words_of(answer: httpx.Response) -> str:
    """The text of a page's main part, without its markup."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main.partition(">")[2])).split())


def entries(form: str) -> dict[str, str]:
    """What a form has been filled in with."""
    given = dict(re.findall(r'<input id="field-[^"]*" name="([^"]*)" [^>]*?value="([^"]*)"', form))
    for name, options in re.findall(
        r'<select [^>]*?name="([^"]*)"[^>]*>(.*?)</select>', form, re.S
    ):
        chosen = re.search(r'value="([^"]*)" selected', options)
        given[name] = unescape(chosen[1]) if chosen else ""
    return {name: unescape(value) for name, value in given.items()}


@pytest.mark.parametrize(
    "path", ["/", "/months", f"/months/{DRIFT}", f"/months/{FAULT}", "/predict", "/model"]
)
def test_every_page_is_whole_and_lets_nothing_in(pages: httpx.Client, path: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1 and '<html lang="en">' in answer.text
    assert 'href="#main"' in answer.text and 'id="main"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", answer.text)
    for table in re.findall(r"<table.*?</table>", answer.text, re.S):
        assert "<caption" in table and 'scope="col"' in table
    identities = re.findall(r'\sid="([^"]*)"', answer.text)
    assert len(identities) == len(set(identities))


def test_the_overview_tells_the_newest_month(pages: httpx.Client) -> None:
    said = words_of(pages.get("/"))
    assert f"Overview {LAST}" in said and "Mean risk" in said and "Job level" in said


def test_months_tell_verdicts_in_words(pages: httpx.Client) -> None:
    said = words_of(pages.get("/months"))
    assert "refused" in said and "sent before" in said
    assert "drift" in said and "Monthly income" in said and "advised" in said


def test_a_drifted_month_tells_what_drifted_and_shows_it(pages: httpx.Client) -> None:
    answer = pages.get(f"/months/{DRIFT}")
    said = words_of(answer)
    assert "What drifted" in said and "Monthly income" in said and "retraining advised" in said
    assert 'src="data:image/svg+xml;base64,' in answer.text
    assert "MonthlyIncome, before and after" in answer.text  # for those who do not see it


def test_the_full_report_runs_in_a_sandbox(pages: httpx.Client) -> None:
    answer = pages.get(f"/months/{DRIFT}/report")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200 and policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy and "default-src 'none'" in policy


@pytest.mark.parametrize(
    "path", ["/months/2030-01", "/months/..%2F..%2Fmetrics", "/months/%2E%2E", "/nowhere"]
)
def test_what_is_not_there_is_said_to_be_not_there(pages: httpx.Client, path: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == 404 and answer.text.count("<h1") == 1


def test_the_example_is_scored_with_reasons_and_a_notice(pages: httpx.Client) -> None:
    typed = entries(pages.get("/predict?example").text)
    assert len(typed) == 28
    answer = pages.post("/predict", data=typed, headers=SAME_SITE)
    said = words_of(answer)
    assert answer.status_code == 200 and "What raises it most" in said
    assert "odds of leaving" in said and "A flag is no decision" in said and "Version 2" in said


def test_what_the_api_objects_to_stands_at_its_field(pages: httpx.Client) -> None:
    typed = entries(pages.get("/predict?example").text)
    answer = pages.post(
        "/predict", data={**typed, "MonthlyIncome": '9"><b>', "JobLevel": ""}, headers=SAME_SITE
    )
    assert answer.status_code == 422
    assert "2 entries need a look" in words_of(answer)
    assert (
        '<span class="fault" id="fault-MonthlyIncome">It should be a valid integer' in answer.text
    )
    assert '<span class="fault" id="fault-JobLevel">Choose one' in answer.text
    assert (
        'aria-describedby="hint-MonthlyIncome fault-MonthlyIncome" aria-invalid="true"'
        in answer.text
    )
    assert "<b>" not in answer.text.partition("<form")[2]  # what was typed is text


def test_an_empty_form_is_told_everything_that_it_lacks(pages: httpx.Client) -> None:
    answer = pages.post("/predict", data={}, headers=SAME_SITE)
    assert answer.status_code == 422 and "28 entries need a look" in words_of(answer)
    assert answer.text.count('aria-invalid="true"') == 28


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://elsewhere.test"},
        {"Origin": "null"},
    ],
)
def test_no_form_is_taken_from_another_site(pages: httpx.Client, headers: dict[str, str]) -> None:
    assert pages.post("/predict", data={}, headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["elsewhere.test", "127.0.0.1.elsewhere.test", "", "10.0.0.1"])
def test_without_a_sign_in_only_this_machine_is_answered(pages: httpx.Client, host: str) -> None:
    assert pages.get("/", headers={"Host": host}).status_code in (400, 403)


def test_the_flagged_list_says_that_it_is_no_decision_and_is_logged(
    pages: httpx.Client, home: Settings
) -> None:
    before = len(FlaggedAccess(home.home).read())
    answer = pages.get(f"/months/{LAST}/flagged")
    said = words_of(answer)
    assert "A flag is no decision" in said and "on record" in said and "Export all as CSV" in said
    shares = [float(each) for each in re.findall(r"([\d.]+) %", said)]
    assert shares == sorted(shares, reverse=True)
    export = pages.get(f"/months/{LAST}/flagged.csv")
    assert export.text.startswith("EmployeeNumber,probability,reasons")
    assert "attachment" in export.headers["content-disposition"]
    readings = FlaggedAccess(home.home).read()[before:]
    assert [each.form for each in readings] == ["json", "csv"]


def test_while_an_api_is_away_pages_say_which_and_what_to_do(home: Settings) -> None:
    with serving_apis(home) as (predictions, _), serving_pages(predictions, NOWHERE) as client:
        months, month = client.get("/months"), client.get(f"/months/{DRIFT}")
    assert months.status_code == month.status_code == 200  # the other half is there
    for answer in (months, month):
        assert "The drift API is away" in words_of(answer)
        assert "attrition serve drift" in words_of(answer)
    with serving_pages(NOWHERE, NOWHERE) as client:
        for path in ("/", "/months", f"/months/{DRIFT}", "/predict", "/model"):
            answer = client.get(path)
            assert answer.status_code == 503 and answer.text.count("<h1") == 1
            assert "The prediction API is away" in words_of(answer)


def test_a_slow_api_gets_a_frame_at_once_and_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "SECONDS", 1.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            serving_pages(silent_url, silent_url) as client,
            client.stream("GET", "/") as answer,
        ):
            parts = answer.iter_text()
            assert "Asking the services" in next(parts)
            assert "takes too long" in "".join(parts)


def test_a_home_without_months_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Settings.from_environment({"ATTRITION_HOME": str(tmp_path_factory.mktemp("empty"))})
    with serving_apis(empty) as (predictions, drift), serving_pages(predictions, drift) as client:
        said = {path: client.get(path) for path in ("/", "/months", "/model")}
    assert all(answer.status_code == 200 for answer in said.values())
    assert "No month has been scored yet" in words_of(said["/"])
    assert "No month has been scored yet" in words_of(said["/months"])
    assert "No model has been trained yet" in words_of(said["/model"])


def test_a_person_signs_in_with_their_own_key_and_is_named_in_the_log(home: Settings) -> None:
    reads = make_key(home, "dora", Scope.READ)
    flags = make_key(home, "erik", Scope.READ, Scope.FLAGGED)
    with (
        serving_apis(home, guarded=True) as (predictions, drift),
        serving_pages(predictions, drift, signs_in=True) as client,
    ):
        first = client.get("/months")
        assert first.status_code == 303 and first.headers["location"] == "/sign-in?to=/months"
        wrong = client.post("/sign-in", data={"key": "made up"}, headers=SAME_SITE)
        assert wrong.status_code == 401 and "not known" in words_of(wrong)
        assert COOKIE not in wrong.cookies
        odd = client.post("/sign-in", data={"key": "k\u00e9y\n"}, headers=SAME_SITE)
        assert odd.status_code == 401 and "not known" in words_of(odd)
        sent = {"key": reads, "to": "//elsewhere.test"}
        good = client.post("/sign-in", data=sent, headers=SAME_SITE)
        cookie = good.headers["set-cookie"]
        assert good.status_code == 303 and good.headers["location"] == "/"
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and reads not in cookie
        assert client.get("/months").status_code == 200
        refused = client.get(f"/months/{LAST}/flagged")
        assert refused.status_code == 403 and "not good for this" in words_of(refused)
        assert client.post("/sign-out", headers=SAME_SITE).status_code == 303
        assert client.get("/months").status_code == 303
        client.post("/sign-in", data={"key": flags}, headers=SAME_SITE)
        assert client.get(f"/months/{LAST}/flagged").status_code == 200
        KeyRing(home.home).revoke("erik")
        assert "Sign in again" in words_of(client.get("/months"))
    assert FlaggedAccess(home.home).read()[-1].who == "erik"


def test_nobody_signs_in_where_the_api_takes_any_key(home: Settings) -> None:
    with (
        serving_apis(home) as (predictions, drift),
        serving_pages(predictions, drift, signs_in=True) as client,
    ):
        answer = client.post("/sign-in", data={"key": "anything"}, headers=SAME_SITE)
    assert answer.status_code == 401 and "takes any key" in words_of(answer)


def test_the_key_of_the_pages_goes_to_the_apis_and_nowhere_else(home: Settings) -> None:
    key = make_key(home, "pages", Scope.READ)
    with serving_apis(home, guarded=True) as (predictions, drift):
        with serving_pages(predictions, drift, key=key) as client:
            answer = client.get("/")
            assert answer.status_code == 200 and key not in answer.text
        with serving_pages(predictions, drift) as client:
            answer = client.get("/")
            assert answer.status_code == 401 and "ATTRITION_FRONTEND_KEY" in words_of(answer)
