"""How often this project's detector and other tools see a planted drift, on the same draws.

Every draw splits strangers off one table, twice; scenarios are planted in the second. Power
compares at about 5 % of false alarms: each tool that has a score gets the threshold that 5 % of
calibration draws, in which nothing changed, pass. Tools that have only a verdict keep it.

    python scripts/bench_drift_peers.py ../shared/data/ibm_hr_attrition.csv \\
        --nannyml .venv-peers/bin/python
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from benchmarks import QUICK, Section, publish
from drift_draws import draw_strangers, read_people
from drift_peers import ALPHA, ASKED, Answers, Tables, ask_nannyml

from attrition_assets.contract import Contract, read_contract
from attrition_assets.simulation.held_out import HELD_OUT
from attrition_assets.simulation.scenarios import BENCHMARK, plant_scenario

REFERENCE_ROWS, CURRENT_ROWS = 1_000, 400
CALM = "nothing changed"
CALIBRATION, FIRST_CALIBRATION_SEED = "calibration", 1_000_000
HEADINGS = {
    "ours": "ours",
    "evidently_preset": "Evidently preset",
    "evidently_p": "Evidently tests, any",
    "evidently_distance": "Evidently distances, any",
    "bonferroni": "Bonferroni",
    "domain_classifier": "domain classifier",
    "nannyml_ks": "NannyML KS, any",
    "nannyml_js": "NannyML JS, any",
    "nannyml_pca": "NannyML PCA",
}

Cases = tuple[tuple[str, str, float], ...]
Draws = dict[tuple[str, int], Callable[[], Tables]]


def draw_tables(table: pd.DataFrame, case: tuple[str, float] | None, seed: int) -> Tables:
    """A reference and a current table, in which the scenario and size of `case` are planted."""
    reference, current = draw_strangers(table, REFERENCE_ROWS, CURRENT_ROWS, seed)
    if case:
        current = plant_scenario(current, *case, seed=seed)
    return reference, current


def list_draws(table: pd.DataFrame, cases: Cases, calibrations: int, repetitions: int) -> Draws:
    """How to make each draw, by its title and seed; a scenario's seeds are those of the others."""
    draws: Draws = {
        (CALIBRATION, seed): partial(draw_tables, table, None, seed)
        for seed in range(FIRST_CALIBRATION_SEED, FIRST_CALIBRATION_SEED + calibrations)
    }
    for seed in range(repetitions):
        draws[CALM, seed] = partial(draw_tables, table, None, seed)
        for title, name, size in cases:
            draws[title, seed] = partial(draw_tables, table, (name, size), seed)
    return draws


def ask_all(draws: Draws, contract: Contract, nannyml: Path | None) -> pd.DataFrame:
    """Every tool's answer to every draw: columns `title`, `tool`, `alarm` and `score`."""
    answers: dict[tuple[str, int], Answers] = {}
    for number, (key, draw) in enumerate(draws.items(), start=1):
        tables = draw()
        answers[key] = {}
        for ask in ASKED:
            answers[key] |= ask(*tables, contract)
        print(f"\rdraw {number} of {len(draws)}", end="", flush=True)
    print()
    if nannyml:
        named = {f"{title}-{seed}": draw for (title, seed), draw in draws.items()}
        theirs = ask_nannyml(named, nannyml, contract)
        for title, seed in draws:
            answers[title, seed] |= theirs[f"{title}-{seed}"]
    return pd.DataFrame(
        [
            {"title": title, "tool": tool, "alarm": answer.alarm, "score": answer.score}
            for (title, _), given in answers.items()
            for tool, answer in given.items()
        ]
    ).astype({"score": float})


def calibrate(answers: pd.DataFrame) -> pd.Series:
    """The alarm of each answer at about 5 % of false alarms: its own where there is no score."""
    calm = answers[answers["title"] == CALIBRATION].groupby("tool")["score"]
    threshold = calm.quantile(1 - ALPHA, interpolation="lower")
    passes = answers["score"] > answers["tool"].map(threshold)
    return answers["alarm"].where(answers["score"].isna(), passes)


def share_alarms(answers: pd.DataFrame, alarm: pd.Series) -> pd.DataFrame:
    """The share of draws with an alarm: a row for each title, a column for each tool."""
    shares = answers.assign(alarm=alarm.astype(float)).pivot_table(
        index="title", columns="tool", values="alarm", aggfunc="mean", sort=False
    )
    return shares[[tool for tool in HEADINGS if tool in shares]]


def list_rows(shares: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of the published table, in percent."""
    return [
        {"draws": title}
        | {HEADINGS[str(tool)]: f"{100 * share:.0f}" for tool, share in row.items()}
        for title, row in shares.iterrows()
    ]


def main() -> None:
    """Ask every tool about every draw and publish the shares of alarms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="a table in the contract's schema")
    parser.add_argument("--repetitions", type=int, default=30, help="draws of each scenario")
    parser.add_argument("--calibrations", type=int, default=200, help="draws without any change")
    parser.add_argument("--nannyml", type=Path, help="the Python that has NannyML; else left out")
    parser.add_argument("--held-out", action="store_true", help="plant what is held out, too")
    options = parser.parse_args()
    calibrations, repetitions = options.calibrations, options.repetitions
    if QUICK:
        calibrations, repetitions = 20, 2
    held_out = HELD_OUT if options.held_out else ()
    contract = read_contract()
    draws = list_draws(
        read_people(options.table, contract), (*BENCHMARK, *held_out), calibrations, repetitions
    )
    answers = ask_all(draws, contract, options.nannyml)
    default = share_alarms(answers, answers["alarm"]).loc[[CALIBRATION]]
    power = share_alarms(answers, calibrate(answers)).drop(index=CALIBRATION)
    means = pd.DataFrame(
        {
            f"mean of the {len(cases)}{what}": power.loc[[title for title, _, _ in cases]].mean()
            for what, cases in (("", BENCHMARK), (" held out", held_out))
            if cases
        }
    ).T
    margin, widest = (
        1.96 * (share * (1 - share) / count) ** 0.5
        for share, count in ((ALPHA, calibrations), (0.5, repetitions))
    )
    about = (
        f"{options.table.name}: {REFERENCE_ROWS:,} reference and {CURRENT_ROWS} current rows, "
        f"nobody in both; {repetitions} draws of each scenario, the same for every tool. The first "
        f"row is false alarms at each tool's defaults, over {calibrations} draws in which nothing "
        "changed; in all others the threshold is put where 5 % of those draws pass it, except for "
        "ours and Evidently's preset, which keep their verdicts. By chance, 5 % of "
        f"{calibrations} draws is off by up to {margin:.1%} and half of {repetitions} by up to "
        f"{widest:.0%} (95 %); the draws split the same rows, so they are not wholly independent."
    )
    rows = list_rows(
        pd.concat([default.rename(index={CALIBRATION: f"{CALM}, at defaults"}), power, means])
    )
    publish(
        "drift-peers",
        "Power of drift detectors, in percent of draws",
        [Section("", about, rows)],
        {
            "repetitions": repetitions,
            "calibrations": calibrations,
            "false_alarms": default.loc[CALIBRATION].round(4).to_dict(),
            "false_alarms_calibrated": power.loc[CALM].round(4).to_dict(),
            "power_mean": means.iloc[0].round(4).to_dict(),
            **({"power_mean_held_out": means.iloc[1].round(4).to_dict()} if held_out else {}),
            "power": power.drop(index=CALM).round(4).to_dict(orient="index"),
        },
    )


if __name__ == "__main__":
    main()
