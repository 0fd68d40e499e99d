"""What is claimed of the drift verdict, measured: false alarms, power, a company's months, speed.

OPENBLAS_NUM_THREADS=1 python scripts/bench_drift.py ../shared/data/ibm_hr_attrition.csv
"""

import argparse
from pathlib import Path

from bench_months import measure_shifts, measure_stationary
from bench_speed import measure_speed
from bench_strangers import measure_false_alarms, measure_power
from benchmarks import Section, publish


def main() -> None:
    """Measure everything and publish it: one page, one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="a table in the contract's schema")
    path = parser.parse_args().table
    sections: list[Section] = []
    figures: dict[str, object] = {}
    for measured in (
        measure_speed(path),
        measure_false_alarms(path),
        measure_power(path),
        measure_stationary(),
        measure_shifts(),
    ):
        sections.append(measured[0])
        figures |= measured[1]
    publish("drift", "The drift verdict, measured", sections, figures)


if __name__ == "__main__":
    main()
