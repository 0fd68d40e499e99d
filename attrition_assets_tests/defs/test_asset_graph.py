"""The asset graph, drawn once: what stands upstream of what, and which checks hold it."""

from dagster import AssetKey, Definitions

from attrition_assets.definitions import defs

UPSTREAM = {
    "employee_snapshot": set(),
    "reference_data": {"employee_snapshot"},
    "model": {"reference_data"},
    "champion": {"model"},
    "images": {"model"},
    "predictions": {"employee_snapshot", "champion"},
    "drift_report": {"employee_snapshot", "predictions"},
    "monthly_summary": {"drift_report", "predictions"},
    "model_card": {"drift_report", "monthly_summary"},
    "monthly_metrics": {"employee_snapshot", "predictions", "drift_report"},
}
CHECKS = {
    "employee_snapshot": {
        "contract_holds",
        "one_row_per_employee",
        "dates_match_month",
        "nothing_from_the_future",
        "volume_plausible",
        "not_sent_before",
        "units_unchanged",
        "missing_values_usual",
        "leavers_recorded",
    },
    "reference_data": {
        *("enough_people", "enough_leavers"),
        *("both_outcomes_occur", "features_vary"),
    },
    "model": {
        "better_than_base_rate",
        "calibrated",
        "no_leaking_feature",
        "holds_against_champion",
        "fair_to_groups",
        "flags_like_champion",
        "learned_from_sound_data",
    },
    "images": {"images_in_registry", "images_tried_out"},
    "predictions": {"one_score_per_employee", "probabilities_valid"},
    "drift_report": {
        "no_broken_column",
        "no_feature_drift",
        "no_prediction_drift",
        "no_concept_drift",
        "no_performance_loss",
        "champion_is_recent",
        "retraining_not_needed",
    },
    "monthly_summary": {"summary_complete", "issue_sent"},
    "model_card": {"model_card_is_current"},
    "monthly_metrics": {"metrics_complete"},
}
MONTHLY = {
    *("employee_snapshot", "predictions", "drift_report"),
    *("monthly_summary", "model_card", "monthly_metrics"),
}


def test_the_asset_graph_is_the_loop() -> None:
    graph = defs.resolve_asset_graph()
    drawn = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert drawn == UPSTREAM


def test_the_monthly_assets_and_their_checks_are_partitioned_by_month() -> None:
    graph = defs.resolve_asset_graph()
    partitioned = {
        key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned
    }
    assert partitioned == MONTHLY
    for key in graph.asset_check_keys:
        by_month = graph.get(key).partitions_def is not None
        assert by_month == (key.asset_key.to_user_string() in MONTHLY), key


def test_every_asset_that_can_be_wrong_has_its_checks() -> None:
    graph = defs.resolve_asset_graph()
    checks: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        checks.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    assert checks == CHECKS


def test_drift_and_a_comparison_never_block_and_broken_data_always_does() -> None:
    graph = defs.resolve_asset_graph()
    informing = {key.name for key in graph.asset_check_keys if not graph.get(key).blocking}
    assert informing == CHECKS["drift_report"] | CHECKS["model_card"] | {
        "holds_against_champion",
        "fair_to_groups",
        "flags_like_champion",
        "learned_from_sound_data",
        "issue_sent",
    }


def test_jobs_schedule_and_sensor_are_there_and_running_by_default() -> None:
    Definitions.validate_loadable(defs)
    jobs = {
        name: {
            key.to_user_string()
            for key in defs.resolve_job_def(name).asset_layer.selected_asset_keys
        }
        for name in ("monthly", "retraining")
    }
    assert jobs == {"monthly": MONTHLY, "retraining": {"reference_data", "model", "images"}}
    assert [node.name for node in defs.resolve_job_def("promotion").nodes] == ["move_champion"]
    assert defs.resolve_sensor_def("retrain_on_drift").default_status.value == "RUNNING"
    assert defs.resolve_asset_graph().get(AssetKey("champion")).is_external
