import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.errors import FairnessError
from attrition_assets.governance import groups
from attrition_assets.governance.fairness_page import render_proxies
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.proxies import ProxyAudit, ProxyTarget, Telling, audit_proxies
from attrition_assets_tests.conftest import declare_contract

POLICY = FairnessPolicy()
PEOPLE = 400
CONTRACT = declare_contract(
    Age={"kind": "continuous", "role": "protected", "range": [18, 75]},
    Sex={"kind": "nominal", "role": "protected", "levels": ["F", "M"], "missing": True},
    Team={"kind": "nominal", "role": "protected", "levels": ["A", "B", "C"]},
    Years={"kind": "continuous", "role": "feature", "range": [0, 60]},
    Shift={"kind": "nominal", "role": "feature", "levels": ["day", "night"]},
    Pay={"kind": "continuous", "role": "feature", "range": [0, 1]},
)


@pytest.fixture
def table() -> pd.DataFrame:
    """Years tell age, the shift tells team A a little, nothing tells the sex."""
    rng = np.random.default_rng(0)
    team = rng.choice(["A", "B", "C"], PEOPLE)
    age = rng.uniform(18, 60, PEOPLE)
    return pd.DataFrame(
        {
            "Id": np.arange(PEOPLE),
            "Date": pd.Timestamp("2026-01-31"),
            "Age": age,
            "Sex": rng.choice(["F", "M"], PEOPLE),
            "Team": team,
            "Years": np.clip(age - 18 + rng.normal(0, 4, PEOPLE), 0, 60),
            "Shift": np.where(rng.random(PEOPLE) < np.where(team == "A", 0.7, 0.3), "day", "night"),
            "Pay": rng.random(PEOPLE),
        }
    )


def find(audit: ProxyAudit, attribute: str, group: str = "") -> ProxyTarget:
    return next(
        each for each in audit.targets if each.attribute == attribute and group in each.group
    )


def test_an_attribute_is_told_as_well_as_the_features_tell_it(table: pd.DataFrame) -> None:
    audit = audit_proxies(table, CONTRACT, POLICY)
    assert find(audit, "Age", "above").telling == "well"
    assert find(audit, "Sex").telling == "not at all"
    assert find(audit, "Team", "A").telling == "somewhat"
    assert [each.group for each in audit.targets if each.attribute == "Team"] == ["A", "B", "C"]
    assert [each.group for each in audit.targets if each.attribute == "Sex"] == ["M"]


def test_the_features_that_tell_most_come_first(table: pd.DataFrame) -> None:
    audit = audit_proxies(table, CONTRACT, POLICY)
    assert find(audit, "Age").strongest[0].feature == "Years"
    assert find(audit, "Team", "A").strongest[0].feature == "Shift"
    shift = find(audit, "Team", "A").strongest[0].auc
    assert shift == pytest.approx(0.7, abs=0.06)
    assert audit.reasons[0].startswith("Age, above")
    assert "strongest: Years" in audit.reasons[0]
    assert "| Sex | M | not at all |" in render_proxies(audit)


def test_a_protected_attribute_is_never_used_to_tell_another(table: pd.DataFrame) -> None:
    sure = table.assign(Sex=np.where(table["Age"] > 40, "F", "M"), Years=20.0)
    assert find(audit_proxies(sure, CONTRACT, POLICY), "Sex").telling == "not at all"


def test_an_attribute_that_the_contract_lets_the_model_use_tells_others_and_is_not_told_itself(
    table: pd.DataFrame,
) -> None:
    age = CONTRACT.columns["Age"].model_copy(update={"used_because": "a pension plan needs it"})
    taken_in = CONTRACT.model_copy(update={"columns": {**CONTRACT.columns, "Age": age}})
    sure = table.assign(Sex=np.where(table["Age"] > 40, "F", "M"), Years=20.0)
    audit = audit_proxies(sure, taken_in, POLICY)
    assert audit.used == ("Age",)
    assert {each.attribute for each in audit.targets} == {"Sex", "Team"}
    assert find(audit, "Sex").telling == "well"
    assert find(audit, "Sex").strongest[0].feature == "Age"
    assert "Used by the model itself: Age.\n" in render_proxies(audit)


def test_the_order_of_rows_changes_nothing(table: pd.DataFrame) -> None:
    shuffled = table.sample(frac=1, random_state=1)
    assert audit_proxies(shuffled, CONTRACT, POLICY) == audit_proxies(table, CONTRACT, POLICY)


def test_a_group_of_too_few_people_shows_no_numbers(table: pd.DataFrame) -> None:
    few = table.assign(Sex=np.where(np.arange(PEOPLE) < 29, "M", "F"))
    few.loc[100:200, "Sex"] = None
    audit = audit_proxies(few, CONTRACT, POLICY)
    assert find(audit, "Sex") == ProxyTarget(attribute="Sex", group="M", telling=Telling.UNSURE)
    assert not any("Sex" in reason for reason in audit.reasons)
    assert "| Sex | M | insufficient data | - | - |" in render_proxies(audit)


def test_an_attribute_that_the_table_lacks_is_refused_by_name(table: pd.DataFrame) -> None:
    with pytest.raises(FairnessError, match="lacks Sex, Team"):
        audit_proxies(table.drop(columns=["Sex", "Team"]), CONTRACT, POLICY)
    bare = declare_contract(Pay={"kind": "continuous", "role": "feature", "range": [0, 1]})
    with pytest.raises(FairnessError, match="no column of role protected"):
        audit_proxies(table, bare, POLICY)


def test_on_the_real_table_stock_options_tell_who_is_single(
    cast_ibm_table: pd.DataFrame, contract: Contract
) -> None:
    audit = audit_proxies(cast_ibm_table, contract, POLICY)
    single = find(audit, "MaritalStatus", "Single")
    assert single.telling == "well"
    assert single.strongest[0].feature == "StockOptionLevel"
    assert single.strongest[0].auc > 0.9
    assert find(audit, "Age").strongest[0].feature == "TotalWorkingYears"
    assert find(audit, "Gender").telling == "not at all"


def test_of_very_many_people_a_sample_is_audited_the_same_in_any_order(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_PEOPLE", 150)
    sampled = audit_proxies(table, CONTRACT, POLICY)
    assert sampled.people == 150
    assert audit_proxies(table.sample(frac=1, random_state=1), CONTRACT, POLICY) == sampled
