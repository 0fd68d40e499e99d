"""A month's issue: what a month tells, and its way to GitHub. Nothing is decided here."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.github import GitHub
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.defs.metadata import read_run_metadata
from attrition_assets.defs.month_state import MonthState, State
from attrition_assets.defs.partition_keys import is_of_unit
from attrition_assets.defs.retraining import EVALUATED
from attrition_assets.defs.runs import (
    IN_PROGRESS,
    explain_failure,
    find_retrainings,
    name_failed_steps,
)
from attrition_assets.errors import GitHubError
from attrition_assets.governance.decisions import CHAMPION_MADE, Entry, Kind, list_news
from attrition_assets.monitoring.decision import Decision, RetrainingDecision
from attrition_assets.monitoring.episodes import Label, MonthNews
from attrition_assets.monitoring.report import DriftReport, Finding
from attrition_assets.monitoring.summary import describe_findings

SENT_KEY = AssetCheckKey(AssetKey("monthly_summary"), "issue_sent")


@dataclass(frozen=True)
class RetrainingResult:
    """What became of the newest retraining for a month: in a few words, and in full lines."""

    said: str
    lines: tuple[str, ...]
    label: Label | None = None
    todo: str = ""


def read_retraining(
    instance: DagsterInstance, month: pd.Period, log: DecisionLog, unit: str | None = None
) -> RetrainingResult | None:
    """The newest retraining that the sensor asked for of a month; None if there was none."""
    runs = find_retrainings(instance, month, unit)
    if not runs:
        return None
    newest, run_id = f"Retraining (run {runs[0].run_id}):", runs[0].run_id
    if runs[0].status in IN_PROGRESS:
        return RetrainingResult("retraining under way", (f"{newest} under way",))
    made = read_run_metadata(instance, run_id, "model")
    images_failed = made is not None and name_failed_steps(instance, run_id) == {"images"}
    if runs[0].status != DagsterRunStatus.SUCCESS and not images_failed:
        todo = "mend the cause, then `attrition retrain --reason TEXT`"
        why = f"{newest} **failed**: {explain_failure(instance, run_id)}"
        return RetrainingResult("retraining failed", (why, f"To do: {todo}"), Label.FAILED, todo)
    if made is None:
        return RetrainingResult("retrained", (f"{newest} succeeded",), Label.RETRAINED)
    version = int(made["version"])
    news = list_news(log.known_entries(), version)
    lines = (f"{newest} succeeded, version {version}", *map(_tell_entry, news))
    became, todo = _tell_outcome(version, news)
    said = f"retrained, version {version} {became}"
    if not images_failed:
        return RetrainingResult(said, lines, Label.RETRAINED, todo)
    why = f"The images of version {version} **failed**: {explain_failure(instance, run_id)}"
    again = "mend why the images failed, then materialize `images`"
    todo = f"{again}; {todo}" if todo else again
    return RetrainingResult(f"{said}; its images failed", (*lines, why), Label.FAILED, todo)


def _tell_entry(entry: Entry) -> str:
    """What the log has of a version, in a line."""
    name = f"Version {entry.facts.get('version')}"
    what = f"{name} {entry.kind}" if entry.kind in CHAMPION_MADE else f"{name}: {entry.kind}"
    if entry.kind == Kind.ROLLED_BACK:
        what = f"Version {entry.facts['previous']} rolled back to version {entry.facts['version']}"
    asked = f", asked by {entry.facts['asked_by']}" if "asked_by" in entry.facts else ""
    against = f" (though {entry.facts['override']})" if "override" in entry.facts else ""
    return f"{what}, {entry.at:%Y-%m-%d}, by {entry.who}{asked}: {entry.why}{against}"


def _tell_outcome(version: int, news: list[Entry]) -> tuple[str, str]:
    """What became of a version, in a word or two, and what there is to do about it."""
    for entry in reversed(news):
        if entry.kind == Kind.ROLLED_BACK and entry.facts["previous"] == version:
            return "was rolled back", ""
        if entry.kind in CHAMPION_MADE:
            return "was promoted", ""
    ways = (
        f"`attrition propose --version {version}`, or `attrition promote --version {version} "
        "--reason TEXT`"
    )
    read = f"read the card of version {version} and its evidence, then "
    if any(entry.kind == Kind.PROMOTION_REFUSED for entry in news):
        return "was refused", (
            f"version {version} was not promoted, as its evidence stands: let it be, or {read}"
            f"`attrition promote --version {version} --override --reason TEXT`"
        )
    return "waits", read + ways


def tell_month(
    state: MonthState,
    decision: RetrainingDecision | None,
    retraining: RetrainingResult | None,
    acknowledged: str,
    summary: str,
) -> MonthNews:
    """What a month tells, from what became of it, of its retraining and of its alarm."""
    labels = set(_label_report(state.report)) if state.report else {_label_unjudged(state)}
    todo: list[str] = []
    if state.reason and state.state != State.REMOVED:
        todo.append(state.todo)
        labels |= {Label.FAILED} if state.report else set()
    if retraining is not None:
        labels |= {retraining.label} if retraining.label else set()
        todo += [retraining.todo] if retraining.todo else []
    elif decision and decision.decision == Decision.RETRAIN:
        todo.append("nothing yet: the sensor asks for a retraining once the cool-down is over")
    if decision and decision.decision == Decision.CANNOT_TELL:
        labels.add(Label.FAILED)
        todo.append("see below what could not be judged, and why")
    answered = {Label.DRIFT, Label.RETRAINED} if retraining or acknowledged else set()
    if not todo and labels - {Label.NO_DRIFT, *answered}:
        acknowledge = f"`attrition acknowledge {state.month} --reason TEXT`"
        todo.append(f"look at the report; if what moved is as it should be: {acknowledge}")
    decided = decision.headline if decision else "Nothing was judged"
    return MonthNews(
        month=str(state.month),
        verdict=describe_findings(state.report) if state.report else str(state.state),
        decided="; ".join(
            (
                decided,
                *([retraining.said] if retraining else []),
                *(["acknowledged"] if acknowledged else []),
            )
        ),
        labels=tuple(label for label in Label if label in labels),
        todo=tuple(todo),
        by=str((state.month + 2).start_time.date()),
        summary=summary,
    )


def _label_report(report: DriftReport) -> list[Label]:
    verdicts = (
        report.feature_drift,
        report.prediction_drift,
        report.concept_drift,
        report.performance,
        report.champion_age,
    )
    drifts = any(each.finding == Finding.DRIFT for each in verdicts)
    broken = report.data_quality.finding != Finding.NO_FAULT
    labels = [Label.DRIFT] * drifts + [Label.DATA_QUALITY] * broken
    return labels or [Label.NO_DRIFT]


def _label_unjudged(state: MonthState) -> Label:
    if state.state == State.REMOVED:
        return Label.NO_DRIFT
    return Label.DATA_QUALITY if state.state == State.REFUSED else Label.FAILED


def send_waiting(outbox: Outbox, github: GitHub | None, now: datetime) -> str:
    """Send what waits, if there is a repository; return what is to be told of it."""
    if github is None:
        return "no token: an issue is a file, and is not sent"
    try:
        sent = outbox.send(github, now)
    except GitHubError as error:
        return f"the outbox waits: {error}"
    return f"sent: {', '.join(sent) or 'nothing was waiting'}"


def try_again(outbox: Outbox, github: GitHub | None, now: datetime) -> str:
    """Send what waits since an earlier try failed, once the wait after it is over."""
    if github is None:
        return "No token: an issue is a file, and is not sent."
    waiting, trouble = outbox.waiting(), outbox.trouble()
    if not waiting:
        return "No issue waits."
    if trouble and now < trouble.until:
        return f"{len(waiting)} issues wait until {trouble.until:%Y-%m-%d %H:%M}: {trouble.fault}"
    return send_waiting(outbox, github, now)


def check_sent(outbox: Outbox, github: GitHub | None) -> AssetCheckResult:
    """Whether all issues stand on GitHub as they should, where a repository is named."""
    waiting, trouble = outbox.waiting(), outbox.trouble()
    if github is None:
        said = f"not sent: ATTRITION_GITHUB_TOKEN is not set; see {outbox.home}/reports/issues"
        waiting = []
    elif waiting:
        said = f"{len(waiting)} issues wait: {trouble.fault if trouble else 'none was tried yet'}"
    else:
        said = f"all issues stand in {github.name} as they should"
    return AssetCheckResult(
        passed=not waiting,
        severity=AssetCheckSeverity.WARN,
        description=said,
        metadata={
            "value": len(waiting),
            "limit": 0,
            "offenders": ", ".join(issue.key for issue in waiting) or "none",
            "tries": trouble.tries if trouble else 0,
        },
    )


def check_again(
    instance: DagsterInstance, result: AssetCheckResult, unit: str | None = None
) -> list[AssetCheckEvaluation]:
    """`result` for each month of which `issue_sent` failed before: it stands as it is now."""
    newest: dict[str, AssetCheckExecutionRecordStatus] = {}
    for record in instance.event_log_storage.get_asset_check_execution_history(
        SENT_KEY, limit=100, status=EVALUATED
    ):
        newest.setdefault(record.partition or "", record.status)
    return [
        AssetCheckEvaluation(
            asset_key=SENT_KEY.asset_key,
            check_name=SENT_KEY.name,
            passed=result.passed,
            severity=result.severity,
            description=result.description,
            metadata=result.metadata,
            partition=partition,
        )
        for partition, status in newest.items()
        if partition
        and is_of_unit(partition, unit)
        and status == AssetCheckExecutionRecordStatus.FAILED
    ]
