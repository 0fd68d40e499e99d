"""Months too large for memory, judged and scored where they lie by the same assets and checks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from dagster import (
    AssetSelection,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    define_asset_job,
)

from attrition_assets.adapters.removal import find_month_files
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.defs.runs import explain_failure
from attrition_assets.demo import Loop, prepare_home
from attrition_assets.errors import SettingsError
from attrition_assets.monitoring.report import DriftReport, Finding
from attrition_assets.monitoring.table_summary import draw_sample
from attrition_assets.months import parse_month, partition_key
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.simulation.shipped import write_company

from ..seen import attrition
from ..walking import point_to_own_artifacts
from .conftest import UNSEEN, Walked


@dataclass(frozen=True)
class Site:
    """A home, the folder of its tables, and what runs there."""

    loop: Loop
    instance: DagsterInstance
    tables: Path

    def run(self, month: str, *assets: str) -> ExecuteInProcessResult:
        asked = list(assets) or None
        return self.loop.run(self.instance, "monthly", parse_month(month), assets=asked)

    def path(self, asset: str, month: str, suffix: str = ".parquet") -> Path:
        key = partition_key(parse_month(month))
        return self.loop.settings.home / "assets" / asset / f"{key}{suffix}"

    def report(self, month: str) -> DriftReport:
        return self.loop.read_report(parse_month(month))

    def scores(self, asset: str, month: str) -> pd.DataFrame:
        table = pd.read_parquet(self.path(asset, month))  # a file, or Spark's folder of them
        return table.sort_values(self.loop.contract.id, ignore_index=True)


@contextmanager
def open_site(home: Path, data: Path, tables: Path | None, **more: str) -> Iterator[Site]:
    given = {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), "ATTRITION_TRIALS": "1"}
    if tables:
        given["ATTRITION_TABLES"] = str(tables / "{month}.parquet")
    settings = Settings.from_environment({**given, **more})
    with DagsterInstance.from_config(str(home)) as instance:
        yield Site(Loop(settings, lambda line: None), instance, tables or data / "snapshots")


@pytest.fixture
def tables(walked: Walked, tmp_path: Path) -> Path:
    """The months that were sent, and the one that was not: each a folder of two Parquet files."""
    folder = tmp_path / "tables"
    for path in (walked.settings.data / "snapshots").iterdir():
        (folder / path.name).mkdir(parents=True)
        shutil.copy(path, folder / path.name / "all.parquet")
    part = folder / f"{UNSEEN}.parquet"
    part.mkdir()
    half = len(walked.unseen) // 2
    walked.unseen[half:].to_parquet(part / "a.parquet", index=False)
    walked.unseen[:half].to_parquet(part / "b.parquet", index=False)
    return folder


@pytest.fixture
def rows(walked: Walked, tmp_path: Path) -> Iterator[Site]:
    """As ever: the months are files that are read into memory."""
    shutil.copytree(walked.settings.data, tmp_path / "data")
    walked.unseen.to_parquet(tmp_path / "data" / "snapshots" / f"{UNSEEN}.parquet", index=False)
    with open_site(walked.copy_to(tmp_path / "rows").home, tmp_path / "data", None) as site:
        yield site


@pytest.fixture
def site(walked: Walked, tables: Path, tmp_path: Path) -> Iterator[Site]:
    """Tables where they lie, of which everybody's rows are kept."""
    home, data = walked.copy_to(tmp_path / "home").home, walked.settings.data
    with open_site(home, data, tables) as site:
        yield site


@pytest.mark.slow
def test_a_month_where_it_lies_is_judged_and_scored_as_one_in_memory(
    rows: Site, site: Site
) -> None:
    assert rows.run(UNSEEN).success and site.run(UNSEEN).success
    one, other = rows.report(UNSEEN), site.report(UNSEEN)
    assert other == one
    assert one.feature_drift.finding != Finding.CANNOT_TELL
    expected = rows.scores("predictions", UNSEEN)
    pd.testing.assert_frame_equal(site.scores("predictions", UNSEEN), expected, check_exact=True)
    everybody = site.scores("scores", UNSEEN)
    assert everybody["probability"].tolist() == expected["probability"].tolist()
    assert everybody["flag"].tolist() == expected["flag"].tolist()
    month = parse_month(UNSEEN)
    verdicts = [each.loop.store.ledger(month) for each in (rows, site)]
    assert verdicts[0] and verdicts[1] and verdicts[0].verdicts == verdicts[1].verdicts
    summaries = [each.loop.store.read_summary(month) for each in (rows, site)]
    assert not summaries[0].list_differences(summaries[1])


@pytest.mark.slow
def test_a_broken_table_is_refused_and_its_rows_stay_where_they_are(site: Site) -> None:
    folder = site.tables / f"{UNSEEN}.parquet"
    sound = pd.concat([pd.read_parquet(path) for path in sorted(folder.iterdir())])
    shutil.rmtree(folder)
    folder.mkdir()
    sound.head(len(sound) // 2).to_parquet(folder / "all.parquet", index=False)
    assert not site.run(UNSEEN).success
    month, store = parse_month(UNSEEN), site.loop.store
    ledger = store.ledger(month)
    assert ledger is not None and set(ledger.failed) == {
        "volume_plausible",
        "leavers_recorded",
    }
    assert not site.path("predictions", UNSEEN).exists()
    assert not site.path("scores", UNSEEN).exists()
    kept = sorted(path.name for path in store.quarantine(month).iterdir())
    assert [name.partition("-")[2] for name in kept] == [
        f"{UNSEEN}.parquet.json",
        f"{UNSEEN}.parquet.json.verdict.json",
    ]
    sound.to_parquet(folder / "all.parquet", index=False)
    assert site.run(UNSEEN).success
    assert store.accepted_version(month) == 1


@pytest.mark.slow
def test_what_changed_since_it_was_checked_is_not_scored(site: Site) -> None:
    assert site.run(UNSEEN, "employee_snapshot").success
    path = site.tables / f"{UNSEEN}.parquet" / "a.parquet"
    table = pd.read_parquet(path)
    table.assign(DistanceFromHome=table["DistanceFromHome"].iloc[::-1].to_numpy() // 2).to_parquet(
        path, index=False
    )
    assert not site.run(UNSEEN, "predictions").success
    assert not site.path("predictions", UNSEEN).exists()
    assert not site.path("scores", UNSEEN).exists()


@pytest.mark.slow
def test_a_score_that_is_lacking_fails_the_check(site: Site) -> None:
    assert site.run(UNSEEN, "employee_snapshot", "predictions").success
    path = site.path("scores", UNSEEN)
    table = pd.read_parquet(path)
    table.head(len(table) - 1).assign(probability=2.0).to_parquet(path, index=False)
    selection = AssetSelection.checks_for_assets("predictions")
    job = define_asset_job("checks", selection=selection)
    definitions = Definitions.merge(site.loop.definitions, Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks").execute_in_process(
        instance=site.instance,
        tags={"dagster/partition": partition_key(parse_month(UNSEEN))},
        raise_on_error=False,
    )
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    lacking, wrong = found["one_score_per_employee"], found["probabilities_valid"]
    assert not lacking.passed and lacking.metadata["value"].value == 1
    assert "1 without a row" in (lacking.description or "")
    assert not wrong.passed and wrong.metadata["value"].value == len(table) - 1


def test_the_same_people_are_kept_of_every_month(
    walked: Walked, tables: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    prepare_home(home)
    data = walked.settings.data
    with open_site(home, data, tables, ATTRITION_KEPT_ONE_IN="3") as site:
        store = site.loop.store
        for month in ("2023-11", "2023-12", "2024-01"):
            assert site.run(month, "employee_snapshot").success
            table = pd.read_parquet(tables / f"{month}.parquet" / "all.parquet")
            chosen = table["EmployeeNumber"][draw_sample(table["EmployeeNumber"].to_numpy(), 3)]
            kept = store.read(parse_month(month))
            assert kept["EmployeeNumber"].tolist() == sorted(chosen)
            assert store.count_elsewhere(parse_month(month)) == len(table)
            assert store.count_rows(parse_month(month)) == len(kept) < len(table) / 2
            assert store.read_summary(parse_month(month)).rows == len(table)
            removable = find_month_files(home)[parse_month(month)]
            assert store.summary_path(parse_month(month)) in removable
    with open_site(home, data, tables, ATTRITION_KEPT_ONE_IN="2") as site:
        result = site.run("2024-02", "employee_snapshot")
        why = explain_failure(site.instance, result.run_id)
        assert "one in 3 people of 2023-11 are kept, and one in 2 would be of 2024-02" in why


def test_what_cannot_name_tables_is_refused() -> None:
    def read(**given: str) -> Settings:
        return Settings.from_environment(given)

    for tables in ("/tables/2026-01.parquet", "s3://bucket/{month}", "/{month}/{month}.parquet"):
        with pytest.raises(SettingsError, match="does not name the tables of months"):
            read(ATTRITION_TABLES=tables)
    with pytest.raises(SettingsError, match=r"such as hr\.snapshots_\{month\}"):
        read(ATTRITION_TABLES="/{month}.parquet", ATTRITION_ENGINE="postgresql://db.example/hr")
    with pytest.raises(SettingsError, match="ATTRITION_KEPT_ONE_IN is of ATTRITION_TABLES"):
        read(ATTRITION_KEPT_ONE_IN="10")
    with pytest.raises(SettingsError, match=r"such as /warehouse/snapshots/\{unit\}_\{month\}"):
        read(ATTRITION_TABLES="/{month}.parquet", ATTRITION_UNITS="north,south")
    with pytest.raises(SettingsError, match="the tables of months of north, plant-2"):
        read(
            ATTRITION_TABLES="hr.of_{unit}_{month}",
            ATTRITION_UNITS="north,plant-2",
            ATTRITION_ENGINE="postgresql://db.example/hr",
        )
    with pytest.raises(SettingsError, match="does not name the tables of months"):
        read(ATTRITION_TABLES="/tables/{month}.csv")
    group = read(ATTRITION_TABLES="/tables/{unit}/{month}", ATTRITION_UNITS="north,south")
    assert group.of_unit("south").tables == "/tables/south/{month}"
    asked = read(
        ATTRITION_TABLES="hr.snapshots_{month}", ATTRITION_ENGINE="postgresql://db.example/hr"
    )
    assert asked.tables == "hr.snapshots_{month}"
    assert read(ATTRITION_TABLES="tables/{month}").tables == str(Path.cwd() / "tables" / "{month}")


SHIFT = "2025-03"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home and eight months of 6,000 people, of one in 3 of whom the rows are kept; pay rises by
    a tenth in the last month, which is not judged yet, and the first model is of those before.
    """
    folder = tmp_path_factory.mktemp("large")
    company = simulate_company(
        first_month=parse_month(SHIFT) - 7,
        months=8,
        seed=11,
        headcount=6_000,
        shifts=(PayInflation(parse_month(SHIFT), 0.1),),
        burn_in_months=60,
    )
    write_company(company, folder / "data")
    prepare_home(folder / "home")
    tables = folder / "data" / "snapshots"
    with open_site(folder / "home", folder / "data", tables, ATTRITION_KEPT_ONE_IN="3") as site:
        *history, _ = site.loop.source.months()
        for month in history:
            assert site.run(str(month), "employee_snapshot").success
        config = retraining_config(history[-1])
        first = site.loop.run(site.instance, "retraining", run_config=config)
        assert first.success, explain_failure(site.instance, first.run_id)
    return folder


def judge_shift(large: Path, engine: str, home: Path) -> tuple[DriftReport, pd.DataFrame, str]:
    """The last month's report, everybody's scores, and the digest of its summary, by an engine."""
    shutil.copytree(large / "home", home, symlinks=True)
    point_to_own_artifacts(home, large / "home")
    tables = large / "data" / "snapshots"
    more = {"ATTRITION_KEPT_ONE_IN": "3", "ATTRITION_ENGINE": engine}
    with open_site(home, large / "data", tables, **more) as site:
        assert site.run(SHIFT).success
        ledger = site.loop.store.ledger(parse_month(SHIFT))
        assert ledger is not None and ledger.summary_sha256
        return site.report(SHIFT), site.scores("scores", SHIFT), ledger.summary_sha256


@pytest.mark.slow
def test_of_whom_no_rows_are_kept_drift_is_seen_in_the_summaries(
    large: Path, tmp_path: Path
) -> None:
    report, scores, _ = judge_shift(large, "duckdb://", tmp_path / "home")
    assert (report.baseline_rows, report.current_rows) == (6_000, 6_000)
    assert report.feature_drift.finding == Finding.DRIFT
    assert "MonthlyIncome" in report.feature_drift.drifted_features
    rows = next(each for each in report.feature_drift.evidence if "rows" in each.method)
    assert rows.method == "rows of large tables, asymptotic" and rows.alarmed
    assert len(scores) == scores["EmployeeNumber"].nunique() == 6_000
    kept = pd.read_parquet(tmp_path / "home" / "assets" / "predictions" / f"{SHIFT}-01.parquet")
    mine = scores.set_index("EmployeeNumber").loc[kept["EmployeeNumber"], "probability"]
    assert 1_800 < len(kept) < 2_200
    assert mine.tolist() == kept["probability"].tolist()
    other = scores.loc[~scores["EmployeeNumber"].isin(kept["EmployeeNumber"]), "EmployeeNumber"]
    told = attrition(tmp_path / "home", large / "data", "explain", str(other.iloc[0]), SHIFT)
    assert told.exit_code == 1
    assert "of one in 3 the rows are kept, the scores of all others are in" in told.output


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:.*unclosed <socket")
def test_a_month_on_spark_is_that_on_duckdb(large: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="Spark is not installed: it is NOT tested")
    if shutil.which("java") is None:
        pytest.skip("there is no Java: Spark is NOT tested")
    here, scores, digest = judge_shift(large, "duckdb://", tmp_path / "duckdb")
    there, theirs, found = judge_shift(large, "local[2]", tmp_path / "spark")
    assert found == digest
    assert there == here
    pd.testing.assert_frame_equal(theirs, scores, check_exact=True)
