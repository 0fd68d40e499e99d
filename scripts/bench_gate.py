"""How often the gate promotes a worse challenger, and misses a better one, by simulation.

OPENBLAS_NUM_THREADS=1 python scripts/bench_gate.py
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from benchmarks import QUICK, Section, measure_interval, publish, run_all, show_share
from gate_companies import measure_retrains
from gate_draws import (
    CHAMPION_AUC,
    CORRELATION,
    PERSISTENCE,
    RETRAINED_CORRELATION,
    SNAPSHOTS,
    Cell,
)
from scipy import stats

from attrition_assets.governance.comparison import (
    AUC_MARGIN,
    FEWEST_LEAVERS,
    LEVEL,
    LOSS_MARGIN,
    LOSS_MARGIN_SHARE,
    Comparison,
    Difference,
    Recommendation,
    accept_loss,
    compare_models,
)
from attrition_assets.governance.paired import PairedSample, measure_aucs

BASE_RATES = (0.05, 0.16)
DIFFERENCES = (-0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03)
# The true difference in AUC; what is added to the log-odds, and what they are multiplied by.
FAULTS = {
    "none": (0.0, 0.0, 1.0),
    "odds x 1.5": (0.0, np.log(1.5), 1.0),
    "odds x 2": (0.0, np.log(2), 1.0),
    "log-odds x 1.5": (0.0, 0.0, 1.5),
    "log-odds x 0.6": (0.0, 0.0, 0.6),
    "odds x 1.5, but AUC +0.02": (0.02, np.log(1.5), 1.0),
}
SIZES = (
    *((leavers, CORRELATION) for leavers in (50, 100, 150, 300)),
    (150, RETRAINED_CORRELATION),
)
MARGINS = {"margin .01": 0.01, "margin .02": 0.02}
RETRAIN, NEW, HIGHER = "retrain gate", "new-recipe gate", "higher AUC wins"
COVERED, COVERED_PLAIN = "covered", "covered, rows as strangers"
AUC_ALONE, ABSOLUTE, BOUND = "AUC rule alone", "with .01 nats", "with a 95 % bound"
BATCH, REPETITIONS, FEWER = 50, *((100, 100) if QUICK else (1_000, 500))

Task = tuple[Cell, int]


def count_promotions(task: Task) -> Counter[str]:
    """Of a batch of comparisons, how many each rule promoted, and how many intervals held."""
    cell, first = task
    counts: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        draw = cell.draw(seed)
        retrain, new = (
            compare_models(*draw[:3], people=draw.people, same_recipe=same)
            for same in (True, False)
        )
        auc, _ = get_differences(retrain)
        counts[RETRAIN] += retrain.verdict == Recommendation.PROMOTE
        counts[NEW] += new.verdict == Recommendation.PROMOTE
        counts[HIGHER] += auc.value > 0
        counts[COVERED] += auc.low <= cell.difference <= auc.high
        if cell.repeated:
            strangers = PairedSample.read(*draw[:3], np.arange(len(draw.left)))
            value, error = measure_aucs(strangers)[2]
            width = stats.norm.isf(0.025) * error
            counts[COVERED_PLAIN] += abs(value - cell.difference) <= width
    return counts


def count_by_loss_rule(task: Task) -> Counter[str]:
    """Of a batch of retrains, how many are promoted under each rule for the log-loss."""
    cell, first = task
    counts: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        draw = cell.draw(seed)
        found = compare_models(*draw[:3], people=draw.people, same_recipe=True)
        _, loss = get_differences(found)
        assert found.p_value is not None
        ranks_well = found.p_value < LEVEL
        bound = loss.value + stats.norm.isf(LEVEL) * loss.error
        counts[RETRAIN] += found.verdict == Recommendation.PROMOTE
        counts[AUC_ALONE] += ranks_well
        counts[ABSOLUTE] += ranks_well and loss.value <= LOSS_MARGIN
        counts[BOUND] += ranks_well and bound <= accept_loss(float(draw.left.mean()))
    return counts


def count_by_margin(task: Task) -> Counter[str]:
    """Of a batch of any size, how many an AUC rule promotes; too few leavers are judged as well."""
    cell, first = task
    counts: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        value, error = measure_aucs(PairedSample.read(*cell.draw(seed)))[2]
        for title, margin in MARGINS.items():
            counts[title] += value - stats.norm.isf(LEVEL) * error > -margin
        counts[HIGHER] += value > 0
    return counts


def get_differences(found: Comparison) -> tuple[Difference, Difference]:
    """Those of AUC and of log-loss, which every draw has."""
    assert found.auc_difference is not None
    assert found.log_loss_difference is not None
    return found.auc_difference, found.log_loss_difference


def measure_promotions(repeated: bool) -> tuple[Section, dict[str, object]]:
    """Wrong promotions and missed ones, by base rate and true difference."""
    cells = [Cell(rate, apart, repeated) for rate in BASE_RATES for apart in DIFFERENCES]
    heading = "The same people in six snapshots" if repeated else "One row a person"
    found = add_up(count_promotions, cells, REPETITIONS, heading)
    rows, figures = [], {}
    for cell, counts in zip(cells, found, strict=True):
        missed = cell.difference > 0
        shares = {
            rule: REPETITIONS - counts[rule] if missed else counts[rule]
            for rule in (RETRAIN, NEW, HIGHER)
        }
        covered = [COVERED, COVERED_PLAIN] if repeated else [COVERED]
        rows.append(
            {
                "base rate": f"{cell.base_rate:.0%}",
                "true AUC difference": f"{cell.difference:+.2f}" if cell.difference else "0",
                "counted": name_count(cell.difference),
                **{rule: show_share(hits, REPETITIONS) for rule, hits in shares.items()},
                **{
                    name.replace(
                        COVERED, "95 % interval holds"
                    ): f"{counts[name] / REPETITIONS:.1%}"
                    for name in covered
                },
            }
        )
        figures[f"{cell.base_rate:g}/{cell.difference:+g}"] = {
            "counted": name_count(cell.difference),
            **{rule: make_figure(hits, REPETITIONS) for rule, hits in shares.items()},
            **{name: counts[name] / REPETITIONS for name in covered},
        }
    about = (
        f"150 leavers, each person in up to {SNAPSHOTS} snapshots with scores that correlate at "
        f"{PERSISTENCE:g} between them; otherwise as above. `rows as strangers` is the interval "
        "that plain DeLong would give."
        if repeated
        else f"`make bench-gate`: {REPETITIONS:,} comparisons a row, seeds from 0. 150 leavers, "
        "3,000 rows at 5 % and 938 at 16 %: the fewest that the gate judges. Binormal scores, "
        f"champion's AUC {CHAMPION_AUC:g}, correlation of the two models within an outcome "
        f"{CORRELATION:g} (a retrain a year later has {RETRAINED_CORRELATION:g} in the simulated "
        "company), both calibrated. A promotion is wrong at a true difference below 0, and one is "
        f"missed above it; the retrain gate's margin is {AUC_MARGIN:g}. 95 % intervals (Wilson); "
        "the rows share their random numbers."
    )
    return Section(heading, about, rows), {"repeated" if repeated else "single": figures}


def name_count(difference: float) -> str:
    """What is counted of the rules' answers at a true difference."""
    if difference > 0:
        return "missed"
    return "wrong promotions" if difference < 0 else "promotions"


def measure_loss_rules() -> tuple[Section, dict[str, object]]:
    """Retrains that rank as well as the champion and are calibrated worse, by rule."""
    cells = {
        (rate, fault): Cell(rate, apart, shift=shift, spread=spread)
        for rate in BASE_RATES
        for fault, (apart, shift, spread) in FAULTS.items()
    }
    found = add_up(count_by_loss_rule, list(cells.values()), FEWER, "log-loss")
    rows, figures = [], {}
    for (rate, fault), counts in zip(cells, found, strict=True):
        rules = (RETRAIN, AUC_ALONE, ABSOLUTE, BOUND)
        rows.append(
            {
                "base rate": f"{rate:.0%}",
                "challenger's fault": fault,
                **{rule: show_share(counts[rule], FEWER) for rule in rules},
            }
        )
        figures[f"{rate:g}/{fault}"] = {rule: make_figure(counts[rule], FEWER) for rule in rules}
    about = (
        f"Promotions of a retrain with the champion's AUC, {FEWER:,} a row, one row a person. The "
        f"gate accepts a log-loss higher by up to {LOSS_MARGIN:g} nats and {LOSS_MARGIN_SHARE:.2%} "
        "of the base rate's own; beside it the AUC rule alone, .01 nats at any base rate, and "
        "the gate's margin held against the one-sided 95 % bound. The last challenger's log-loss "
        "is lower than the champion's: it should be promoted."
    )
    return Section("Calibration that got worse", about, rows), {"log_loss": figures}


def measure_margins() -> tuple[Section, dict[str, object]]:
    """What two margins promote and miss with fewer leavers than are asked for, and with more."""
    counted = {-0.01: "wrong at -0.01", 0.0: "promoted at 0", 0.02: "missed at +0.02"}
    cases = [(rate, *size) for rate in BASE_RATES for size in SIZES]
    cells = [
        Cell(rate, apart, leavers=leavers, correlation=correlation)
        for rate, leavers, correlation in cases
        for apart in counted
    ]
    found = iter(add_up(count_by_margin, cells, FEWER, "margins"))
    rows, figures = [], {}
    for rate, leavers, correlation in cases:
        shares = {
            f"{rule}: {title}": (FEWER - counts[rule] if apart > 0 else counts[rule]) / FEWER
            for (apart, title), counts in zip(counted.items(), found, strict=False)
            for rule in (*MARGINS, HIGHER)
        }
        rows.append(
            {
                "base rate": f"{rate:.0%}",
                "leavers": leavers,
                "correlation": correlation,
                **{key: f"{shares[key]:.0%}" for key in sorted(shares, key=rank_rule)},
            }
        )
        figures[f"{rate:g}/{leavers}/{correlation:g}"] = shares
    low, high = measure_interval(FEWER // 2, FEWER)
    about = (
        f"Retrains promoted by the AUC rule alone, {FEWER:,} for each number, one row a person; "
        f"the 95 % intervals reach {(high - low) / 2:.1%} to either side at most. The gate's "
        f"margin is {AUC_MARGIN:g}, and it judges from {FEWEST_LEAVERS} leavers."
    )
    return Section("Which margin, and how many leavers", about, rows), {"margins": figures}


def rank_rule(title: str) -> int:
    """The place of a column by its rule: the margins, then the higher AUC."""
    return [*MARGINS, HIGHER].index(title.partition(":")[0])


def add_up(
    work: Callable[[Task], Counter[str]], cells: Sequence[Cell], tries: int, what: str
) -> list[Counter[str]]:
    """The counts of each cell over `tries` comparisons."""
    batches = range(0, tries, BATCH)
    results = run_all(work, [(cell, first) for cell in cells for first in batches], what)
    size = len(batches)
    return [sum(results[at * size : (at + 1) * size], Counter()) for at in range(len(cells))]


def make_figure(hits: int, tries: int) -> dict[str, float]:
    """A share with its 95 % interval."""
    low, high = measure_interval(hits, tries)
    return {"rate": round(hits / tries, 4), "low": round(low, 4), "high": round(high, 4)}


def main() -> None:
    """Measure everything and publish it: one page, one line of figures."""
    measured = (
        measure_promotions(repeated=False),
        measure_promotions(repeated=True),
        measure_loss_rules(),
        measure_margins(),
        measure_retrains(),
    )
    figures: dict[str, object] = {"repetitions": REPETITIONS}
    for _, found in measured:
        figures |= found
    publish(
        "gate", "Champion against challenger, measured", [part for part, _ in measured], figures
    )


if __name__ == "__main__":
    main()
