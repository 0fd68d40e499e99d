"""Scores of a table that stays where it is, beside those that the loop stored for the month."""

from pathlib import Path

import pandas as pd

from attrition_assets.months import parse_month, partition_key
from attrition_assets_tests.seen import attrition
from attrition_assets_tests.walking import LAST, Walked


def test_they_are_the_loops_own_bit_for_bit(walked: Walked, tmp_path: Path) -> None:
    home, month = walked.settings.home, partition_key(parse_month(LAST))
    stored = pd.read_parquet(home / "assets" / "predictions" / f"{month}.parquet")
    version = stored["model_version"].iloc[0]
    snapshot = home / "assets" / "employee_snapshot" / f"{month}.parquet"
    out = tmp_path / "scores.parquet"
    words = ("score", str(snapshot), str(out), "--version", str(version))
    result = attrition(home, walked.settings.data, *words)
    assert result.exit_code == 0, result.output
    assert f"{len(stored)} rows by version {version}" in result.output
    scores = pd.read_parquet(out)
    assert len(scores) == len(stored)
    pd.testing.assert_frame_equal(
        scores, stored[list(scores.columns)], check_exact=True, check_dtype=False
    )
