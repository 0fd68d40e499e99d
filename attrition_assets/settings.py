"""The settings, and the only reader of the environment.

What belongs to a table is in its contract; what decides on drift is in the monitoring policy.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from attrition_assets.adapters.database import TABLE_NAME, check_source, parse_url
from attrition_assets.adapters.engine_url import DUCKDB, UNIT, check_engine_url, check_tables
from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.errors import DatabaseError, EngineError, SettingsError
from attrition_assets.values import Value

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "ATTRITION_"
PROJECT_ROOT = Path(__file__).parents[1]


def _name_served(home: Path) -> SecretStr:
    """Where answered predictions are stored by default."""
    return SecretStr(f"sqlite:///{home}/serving/predictions.db")


class Settings(Value):
    """Where things are and how much work a retraining may do. Each is ATTRITION_<NAME>."""

    home: Path = Field(description="folder for all state; default DAGSTER_HOME, else .attrition")
    data: Path = Field(description="folder of snapshots; default home/data, else the shipped data")
    database: SecretStr | None = Field(
        None, description="SQLAlchemy URL of your database; never shown; default none"
    )
    snapshots_from: str | None = Field(
        None, description="table or SELECT of snapshots in the database, in place of the folder"
    )
    departures_from: str | None = Field(
        None, description="table or SELECT of departures in the database; default the label"
    )
    predictions_to: str | None = Field(
        None, description="table in the database that predictions are written to; default none"
    )
    engine: SecretStr = Field(
        SecretStr(DUCKDB),
        description="URL of the engine of tables too large for memory; never shown; duckdb://, "
        "Spark's master such as spark://host:7077, or postgresql://; default duckdb://",
    )
    tables: str | None = Field(
        None,
        description="tables of months too large for memory, read by the engine, with {month} in "
        "it, and {unit} if there are units: /warehouse/{month}.parquet, or hr.snapshots_{month}; "
        "default none",
    )
    kept_one_in: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="of such a table the rows of one in so many people are kept; default 1",
    )
    units: tuple[str, ...] = Field(
        (),
        description="business units that are each a company of its own, such as north,south; "
        "default none",
    )
    contract: Path = Field(DEFAULT_CONTRACT, description="the contract file of the snapshots")
    first_month: str = Field("2023-11", description="first month that is a partition, YYYY-MM")
    training_months: int = Field(24, ge=1, description="months of snapshots that train a model")
    trials: int = Field(8, ge=1, description="Optuna trials of a retraining")
    search_seconds: float | None = Field(
        None, gt=0, description="time cap of the search; default none"
    )
    retention_days: int = Field(
        1461,
        ge=183,
        le=36525,  # a hundred years: the calendar does not reach back for ever
        description="days after which `attrition purge` removes what is of a month, 183 to 36525",
    )
    study_database: SecretStr | None = Field(
        None, description="SQLAlchemy URL of a database whose trials several workers share"
    )
    mlflow_uri: str = Field(description="MLflow tracking URI; default a SQLite file under home")
    mlflow_url: str = Field("http://127.0.0.1:5001", description="where people see MLflow")
    dagster_url: str = Field("http://127.0.0.1:3000", description="where people see Dagster")
    reports_url: str = Field("http://127.0.0.1:5002", description="where people see home/reports")
    github_token: SecretStr | None = Field(
        None, description="token for pull requests and issues; never shown; default none: by hand"
    )
    github_repository: str | None = Field(
        None, description="the repository on GitHub, owner/name; goes with the token"
    )
    github_url: str = Field(
        "https://api.github.com",
        description="GitHub's API; an Enterprise server's is https://HOST/api/v3",
    )

    images: Literal["none", "build", "push"] = Field(
        "none",
        description="container images after a retraining: none, build, or push; what is asked for "
        "and cannot be done is an error",
    )
    image_registry: str | None = Field(
        None, description="where images are pushed, such as registry.example/people"
    )
    served_predictions: SecretStr = Field(
        description="SQLAlchemy URL of what the prediction API stores; default a SQLite file"
    )
    store_away: Literal["refuse", "queue"] = Field(
        "refuse", description="while that database is away: refuse requests, or queue on disk"
    )
    pseudonym_key: SecretStr | None = Field(
        None, description="if set, employees' ids are stored as digests made with this key"
    )
    baked_model: Path | None = Field(
        None, description="folder that `attrition bundle` wrote, served until there is a champion"
    )

    prediction_api: str = Field(
        "http://127.0.0.1:8000", description="where the pages find the prediction API"
    )
    drift_api: str = Field(
        "http://127.0.0.1:8001", description="where the pages find the drift API"
    )
    frontend_key: SecretStr | None = Field(
        None, description="API key that the pages send where nobody signs in; default none"
    )

    _unit: str | None = PrivateAttr(None)

    @field_validator("*", mode="before")
    @classmethod
    def _is_given(cls, value: object) -> object:
        if value == "":
            raise ValueError("is empty: give a value, or unset it")
        return value

    @field_validator("units", mode="before")
    @classmethod
    def _are_units(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = tuple(name.strip() for name in value.split(","))
        # Reports of a unit lie beside those of months, and of models.
        wrong = [
            name
            for name in names
            if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in ("models", "issues")
        ]
        if wrong:
            raise ValueError(
                f"{', '.join(map(repr, wrong))}: no name of a unit such as north or plant-2 (a "
                "letter, then lower case, digits, - and _; not models or issues)"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: named twice")
        if len(names) < 2:
            raise ValueError(f"{value!r} is one unit: name two or more, or unset it")
        return names

    @model_validator(mode="after")
    def _shares_nothing_between_units(self) -> Self:
        shared = {
            "ATTRITION_DATABASE": self.database is not None,
            "ATTRITION_GITHUB_TOKEN": self.github_token is not None,
            "ATTRITION_IMAGES": self.images != "none",
            "ATTRITION_BAKED_MODEL": self.baked_model is not None,
            "ATTRITION_SERVED_PREDICTIONS": self.served_predictions != _name_served(self.home),
        }
        named = [name for name, is_set in shared.items() if is_set]
        if self.units and named:
            raise ValueError(
                f"{', '.join(named)}: set for all units at once, which would mix them; unset it, "
                "or ATTRITION_UNITS"
            )
        return self

    @field_validator("first_month")
    @classmethod
    def _is_a_month(cls, value: str) -> str:
        from attrition_assets.months import parse_month  # it loads pandas, which the pages lack

        return str(parse_month(value))

    @field_validator("snapshots_from", "departures_from")
    @classmethod
    def _is_a_source(cls, value: str) -> str:
        try:
            return check_source(value)
        except DatabaseError as error:
            raise ValueError(str(error)) from None

    @field_validator("predictions_to")
    @classmethod
    def _is_a_table(cls, value: str) -> str:
        if not TABLE_NAME.fullmatch(value):
            raise ValueError(f"{value!r} is no name of a table such as hr.predictions")
        return value

    @field_validator("database", "study_database")
    @classmethod
    def _is_a_url(cls, value: SecretStr) -> SecretStr:
        try:
            parse_url(value)
        except DatabaseError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("engine")
    @classmethod
    def _is_an_engine(cls, value: SecretStr) -> SecretStr:
        try:
            check_engine_url(value.get_secret_value())
        except EngineError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _names_tables_of_a_database(self) -> Self:
        named = (self.snapshots_from, self.predictions_to)
        if self.database is None and any((*named, self.departures_from)):
            raise ValueError("tables are named, and ATTRITION_DATABASE is not set: set it")
        if self.database is not None and not any(named):
            raise ValueError(
                "ATTRITION_DATABASE is set, and nothing says what to read or write there: set "
                "ATTRITION_SNAPSHOTS_FROM or ATTRITION_PREDICTIONS_TO"
            )
        if self.departures_from is not None and self.snapshots_from is None:
            raise ValueError("ATTRITION_DEPARTURES_FROM needs ATTRITION_SNAPSHOTS_FROM: set both")
        return self

    @model_validator(mode="after")
    def _names_tables_of_the_engine(self) -> Self:
        if self.tables is None:
            if self.kept_one_in != 1:
                raise ValueError("ATTRITION_KEPT_ONE_IN is of ATTRITION_TABLES: set both")
            return self
        if self.snapshots_from is not None or self.predictions_to is not None:
            raise ValueError(
                "ATTRITION_TABLES are tables that stay where they are; ATTRITION_SNAPSHOTS_FROM "
                "and ATTRITION_PREDICTIONS_TO are of months that fit in memory: unset one"
            )
        try:
            tables = check_tables(self.tables, self.engine.get_secret_value(), self.units)
        except EngineError as error:
            raise ValueError(f"ATTRITION_TABLES: {error}") from None
        return self if tables == self.tables else self.model_copy(update={"tables": tables})

    @field_validator("github_repository")
    @classmethod
    def _is_a_repository(cls, value: str) -> str:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", value, re.ASCII):
            raise ValueError(f"{value!r} is no owner/name, such as company/attrition")
        return value

    @field_validator("github_url", "prediction_api", "drift_api")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^\s/@]+(/[^\s@]*)?", value):
            raise ValueError("is no address such as https://api.github.com")
        return value.rstrip("/")

    @field_validator("image_registry")
    @classmethod
    def _is_a_registry(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", value):
            raise ValueError(
                f"{value!r} is no registry's name, with a path if need be, such as "
                "registry.example/people: no scheme, no tag, lower case"
            )
        return value

    @model_validator(mode="after")
    def _names_a_registry_to_push_to(self) -> Self:
        if (self.images == "push") != (self.image_registry is not None):
            raise ValueError(
                "ATTRITION_IMAGES=push and ATTRITION_IMAGE_REGISTRY go together: set both, or "
                "neither"
            )
        return self

    @model_validator(mode="after")
    def _names_a_repository_of_a_token(self) -> Self:
        if (self.github_token is None) != (self.github_repository is None):
            raise ValueError(
                "ATTRITION_GITHUB_TOKEN and ATTRITION_GITHUB_REPOSITORY go together: set both, or "
                "neither"
            )
        return self

    @field_validator("home", "data", "contract")
    @classmethod
    def _is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings from variables named ATTRITION_....

        A secret may lie in a file that ATTRITION_<NAME>_FILE names, as containers have it.

        Raises SettingsError that names every unknown or malformed variable and lists what is
        accepted.
        """
        variables = {name: PREFIX + name.upper() for name in cls.model_fields}
        secret = [
            variables[name]
            for name, field in cls.model_fields.items()
            if "SecretStr" in str(field.annotation)
        ]
        environment = _read_secrets(secret, environment)
        fields = {variable: name for name, variable in variables.items()}
        given = {
            fields.get(name, name): value
            for name, value in environment.items()
            if name.startswith(PREFIX)
        }
        default_home = environment.get("DAGSTER_HOME") or str(PROJECT_ROOT / ".attrition")
        home = Path(given.setdefault("home", default_home)).expanduser().absolute()
        imported = home / "data"
        given.setdefault("data", str(imported if imported.is_dir() else PROJECT_ROOT / "data"))
        given.setdefault("served_predictions", _name_served(home).get_secret_value())
        given.setdefault("mlflow_uri", f"sqlite:///{home}/mlflow/mlflow.db")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = "\n".join(
                "  "
                + "".join(f"{variables.get(str(name), name)}: " for name in fault["loc"][:1])
                + _explain(fault["type"], fault["msg"])
                for fault in error.errors()
            )
            accepted = "\n".join(
                f"  {variables[name]}: {field.description}"
                for name, field in cls.model_fields.items()
            )
            raise SettingsError(f"settings refused:\n{faults}\naccepted are:\n{accepted}") from None

    @property
    def unit(self) -> str | None:
        """The unit that these are the settings of; None of a company without, or of the group."""
        return self._unit

    @property
    def instance_home(self) -> Path:
        """The home of Dagster's record, which the units share."""
        return self.home if self.unit is None else self.home.parents[1]

    @property
    def import_folder(self) -> Path:
        """Where imported months are written: what `data` is by default once they are."""
        return self.instance_home / "data" / (self.unit or "")

    def of_unit(self, unit: str) -> Self:
        """The settings of one unit: a company of its own, with its own data and state.

        Raises SettingsError, which lists the units, if there is none of that name.
        """
        if unit not in self.units:
            known = ", ".join(self.units)
            raise SettingsError(
                f"no unit {unit!r}: "
                + (
                    f"there are {known}"
                    if known
                    else "ATTRITION_UNITS is not set, so there is none"
                )
            )
        home = self.home / "units" / unit
        of_unit = self.model_copy(
            update={
                "home": home,
                "data": self.data / unit,
                "tables": self.tables and self.tables.replace(UNIT, unit),
                "served_predictions": _name_served(home),
                "reports_url": f"{self.reports_url}/{unit}",
            }
        )
        of_unit._unit = unit
        return of_unit

    def choose_unit(self, unit: str | None) -> Self:
        """The settings of the unit that is named; there must be one where there are units.

        Raises SettingsError, which lists them.
        """
        if unit is None and self.units:
            raise SettingsError(
                f"of which unit? There are {', '.join(self.units)}: attrition --unit "
                f"{self.units[0]} ..."
            )
        return self if unit is None else self.of_unit(unit)

    def by_unit(self) -> tuple[Self, ...]:
        """The settings of each unit; those of one unit, or without units, are alone."""
        if self.unit is not None or not self.units:
            return (self,)
        return tuple(self.of_unit(unit) for unit in self.units)

    @property
    def serving_folder(self) -> Path:
        """Where the served model lies."""
        return self.home / "serving" / "models"

    @property
    def waiting_predictions(self) -> SecretStr:
        """Where served predictions wait while their database is away."""
        return SecretStr(f"sqlite:///{self.home}/serving/waiting.db")

    @property
    def start(self) -> "pd.Period":
        """The first month that is a partition."""
        from attrition_assets.months import parse_month

        return parse_month(self.first_month)


def _read_secrets(secret: list[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, in which each secret that a file was named of stands by itself."""
    read = dict(environment)
    for variable in secret:
        path = read.pop(f"{variable}_FILE", None)
        if path is None:
            continue
        if variable in read:
            raise SettingsError(f"{variable} and {variable}_FILE are both set: unset one of them")
        try:
            read[variable] = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise SettingsError(
                f"{variable}_FILE names {path}, which cannot be read ({type(error).__name__}): "
                "name a file of text that this user may read"
            ) from None
    return read


def _explain(kind: str, message: str) -> str:
    return (
        "unknown variable" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
    )


def load_settings() -> Settings:
    """The settings of this process's environment."""
    return Settings.from_environment(os.environ)
