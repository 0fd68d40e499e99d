"""`attrition explain`: which version scored a person in a month, with what score, and for what.

Everything is read, nothing is put on record or changed. How a model comes to its score is for the
model itself (`ModelVersion.explain`); what became of a month, for `defs.month_state`.
"""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance
from dagster._check import not_none

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.source import open_source
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.adapters.versions import list_versions
from attrition_assets.casting import read_ids
from attrition_assets.contract import Contract, read_contract
from attrition_assets.defs.io_managers import partition_path
from attrition_assets.defs.month_state import State, read_state
from attrition_assets.defs.partition_keys import month_key
from attrition_assets.errors import AttritionError, RegistryError, SnapshotError
from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.governance.explanation import (
    Employee,
    Explanation,
    Promotion,
    Reason,
    Score,
)
from attrition_assets.settings import Settings

SHOWN = 5
# A contribution below this is nothing that a person would call a reason.
LEAST_LOG_ODDS = 0.01
# What was scored and is scored again differs by rounding alone.
SAME_SCORE = 1e-6


def read_employee(text: str, contract: Contract) -> Employee:
    """The id that a person typed. Raises ValueError if the contract's ids are of another type."""
    column = contract.columns[contract.id]
    value = read_ids(pd.Series([text.strip()], dtype="object"), column).iloc[0]
    if not column.integer:
        if not text.strip():
            raise ValueError(f"an empty text is no {contract.id}")
        return str(value)
    if not (np.isfinite(value) and value == int(value)):
        raise ValueError(f"{text!r} is no {contract.id}: {contract.name} has whole numbers")
    return int(value)


def collect_explanation(
    settings: Settings, instance: DagsterInstance, employee: Employee, month: pd.Period
) -> Explanation:
    """Every score that `employee` was given in `month`, the present one first.

    Raises AttritionError if the month was not scored, and says why; SnapshotError if the person is
    not among those who were.
    """
    contract = read_contract(settings.contract)
    store = SnapshotStore(settings.home, contract)
    registry = Registry(settings.mlflow_uri, settings.home, contract, settings.unit)
    source, switch = open_source(settings, contract), ScoringSwitch(settings.home)
    state = read_state(month, instance, source, store, switch, settings)
    path = partition_path(settings.home, "predictions", month_key(month), ".parquet")
    tables = [read_parquet(each) for each in list_versions(path)]
    if not tables and state.state == State.REMOVED:
        raise AttritionError(f"the scores of {month} cannot be told any more: {state.reason}")
    if not tables:
        raise AttritionError(
            f"nobody was scored in {month} ({state.state}): {state.reason}. To do: {state.todo}"
        )
    if not any(table[contract.id].eq(employee).any() for table in tables):
        ledger = store.ledger(month)
        elsewhere = (
            f"; of one in {ledger.one_in} the rows are kept, the scores of all others are in "
            f"{partition_path(settings.home, 'scores', month_key(month), '.parquet')}"
            if ledger and ledger.one_in > 1
            else ""
        )
        raise SnapshotError(
            f"no {contract.id} {employee} among the {len(tables[-1])} people who were scored in "
            f"{month}: give the id as the month's snapshot has it, or another month"
            f"{elsewhere}"
        )
    scored_at, present = _read_times(instance, month, settings.unit), store.accepted_version(month)
    log = DecisionLog(settings.home).known_entries()
    read = _Reader(contract, store, registry, log, month)
    scores = []
    for number, table in reversed(list(enumerate(tables, start=1))):
        if not table[contract.id].eq(employee).any():
            continue
        stands = number == len(tables) and int(table["snapshot_version"].iloc[0]) == present
        scores.append(read.score(table, employee, stands, scored_at.get(number)))
    stand = int(tables[-1]["snapshot_version"].iloc[0]) == present
    note = None
    if not stand:
        note = f"no score stands ({state.state}): {state.reason}. To do: {state.todo}"
    elif not scores[0].stands:
        note = f"the month was corrected, and its people are without this {contract.id} now"
    return Explanation(
        id_column=contract.id, employee=employee, month=str(month), note=note, scores=tuple(scores)
    )


def _read_times(
    instance: DagsterInstance, month: pd.Period, unit: str | None
) -> dict[int, datetime]:
    """When each version of a month's predictions was made, by Dagster's record."""
    chosen = AssetRecordsFilter(AssetKey("predictions"), asset_partitions=[month_key(month, unit)])
    times: dict[int, datetime] = {}
    for record in instance.fetch_materializations(chosen, limit=1000).records:  # newest first
        made = not_none(record.asset_materialization).metadata.get("version")
        if made is not None and isinstance(made.value, int):
            times[made.value] = datetime.fromtimestamp(record.timestamp).astimezone()
    return times


class _Reader:
    """What one score is read from."""

    def __init__(
        self,
        contract: Contract,
        store: SnapshotStore,
        registry: Registry,
        log: list[Entry],
        month: pd.Period,
    ) -> None:
        self.contract, self.store, self.registry = contract, store, registry
        self.log, self.month = log, month
        self.silent: RegistryError | None = None  # MLflow is asked in vain once, not for each score

    def score(
        self, table: pd.DataFrame, employee: Employee, stands: bool, scored_at: datetime | None
    ) -> Score:
        row = table[table[self.contract.id].eq(employee)].iloc[0]
        number, probability = int(row["model_version"]), float(row["probability"])
        known: dict[str, Any] = {
            "stands": stands,
            "scored_at": scored_at,
            "probability": probability,
            "flag": bool(row["flag"]),
            "share_higher": float((table["probability"] > probability).mean()),
            "people": len(table),
            "snapshot_version": int(row["snapshot_version"]),
            "model_version": number,
            "reasons_given": str(row["reasons"]) if "reasons" in table.columns else None,
            "promotions": tuple(_list_promotions(self.log, number)),
            **self._read_facts(number),
        }
        try:
            reasons = self._find_reasons(employee, known)
        except (RegistryError, SnapshotError) as error:
            return Score(**known, untold=str(error))
        return Score(**known, **reasons)

    def _read_facts(self, number: int) -> dict[str, Any]:
        """What the version carries; where MLflow does not say so, what the log has of it."""
        facts: dict[str, Any] = {}
        try:
            if self.silent is None:
                facts |= self.registry.read_tags(number)
        except RegistryError as error:
            self.silent = error
        for entry in self.log:
            if entry.kind == Kind.MODEL_REGISTERED and entry.facts.get("version") == number:
                facts |= {name: entry.facts[name] for name in ("as_of", "reference_digest")}
        return {name: facts.get(name) for name in ("threshold", "as_of", "reference_digest")}

    def _find_reasons(self, employee: Employee, known: dict[str, Any]) -> dict[str, Any]:
        if self.silent is not None:
            raise self.silent
        people = self.store.read_version(self.month, known["snapshot_version"])
        version = self.registry.load(known["model_version"])
        person = people[people[self.contract.id].eq(employee)]
        if person.empty:
            raise SnapshotError(f"the snapshot of {self.month} does not hold the person any more")
        now = float(version.score(person).iloc[0])
        if abs(now - known["probability"]) > SAME_SCORE:
            raise RegistryError(
                f"version {version.version} gives {now:.4f} to the person's row now, and not the "
                "score on record: the scores, the snapshot or the model was changed since"
            )
        effects = version.explain(person)[0].iloc[0]
        reasons = [
            _describe_reason(name, float(effects[name]), person[name].iloc[0], people[name])
            for name in self.contract.features
            if abs(effects[name]) >= LEAST_LOG_ODDS
        ]
        reasons.sort(key=lambda reason: -abs(reason.contribution))
        return {
            "raised": tuple(each for each in reasons if each.contribution > 0)[:SHOWN],
            "lowered": tuple(each for each in reasons if each.contribution < 0)[:SHOWN],
        }


def _list_promotions(log: list[Entry], number: int) -> list[Promotion]:
    return [
        Promotion(number=each.number, kind=each.kind, at=each.at, who=each.who, why=each.why)
        for each in log
        if each.kind in (Kind.PROMOTED, Kind.ROLLED_BACK) and each.facts.get("version") == number
    ]


def _describe_reason(name: str, contribution: float, value: Any, people: pd.Series) -> Reason:
    if pd.isna(value):
        share = float(people.isna().mean())
        return Reason(feature=name, contribution=contribution, value=None, share_same=share)
    if pd.api.types.is_numeric_dtype(people):
        mean, plain = float(people.mean()), value.item() if hasattr(value, "item") else value
        return Reason(feature=name, contribution=contribution, value=plain, average=mean)
    share = float(people.eq(value).mean())
    return Reason(feature=name, contribution=contribution, value=str(value), share_same=share)
