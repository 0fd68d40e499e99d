"""`attrition doctor`: what is checked, in order, each with what it needs and its remedy.

Nothing is mended or made: a check reads, compares and answers. `docs/troubleshooting.md` has a
section for each.
"""

from attrition_assets.doctor import setup_checks, state_checks
from attrition_assets.doctor.examination import Check
from attrition_assets.doctor.subject import Subject

CHECKS: tuple[Check[Subject], ...] = (
    Check(
        "Python", setup_checks.check_python, "make a fresh `.venv`: `make clean`, then `make setup`"
    ),
    Check(
        "dependencies", setup_checks.check_dependencies, "install what the lock names: `make setup`"
    ),
    Check("settings", setup_checks.check_settings, "correct or unset the variable that is named"),
    Check(
        "contract",
        setup_checks.check_contract,
        "correct the file, or unset ATTRITION_CONTRACT to use the shipped one",
        needs=("settings",),
    ),
    Check(
        "policy",
        setup_checks.check_policy,
        "correct the file, or move it away for the defaults",
        needs=("contract",),
    ),
    Check(
        "home",
        setup_checks.check_home,
        "make it with `make demo` or `attrition run MONTH`, or set ATTRITION_HOME",
        needs=("settings",),
    ),
    Check(
        "snapshots",
        setup_checks.check_data,
        "put the months there, or correct ATTRITION_DATA (ATTRITION_DATABASE for a database)",
        needs=("contract",),
    ),
    Check(
        "departures",
        setup_checks.check_departures,
        "correct or add what says who left",
        needs=("snapshots",),
    ),
    Check(
        "prediction table",
        setup_checks.check_prediction_table,
        "correct ATTRITION_DATABASE, ATTRITION_PREDICTIONS_TO or the table",
        needs=("contract",),
    ),
    Check(
        "engine",
        setup_checks.check_engine,
        "correct ATTRITION_ENGINE, or install what it names; unset, it is DuckDB",
        needs=("settings",),
    ),
    Check(
        "images",
        setup_checks.check_images,
        "start Docker, or sign in to the registry; or set ATTRITION_IMAGES=none",
        needs=("settings",),
    ),
    Check(
        "months",
        state_checks.check_months,
        "run the months that are named: `attrition run MONTH`",
        needs=("contract", "home"),
    ),
    Check(
        "drift reports",
        state_checks.check_reports,
        "move away each file that is named, then run those months, the oldest first: `attrition "
        "run MONTH`; an acknowledgement is given again",
        needs=("home",),
    ),
    Check(
        "Dagster's storage",
        state_checks.check_dagster,
        "wait for the process that holds the file, or end it (`fuser -v FILE` names it)",
        needs=("home",),
    ),
    Check(
        "MLflow",
        state_checks.check_mlflow,
        "start it with `make ui`, or correct ATTRITION_MLFLOW_URI",
        needs=("contract", "home"),
    ),
    Check(
        "champion",
        state_checks.check_champion,
        "restore its file, or make another version champion: `attrition promote --version N`; the "
        "first is trained by `attrition retrain --reason TEXT`",
        needs=("MLflow",),
    ),
    Check(
        "champion's reference data",
        state_checks.check_baseline,
        "restore the file, or train and promote another version: `attrition retrain`",
        needs=("champion",),
    ),
    Check(
        "Dagster's record of the champion",
        state_checks.check_record,
        "attrition promote --version N --reason TEXT",
        needs=("Dagster's storage", "champion"),
    ),
    Check(
        "decision log",
        state_checks.check_decisions,
        "restore decisions.jsonl and decisions.seal.json from a backup",
        needs=("home",),
    ),
    Check(
        "scoring",
        state_checks.check_scoring,
        "let it go on with `attrition resume --reason TEXT`",
        needs=("home",),
    ),
    Check(
        "last month judged",
        state_checks.check_success,
        "`attrition status` says what is blocked, and the next thing to do",
        needs=("Dagster's storage",),
    ),
    Check(
        "issues",
        state_checks.check_issues,
        "correct what is named; `send_issues`, or the next month, then sends them",
        needs=("home",),
    ),
    Check(
        "daemon",
        state_checks.check_daemon,
        "start it with `make ui`; months can be run without it: `attrition run MONTH`",
        needs=("Dagster's storage",),
    ),
    Check(
        "schedule and sensors",
        state_checks.check_automation,
        "switch it on under Automation in Dagster's UI (`make ui`); a failed tick's log is there",
        needs=("Dagster's storage", "policy"),
    ),
    Check(
        "runs in progress",
        state_checks.check_runs,
        "its process died: start a daemon (`make ui`), which ends it, or terminate it in the UI "
        "(one that is NOT_STARTED: `dagster run delete RUN_ID`); then run its month again",
        needs=("Dagster's storage",),
    ),
)
