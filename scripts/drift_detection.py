"""Whether the newest month has drifted from the year before it: the project's verdict, by hand.

Reads the snapshots that ATTRITION_DATA (default: those shipped) holds, as the monthly job does:
months that it would refuse are no history. The people of the month are compared with themselves a
year ago, its rows with those of twelve months before.

    python scripts/drift_detection.py
    python scripts/drift_detection.py --simulate-drift pay-rise --size 0.03

Ends with 0 if there is no drift, 1 if there is, 2 if it could not be told.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotFolder
from attrition_assets.contract import read_contract
from attrition_assets.errors import AttritionError, SnapshotError
from attrition_assets.monitoring.feature_drift import describe_power, judge_features
from attrition_assets.monitoring.people import YEAR, PeopleHistory
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.monitoring.report import DataQuality, FeatureDrift, Finding
from attrition_assets.settings import Settings, load_settings
from attrition_assets.simulation.scenarios import SCENARIOS, plant_scenario

DEFAULT_SCENARIO = "pay-rise"
LOOK_BACK = 2 * YEAR + 1
CODES = {Finding.NO_DRIFT: 0, Finding.DRIFT: 1, Finding.CANNOT_TELL: 2}


def main() -> int:
    """Judge the newest month and say what was found; return the exit code."""
    options = _read_options()
    try:
        drift, quality = judge_newest_month(load_settings(), options.simulate_drift, options.size)
    except AttritionError as error:
        print(f"could not tell: {error}", file=sys.stderr)
        return CODES[Finding.CANNOT_TELL]
    print(render(drift, quality))
    return CODES[drift.finding]


def judge_newest_month(
    settings: Settings, scenario: str | None, size: float | None
) -> tuple[FeatureDrift, DataQuality]:
    """The verdicts on the newest month, in which a scenario may be planted first.

    Raises AttritionError if there is no history to compare it with.
    """
    contract = read_contract(settings.contract)
    source = SnapshotFolder(settings.data, contract)
    months = source.months()[-LOOK_BACK - 1 :]
    with TemporaryDirectory() as folder:
        store = SnapshotStore(Path(folder), contract)
        for number, month in enumerate(months, start=1):
            print(f"\rchecking {month}, {number} of {len(months)}", end="", file=sys.stderr)
            departures = source.departures(known_by=month)
            store.keep(store.judge(source.fetch(month), month, departures=departures))
        print("\r" + " " * 40, end="\r", file=sys.stderr)
        accepted = store.months()
        tables = {month: store.read(month) for month in accepted}
    if not months or months[-1] not in tables:
        refused = f"{months[-1]} is refused" if months else "there is no snapshot"
        raise SnapshotError(f"{refused} in {settings.data}: `attrition run` says why")
    newest = months[-1]
    earlier = [month for month in accepted if month < newest]
    if not earlier:
        raise SnapshotError(f"{newest} is the only month in {settings.data}: give it a history")
    if scenario:
        tables[newest] = plant_scenario(tables[newest], scenario, size, seed=0)
        print(f"Planted in {newest}: {SCENARIOS[scenario].title}, size {size or 'as usual'}")
    base = newest - YEAR if newest - YEAR in tables else min(earlier)
    print(f"{newest}, {len(tables[newest])} rows, against {base} and {len(earlier)} earlier months")
    return judge_features(
        month=newest,
        baseline=tables[base],
        current=tables[newest],
        history=PeopleHistory(frozenset(accepted), tables.__getitem__),
        standing=None,
        contract=contract,
        policy=read_policy(settings.contract),
    )


def render(drift: FeatureDrift, quality: DataQuality) -> str:
    """Both verdicts as text, with what each test said."""
    rows = [
        {
            "test": each.method,
            "p": "-" if each.p_value is None else f"{each.p_value:.2g}",
            "drift up to": "-" if each.level is None else f"{each.level:.2g}",
            "on": each.note,
        }
        for each in drift.evidence
    ]
    table = pd.DataFrame(rows).to_string(index=False, justify="left") if rows else ""
    return "\n".join(
        line
        for line in (
            f"Drift: {drift.finding.replace('_', ' ')}: {drift.reason}",
            f"Data: {quality.finding.replace('_', ' ')}: {quality.reason}",
            f"Power: {describe_power(drift)}" if drift.finding == Finding.NO_DRIFT else "",
            table,
        )
        if line
    )


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--simulate-drift",
        nargs="?",
        const=DEFAULT_SCENARIO,
        choices=sorted(SCENARIOS),
        metavar="SCENARIO",
        help=f"plant this in the month first; default {DEFAULT_SCENARIO}; one of "
        f"{', '.join(sorted(SCENARIOS))}",
    )
    parser.add_argument("--size", type=float, help="of the scenario, above 0; default its own")
    options = parser.parse_args()
    if options.size is not None and not options.simulate_drift:
        parser.error("--size is that of a scenario: give --simulate-drift as well")
    return options


if __name__ == "__main__":
    sys.exit(main())
