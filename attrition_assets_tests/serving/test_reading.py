"""What the prediction API tells people who read, of a home that the loop left."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pandas as pd
import pytest

from attrition_assets.adapters.flagged_access import FlaggedAccess
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.months import parse_month
from attrition_assets.serving.keys import Scope
from attrition_assets.serving.months_read import Flagged, FlaggedList, render_csv
from attrition_assets.serving.prediction_api import build_prediction_api
from attrition_assets.settings import Settings

from ..walking import DRIFT, FAULT, LAST
from .frontend_home import home, make_key
from .served import serving

__all__ = ["home"]


@pytest.fixture(scope="module")
def api(home: Settings) -> Iterator[httpx.Client]:
    with client_of(home, guarded=False) as client:
        yield client


@contextmanager
def client_of(home: Settings, *, guarded: bool) -> Iterator[httpx.Client]:
    app = build_prediction_api(home, guarded=guarded, follows=False)
    with serving(app) as client:
        yield client


def scores(home: Settings, month: str) -> pd.DataFrame:
    return pd.read_parquet(home.home / "assets" / "predictions" / f"{month}-01.parquet")


def test_every_month_is_told_with_what_became_of_it(api: httpx.Client, home: Settings) -> None:
    told = api.get("/months").json()
    months = {each["month"]: each for each in told["months"]}
    assert told["latest"] == LAST
    assert list(months) == ["2025-02", "2025-03", "2025-04", "2025-05"]
    assert months[FAULT]["state"] == "refused" and "sent_before" in months[FAULT]["faults"]
    assert months[FAULT]["headcount"] is None
    table = scores(home, LAST)
    assert months[LAST]["headcount"] == len(table)
    assert months[LAST]["flagged_share"] == pytest.approx(table["flag"].mean())
    assert months[LAST]["mean_probability"] == pytest.approx(table["probability"].mean())
    assert "retraining requested" in {each["kind"] for each in months["2025-04"]["followed"]}


def test_an_overview_has_the_numbers_of_its_groups(api: httpx.Client, home: Settings) -> None:
    told = api.get("/overview/latest").json()
    contract = read_contract()
    people = SnapshotStore(home.home, contract).read(parse_month(LAST), [contract.id, "JobLevel"])
    table = scores(home, LAST).merge(people, on=contract.id)
    (levels,) = [part for part in told["breakdowns"] if part["column"] == "JobLevel"]
    assert told["month"] == LAST and levels["foremost"]
    for group in levels["groups"]:
        of = table[table["JobLevel"].astype(str) == group["level"]]
        assert group["people"] == len(of) >= 5
        assert group["mean_probability"] == pytest.approx(of["probability"].mean())
        assert group["flagged_share"] in (None, pytest.approx(of["flag"].mean()))
        assert not 0 < of["flag"].sum() < 5 or group["flagged_share"] is None


@pytest.mark.parametrize("month", [FAULT, "2030-01", "0000-01"])
def test_a_month_that_was_not_scored_is_not_found(api: httpx.Client, month: str) -> None:
    for path in ("overview", "flagged"):
        assert api.get(f"/{path}/{month}").status_code == 404


def test_what_is_no_month_is_refused(api: httpx.Client) -> None:
    said = api.get("/overview/2026-13")
    assert said.status_code == 422 and said.json()["errors"][0]["field"] == "path.month"


def test_the_flagged_are_told_by_probability_and_a_part_at_a_time(
    api: httpx.Client, home: Settings
) -> None:
    table = scores(home, DRIFT)
    flagged = table[table["flag"]].sort_values("probability", ascending=False)
    first = api.get(f"/flagged/{DRIFT}", params={"limit": 3}).json()
    next_ones = api.get(f"/flagged/{DRIFT}", params={"limit": 3, "offset": 3}).json()
    told = [each["employee"] for each in first["flagged"] + next_ones["flagged"]]
    assert first["total"] == len(flagged) > 6
    assert told == flagged["EmployeeNumber"].tolist()[:6]
    assert "; ".join(first["flagged"][0]["reasons"]) == flagged["reasons"].iloc[0]
    assert "no decision" in first["notice"]
    lowest = api.get(f"/flagged/{DRIFT}", params={"order": "lowest", "limit": 1}).json()
    assert lowest["flagged"][0]["probability"] == flagged["probability"].iloc[-1]


def test_the_whole_list_is_exported(api: httpx.Client, home: Settings) -> None:
    answer = api.get(f"/flagged/{DRIFT}", params={"format": "csv", "limit": 1})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert f"flagged-{DRIFT}.csv" in answer.headers["content-disposition"]
    assert len(rows) == scores(home, DRIFT)["flag"].sum()
    assert set(rows[0]) == {"EmployeeNumber", "probability", "reasons", "month", "model_version"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " ="])
def test_no_cell_of_the_export_is_a_formula(start: str) -> None:
    someone = Flagged(employee=f"{start}cmd|' /c calc'!A0", probability=0.5, reasons=(f"{start}1",))
    found = FlaggedList(
        month="2026-01", model_version=1, headcount=9, total=1, identity="=Id", flagged=(someone,)
    )
    for row in csv.reader(io.StringIO(render_csv(found), newline="")):
        assert not any(cell.strip(" ").startswith(tuple("=+-@\t\r\n")) for cell in row)


def test_who_reads_the_flagged_is_on_record_without_the_flagged(home: Settings) -> None:
    reads, flags = (
        make_key(home, "reader", Scope.READ),
        make_key(home, "ada", Scope.FLAGGED),
    )
    with client_of(home, guarded=True) as client:
        before = FlaggedAccess(home.home).read()
        for secret, status in ((reads, 403), (flags, 200), ("made up", 401)):
            headers = {"X-API-Key": secret}
            assert client.get(f"/flagged/{LAST}", headers=headers).status_code == status
        assert client.get(f"/flagged/{LAST}").status_code == 401
        assert client.get("/months", headers={"X-API-Key": flags}).status_code == 403
        assert client.get(f"/overview/{LAST}").status_code == 401
        assert client.get("/model-card/1").status_code == 401
    after = FlaggedAccess(home.home).read()
    (reading,) = after[len(before) :]
    assert (reading.who, reading.month, reading.form) == ("ada", LAST, "json")
    text = FlaggedAccess(home.home).path.read_text()
    assert all(
        set(json.loads(line)) == {"at", "who", "month", "form", "rows"}
        for line in text.splitlines()
    )


def test_nobody_is_told_of_the_flagged_while_that_cannot_be_put_on_record(
    api: httpx.Client, home: Settings
) -> None:
    path = FlaggedAccess(home.home).path
    kept = path.read_bytes() if path.is_file() else b""
    path.unlink(missing_ok=True)
    path.mkdir()
    try:
        answer = api.get(f"/flagged/{LAST}")
        assert answer.status_code == 503 and "on record" in answer.json()["detail"]
    finally:
        path.rmdir()
        path.write_bytes(kept)


def test_versions_and_promotions_are_told_the_newest_first(api: httpx.Client) -> None:
    told = api.get("/versions").json()
    assert told["champion"] == 2 and told["challenger"] is None
    assert [each["version"] for each in told["versions"]] == [2, 1]
    assert [(each["version"], each["previous"]) for each in told["promotions"]] == [(2, 1), (1, 0)]
    assert told["promotions"][0]["who"] and told["promotions"][0]["why"]


def test_a_card_tells_facts_uses_and_limits(api: httpx.Client) -> None:
    told = api.get("/model-card/2").json()
    assert told["facts"]["version"] == 2 and told["state"].startswith("champion since")
    auc = told["facts"]["merit"]["measures"]["AUC"]
    assert auc["low"] < auc["value"] < auc["high"]
    assert told["facts"]["comparison"]["champion_auc"] and told["facts"]["importance"]
    assert told["approved"] and told["not_allowed"] and told["limits"]
    groups = [group for part in told["facts"]["audit"]["partitions"] for group in part["groups"]]
    assert not any(0 < group["people"] < 5 for group in groups)
    assert not any(0 < (group["leavers"] or 0) < 5 for group in groups)
    assert api.get("/model-card/9").status_code == 404


def test_a_card_that_was_changed_is_no_card(api: httpx.Client, home: Settings) -> None:
    path = home.home / "reports" / "models" / "1" / "card.json"
    content = path.read_bytes()
    path.write_text("{}")
    try:
        answer = api.get("/model-card/1")
        assert answer.status_code == 503 and str(home.home) not in answer.text
    finally:
        path.write_bytes(content)


def test_scores_of_a_snapshot_that_was_corrected_since_are_not_given_out(
    api: httpx.Client, home: Settings
) -> None:
    path = home.home / "assets" / "predictions" / f"{DRIFT}-01.parquet"
    content = path.read_bytes()
    pd.read_parquet(path).assign(snapshot_version=9).to_parquet(path, index=False)
    try:
        assert api.get(f"/flagged/{DRIFT}").status_code == 404
        months = {each["month"]: each["state"] for each in api.get("/months").json()["months"]}
        assert months[DRIFT] == "not scored"
    finally:
        path.write_bytes(content)
    assert api.get(f"/flagged/{DRIFT}").status_code == 200
