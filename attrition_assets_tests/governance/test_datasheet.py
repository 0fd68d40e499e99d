"""What a datasheet counts, and that no single person shows in it."""

import numpy as np
import pandas as pd

from attrition_assets.governance.datasheet import describe_reference, render_datasheet
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets_tests.conftest import declare_contract

CONTRACT = declare_contract(
    Team={"kind": "nominal", "role": "protected", "levels": ["A", "B"], "missing": True},
    Pay={"kind": "continuous", "role": "feature", "range": [0, 100000]},
)
TABLE = pd.DataFrame(
    {
        "Id": [1, 2, 3, 4, 5, 6, 1, 2, 3, 4],
        "Date": pd.to_datetime(["2026-01-31"] * 6 + ["2026-04-30"] * 4),
        "Team": ["A", "A", "A", "A", "A", None, "A", "A", "A", None],
        "Pay": [*range(1000, 1009), 99876.0],
        LABEL: [0.0, 0, 1, 0, 0, 0] + [np.nan] * 4,
    }
)


def test_months_people_leavers_missing_and_unknown_are_counted() -> None:
    reference = ReferenceData(TABLE, pd.Period("2026-04", freq="M"), CONTRACT)
    waived = {"2026-01": ("`volume_plausible`, by Ada: a merger",), "2026-04": ()}
    sheet = describe_reference(reference, "abc", waived)
    assert [(each.month, each.rows, each.known, each.left) for each in sheet.months] == [
        ("2026-01", 6, 6, 1),
        ("2026-04", 4, 0, 0),
    ]
    assert (sheet.rows, sheet.people, sheet.known_people, sheet.leavers) == (10, 6, 6, 1)
    columns = {each.name: each for each in sheet.columns}
    assert (columns["Team"].missing, columns["Team"].unknown_people) == (0.2, 2)
    assert columns["Team"].holds == "1 of 2 levels; A: 100%"
    text = render_datasheet(sheet)
    assert "Team: 2 of 6" in text
    assert "2026-01: `volume_plausible`, by Ada: a merger" in text
    assert "| Pay | continuous | feature | 0 to 100000 | median 1,004" in text
    assert "99" not in text.replace("95", "")  # the greatest pay is one person's
    for title in ("Motivation", "Composition", "Collection", "Preprocessing", "Labels", "Uses"):
        assert f"## {title}" in text


def test_without_protected_attributes_or_waivers_it_says_so() -> None:
    contract = declare_contract(Pay={"kind": "continuous", "role": "feature", "range": [0, 1]})
    table = TABLE.drop(columns="Team")
    sheet = describe_reference(
        ReferenceData(table, pd.Period("2026-04", freq="M"), contract), "", {}
    )
    text = render_datasheet(sheet)
    assert "No protected attribute is declared." in text
    assert "None: every month passed every check by itself." in text
