"""Which metrics there are, and the schema of the table that holds them, a row a value.

`docs/metrics.md` shows both. How the values come about is for `metrics` and what it calls.
"""

from enum import StrEnum

from attrition_assets.values import Value


class Area(StrEnum):
    """What a metric is about."""

    DATA = "data_quality"
    MODEL = "performance"
    OPERATIONS = "operations"


class TableField(Value):
    """A column of the table: its dtype in pandas, whether it may be missing, what it means."""

    name: str
    dtype: str
    nullable: bool
    meaning: str


class Metric(Value):
    """A metric: its unit, what its subject is (none if it has one value a month), its meaning.

    `always`: every judged month has it. Others are left out where they are unknown or would rest on
    too few people.
    """

    name: str
    area: Area
    unit: str
    meaning: str
    subject: str = ""
    always: bool = False


def _field(name: str, dtype: str, meaning: str, *, nullable: bool = False) -> TableField:
    return TableField(name=name, dtype=dtype, nullable=nullable, meaning=meaning)


def _data(name: str, unit: str, meaning: str, subject: str = "", *, always: bool = False) -> Metric:
    return Metric(
        name=name, area=Area.DATA, unit=unit, meaning=meaning, subject=subject, always=always
    )


def _model(
    name: str, unit: str, meaning: str, subject: str = "", *, always: bool = False
) -> Metric:
    return Metric(
        name=name, area=Area.MODEL, unit=unit, meaning=meaning, subject=subject, always=always
    )


def _run(name: str, unit: str, meaning: str, subject: str = "", *, always: bool = False) -> Metric:
    return Metric(
        name=name, area=Area.OPERATIONS, unit=unit, meaning=meaning, subject=subject, always=always
    )


FIELDS = (
    _field("month", "object", "the month, as 2026-01"),
    _field("area", "object", "data_quality, performance or operations"),
    _field("metric", "object", "one of the metrics below"),
    _field("subject", "object", "what of the month it is of; empty where it is of all of it"),
    _field("value", "float64", "the value; what is unknown has no row"),
    _field("unit", "object", "the unit of the value"),
    _field("champion_version", "int64", "the version that scored the month"),
    _field("snapshot_version", "int64", "which version of the month's snapshot, from 1"),
    _field("people", "Int64", "how many people the value rests on", nullable=True),
)

METRICS = (
    _data("rows", "people", "people in the snapshot", always=True),
    _data("rows_ratio", "ratio", "rows over those of the former accepted month"),
    _data("former_month_gap", "months", "months since the former accepted month"),
    _data("joiners", "people", "people whom the former accepted month does not hold"),
    _data("leavers", "people", "people of the former accepted month who are gone"),
    _data("people_missing_share", "share", "people with any value missing", always=True),
    _data(
        "missing_patterns", "patterns", "distinct sets of columns that miss together", always=True
    ),
    _data(
        "missing_pattern_share", "share", "people who miss these columns and no others", "pattern"
    ),
    _data("missing_share", "share", "people without a value in the column", "column", always=True),
    _data("column_mean", "the column's", "mean of a number", "column"),
    _data("column_sd", "the column's", "standard deviation of a number", "column"),
    _data("column_p05", "the column's", "the number that 5 % are below", "column"),
    _data("column_p50", "the column's", "the median of a number", "column"),
    _data("column_p95", "the column's", "the number that 5 % are above", "column"),
    _data("level_share", "share", "people with the level, of those with a value", "column=level"),
    _data("faults", "faults", "faults of columns that the drift report found"),
    _data("fault_share", "share", "people whom a fault is about", "column=fault"),
    _data("refused_files", "files", "files of the month that were refused", always=True),
    _data("waived_checks", "checks", "checks of its file that a person vouched for", always=True),
    _model("scored_people", "people", "people who were scored", always=True),
    _model("flagged_share", "share", "people at or above the version's threshold"),
    _model("mean_probability", "probability", "mean probability of leaving"),
    _model("prediction_drift_score", "KS distance", "of the scores from those of the baseline"),
    _model("prediction_drift_p_value", "p-value", "of the prediction drift score"),
    _model("feature_drift_p_value", "p-value", "of all evidence of feature drift together"),
    _model("tested_features", "columns", "columns that could be tested for drift"),
    _model("drifted_features", "columns", "columns that drifted"),
    _model("drifted_feature_share", "share", "drifted columns over tested columns"),
    _model("column_drift_effect", "distance", "KS or total variation from the baseline", "column"),
    _model("column_drift_p_value", "p-value", "the smallest adjusted one of the column", "column"),
    _model("concept_drift_p_value", "p-value", "the smallest one of its windows of outcomes"),
    _model(
        "champion_age_months", "months", "from the version's training to the month", always=True
    ),
    _model("labelled_people", "people", "rows with a known outcome, which the next ones rest on"),
    _model("labelled_leavers", "people", "those of them who left"),
    _model(
        "labelled_people_of", "people", "labelled people by the month they were seen in", "month"
    ),
    _model("auc", "AUC", "how well leavers rank above those who stayed"),
    _model("auc_promised", "AUC", "the same, out of fold, when the version was trained"),
    _model("precision", "share", "flagged people who left"),
    _model("recall", "share", "leavers who were flagged"),
    _model("log_loss", "nats", "mean log-loss"),
    _model("brier", "squared probability", "mean squared error of the probabilities"),
    _model("performance_p_value", "p-value", "one-sided, of an AUC lower than promised"),
    _model("importance", "log-odds", "mean absolute contribution to the score", "feature"),
    _model("importance_stability", "correlation", "Spearman's, of importance now and at training"),
    _run("asset_seconds", "seconds", "time that the asset took when it was last made", "asset"),
    _run("processing_seconds", "seconds", "those assets together"),
    _run("run_seconds", "seconds", "from the start of the run to this table"),
    _run("runs", "runs", "runs of the month that ended, and this one", always=True),
    _run("failed_runs", "runs", "those that failed or were canceled", always=True),
    _run("error_rate", "share", "failed runs over runs", always=True),
    _run("checks", "checks", "checks of those assets that were evaluated", always=True),
    _run("failed_checks", "checks", "those that failed, whether they block or not", always=True),
    _run("check_failed", "0 or 1", "1 if the check failed", "check"),
)
BY_NAME = {metric.name: metric for metric in METRICS}
