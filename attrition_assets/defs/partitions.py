"""The partitions: one a month, named by its first day, from the first month of the settings."""

import warnings

from dagster import MonthlyPartitionsDefinition, PreviewWarning

from attrition_assets.months import partition_key
from attrition_assets.settings import load_settings

# Checks by partition are in preview in Dagster 1.13, to which the project is pinned: drop this
# line, and the pin, once they are stable.
warnings.filterwarnings("ignore", category=PreviewWarning, message=".*partitions_def.*")

MONTHS = MonthlyPartitionsDefinition(start_date=partition_key(load_settings().start))
