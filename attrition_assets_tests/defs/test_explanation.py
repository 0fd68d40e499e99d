"""Which version scored a person, with what score and for what: as an auditor asks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.explanation import read_employee
from attrition_assets_tests.conftest import declare_contract
from attrition_assets_tests.outages import serving
from attrition_assets_tests.seen import assert_in_guide, attrition, digest_files

from .conftest import FAULT, LAST, UNSEEN, Place, Walked

ID = "EmployeeNumber"


def explain(walked: Walked | Place, employee: object, month: str) -> dict[str, Any]:
    home, data = walked.settings.home, walked.settings.data
    done = attrition(home, data, "explain", str(employee), month, "--json")
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.output)
    return told


def read_scores(walked: Walked | Place, month: str) -> pd.DataFrame:
    return pd.read_parquet(walked.settings.home / "assets" / "predictions" / f"{month}-01.parquet")


def test_a_score_is_told_with_its_version_its_promotion_and_its_reasons(
    walked: Walked, contract: Contract
) -> None:
    before = (
        digest_files(walked.settings.home),
        (walked.settings.home / "decisions.jsonl").read_bytes(),
    )
    scores = read_scores(walked, LAST)
    row = scores.sort_values("probability").iloc[-3]
    told = explain(walked, row[ID], LAST)
    (score,) = told["scores"]
    version = walked.loop.registry.load(2)
    assert (score["probability"], score["flag"]) == (row["probability"], True)
    assert (score["model_version"], score["snapshot_version"], score["stands"]) == (2, 1, True)
    assert score["share_higher"] == pytest.approx(2 / len(scores))
    assert (score["threshold"], score["as_of"]) == (version.threshold, "2025-04")
    assert score["reference_digest"] == version.reference_digest
    assert [each["who"] for each in score["promotions"]] == ["the demo"]
    assert score["untold"] is None
    assert score["scored_at"].startswith("20")
    listed = score["raised"] + score["lowered"]
    assert score["raised"][0]["contribution"] == max(each["contribution"] for each in listed)
    assert {each["feature"] for each in listed} <= set(contract.features)
    assert not {each["feature"] for each in listed} & set(contract.protected)
    after = (
        digest_files(walked.settings.home),
        (walked.settings.home / "decisions.jsonl").read_bytes(),
    )
    assert after == before


def test_a_person_reads_it_in_words(walked: Walked) -> None:
    row = read_scores(walked, LAST).iloc[0]
    home, data = walked.settings.home, walked.settings.data
    said = attrition(home, data, "explain", str(row[ID]), LAST).output
    assert said.startswith(f"{ID} {row[ID]} in {LAST}\n")
    for part in (
        "(threshold ",
        "people had a higher one",
        "by version 2 of the model",
        "promoted 2",
    ):
        assert part in said
    assert "the month's people have" in said
    assert "protected attributes are none" in said


def test_a_score_that_was_superseded_is_told_beside_the_one_that_stands(place: Place) -> None:
    first = read_scores(place, LAST).iloc[0]
    place.correct(LAST)
    assert place.run(LAST, "employee_snapshot").success
    corrected = explain(place, first[ID], LAST)
    assert "no score stands (not scored)" in str(corrected["note"])
    assert place.run(LAST, "predictions").success
    told = explain(place, first[ID], LAST)
    stands, former = told["scores"]
    assert (stands["stands"], stands["snapshot_version"]) == (True, 2)
    assert (former["stands"], former["snapshot_version"]) == (False, 1)
    assert former["probability"] == first["probability"] != stands["probability"]
    assert former["untold"] is None


@pytest.mark.parametrize(
    ("employee", "month", "said"),
    [
        ("1", LAST, f"no {ID} 1 among the 400 people who were scored in {LAST}: give the id as"),
        ("7.5", LAST, f"'7.5' is no {ID}: ibm_hr_attrition has whole numbers"),
        ("x", LAST, f"'x' is no {ID}: ibm_hr_attrition has whole numbers"),
        ("1", "May", "'May' is not a month: write 2026-01"),
        ("1", FAULT, f"nobody was scored in {FAULT} (refused): {FAULT}.parquet has sent_before"),
        ("1", UNSEEN, f"nobody was scored in {UNSEEN} (no snapshot): there is no {UNSEEN}.parquet"),
    ],
)
def test_what_cannot_be_told_says_why(employee: str, month: str, said: str, walked: Walked) -> None:
    home, data = walked.settings.home, walked.settings.data
    done = attrition(home, data, "explain", employee, month)
    assert done.exit_code > 0
    assert said in done.output
    if (employee, month) == ("1", LAST):
        assert_in_guide(done.output, home, data)


def test_a_month_that_was_not_scored_while_suspended_says_so(place: Place, walked: Walked) -> None:
    home, data = place.settings.home, place.settings.data
    walked.unseen.to_parquet(data / "snapshots" / f"{UNSEEN}.parquet", index=False)
    assert place.run(UNSEEN, "employee_snapshot").success
    assert (
        attrition(home, data, "suspend", "--reason", "a complaint", "--who", "Ada").exit_code == 0
    )
    said = attrition(home, data, "explain", "1", UNSEEN).output
    assert f"nobody was scored in {UNSEEN} (not scored): scoring is suspended since" in said


def test_without_the_models_file_the_score_and_the_version_are_told_still(place: Place) -> None:
    for path in Path(place.settings.home / "mlflow" / "artifacts").rglob("model.skops"):
        path.unlink()
    row = read_scores(place, LAST).iloc[0]
    told = explain(place, row[ID], LAST)
    (score,) = told["scores"]
    assert (score["probability"], score["model_version"]) == (row["probability"], 2)
    assert score["as_of"] == "2025-04"
    assert score["raised"] == score["lowered"] == []
    said = attrition(place.settings.home, place.settings.data, "explain", str(row[ID]), LAST).output
    assert "Reasons       cannot be told: " in said
    assert "restore model.skops of version 2" in said


def test_without_mlflow_the_log_tells_the_version_and_it_is_asked_once(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    row, (home, data) = (
        read_scores(walked, LAST).iloc[0],
        (walked.settings.home, walked.settings.data),
    )
    with serving(200, 3.0) as uri:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        words = ("explain", str(row[ID]), LAST)
        said = attrition(home, data, *words, ATTRITION_MLFLOW_URI=uri).output
    assert f"Score         {row['probability']:.3f}, " in said
    assert "(threshold not known)" in said
    assert "as of 2025-04 on the reference data" in said
    assert f"cannot be told: MLflow at {uri} does not answer as it should" in said


def test_a_score_that_was_changed_since_is_not_explained_as_if_it_were_the_models(
    place: Place,
) -> None:
    path = place.asset("predictions", LAST)
    scores = pd.read_parquet(path)
    scores["probability"] = np.minimum(scores["probability"] + 0.1, 1)
    scores.to_parquet(path, index=False)
    (score,) = explain(place, scores[ID].iloc[0], LAST)["scores"]
    assert "not the score on record" in score["untold"]


def test_ids_are_read_as_the_contract_has_them(contract: Contract) -> None:
    pay = {"kind": "continuous", "role": "feature", "range": [0, 1]}
    text = declare_contract(Pay=pay, Id={"kind": "id", "role": "id"})
    assert read_employee(" 1042 ", contract) == 1042
    assert read_employee("0042", text) == "0042"
    for wrong in ("", "inf", "nan"):
        with pytest.raises(ValueError, match="is no EmployeeNumber"):
            read_employee(wrong, contract)
    with pytest.raises(ValueError, match="is no Id"):
        read_employee(" ", text)
