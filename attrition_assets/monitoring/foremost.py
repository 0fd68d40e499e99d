"""Which columns of a verdict are shown first, and which of their tests."""

from attrition_assets.monitoring.report import FeatureTest, drifted_columns, tested_columns

SHOWN_WITHOUT_DRIFT = 5


def choose_columns(tests: tuple[FeatureTest, ...]) -> tuple[str, ...]:
    """The columns that drifted or, if none did, five; those foremost in the model come first.

    Equally important ones go by their smallest adjusted p.
    """
    drifted = drifted_columns(tests)
    ranks = {
        name: min(_rank(test) for test in tests if test.column == name)
        for name in drifted or tested_columns(tests)
    }
    ranked = tuple(sorted(ranks, key=lambda name: ranks[name]))
    return ranked if drifted else ranked[:SHOWN_WITHOUT_DRIFT]


def choose_tests(tests: tuple[FeatureTest, ...], column: str) -> tuple[FeatureTest, ...]:
    """The tests that found the column drifted or, if none did, the one that came closest."""
    own = [test for test in tests if test.column == column]
    drifted = tuple(test for test in own if test.drifted)
    return drifted or (min(own, key=_get_p),)


def _rank(test: FeatureTest) -> tuple[bool, float, float]:
    return not test.used_by_model, -(test.importance or 0.0), _get_p(test)


def _get_p(test: FeatureTest) -> float:
    return 1.0 if test.told_p_value is None else test.told_p_value
