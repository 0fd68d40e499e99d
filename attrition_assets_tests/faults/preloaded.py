"""What the processes of the suite are forked from has imported: all that a command imports.

Not `attrition_assets.definitions`: it reads the environment as it is imported.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of libraries, about themselves
    import dagster_mlflow.resources  # noqa: F401
    import evidently.presets  # noqa: F401
    import fairlearn.metrics  # noqa: F401
    import github  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import mlflow.sklearn  # noqa: F401
    import optuna  # noqa: F401
    import shap  # noqa: F401
    import skops.io  # noqa: F401

import attrition_assets.cli
import attrition_assets.defs.automation
import attrition_assets.defs.drift_checks
import attrition_assets.defs.model_card
import attrition_assets.defs.promotion_job
import attrition_assets.defs.published
import attrition_assets.defs.resources
import attrition_assets.status  # noqa: F401
