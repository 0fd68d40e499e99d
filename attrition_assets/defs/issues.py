"""A month's issue: what a month tells, and its way to GitHub. Nothing is decided here."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from dagster import AssetCheckResult, AssetCheckSeverity, DagsterInstance, DagsterRunStatus

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.github import GitHub
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.defs.metadata import read_run_metadata
from attrition_assets.defs.month_state import MonthState, State
from attrition_assets.defs.runs import IN_PROGRESS, explain_failure, find_retrainings
from attrition_assets.errors import GitHubError
from attrition_assets.governance.decisions import Kind
from attrition_assets.monitoring.decision import Decision, RetrainingDecision
from attrition_assets.monitoring.episodes import Label, MonthNews
from attrition_assets.monitoring.report import DriftReport, Finding
from attrition_assets.monitoring.summary import describe_findings


@dataclass(frozen=True)
class RetrainingResult:
    """What became of the newest retraining for a month: in a few words, and in full lines."""

    said: str
    lines: tuple[str, ...]
    label: Label | None = None
    todo: str = ""


def read_retraining(
    instance: DagsterInstance, month: pd.Period, log: DecisionLog
) -> RetrainingResult | None:
    """The newest retraining that the sensor asked for of a month; None if there was none."""
    runs = find_retrainings(instance, month)
    if not runs:
        return None
    newest, run_id = f"Retraining (run {runs[0].run_id}):", runs[0].run_id
    if runs[0].status in IN_PROGRESS:
        return RetrainingResult("retraining under way", (f"{newest} under way",))
    if runs[0].status != DagsterRunStatus.SUCCESS:
        todo = "mend the cause, then `attrition retrain --reason TEXT`"
        why = f"{newest} **failed**: {explain_failure(instance, run_id)}"
        return RetrainingResult("retraining failed", (why, f"To do: {todo}"), Label.FAILED, todo)
    made = read_run_metadata(instance, run_id, "model")
    version = made["version"] if made else None
    promoted = {
        entry.facts["version"] for entry in log.known_entries() if entry.kind == Kind.PROMOTED
    }
    line = f"{newest} succeeded, version {version}: `attrition status` says if it waits"
    if version is None or version in promoted:
        return RetrainingResult(f"retrained, version {version}", (line,), Label.RETRAINED)
    return RetrainingResult(
        f"retrained, version {version} waits",
        (line,),
        Label.RETRAINED,
        f"read the card of version {version} and its evidence, then `attrition propose --version "
        f"{version}`, or `attrition promote --version {version} --reason TEXT`",
    )


def tell_month(
    state: MonthState,
    decision: RetrainingDecision | None,
    retraining: RetrainingResult | None,
    summary: str,
) -> MonthNews:
    """What a month tells, from what became of it and of its retraining."""
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
    if not todo and labels - {Label.NO_DRIFT}:
        acknowledge = f"`attrition acknowledge {state.month} --reason TEXT`"
        todo.append(f"look at the report; if what moved is as it should be: {acknowledge}")
    decided = decision.headline if decision else "Nothing was judged"
    return MonthNews(
        month=str(state.month),
        verdict=describe_findings(state.report) if state.report else str(state.state),
        decided=decided + (f"; {retraining.said}" if retraining else ""),
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
