"""Checks of what a person set up: the program, its settings, the home, the data that is sent."""

import sys

import pandas as pd

from attrition_assets.adapters.containers import Engine
from attrition_assets.adapters.database import Database
from attrition_assets.adapters.prediction_table import PredictionTable
from attrition_assets.adapters.storage import LEAST_FREE_MB, free_megabytes, require_room
from attrition_assets.doctor.examination import Answer, not_yet, well, wrong
from attrition_assets.doctor.subject import Subject
from attrition_assets.errors import FairnessError
from attrition_assets.governance.fairness_policy import read_fairness_policy
from attrition_assets.governance.groups import check_edges
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.policy_file import POLICY_FILE
from attrition_assets.settings import PREFIX
from attrition_assets.training.policy import read_training_policy

DISTRIBUTION = "attrition-assets"
BEGIN = (
    "`make demo` walks an example; for months of your own set ATTRITION_DATA, then `attrition run "
    "MONTH` for each, then `attrition retrain --reason TEXT`"
)


def check_python(_: Subject) -> Answer:
    """The interpreter is one that the package accepts."""
    from importlib.metadata import PackageNotFoundError, metadata

    from packaging.specifiers import SpecifierSet

    try:
        accepted = metadata(DISTRIBUTION)["Requires-Python"]
    except PackageNotFoundError:
        return wrong(f"{DISTRIBUTION} is not installed in {sys.prefix}")
    present = ".".join(map(str, sys.version_info[:3]))
    if present not in SpecifierSet(accepted):
        return wrong(f"{present} in {sys.prefix}; accepted is {accepted}")
    return well(f"{present}, accepted is {accepted}")


def check_dependencies(_: Subject) -> Answer:
    """Each package that `pyproject.toml` names is there, at an accepted version."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    faults = []
    for each in needed:
        try:
            present = version(each.name)
        except PackageNotFoundError:
            present = "absent"
        if present == "absent" or present not in each.specifier:
            faults.append(f"{each.name} is {present}, accepted is {each.specifier or 'any'}")
    return wrong("; ".join(faults)) if faults else well(f"{len(needed)} at accepted versions")


def check_settings(subject: Subject) -> Answer:
    """Every ATTRITION_ variable is known and its value accepted."""
    settings = subject.settings
    data = settings.data if settings.snapshots_from is None else "out of a database"
    given = sorted(name for name in subject.environment if name.startswith(PREFIX))
    return well(
        f"home {settings.home}, data {data}, MLflow {settings.mlflow_uri}; "
        f"{', '.join(given) or 'none'} set"
    )


def check_contract(subject: Subject) -> Answer:
    """The contract's file can be read."""
    contract = subject.contract
    return well(f"{contract.name}, {len(contract.columns)} columns, {subject.settings.contract}")


def check_policy(subject: Subject) -> Answer:
    """The file beside the contract that sets the limits, if any, can be read and fits it."""
    path = subject.settings.contract.with_name(POLICY_FILE)
    policy = read_policy(subject.settings.contract)
    fairness = read_fairness_policy(subject.settings.contract)
    training = read_training_policy(subject.settings.contract)
    try:
        check_edges(fairness.edges, subject.contract)
    except FairnessError as error:
        return wrong(f"{path} does not fit the contract: its section 'fairness': {error}")
    source = path if path.is_file() else f"the defaults, since there is no {path}"
    return well(
        f"retrains on {', '.join(policy.retrain_on) or 'nothing'}; "
        f"flags: {training.flag_rule}; a flag is {fairness.flag_means}; {source}"
    )


def check_home(subject: Subject) -> Answer:
    """State can be written, and there is room for a month."""
    home = subject.settings.home
    if home.exists():
        require_room(home)
        return well(f"{home} can be written, {free_megabytes(home)} MB free")
    if (free := free_megabytes(home)) < LEAST_FREE_MB:
        return wrong(f"the disk for {home} has {free} MB free; a month needs {LEAST_FREE_MB}")
    return not_yet(f"{home} is not there, {free} MB are free for it", BEGIN)


def check_data(subject: Subject) -> Answer:
    """There are months to read, each in its own file, and none is left out between them."""
    months, place = subject.source.months(), subject.source.place
    if not months:
        return wrong(f"{place} holds no snapshot")
    missing = sorted(set(pd.period_range(months[0], months[-1], freq="M")) - set(months))
    if missing:
        return wrong(f"{place} lacks {', '.join(map(str, missing))}")
    return well(f"{len(months)} months, {months[0]} to {months[-1]}, in {place}")


def check_departures(subject: Subject) -> Answer:
    """Who left can be read, from its own table or from the snapshots' label."""
    newest = subject.source.months()[-1]
    departures = subject.source.departures(known_by=newest)
    if departures is not None:
        return well(f"{len(departures)} by {newest}")
    label = subject.contract.label
    if label not in subject.source.fetch(newest).columns:
        return wrong(
            f"there is no {subject.source.departures_place}, and {newest} has no column {label}"
        )
    return well(f"each snapshot carries them, in {label}")


def check_images(subject: Subject) -> Answer:
    """Docker answers, and the registry that images are pushed to, where any are asked for."""
    asked, registry = subject.settings.images, subject.settings.image_registry
    if asked == "none":
        return well("none are asked for")
    engine = Engine(registry)
    engine.require()
    if registry:
        engine.digest(engine.name("api", "champion"))
        return well(
            f"Docker answers, {registry} can be asked; whether it takes a push is not tried"
        )
    return well("Docker answers")


def check_engine(subject: Subject) -> Answer:
    """The engine of large tables is there, if one is named, and answers as this machine does."""
    from attrition_assets.adapters.engine import TableEngine
    from attrition_assets.adapters.engine_url import DUCKDB

    url = subject.settings.engine
    if url.get_secret_value() == DUCKDB:
        return well("DuckDB, in the process that needs it")
    engine = TableEngine(url)
    try:
        engine.open()
    finally:
        engine.close()
    return well(f"{engine.name} answers as this machine does")


def check_prediction_table(subject: Subject) -> Answer:
    """Predictions can be written back, if a table is named: it keeps rows apart, or can be made."""
    settings = subject.settings
    if settings.database is None or settings.predictions_to is None:
        return well("predictions stay in the home: no table is named")
    database = Database(settings.database)
    table = PredictionTable(database, subject.contract, settings.predictions_to)
    return well(f"{table.place} {'is there' if table.check() else 'is made when first written to'}")
