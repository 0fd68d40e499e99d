"""Promote a model: the challenger, or `--model-version V` or `--run-id R`; `attrition promote`.

Shows the evidence, refuses what it speaks against without `--override --reason TEXT`, and puts who
and why on record.
"""

import sys

from attrition_assets.cli import main

if __name__ == "__main__":
    main(["promote", *sys.argv[1:]])
