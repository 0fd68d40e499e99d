from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from attrition_assets.errors import FairnessError
from attrition_assets.governance import fairness
from attrition_assets.governance.fairness_page import render_fairness
from attrition_assets.governance.fairness_policy import (
    FairnessPolicy,
    FlagMeans,
)
from attrition_assets.governance.fairness_report import (
    FairnessAudit,
    FairnessVerdict,
)
from attrition_assets.pictures import draw_fairness
from attrition_assets_tests.conftest import declare_contract
from attrition_assets_tests.governance.drawn import PEOPLE, Drawn, find, find_group

CALLED = ("look", "fail")


@pytest.fixture(autouse=True)
def without_fairlearn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out Fairlearn's differences, which decide nothing and take most of the time."""
    monkeypatch.setattr(fairness, "measure_difference", lambda *_: 0.0)


def count_called(audits: Sequence[FairnessAudit]) -> int:
    return sum(audit.verdict in CALLED for audit in audits)


def test_under_true_parity_at_most_one_audit_in_twenty_calls_for_a_person() -> None:
    audits = [Drawn(seed).audit() for seed in range(200)]
    # 8 of 200, 95 % interval 1.7 to 7.7 %; none of them fails.
    assert count_called(audits) <= 0.05 * 200
    assert sum(audit.verdict == FairnessVerdict.FAIL for audit in audits) <= 2
    # By the four-fifths rule alone, most of them would be called.
    bare = [
        any(
            each.ratio.value < 0.8
            for part in audit.partitions
            for group in part.groups
            for each in group.impacts
        )
        for audit in audits
    ]
    assert np.mean(bare) > 0.5


@pytest.mark.parametrize("flagged", [0.25, 0.37])
def test_a_halved_rate_in_a_group_of_15_per_cent_is_called_in_nine_audits_of_ten(
    flagged: float,
) -> None:
    audits = [Drawn(seed, ratio=0.5, flagged=flagged).audit() for seed in range(30)]
    assert count_called(audits) >= 0.9 * 30
    assert all(audit.partitions[0].verdict in CALLED for audit in audits if audit.verdict in CALLED)


def test_the_declared_meaning_decides_which_direction_is_adverse() -> None:
    fewer = Drawn(seed=0, ratio=0.5)
    as_benefit = fewer.audit(flag_means="benefit")
    as_burden = fewer.audit(flag_means="burden")
    assert find_group(as_benefit, "Team", "A").verdict in CALLED
    assert find_group(as_burden, "Team", "A").verdict == "pass"
    assert {group.group for group in find(as_burden, "Team").groups if group.verdict in CALLED} <= {
        "B",
        "C",
    }
    more = Drawn(seed=0, ratio=2.0)
    assert find_group(more.audit(flag_means="burden"), "Team", "A").verdict == "fail"
    assert find_group(more.audit(flag_means="benefit"), "Team", "A").verdict == "pass"


def test_undeclared_both_directions_are_adverse() -> None:
    assert FairnessPolicy().flag_means == FlagMeans.UNDECLARED
    for ratio in (0.5, 2.0):
        audit = Drawn(seed=0, ratio=ratio).audit()
        assert find_group(audit, "Team", "A").verdict in CALLED
        assert any("Team, A" in reason for reason in audit.reasons)


def test_a_group_with_few_leavers_is_to_be_looked_at_and_does_not_fail() -> None:
    drawn = Drawn(seed=0, ratio=0.5)
    leavers = find_group(drawn.audit(), "Team", "A").leavers
    assert leavers is not None
    assert find_group(drawn.audit(min_leavers=leavers), "Team", "A").verdict == "fail"
    assert find_group(drawn.audit(min_leavers=leavers + 1), "Team", "A").verdict == "look"


def test_the_least_favoured_is_called_where_one_group_is_favoured_over_all_others() -> None:
    drawn = Drawn(seed=1, ratio=3.0, flagged=0.2)
    team = find(drawn.audit(flag_means="benefit"), "Team")
    called = [group for group in team.groups if group.verdict in CALLED]
    assert called
    assert {group.group for group in called} <= {"B", "C"}


def test_small_groups_are_counted_and_not_judged() -> None:
    drawn = Drawn(seed=0)
    rows = drawn.table.index[drawn.table["Team"] == "A"][29:]
    drawn.table.loc[rows, "Team"] = "B"
    drawn.probability[drawn.table["Team"] == "A"] = 0.0
    audit = drawn.audit()
    group = find_group(audit, "Team", "A")
    assert (group.people, group.verdict, group.suppressed) == (29, "insufficient data", True)
    assert (group.selection, group.leavers, group.p_value) == (None, None, None)
    assert "Team: too few people to tell, or value unknown: A" in audit.reasons
    page = render_fairness(audit)
    assert "| A | fewer than 30 | - | - | - | - | - | - | - | insufficient data |" in page
    assert "| 29 |" not in page
    # A share as the minimum, which Local Law 144 allows.
    assert find_group(drawn.audit(min_share=0.5), "Team", "C").suppressed


def test_a_few_people_are_insufficient_data_and_no_pass() -> None:
    audit = Drawn(seed=0, people=90).audit()
    assert audit.verdict == FairnessVerdict.INSUFFICIENT
    nobody = Drawn(seed=0)
    nobody.probability *= 0.4
    assert nobody.audit().verdict == FairnessVerdict.INSUFFICIENT


def test_a_table_of_one_group_has_nothing_to_compare() -> None:
    drawn = Drawn(seed=0)
    drawn.table = drawn.table.assign(Team="A", Sex="F")
    audit = drawn.audit()
    assert (audit.verdict, audit.p_value) == ("insufficient data", None)
    assert find(audit, "Team").parity_difference is None
    assert "not tested" in render_fairness(audit)


def test_people_whose_value_is_missing_are_a_group_that_is_counted() -> None:
    drawn = Drawn(seed=0)
    drawn.table.loc[:99, "Team"] = None
    audit = drawn.audit()
    for name in ("Team", "Team x Sex"):
        groups = find(audit, name).groups
        assert sum(group.people for group in groups) == PEOPLE
        unknown = groups[-1]
        assert (unknown.group, unknown.people) == ("unknown", 100)
        assert (unknown.verdict, unknown.impacts) == ("insufficient data", ())
        assert unknown.selection
        assert all(each.reference != "unknown" for group in groups for each in group.impacts)
    assert "| unknown | 100 |" in render_fairness(audit)


def test_the_order_of_rows_changes_nothing() -> None:
    drawn, shuffled = Drawn(seed=3, ratio=0.6), Drawn(seed=3, ratio=0.6)
    order = np.random.default_rng(0).permutation(PEOPLE)
    shuffled.table = drawn.table.iloc[order]
    shuffled.left, shuffled.probability = drawn.left[order], drawn.probability[order]
    assert shuffled.audit() == drawn.audit()


def test_a_person_in_many_months_counts_once_by_the_newest_row() -> None:
    once, twice = Drawn(seed=0), Drawn(seed=0)
    older = twice.table.assign(Date=pd.Timestamp("2025-12-31"), Team="A")
    twice.table = pd.concat([twice.table, older], ignore_index=True)
    twice.left = np.concatenate([twice.left, np.zeros(PEOPLE, dtype="int64")])
    twice.probability = np.concatenate([twice.probability, np.ones(PEOPLE)])
    assert twice.audit() == once.audit().model_copy(update={"rows": 2 * PEOPLE})
    twice.table["Date"] = pd.Timestamp("2026-01-31")
    with pytest.raises(FairnessError, match="1470 rows repeat a person"):
        twice.audit()


def test_numbers_are_cut_at_declared_edges_or_at_quartiles() -> None:
    contract = declare_contract(
        Age={"kind": "continuous", "role": "protected", "range": [18, 75], "integer": True},
        Pay={"kind": "continuous", "role": "feature", "range": [0, 1]},
    )
    drawn = Drawn(seed=0)
    drawn.table["Age"] = np.arange(PEOPLE) % 40 + 20
    declared = find(drawn.audit(contract, edges={"Age": (30, 40)}), "Age")
    assert [each.group for each in declared.groups] == ["under 30", "30 to 39", "40 and over"]
    assert sum(drawn.table["Age"] < 30) == declared.groups[0].people
    quartiles = find(drawn.audit(contract), "Age")
    assert len(quartiles.groups) == 4
    assert all(abs(each.people - PEOPLE / 4) < 40 for each in quartiles.groups)
    with pytest.raises(FairnessError, match="edges are declared for Team"):
        drawn.audit(edges={"Team": (1,)})


def test_what_cannot_be_audited_is_refused_by_name() -> None:
    drawn = Drawn(seed=0)
    drawn.table = drawn.table.drop(columns="Sex")
    with pytest.raises(FairnessError, match="lacks Sex"):
        drawn.audit()
    for spoilt, why in (("left", "0 or 1"), ("probability", "between 0 and 1")):
        faulty = Drawn(seed=0)
        setattr(faulty, spoilt, np.full(PEOPLE, np.nan))
        with pytest.raises(FairnessError, match=why):
            faulty.audit()
    short = Drawn(seed=0)
    short.left = short.left[1:]
    with pytest.raises(FairnessError, match="1470 rows, with 1469 outcomes"):
        short.audit()
    unknown = Drawn(seed=0)
    unknown.table.loc[0, "Team"] = "D"
    with pytest.raises(FairnessError, match="Team holds levels"):
        unknown.audit()


def test_the_picture_shows_the_limits_and_every_compared_group() -> None:
    audit = Drawn(seed=0, ratio=0.5).audit()
    (axes,) = draw_fairness(audit).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "Sex: M",
        "Sex: F",
        "Team: C",
        "Team: B",
        "Team: A",
    ]
    assert {0.8, 1.25} <= set(axes.get_xticks())
    assert axes.get_title() == f"Fairness: {audit.verdict}"


def test_an_audit_with_nothing_to_compare_can_be_drawn_too() -> None:
    drawn = Drawn(seed=0)
    drawn.table = drawn.table.assign(Team="A", Sex="F")
    (axes,) = draw_fairness(drawn.audit()).axes
    assert axes.get_yticklabels() == []


def test_an_audit_survives_being_written_down() -> None:
    audit = Drawn(seed=0, ratio=0.5).audit(flag_means="burden")
    assert FairnessAudit.model_validate_json(audit.model_dump_json()) == audit
