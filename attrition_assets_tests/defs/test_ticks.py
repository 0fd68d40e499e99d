"""A tick of each sensor in a fresh process, as the daemon's code server makes it."""

import json
import subprocess
import sys

from attrition_assets.settings import PROJECT_ROOT
from attrition_assets_tests.processes import environment

from .conftest import Walked

HEAVY = ("mlflow", "evidently", "optuna", "matplotlib", "pandera", "skops", "shap", "fairlearn")
TICK = """
import json, sys
from dagster import DagsterInstance, build_sensor_context
from attrition_assets.definitions import defs

said = {}
with DagsterInstance.get() as instance:
    for sensor in defs.sensors:
        resources = {name: defs.resources[name] for name in sensor.required_resource_keys}
        context = build_sensor_context(instance=instance, definitions=defs, resources=resources)
        said[sensor.name] = sensor.evaluate_tick(context).skip_message
print(json.dumps({"said": said, "modules": [name for name in sys.modules if "." not in name]}))
"""


def test_a_tick_reads_what_is_on_record_and_imports_nothing_heavy(walked: Walked) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TICK],
        env=environment(walked.settings),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert "retraining is not needed" in found["said"]["retrain_on_drift"]
    assert "summarize_news" in found["said"]
    assert set(HEAVY) & set(found["modules"]) == set()
