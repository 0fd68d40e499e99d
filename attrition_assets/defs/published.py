"""`published_predictions`: a month's predictions in the company's database, where one is named."""

import pandas as pd
from dagster import AssetExecutionContext, MaterializeResult, ResourceParam, asset

from attrition_assets.adapters.prediction_table import PredictionTable
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS


@asset(partitions_def=MONTHS, group_name="attrition", kinds={"sql"})
def published_predictions(
    context: AssetExecutionContext,
    predictions: pd.DataFrame,
    prediction_table: ResourceParam[PredictionTable],
) -> MaterializeResult[None]:
    """The predictions in the database, once for each version of the month and of the model.

    Written after their checks have passed, all rows in one transaction.
    """
    month = read_key_month(context.partition_key)
    written = prediction_table.write(predictions, month)
    if not written:
        context.log.info(f"the rows of {month} stand in {prediction_table.place} already")
    return MaterializeResult(
        metadata={
            "table": prediction_table.place,
            "rows": len(predictions),
            "written_now": written,
        }
    )
