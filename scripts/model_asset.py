"""CPU seconds of the real `model` asset, as Dagster's own command materializes it. For bench_model.

The shipped company's first months are checked and stored and become reference data beforehand.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import measure_cpu
from dagster import DagsterInstance

from attrition_assets.defs.retraining import retraining_config
from attrition_assets.defs.runs import explain_failure
from attrition_assets.demo import Loop, prepare_home
from attrition_assets.settings import PREFIX, Settings


def measure_asset() -> tuple[float, float]:
    """CPU seconds of the first model of a home, and of the next, beside a champion.

    Each is a process of its own, its imports included; the first makes MLflow's database too.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _make_reference(home)
        return _materialize(home), _materialize(home)


def _make_reference(home: Path) -> None:
    settings = Settings.from_environment({f"{PREFIX}HOME": str(home)})
    prepare_home(home)
    loop = Loop(settings, print)
    history, as_of, _ = loop.plan()
    with DagsterInstance.from_config(str(home)) as instance:
        results = [
            loop.run(instance, "monthly", month, assets=["employee_snapshot"]) for month in history
        ]
        config = retraining_config(as_of)
        results.append(
            loop.run(instance, "retraining", assets=["reference_data"], run_config=config)
        )
        for result in results:
            if not result.success:
                raise SystemExit(explain_failure(instance, result.run_id))


def _materialize(home: Path) -> float:
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    command = [
        *(sys.executable, "-m", "dagster", "asset", "materialize"),
        *("-m", "attrition_assets.definitions", "--select", "model"),
    ]

    def run() -> None:
        done = subprocess.run(
            command,
            env={**own, "DAGSTER_HOME": str(home), f"{PREFIX}HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"materializing model failed:\n{done.stdout}\n{done.stderr}")

    return measure_cpu(run)
