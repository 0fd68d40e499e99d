"""The model cards of a home: `reports/models/<version>/`, with the facts that they were made of.

Gathered from MLflow, the stores and the decision log, and written anew as a whole. What a card says
is in `governance.model_card`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import AUDIT_FILE, ModelVersion, Registry, RunRecord
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.errors import RegistryError, SnapshotError
from attrition_assets.governance.card_facts import (
    Merit,
    ModelCard,
    MonthRecord,
    Recipe,
    TrainingData,
    find_lacks,
    record_month,
    select_decisions,
)
from attrition_assets.governance.card_picture import draw_history
from attrition_assets.governance.datasheet import (
    describe_reference,
    render_datasheet,
    render_datasheet_page,
)
from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.governance.fairness_report import (
    FairnessAudit,
    FairnessVerdict,
    read_audit,
)
from attrition_assets.governance.model_card import (
    CALIBRATION,
    FAIRNESS,
    HISTORY,
    render_card_page,
    render_model_card,
)
from attrition_assets.governance.out_of_fold import choose_rows, measure_merit
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.training.reference import LABEL, ReferenceData

FACTS, CARD, PAGE = "card.json", "card.md", "card.html"
DATASHEET, DATASHEET_PAGE = "datasheet.md", "datasheet.html"
FOLLOWED = {
    Kind.RETRAINING_REQUESTED: "requested",
    Kind.RETRAINING_SKIPPED: "skipped",
}


@dataclass(frozen=True)
class ModelCards:
    """The cards of one home."""

    registry: Registry
    reference_store: ReferenceStore
    snapshot_store: SnapshotStore
    policy: MonitoringPolicy

    @property
    def folder(self) -> Path:
        """Where a folder a version lies."""
        return self.registry.home / "reports" / "models"

    def path(self, version: int, name: str = CARD) -> Path:
        """Where a version's card, or a file beside it, lies."""
        return self.folder / str(version) / name

    def written(self) -> list[int]:
        """The versions that have a card, in order."""
        return sorted(int(path.parent.name) for path in self.folder.glob(f"[0-9]*/{FACTS}"))

    def write(self, version: int, *, anew: bool = True) -> ModelCard:
        """Write a version's card, and its datasheet unless that is there and not asked for `anew`.

        Raises RegistryError, TrainingError or SnapshotError that says what of the version is lost,
        and writes nothing then.
        """
        held = self.registry.load(version)
        run = self.registry.read_run(held.run_id)
        card = self._gather(held, run)
        pictures = {Path(n).stem: png for n, png in run.files.items() if n.endswith(".png")}
        files: dict[str, str] = {}
        if anew or not self.path(version, DATASHEET_PAGE).is_file():
            files |= self._write_datasheet(held)
        if any(month.auc for month in card.history):
            pictures[HISTORY] = draw_history(card.history)
        files |= {PAGE: render_card_page(card, pictures), CARD: render_model_card(card)}
        files[FACTS] = card.model_dump_json(indent=1)  # the last: it says that the others are there
        for name, text in files.items():
            write_atomically(self.path(version, name), text.encode())
        return card

    def find_lacks(self, version: int) -> tuple[str, ...]:
        """What a version's card should show and does not; empty if it is current."""
        if not self.path(version).is_file():
            return ("the card itself",)
        try:
            card = ModelCard.model_validate_json(self.path(version, FACTS).read_bytes())
        except (FileNotFoundError, ValidationError):
            return ("facts that this release can read",)
        entries = DecisionLog(self.registry.home).known_entries()
        history = self._list_history(version, entries)
        return find_lacks(card, history, select_decisions(entries, version))

    def _gather(self, held: ModelVersion, run: RunRecord) -> ModelCard:
        """All facts of a version, with what its run has on record."""
        reference = self.reference_store.read_labels(held.reference_digest, held.as_of)
        entries = DecisionLog(self.registry.home).known_entries()
        evidence = self.registry.read_evidence(held.version)
        judged = DriftReports(self.registry.home).months()
        return ModelCard(
            version=held.version,
            data=_count_data(held, reference),
            recipe=Recipe(
                name=held.recipe,
                params=run.params,
                reproducible=run.tags.get("reproducible") == "True",
                run_id=held.run_id,
            ),
            merit=_measure(held, reference),
            importance=held.importance,
            audit=_read_audit(held, evidence.fairness, run.files),
            compared_with=evidence.compared_with,
            comparison=evidence.comparison,
            evidence_fault=evidence.fault,
            decisions=select_decisions(entries, held.version),
            history=self._list_history(held.version, entries),
            through=str(judged[-1]) if judged else None,
        )

    def _list_history(self, version: int, entries: list[Entry]) -> tuple[MonthRecord, ...]:
        return tuple(self._read_history(version, entries))

    def _read_history(self, version: int, entries: list[Entry]) -> Iterator[MonthRecord]:
        """The months that a version scored, in order."""
        reports = DriftReports(self.registry.home)
        followed = {
            (entry.facts.get("month"), entry.facts.get("champion")): _describe_followed(entry)
            for entry in entries
            if entry.kind in FOLLOWED
        }
        for month in reports.months():
            scored = reports.scored_by(month)
            if scored is None or scored[0] != version:
                continue
            stands = self.snapshot_store.accepted_version(month) == scored[1]
            try:
                report = reports.read(month)
            except SnapshotError:
                report = None
            if report is None:
                yield MonthRecord(month=str(month), snapshot_version=scored[1], stands=stands)
                continue
            yield record_month(
                report,
                decide_retraining(report, self.policy),
                stands=stands,
                followed=followed.get((str(month), version), ""),
            )

    def _write_datasheet(self, held: ModelVersion) -> dict[str, str]:
        digest = held.reference_digest
        reference = self.reference_store.read(digest, held.as_of, compact=True)
        months = [pd.Period(each, freq="M") for each in self.reference_store.sources(digest)]
        waived = {str(month): self._list_waived(month) for month in months}
        sheet = describe_reference(reference, digest, waived)
        return {DATASHEET: render_datasheet(sheet), DATASHEET_PAGE: render_datasheet_page(sheet)}

    def _list_waived(self, month: pd.Period) -> tuple[str, ...]:
        """What persons vouched for in the month's present file."""
        return tuple(
            f"`{waiver.check}`, by {waiver.who}: {waiver.why}"
            for waiver in self.snapshot_store.list_waived(month)
        )


def _describe_followed(entry: Entry) -> str:
    said = FOLLOWED[entry.kind]
    return f"{said}: {entry.why}" if entry.kind == Kind.RETRAINING_SKIPPED else said


def _read_audit(
    held: ModelVersion, told: Mapping[str, FairnessVerdict], logged: dict[str, bytes]
) -> FairnessAudit | None:
    """The audit of the version's training, by the verdicts that the registry has; None without.

    Raises RegistryError if it or a picture is lost, or if it has other verdicts.
    """
    needed = [f"{CALIBRATION}.png", *([f"{FAIRNESS}.png", AUDIT_FILE] if told else [])]
    where = f"the MLflow run {held.run_id} of version {held.version}"
    if lost := [name for name in needed if name not in logged]:
        raise RegistryError(
            f"{', '.join(lost)} of {where} is lost, so there can be no card: restore MLflow's "
            "artifacts from a backup, or train another version: `attrition retrain --reason TEXT`"
        )
    if not told:
        return None
    audit = read_audit(logged[AUDIT_FILE], told)
    if audit is None:
        raise RegistryError(
            f"{AUDIT_FILE} of {where} is not the audit that was registered: restore it from a "
            "backup"
        )
    return audit


def _count_data(held: ModelVersion, reference: ReferenceData) -> TrainingData:
    contract, labelled = held.contract, reference.labelled
    dates = labelled[contract.snapshot_date].drop_duplicates().sort_values()
    features = tuple(str(name) for name in held.pipeline.feature_names_in_)
    rest = {name: column for name, column in contract.columns.items() if name not in features}
    return TrainingData(
        digest=held.reference_digest,
        contract=contract.name,
        as_of=str(held.as_of),
        horizon_months=contract.horizon_months,
        months=tuple(dates.dt.strftime("%Y-%m")),
        rows=len(labelled),
        people=int(labelled[contract.id].nunique()),
        leavers=int(labelled[LABEL].sum()),
        features=features,
        protected=tuple(name for name in contract.protected if name in rest),
        ignored=tuple(name for name, column in rest.items() if column.role == "ignored"),
        taken_in={
            name: column.used_because
            for name, column in contract.columns.items()
            if name in features and column.used_because
        },
    )


def _measure(held: ModelVersion, reference: ReferenceData) -> Merit:
    """What the held-out scores are worth. Raises RegistryError if they are not of these data."""
    labelled, keys = reference.labelled, [held.contract.id, held.contract.snapshot_date]
    scored = held.held_out.head(len(labelled))
    if len(scored) < len(labelled) or not scored[keys].equals(labelled[keys]):
        raise RegistryError(
            f"the held-out scores of version {held.version} are not of its reference data "
            f"{held.reference_digest[:12]}: restore both from a backup, or train another version"
        )
    rows = choose_rows(labelled[held.contract.id])
    return measure_merit(
        labelled[LABEL].to_numpy(dtype="int64")[rows],
        scored["probability"].to_numpy()[rows],
        labelled[held.contract.id].to_numpy()[rows],
        held.threshold,
    )
