"""Checks of what the program keeps: months, Dagster's record, the registry, what runs by itself."""

from pathlib import Path

import yaml
from dagster import AssetKey, AssetRecordsFilter, RunsFilter

from attrition_assets.adapters.acknowledgements import Acknowledgements
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.mlflow_answers import find_database
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.storage import find_locked
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.doctor.examination import Answer, not_yet, well, wrong
from attrition_assets.doctor.subject import Subject
from attrition_assets.errors import SnapshotError

# Where an instance's own configuration sets none.
DEFAULT_LIMIT_SECONDS = 3600
LONGEST_SILENCE_DAYS = 35  # a month, and the days by which it is run
RESTORE = "restore the home from a backup, or begin with an empty one: set ATTRITION_HOME"


def check_months(subject: Subject) -> Answer:
    """Every month's table is the one that was checked; the refused ones are named."""
    ledgers = subject.store.ledgers()
    if not ledgers:
        return not_yet("none was ever checked", "`attrition run MONTH` for each month")
    faults = []
    for month, ledger in ledgers.items():
        if ledger.accepted:
            try:
                subject.store.read(month)
            except SnapshotError as error:
                faults.append(str(error))
    refused = [str(month) for month, ledger in ledgers.items() if not ledger.accepted]
    held = f"{len(ledgers) - len(refused)} months accepted"
    told = f"{held}; refused and waiting for a corrected file: {', '.join(refused) or 'none'}"
    return wrong("; ".join(faults)) if faults else well(told)


def check_reports(subject: Subject) -> Answer:
    """Every judged month's report and every acknowledgement can be read by this release."""
    reports, answers = DriftReports(subject.settings.home), Acknowledgements(subject.settings.home)
    months = reports.months()
    if not months:
        return not_yet("no month was judged", "`attrition run MONTH`")
    faults = []
    for month in months:
        try:
            reports.read(month)
        except SnapshotError as error:
            faults.append(str(error))
    answered = answers.known_in(max(months) + 1)
    if faults:
        return wrong("\n".join(faults))
    return well(f"{len(months)} months judged, {len(answered)} alarms acknowledged")


def check_dagster(subject: Subject) -> Answer:
    """Dagster's storage opens, can be read, and nothing holds it."""
    home = subject.settings.instance_home
    if _is_in_database(home):
        return well(f"{subject.instance.get_runs_count()} runs on record in its database")
    if not (home / "history").is_dir():
        if subject.has_stored("employee_snapshot"):
            return wrong(f"{home}/history is lost, though months are stored", RESTORE)
        return not_yet(f"{home} holds no record of Dagster's")
    if not (home / "dagster.yaml").exists():
        return wrong(
            f"{home}/dagster.yaml is absent or a link to nowhere: nothing monitors or limits runs",
            "the next `attrition run MONTH` or `make ui` links it anew",
        )
    if locked := [str(path) for path in find_locked(home) if path.parent.name != "mlflow"]:
        return wrong(f"{', '.join(locked)}: locked by another process at this moment")
    return well(f"{subject.instance.get_runs_count()} runs on record in {home}")


def _is_in_database(home: Path) -> bool:
    """Whether the home's configuration names a storage: without, it is files in the home."""
    path = home / "dagster.yaml"
    return path.exists() and "storage" in (yaml.safe_load(path.read_text("utf-8")) or {})


def check_mlflow(subject: Subject) -> Answer:
    """MLflow answers."""
    database = find_database(subject.settings.mlflow_uri)
    if database and not database.exists():
        if subject.has_stored("predictions"):
            return wrong(f"{database} is lost, though months were scored", RESTORE)
        return not_yet(f"{database} is not there")
    return well(f"{len(subject.registry.versions())} versions at {subject.settings.mlflow_uri}")


def check_champion(subject: Subject) -> Answer:
    """A version is champion, and its file is the one that was registered."""
    if not subject.registry.versions():
        if subject.has_stored("predictions"):
            return wrong("no version is registered, though months were scored", RESTORE)
        return not_yet("no model was trained yet", "`attrition retrain --reason TEXT`")
    champion, challenger = subject.champion, subject.registry.challenger_version()
    waits = f"; version {challenger} is newer" if (challenger or 0) > champion.version else ""
    return well(f"version {champion.version}, as of {champion.as_of}, its file verified{waits}")


def check_baseline(subject: Subject) -> Answer:
    """The champion's reference data is the very table that it was trained on."""
    champion = subject.champion
    reference = ReferenceStore(subject.settings.home, subject.contract).read(
        champion.reference_digest, champion.as_of
    )
    return well(f"{len(reference.table)} rows, digest {champion.reference_digest[:12]} verified")


def check_record(subject: Subject) -> Answer:
    """Dagster's record of the champion agrees with the registry."""
    from attrition_assets.defs.metadata import read_latest_metadata

    recorded = read_latest_metadata(subject.instance, "champion", subject.settings.unit)
    said, version = recorded["version"] if recorded else "none", subject.champion.version
    if said != version:
        return wrong(
            f"version {version} is champion in MLflow, but Dagster's record says {said}",
            f"attrition promote --version {version} --reason TEXT",
        )
    return well(f"both say version {version}")


def check_decisions(subject: Subject) -> Answer:
    """What was decided is as it was written, to the byte."""
    found = DecisionLog(subject.settings.home).verify()
    if found.breaks:
        return wrong("; ".join(found.breaks))
    return well(f"{found.entries} entries, seal {found.seal[:20]}")


def check_scoring(subject: Subject) -> Answer:
    """Scoring is not suspended."""
    if suspension := ScoringSwitch(subject.settings.home).read():
        return wrong(str(suspension))
    return well("not suspended")


def check_success(subject: Subject) -> Answer:
    """A month was judged within the last 35 days: the loop is alive, whoever runs it."""
    from attrition_assets.defs.partition_keys import is_of_unit

    asset, unit = AssetKey("drift_report"), subject.settings.unit
    held = subject.instance.get_materialized_partitions(asset)
    keys = [key for key in held if is_of_unit(key, unit)]
    chosen = AssetRecordsFilter(asset, asset_partitions=keys)  # none would be no filter
    judged = subject.instance.fetch_materializations(chosen, limit=1).records if keys else []
    if not judged:
        return not_yet("no month was judged", "`attrition run MONTH`")
    days = (subject.now.timestamp() - judged[0].timestamp) / 86_400
    said = f"{str(judged[0].partition_key)[:7]}, {days:.0f} days ago"
    if days > LONGEST_SILENCE_DAYS:
        return wrong(f"{said}: at least every {LONGEST_SILENCE_DAYS} days is expected")
    return well(said)


def check_issues(subject: Subject) -> Answer:
    """No issue waits in the outbox, where issues are sent at all."""
    outbox, sends = Outbox(subject.settings.home), subject.settings.github_token is not None
    said = outbox.describe(sends=sends)
    return wrong(said) if sends and outbox.waiting() else well(said)


def check_daemon(subject: Subject) -> Answer:
    """Every daemon that the schedule and the sensors need has a fresh heartbeat."""
    statuses = subject.instance.get_daemon_statuses()
    dead = sorted(name for name, each in statuses.items() if each.required and not each.healthy)
    if not dead:
        return well(f"{len(statuses)} alive")
    beats = [each.last_heartbeat.timestamp for each in statuses.values() if each.last_heartbeat]
    if not beats:
        return wrong("none ever ran here: the schedule and the sensors do nothing")
    minutes = (subject.now.timestamp() - max(beats)) / 60
    return wrong(f"{', '.join(dead)} not alive; the last heartbeat was {minutes:.0f} minutes ago")


def check_automation(subject: Subject) -> Answer:
    """Neither the schedule nor a sensor was switched off, and the last tick of each went well."""
    from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus

    held = subject.definitions
    names = [each.name for each in (*(held.schedules or ()), *(held.sensors or ()))]
    states = {each.instigator_name: each for each in subject.instance.all_instigator_state()}
    faults = []
    for name in names:
        if (state := states.get(name)) is None:
            continue  # never ticked: it runs by default, as soon as a daemon does
        if state.status == InstigatorStatus.STOPPED:
            faults.append(f"{name} is switched off")
        ticks = subject.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if ticks and ticks[0].status == TickStatus.FAILURE:
            why = ticks[0].error.message.strip() if ticks[0].error else "no reason given"
            faults.append(f"the last tick of {name} failed: {why}")
    return wrong("; ".join(faults)) if faults else well(f"{', '.join(names)} are switched on")


def check_runs(subject: Subject) -> Answer:
    """No run has been in progress for longer than run monitoring allows."""
    from attrition_assets.defs.runs import IN_PROGRESS

    limit = subject.instance.run_monitoring_max_runtime_seconds or DEFAULT_LIMIT_SECONDS
    records = subject.instance.get_run_records(RunsFilter(statuses=IN_PROGRESS))
    stuck = [
        f"{each.dagster_run.run_id} ({each.dagster_run.job_name}, {each.dagster_run.status.value})"
        for each in records
        if subject.now.timestamp() - (each.start_time or each.create_timestamp.timestamp()) > limit
    ]
    if stuck:
        return wrong(f"in progress for more than {limit // 60} minutes: {', '.join(stuck)}")
    return well(f"{len(records)} in progress, none for more than {limit // 60} minutes")
