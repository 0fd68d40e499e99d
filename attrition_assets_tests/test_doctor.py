"""The doctor's own logic, a machine without state, and that every check is documented."""

import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from attrition_assets.cli import main
from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.doctor import CHECKS, setup_checks
from attrition_assets.doctor.examination import (
    Answer,
    Check,
    Finding,
    Outcome,
    examine,
    not_yet,
    render_verdict,
    well,
    wrong,
)
from attrition_assets.doctor.subject import Subject
from attrition_assets.errors import SnapshotError
from attrition_assets.settings import PROJECT_ROOT

GUIDE = PROJECT_ROOT / "docs" / "troubleshooting.md"
# The sections that are no check's: what a person may read elsewhere.
OTHER_SECTIONS = {
    *("A month has no file", "A partition is unknown", "A setting is misspelt"),
    *("The policy is refused", "A drift alarm stands"),
    *("State cannot be written", "The disk is full", "MLflow is away", "A store is locked"),
    *("A score cannot be explained", "What is past its retention"),
    *("A reference table teaches nothing", "A month's metrics cannot be read"),
    *("The database does not answer", "A promotion is refused"),
}
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def ask(*checks: Check[None]) -> list[Finding]:
    return list(examine(checks, None))


def fail(_: None) -> Answer:
    raise SnapshotError("http://her:secret@host lacks it")


def examine_home(home: Path, **more: str) -> dict[str, Finding]:
    environment: Mapping[str, str] = {"ATTRITION_HOME": str(home), **more}
    with Subject(environment, NOW) as subject:
        return {finding.name: finding for finding in examine(CHECKS, subject)}


def run_doctor(home: Path, **more: str) -> Result:
    result = CliRunner().invoke(main, ["doctor"], env={"ATTRITION_HOME": str(home), **more})
    assert isinstance(result.exception, SystemExit), result.exception
    return result


def test_what_needs_a_failed_check_is_not_asked_and_never_well() -> None:
    first, second, third = ask(
        Check("first", fail, "mend it"),
        Check("second", lambda _: well("fine"), "", needs=("first",)),
        Check("third", lambda _: well("fine"), "", needs=("second",)),
    )
    assert (first.outcome, first.remedy) == (Outcome.FAILED, "mend it")
    assert (second.outcome, third.outcome) == (Outcome.NOT_CHECKED, Outcome.NOT_CHECKED)
    assert second.found == "could not be checked: first does not hold"
    text, code = render_verdict([first, second, third])
    assert (text, code) == ("1 of 3 checks failed: first; 2 could not be checked for that", 1)


def test_what_is_found_is_told_without_passwords() -> None:
    (finding,) = ask(Check("registry", fail, "mend it"))
    assert finding.found == "http://***@host lacks it"


def test_what_is_not_there_yet_is_neither_well_nor_wrong() -> None:
    findings = ask(
        Check("state", lambda _: not_yet("none", "make some"), ""),
        Check("model", lambda _: well("fine"), "", needs=("state",)),
    )
    assert [each.outcome for each in findings] == [Outcome.NOT_YET, Outcome.NOT_YET]
    text, code = render_verdict(findings)
    assert code == 3
    assert text == "nothing is wrong, but there is nothing yet of: state, model. Next: make some"


def test_all_well_is_0() -> None:
    assert render_verdict(ask(Check("it", lambda _: well("fine"), ""))) == ("all 1 checks hold", 0)


def test_a_finding_shows_its_remedy_only_if_there_is_something_to_do() -> None:
    good, bad = ask(
        Check("good", lambda _: well("fine"), "nothing"),
        Check("bad", lambda _: wrong("one\ntwo"), "mend it"),
    )
    assert good.render() == "ok           good: fine"
    assert bad.render() == ("FAILED       bad: one\n                two\n             -> mend it")


def test_a_fault_of_the_program_is_no_finding() -> None:
    def stumble(_: None) -> Answer:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        ask(Check("it", stumble, ""))


def test_a_machine_without_state_is_told_what_to_do_next_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    result = run_doctor(home)
    assert result.exit_code == 3, result.output
    assert "FAILED" not in result.output
    assert "Next: `make demo` walks an example" in result.output
    assert not home.exists()


def test_an_engine_that_does_not_answer_fails_its_check(tmp_path: Path) -> None:
    assert examine_home(tmp_path)["engine"].found == "DuckDB, in the process that needs it"
    more = examine_home(tmp_path, ATTRITION_ENGINE="duckdb://?threads=1")["engine"]
    assert more.found == "duckdb answers as this machine does"
    url = "postgresql://reader:secret@127.0.0.1:9/hr"
    away = examine_home(tmp_path, ATTRITION_ENGINE=url)["engine"]
    assert away.outcome == Outcome.FAILED
    assert "the engine postgresql could not be opened" in away.found
    assert "secret" not in away.found


def test_images_are_asked_for_where_there_is_no_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert examine_home(tmp_path)["images"].found == "none are asked for"
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = examine_home(tmp_path, ATTRITION_IMAGES="build")["images"]
    assert asked.outcome == Outcome.FAILED
    assert asked.found.startswith("there is no Docker here")


def test_a_misspelt_setting_leaves_the_rest_unchecked(tmp_path: Path) -> None:
    result = run_doctor(tmp_path, ATTRITION_TRAILS="3")
    assert result.exit_code == 1
    assert "FAILED       settings: settings refused:" in result.output
    assert "ATTRITION_TRAILS: unknown variable" in result.output
    unchecked = [line for line in result.output.splitlines() if line.startswith("NOT CHECKED")]
    assert len(unchecked) == len(CHECKS) - 3


@pytest.mark.parametrize(
    ("check", "variable", "found"),
    [
        ("contract", "ATTRITION_CONTRACT", "absent.yaml"),
        ("snapshots", "ATTRITION_DATA", "holds no snapshot"),
    ],
)
def test_a_wrong_path_is_named(tmp_path: Path, check: str, variable: str, found: str) -> None:
    finding = examine_home(tmp_path, **{variable: str(tmp_path / "absent.yaml")})[check]
    assert finding.outcome == Outcome.FAILED
    assert found in finding.found
    assert variable in finding.remedy


def test_a_policy_that_is_not_accepted_is_named_and_the_contract_beside_it_holds(
    tmp_path: Path,
) -> None:
    contract, policy = tmp_path / "contract.yaml", tmp_path / "policy.yaml"
    shutil.copy(DEFAULT_CONTRACT, contract)
    found = examine_home(tmp_path, ATTRITION_CONTRACT=str(contract))
    assert found["policy"].outcome == Outcome.OK
    assert f"the defaults, since there is no {policy}" in found["policy"].found
    policy.write_text("min_row: 100\n")
    found = examine_home(tmp_path, ATTRITION_CONTRACT=str(contract))
    assert (found["contract"].outcome, found["policy"].outcome) == (Outcome.OK, Outcome.FAILED)
    assert f"{policy} is not a valid policy:\n  min_row: Extra inputs" in found["policy"].found
    assert "move it away for the defaults" in found["policy"].remedy


@pytest.mark.parametrize("name", ["age", "MonthlyIncome", "Gender"])
def test_edges_of_what_is_no_protected_number_of_the_contract_are_named(
    name: str, tmp_path: Path
) -> None:
    contract, policy = tmp_path / "contract.yaml", tmp_path / "policy.yaml"
    shutil.copy(DEFAULT_CONTRACT, contract)
    policy.write_text(f"fairness: {{edges: {{Age: [40], {name}: [30]}}}}\n")
    finding = examine_home(tmp_path, ATTRITION_CONTRACT=str(contract))["policy"]
    assert finding.outcome == Outcome.FAILED
    assert finding.found == (
        f"{policy} does not fit the contract: its section 'fairness': edges are declared for "
        f"{name}: only protected columns that hold numbers have them (Age)"
    )


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    finding = examine_home(tmp_path / "home")["home"]
    assert finding.outcome == Outcome.FAILED
    assert "a file is where a folder should be" in finding.found


def test_a_gap_between_the_months_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "snapshots"
    folder.mkdir(parents=True)
    for month in ("2026-01", "2026-04"):
        (folder / f"{month}.csv").touch()
    finding = examine_home(tmp_path, ATTRITION_DATA=str(folder.parent))["snapshots"]
    assert (finding.outcome, finding.found) == (Outcome.FAILED, f"{folder} lacks 2026-02, 2026-03")


def test_a_package_at_another_version_is_named_with_what_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.metadata.requires", lambda _: ["pandas<2", "no-such-thing>=1", "numpy>=2"]
    )
    with Subject({}, NOW) as subject:
        answer = setup_checks.check_dependencies(subject)
    assert answer.outcome == Outcome.FAILED
    assert re.fullmatch(
        r"pandas is 2\S+, accepted is <2; no-such-thing is absent, accepted is >=1", answer.found
    )


def test_a_record_in_a_database_is_not_looked_for_in_the_home(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for asset in (home / "assets" / "employee_snapshot", elsewhere):
        asset.mkdir(parents=True)
    (home / "assets" / "employee_snapshot" / "2026-01-01.parquet").touch()
    (home / "dagster.yaml").write_text(f"storage: {{sqlite: {{base_dir: {elsewhere}}}}}")
    found = examine_home(home)["Dagster's storage"]
    assert (found.outcome, found.found) == (Outcome.OK, "0 runs on record in its database")


def test_state_that_lost_a_store_is_wrong_and_not_fresh(tmp_path: Path) -> None:
    for asset in ("employee_snapshot", "predictions"):
        folder = tmp_path / "assets" / asset
        folder.mkdir(parents=True)
        (folder / "2026-01-01.parquet").touch()
    found = examine_home(tmp_path)
    assert "history is lost, though months are stored" in found["Dagster's storage"].found
    assert "mlflow.db is lost, though months were scored" in found["MLflow"].found
    assert found["champion"].outcome == Outcome.NOT_CHECKED


def test_every_check_has_its_section_and_every_section_its_check() -> None:
    headings = re.findall(r"^### (.+)$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == {check.name for check in CHECKS} | OTHER_SECTIONS


def test_every_need_is_a_check_that_comes_before() -> None:
    names = [check.name for check in CHECKS]
    for place, check in enumerate(CHECKS):
        assert set(check.needs) <= set(names[:place])
        assert check.remedy
