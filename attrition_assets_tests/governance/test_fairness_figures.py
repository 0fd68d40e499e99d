import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from attrition_assets.contract import DEFAULT_CONTRACT, Contract
from attrition_assets.governance.fairness import audit_fairness
from attrition_assets.governance.fairness_page import render_fairness
from attrition_assets.governance.fairness_policy import read_fairness_policy
from attrition_assets.governance.fairness_report import FairnessVerdict
from attrition_assets.training.evaluation import choose_threshold
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData
from attrition_assets.training.search import train_model
from attrition_assets_tests.governance.drawn import Drawn, find, find_group


def test_rates_and_differences_are_those_of_fairlearn() -> None:
    from fairlearn import metrics

    drawn = Drawn(seed=0, ratio=0.7)
    audit = drawn.audit()
    flagged = (drawn.probability >= 0.5).astype(int)
    rates = {
        "selection": metrics.selection_rate,
        "recall": metrics.true_positive_rate,
        "false_flags": metrics.false_positive_rate,
    }
    pair = drawn.table["Team"] + ", " + drawn.table["Sex"]
    for name, groups in (("Team", drawn.table["Team"]), ("Team x Sex", pair)):
        frame = metrics.MetricFrame(
            metrics=rates,
            y_true=drawn.left,
            y_pred=flagged,
            sensitive_features=groups,
        )
        part = find(audit, name)
        assert {each.group for each in part.groups} == set(groups)
        for group in part.groups:
            for each in rates:
                assert getattr(group, each).value == pytest.approx(
                    frame.by_group.loc[group.group, each]
                )
        lowest, highest = frame.group_min(), frame.group_max()
        ratios = [each.ratio.value for group in part.groups for each in group.impacts]
        assert min(ratios) == pytest.approx(lowest["selection"] / highest["selection"])
        gaps = highest - lowest
        assert part.parity_difference == pytest.approx(gaps["selection"])
        assert part.odds_difference == pytest.approx(max(gaps["recall"], gaps["false_flags"]))


def test_intervals_and_auc_are_those_of_the_known_methods() -> None:
    drawn = Drawn(seed=0)
    group = find_group(drawn.audit(), "Team", "A")
    inside = (drawn.table["Team"] == "A").to_numpy()
    flagged = drawn.probability[inside] >= 0.5
    wilson = stats.binomtest(int(flagged.sum()), len(flagged)).proportion_ci(method="wilson")
    assert group.selection and group.auc and group.scoring
    assert (group.selection.low, group.selection.high) == pytest.approx(tuple(wilson))
    assert group.auc.value == pytest.approx(
        roc_auc_score(drawn.left[inside], drawn.probability[inside])
    )
    above = drawn.probability[inside] > np.median(drawn.probability)
    assert group.scoring.value == pytest.approx(above.mean())
    (impact,) = (each for each in group.impacts if each.reading == "benefit")
    best = drawn.table["Team"].eq(impact.reference).to_numpy()
    counts = [int((drawn.probability[who] >= 0.5).sum()) for who in (inside, best)]
    risk = stats.contingency.relative_risk(counts[0], inside.sum(), counts[1], best.sum())
    katz = risk.confidence_interval(0.95)
    assert (impact.ratio.value, impact.ratio.low, impact.ratio.high) == pytest.approx(
        (risk.relative_risk, katz.low, katz.high)
    )


def test_on_the_real_table_the_figures_are_near_those_on_record(
    cast_ibm_table: pd.DataFrame, contract: Contract
) -> None:
    left = cast_ibm_table[contract.label].eq("Yes").astype("float64")
    table = cast_ibm_table.drop(columns=contract.label)
    labelled = table.assign(**{LABEL: left, STEP_LABEL: left})
    reference = ReferenceData(labelled, pd.Period("2026-01", freq="M"), contract)
    probability = train_model(reference, contract, trials=1).out_of_fold
    audit = audit_fairness(
        table,
        left,
        probability,
        threshold=choose_threshold(left.to_numpy(), probability),
        contract=contract,
        policy=read_fairness_policy(DEFAULT_CONTRACT),
    )
    differences = {part.name: part.parity_difference for part in audit.partitions}
    assert differences["Gender"] == pytest.approx(0.03, abs=0.03)
    # On record is .31, of a model with other inputs; this one was measured at .20.
    assert differences["Age"] == pytest.approx(0.20, abs=0.07)
    assert differences["MaritalStatus"] == pytest.approx(0.28, abs=0.08)
    assert find(audit, "Gender").verdict == FairnessVerdict.PASS
    # The young leave at twice the rate of others: parity is out of reach, and is called.
    assert find_group(audit, "Age", "under 30").verdict == FairnessVerdict.FAIL
    young = [group.leaving.value for group in find(audit, "Age").groups if group.leaving]
    assert young[0] > 1.8 * max(young[1:])
    page = render_fairness(audit)
    assert "| Gender | pass |" in page
    assert page.startswith("**Fairness: fail.** 1470 people")
