"""`python -m attrition_assets.serving API`: one API, or the pages, as an image runs it.

The command `attrition serve` does more and loads Dagster, which these images lack. It listens on
all addresses of its container, so keys are always asked for.
"""

import argparse

from attrition_assets.serving.run import BUILDERS, run_api
from attrition_assets.settings import load_settings
from attrition_assets.ui import PORTS

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m attrition_assets.serving")
    parser.add_argument("api", choices=list(BUILDERS))
    parser.add_argument("--unit", help="of which business unit, where there are some")
    given = parser.parse_args()
    api: str = given.api
    run_api(api, load_settings().choose_unit(given.unit), "0.0.0.0", PORTS[api], guarded=True)
