import numpy as np
import pandas as pd
import pytest

from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.outcomes import OutcomeSample

FEATURES = pd.DataFrame({"Age": [30, 40, 50]})
LEFT = np.array([True, False, False])


def test_rows_and_leavers_are_counted() -> None:
    sample = OutcomeSample(FEATURES, LEFT, np.array([0.5, 0.0, 1.0]))
    assert (sample.rows, sample.leavers) == (3, 1)


@pytest.mark.parametrize(
    ("left", "probability", "message"),
    [
        (LEFT[:2], [0.1, 0.2, 0.3], "3 rows of features, 2 of left, 3 of probability"),
        (LEFT, [0.1, 0.2, 1.1], "probabilities outside 0 to 1 or missing"),
        (LEFT, [0.1, 0.2, np.nan], "probabilities outside 0 to 1 or missing"),
        (np.array([1, 0, 0]), [0.1, 0.2, 0.3], "left is int64: give true where one left"),
    ],
)
def test_what_are_no_outcomes_is_refused(
    left: np.ndarray, probability: list[float], message: str
) -> None:
    with pytest.raises(DriftInputError, match=message):
        OutcomeSample(FEATURES, left, np.array(probability))


def test_too_few_leavers_are_explained_with_their_number() -> None:
    sample = OutcomeSample(FEATURES, LEFT, np.array([0.5, 0.0, 1.0]))
    assert sample.explain_lack(2) == "1 leavers among 3 rows; 2 are needed"
    assert sample.explain_lack(1) is None
    everyone = OutcomeSample(FEATURES, ~LEFT | LEFT, np.array([0.5, 0.0, 1.0]))
    assert everyone.explain_lack(1) == "0 of 3 rows stayed; 2 are needed"
