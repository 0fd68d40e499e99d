"""`attrition status`: where the loop stands, what is blocked and why, and the next thing to do.

Read from the stores and Dagster's event log alone: MLflow is not opened, nothing is changed.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from dagster import DagsterInstance

from attrition_assets.adapters.acknowledgements import look_back
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.source import open_source
from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.contract import read_contract
from attrition_assets.defs.metadata import read_all_metadata
from attrition_assets.defs.month_state import MonthState, State, read_state
from attrition_assets.defs.retraining import find_waiting, read_decision
from attrition_assets.defs.runs import find_running_retraining
from attrition_assets.errors import DatabaseError, SnapshotError
from attrition_assets.governance.comparison import Recommendation
from attrition_assets.monitoring.feature_drift import StandingAlarm
from attrition_assets.months import last_day, parse_month
from attrition_assets.settings import Settings

SHOWN = 12
UNKNOWN, LONG_AGO = "unknown", pd.Period("1900-01", freq="M")


@dataclass(frozen=True)
class Status:
    """Where the loop stands. `blocked` are the months that came no further, the newest first.

    `alarm` is the one that nobody answered.
    """

    champion: dict[str, Any] | None
    challenger: dict[str, Any] | None
    last: MonthState | None
    decision: dict[str, Any] | None
    alarm: StandingAlarm | None
    blocked: tuple[MonthState, ...]
    due: pd.Period
    running: str | None
    suspension: Suspension | None
    issues: str
    source_fault: str | None = None

    @property
    def todo(self) -> str:
        """The next thing to do; the most urgent first."""
        if self.champion is None:
            return "train the first model: `attrition retrain --reason first`, or see it: make demo"
        if self.source_fault:
            return "mend what keeps the snapshots from being read: `attrition doctor`"
        if self.suspension:
            return "`attrition resume --reason TEXT` once the reason is gone"
        if self.blocked and self.blocked[0].month == self.due:
            return self.blocked[0].todo
        if self.challenger:
            version = self.challenger["version"]
            advice = self.challenger.get("advice", Recommendation.PROMOTE)
            command = f"attrition promote --version {version}"
            if advice != Recommendation.PROMOTE:
                return (
                    f"look at version {version} in MLflow; against the champion: {advice}. It "
                    f"stays, unless: `{command} --override --reason TEXT`"
                )
            return f"look at version {version} in MLflow, then `{command}`"
        if self.blocked:
            return f"{self.blocked[0].month}: {self.blocked[0].todo}"
        return f"nothing: {self.due + 1} is due on {last_day(self.due + 1).date()}, at midnight UTC"


def collect_status(settings: Settings, instance: DagsterInstance, now: datetime) -> Status:
    """Where the loop stands at `now`: the newest month due is the last one that has ended (UTC)."""
    contract = read_contract(settings.contract)
    source, switch = open_source(settings, contract), ScoringSwitch(settings.home)
    store = SnapshotStore(settings.home, contract)
    due = pd.Period(f"{now:%Y-%m}", freq="M") - 1
    champions, models = (
        read_all_metadata(instance, "champion", settings.unit),
        read_all_metadata(instance, "model", settings.unit),
    )
    sent, fault = [], None
    try:
        sent = source.months()
    except (DatabaseError, SnapshotError) as error:
        fault = str(error)
    states = [
        read_state(month, instance, source, store, switch, settings)
        for month in _list_months(sent, store, due)
    ]
    states = [state for state in states if state.state != State.REMOVED]
    judged = [state for state in states if state.state == State.JUDGED]
    last = judged[-1] if judged else None
    running = find_running_retraining(instance, settings.unit)
    champion = _find_champion(champions, models)
    return Status(
        champion=champion,
        challenger=find_waiting(models, champions),
        last=last,
        decision=read_decision(instance, last.month, settings.unit) if last else None,
        alarm=_find_alarm(champion, last, settings.home, store),
        blocked=tuple(reversed(_select_blocked(states, judged, models))),
        due=due,
        running=running.run_id if running else None,
        suspension=switch.read(),
        issues=Outbox(settings.home).describe(sends=settings.github_token is not None),
        source_fault=fault,
    )


def render_status(status: Status) -> str:
    """The status as lines of text: a word, then what is known."""
    champion, challenger, last = status.champion, status.challenger, status.last
    lines = {
        "Champion": f"version {champion['version']}, as of {champion['as_of']}: "
        f"{champion['reason']}"
        if champion
        else "none yet",
        "Challenger": _describe_challenger(challenger) if challenger else "none waits",
        "Last month": _describe_last(last, status.decision) if last else "none was judged yet",
        "Alarm": _describe_alarm(status.alarm),
        "Retraining": f"under way (run {status.running})" if status.running else "none under way",
        "Scoring": str(status.suspension) if status.suspension else "on",
        "Issues": status.issues,
        **({"Snapshots": f"cannot be read: {status.source_fault}"} if status.source_fault else {}),
        "Blocked": "\n".join(_describe_blocked(status.blocked)[:SHOWN]) or "no month",
        "Next": status.todo,
    }
    return "\n".join(
        f"{name:<12}{text.replace(chr(10), chr(10) + ' ' * 12)}" for name, text in lines.items()
    )


def _describe_challenger(challenger: dict[str, Any]) -> str:
    waits = f"version {challenger['version']}, as of {challenger['as_of']}, awaits review"
    advice = challenger.get("advice")
    return f"{waits}; against the champion: {advice}" if advice else waits


def _list_months(sent: list[pd.Period], store: SnapshotStore, due: pd.Period) -> list[pd.Period]:
    """Every month from the first that is known to the newest that is due or known, without gaps."""
    known = [*sent, *store.ledgers()]
    return [] if not known else list(pd.period_range(min(known), max(due, *known), freq="M"))


def _find_champion(
    champions: list[dict[str, Any]], models: list[dict[str, Any]]
) -> dict[str, Any] | None:
    if not champions:
        return None
    as_of = {model["version"]: model["as_of"] for model in models}
    version = champions[0]["version"]
    return {**champions[0], "as_of": as_of.get(version, UNKNOWN)}


def _select_blocked(
    states: list[MonthState], judged: list[MonthState], models: list[dict[str, Any]]
) -> list[MonthState]:
    """The months that came no further than they should: the history before a model is only kept."""
    first = judged[0].month if judged else None
    return [
        state
        for state in states
        if state.state in (State.MISSING, State.REFUSED)
        or (state.state == State.JUDGED and state.reason)
        or (state.state != State.JUDGED and first is not None and state.month > first)
        or (state.state == State.NOT_CHECKED and not models)
    ]


def _describe_last(last: MonthState, decision: dict[str, Any] | None) -> str:
    rows = 0 if last.scores is None else len(last.scores)
    said = f"{last.month}, {rows} employees scored and judged"
    return f"{said}; {decision['action']}: {decision['reason']}" if decision else said


def _find_alarm(
    champion: dict[str, Any] | None, last: MonthState | None, home: Path, store: SnapshotStore
) -> StandingAlarm | None:
    """What the month after the last judged one will find standing, as things are now.

    A champion of unknown data answers no alarm.
    """
    if champion is None or last is None:
        return None
    told = champion["as_of"]
    as_of = LONG_AGO if told == UNKNOWN else parse_month(told)
    return look_back(home, last.month + 1, as_of, store.accepted_version).standing


def _describe_alarm(alarm: StandingAlarm | None) -> str:
    if alarm is None:
        return "none stands"
    return (
        f"drift since {alarm.since} ({alarm.named}): promote a model trained since, or `attrition "
        f"acknowledge {alarm.last} --reason TEXT`"
    )


def _describe_blocked(blocked: tuple[MonthState, ...]) -> list[str]:
    """A line for each month that is blocked, the newest first; a run of missing months is one."""
    lines: list[str] = []
    for _, group in groupby(blocked, key=lambda each: each.state == State.MISSING or each.month):
        months = list(group)
        newest, oldest = months[0], months[-1]
        named = f"{newest.month}" if newest is oldest else f"{oldest.month} to {newest.month}"
        lines.append(f"{named}  {newest.state}: {newest.reason}")
    return lines
