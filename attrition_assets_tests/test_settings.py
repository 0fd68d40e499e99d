from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.errors import SettingsError
from attrition_assets.governance.retention import find_last_past
from attrition_assets.months import parse_month
from attrition_assets.settings import PREFIX, PROJECT_ROOT, Settings, load_settings


def read(**variables: str) -> Settings:
    return Settings.from_environment(variables)


def refuse(**variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**variables)
    return str(caught.value)


def test_without_variables_everything_lies_in_the_project() -> None:
    settings = read(PATH="/usr/bin")
    assert settings.home == PROJECT_ROOT / ".attrition"
    assert settings.contract == DEFAULT_CONTRACT
    assert settings.start == pd.Period("2023-11", freq="M")
    assert settings.mlflow_uri == f"sqlite:///{settings.home}/mlflow/mlflow.db"
    assert (settings.training_months, settings.search_seconds) == (24, None)


def test_home_is_dagsters_unless_it_is_set(tmp_path: Path) -> None:
    assert read(DAGSTER_HOME=str(tmp_path)).home == tmp_path
    assert read(DAGSTER_HOME="").home == PROJECT_ROOT / ".attrition"
    own = str(tmp_path / "own")
    assert read(DAGSTER_HOME=str(tmp_path), ATTRITION_HOME=own).home == tmp_path / "own"


def test_data_is_what_was_imported_else_what_is_shipped(tmp_path: Path) -> None:
    assert read(ATTRITION_HOME=str(tmp_path)).data == PROJECT_ROOT / "data"
    (tmp_path / "data").mkdir()
    assert read(ATTRITION_HOME=str(tmp_path)).data == tmp_path / "data"
    assert read(ATTRITION_HOME=str(tmp_path), ATTRITION_DATA="/elsewhere").data == Path(
        "/elsewhere"
    )


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/her")
    settings = read(ATTRITION_HOME="state", ATTRITION_CONTRACT="~/contract.yaml")
    assert settings.home == tmp_path / "state"
    assert settings.contract == Path("/home/her/contract.yaml")
    assert settings.mlflow_uri.startswith(f"sqlite:///{tmp_path}/state/")


def test_every_variable_is_read() -> None:
    settings = read(
        ATTRITION_FIRST_MONTH="2024-05-01",
        ATTRITION_TRAINING_MONTHS="12",
        ATTRITION_TRIALS="3",
        ATTRITION_SEARCH_SECONDS="1.5",
        ATTRITION_MLFLOW_URI="sqlite:///m.db",
        ATTRITION_MLFLOW_URL="http://mlflow",
        ATTRITION_REPORTS_URL="http://reports",
    )
    assert settings.start == pd.Period("2024-05", freq="M")
    assert (settings.training_months, settings.trials, settings.search_seconds) == (12, 3, 1.5)
    assert settings.mlflow_uri == "sqlite:///m.db"
    assert (settings.mlflow_url, settings.reports_url) == ("http://mlflow", "http://reports")


def test_this_processs_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTRITION_TRIALS", "5")
    assert load_settings().trials == 5


@pytest.mark.parametrize("name", ["ATTRITION_TRAILS", "ATTRITION_Trials", "ATTRITION_"])
def test_an_unknown_variable_is_refused_by_name(name: str) -> None:
    assert f"\n  {name}: unknown variable\n" in refuse(**{name: "9"})


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ATTRITION_TRIALS", "many", "valid integer"),
        ("ATTRITION_TRIALS", "0", "greater than or equal to 1"),
        ("ATTRITION_TRAINING_MONTHS", "2.5", "valid integer"),
        ("ATTRITION_SEARCH_SECONDS", "-1", "greater than 0"),
        ("ATTRITION_SEARCH_SECONDS", "nan", "greater than 0"),
        ("ATTRITION_FIRST_MONTH", "May 2024", "'May 2024' is not a month: write 2026-01"),
        ("ATTRITION_HOME", "", "is empty: give a value, or unset it"),
        ("ATTRITION_TRIALS", "", "is empty: give a value, or unset it"),
        ("ATTRITION_IMAGES", "yes", "'none', 'build' or 'push'"),
        ("ATTRITION_IMAGE_REGISTRY", "https://registry.example", "no scheme, no tag, lower case"),
        ("ATTRITION_IMAGE_REGISTRY", "registry.example/people:1", "no scheme, no tag, lower case"),
    ],
)
def test_a_malformed_variable_is_refused_by_name(name: str, value: str, fault: str) -> None:
    message = refuse(**{name: value})
    (line,) = [line for line in message.split("accepted are:")[0].splitlines() if name in line]
    assert line.startswith(f"  {name}: ")
    assert fault in line


def test_all_faults_are_told_at_once_with_everything_that_is_accepted() -> None:
    message = refuse(ATTRITION_TRIALS="x", ATTRITION_FIRST_MONTH="y", ATTRITION_COLOUR="z")
    faults, accepted = message.split("accepted are:")
    for name in ("TRIALS", "FIRST_MONTH", "COLOUR"):
        assert f"  {PREFIX}{name}: " in faults
    for name, field in Settings.model_fields.items():
        assert f"  {PREFIX}{name.upper()}: {field.description}" in accepted


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read().trials = 2


DATABASE = "postgresql://reader:hidden@db.example/hr"


def test_a_database_is_a_secret_and_names_what_to_read() -> None:
    settings = read(ATTRITION_DATABASE=DATABASE, ATTRITION_SNAPSHOTS_FROM="hr.people")
    assert settings.database is not None
    assert settings.database.get_secret_value() == DATABASE
    assert "hidden" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE": "hidden"}, "ATTRITION_DATABASE: is no SQLAlchemy URL such as"),
        ({"DATABASE": DATABASE}, "nothing says what to read or write there: set"),
        ({"SNAPSHOTS_FROM": "people"}, "ATTRITION_DATABASE is not set"),
        ({"DATABASE": DATABASE, "PREDICTIONS_TO": "my-table"}, "'my-table' is no name of a table"),
        ({"DATABASE": DATABASE, "SNAPSHOTS_FROM": "hr.p q"}, "is neither a table such as"),
        ({"DATABASE": DATABASE.replace("hidden", "hid@den"), "SNAPSHOTS_FROM": "p"}, "an @ too"),
        (
            {"DATABASE": DATABASE, "PREDICTIONS_TO": "p", "DEPARTURES_FROM": "left"},
            "ATTRITION_DEPARTURES_FROM needs ATTRITION_SNAPSHOTS_FROM",
        ),
    ],
)
def test_half_a_database_is_refused(variables: dict[str, str], said: str) -> None:
    refused = refuse(**{PREFIX + name: value for name, value in variables.items()})
    assert said in refused
    assert "hidden" not in refused


def test_records_are_kept_for_four_years_and_never_less_than_half_a_year() -> None:
    assert read().retention_days == 1461
    assert read(ATTRITION_RETENTION_DAYS="400").retention_days == 400
    assert "ATTRITION_RETENTION_DAYS: " in refuse(ATTRITION_RETENTION_DAYS="30")


def test_records_are_kept_for_a_hundred_years_at_the_most() -> None:
    longest = read(ATTRITION_RETENTION_DAYS="36525").retention_days
    assert find_last_past(datetime(2026, 1, 1, tzinfo=UTC), longest) == parse_month("1925-12")
    for days in ("36526", "800000"):
        refused = refuse(ATTRITION_RETENTION_DAYS=days)
        assert "ATTRITION_RETENTION_DAYS: Input should be less than or equal to 36525" in refused


def test_a_token_of_github_is_a_secret_and_goes_with_a_repository() -> None:
    given = {"ATTRITION_GITHUB_TOKEN": "hidden", "ATTRITION_GITHUB_REPOSITORY": "company/attrition"}
    settings = read(**given, ATTRITION_GITHUB_URL="https://github.example/api/v3/")
    assert settings.github_token is not None
    assert settings.github_token.get_secret_value() == "hidden"
    assert settings.github_url == "https://github.example/api/v3"
    assert read().github_url == "https://api.github.com"
    assert "hidden" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_images_are_pushed_somewhere_or_not_at_all() -> None:
    read(ATTRITION_IMAGES="build")
    held = read(ATTRITION_IMAGES="push", ATTRITION_IMAGE_REGISTRY="127.0.0.1:5000/people/hr")
    assert (held.images, held.image_registry) == ("push", "127.0.0.1:5000/people/hr")
    assert "go together" in refuse(ATTRITION_IMAGES="push")
    assert "go together" in refuse(ATTRITION_IMAGE_REGISTRY="registry.example")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TOKEN": "hidden"}, "ATTRITION_GITHUB_TOKEN and ATTRITION_GITHUB_REPOSITORY go together"),
        ({"REPOSITORY": "company/attrition"}, "go together: set both, or neither"),
        ({"TOKEN": "hidden", "REPOSITORY": "attrition"}, "'attrition' is no owner/name, such as"),
        ({"TOKEN": "hidden", "REPOSITORY": "https://github.com/a/b"}, "is no owner/name, such as"),
        ({"URL": "github.example"}, "ATTRITION_GITHUB_URL: is no address such as https://api"),
        ({"URL": "https://me:hidden@github.example"}, "is no address such as"),
    ],
)
def test_half_a_github_is_refused(variables: dict[str, str], said: str) -> None:
    refused = refuse(**{f"{PREFIX}GITHUB_{name}": value for name, value in variables.items()})
    assert said in refused
    assert "hidden" not in refused


def test_a_secret_is_read_out_of_the_file_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("ghp_1\n")
    more = {"ATTRITION_GITHUB_REPOSITORY": "company/attrition"}
    token = read(ATTRITION_GITHUB_TOKEN_FILE=str(path), **more).github_token
    assert token is not None
    assert token.get_secret_value() == "ghp_1"


def test_a_secrets_file_that_is_no_use_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "absent")
    said = refuse(ATTRITION_PSEUDONYM_KEY_FILE=path)
    assert f"ATTRITION_PSEUDONYM_KEY_FILE names {path}, which cannot be read" in said
    both = refuse(ATTRITION_PSEUDONYM_KEY_FILE=path, ATTRITION_PSEUDONYM_KEY="k")
    assert "are both set" in both
    assert "ATTRITION_TRIALS_FILE: unknown variable" in refuse(ATTRITION_TRIALS_FILE=path)
    (tmp_path / "empty").touch()
    said = refuse(ATTRITION_PSEUDONYM_KEY_FILE=str(tmp_path / "empty"))
    assert "ATTRITION_PSEUDONYM_KEY: is empty" in said
