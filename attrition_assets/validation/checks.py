"""All checks of a month's file by name: the one place that says which there are.

They are evaluated before anything is stored, and reported at once; each is one property, whose
measure is in `table` or `continuity`. Where tables are kept is for `snapshot_store.py`.

No check sees two columns that were swapped inside their ranges: every value is acceptable. That is
left to drift, which compares the columns' distributions.
"""

from collections.abc import Mapping

import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.validation.continuity import (
    EarlierMonth,
    Previous,
    check_leavers,
    check_missing,
    check_repetition,
    check_units,
    check_volume,
)
from attrition_assets.validation.table import (
    check_contract,
    check_dates,
    check_duplicates,
    check_future,
)
from attrition_assets.validation.verdicts import Fault, SnapshotVerdict, refuse_check

SNAPSHOT_CHECKS = {
    "contract_holds": "Every column is there, of its kind, inside its range or levels.",
    "one_row_per_employee": "No employee appears twice.",
    "dates_match_month": "Every row is dated the month's last day.",
    "nothing_from_the_future": "No row is dated later, and no label is there before its time.",
    "volume_plausible": "The number of rows is near that of the months before.",
    "not_sent_before": "The rows are not those of another month.",
    "units_unchanged": "No column comes in another unit than the month before, for anybody.",
    "missing_values_usual": "Where values may be missing, not many more are than before.",
    "leavers_recorded": "Those who are gone since the month before have departures, others do not.",
}


def check_snapshot(
    table: pd.DataFrame,
    contract: Contract,
    month: pd.Period,
    content: str,
    earlier: tuple[EarlierMonth, ...],
    *,
    previous: Previous | None,
    departures: pd.DataFrame | None,
) -> Mapping[str, SnapshotVerdict]:
    """The verdicts on a month's raw table, by name.

    `content` is the table's digest without its dates, `earlier` the other accepted months,
    `previous` the newest of those before (see `continuity.find_previous`), and `departures` who had
    left by the month, None if labels come inside the snapshots.
    """
    contract_holds = check_contract(table, contract)
    if set(contract_holds.faults) & {Fault.EMPTY_FILE, Fault.DUPLICATE_COLUMN}:
        refused = refuse_snapshot(contract_holds.explanation, *contract_holds.faults)
        return {**refused, "contract_holds": contract_holds}
    return {
        "contract_holds": contract_holds,
        "one_row_per_employee": check_duplicates(table, contract),
        "dates_match_month": check_dates(table, contract, month),
        "nothing_from_the_future": check_future(table, contract, month, departures),
        "volume_plausible": check_volume(len(table), month, earlier),
        **check_people(
            table, contract, month, content, earlier, previous=previous, departures=departures
        ),
    }


def check_people(
    table: pd.DataFrame,
    contract: Contract,
    month: pd.Period,
    content: str,
    earlier: tuple[EarlierMonth, ...],
    *,
    previous: Previous | None,
    departures: pd.DataFrame | None,
) -> Mapping[str, SnapshotVerdict]:
    """Of `check_snapshot` what must hold for people and rows between months."""
    not_sent_before = check_repetition(month, content, earlier)
    leavers = check_leavers(table, contract, month, previous, departures)
    if not (leavers.holds or not_sent_before.holds):
        leavers = refuse_check("its rows are another month's", *not_sent_before.faults)
    return {
        "not_sent_before": not_sent_before,
        "units_unchanged": check_units(table, contract, previous),
        "missing_values_usual": check_missing(table, contract, previous),
        "leavers_recorded": leavers,
    }


def refuse_snapshot(reason: str, *faults: Fault) -> Mapping[str, SnapshotVerdict]:
    """The verdicts on a file that is no usable table: none of the properties could be checked."""
    return {name: refuse_check(reason, *faults) for name in SNAPSHOT_CHECKS}
