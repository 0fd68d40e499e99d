"""The partitions: one a month, named by its first day, from the first month of the settings.

Where ATTRITION_UNITS names business units, what is of a month is partitioned by both, and what is
of none by unit. How the keys are made is in `partition_keys.py`.
"""

import warnings

from dagster import (
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    PreviewWarning,
    StaticPartitionsDefinition,
)

from attrition_assets.months import partition_key
from attrition_assets.settings import load_settings

# Checks by partition are in preview in Dagster 1.13, to which the project is pinned: drop this
# line, and the pin, once they are stable.
warnings.filterwarnings("ignore", category=PreviewWarning, message=".*partitions_def.*")

_settings = load_settings()
CALENDAR = MonthlyPartitionsDefinition(start_date=partition_key(_settings.start))
UNITS = StaticPartitionsDefinition(_settings.units) if _settings.units else None
MONTHS: PartitionsDefinition = (
    MultiPartitionsDefinition({"month": CALENDAR, "unit": UNITS}) if UNITS else CALENDAR
)
