"""A process that takes part in a shared search: `python -m ... NAME TRIALS FOLDER OTHERS`.

Its database's URL is a line of its input. In its first trial it makes the file NAME in the folder
and waits there for those of OTHERS, so that all are at a trial at once. It prints a line of JSON
for each trial and, in the end, one of what it found.
"""

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from attrition_assets.training.families import Family, Params
from attrition_assets.training.study import StudyPlace, search_params
from attrition_assets_tests.processes import wait_until


def main(name: str, trials: str, folder: str, *others: str) -> None:
    url = SecretStr(sys.stdin.readline().strip())

    def measure(params: Params) -> float:
        """Another number for each, the higher the more regular a model is."""
        Path(folder, name).touch()
        wait_until(lambda: all(Path(folder, each).exists() for each in others), "others", 0.01)
        loss = float(params.get("C", params.get("learning_rate", 0)))
        print(json.dumps({"params": params, "loss": loss}), flush=True)
        return loss

    found = search_params(
        measure,
        trials=int(trials),
        families=tuple(Family),
        first={"family": "logistic", "C": 0.2},
        place=StudyPlace("a", url, "the database", shared=True),
        seconds=None,
        seed=0,
        report=lambda line: None,
    )
    print(json.dumps({"trials": found.trials, "reproducible": found.reproducible}))


if __name__ == "__main__":
    main(*sys.argv[1:])
