"""What a drift check computes: a body in, an answer out, by the verdict function of the asset.

It runs in a process of its own (`worker`): nothing here knows of HTTP but the problems that are
answered.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from attrition_assets.adapters.acknowledgements import look_back
from attrition_assets.adapters.bundles import Bundle, read_bundle
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import Contract, read_contract
from attrition_assets.errors import DriftInputError, RegistryError, SnapshotError
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.feature_drift import select_monitored
from attrition_assets.monitoring.judge import PROBABILITY
from attrition_assets.monitoring.policy import MonitoringPolicy, read_policy
from attrition_assets.monitoring.report import (
    DataQuality,
    FeatureDrift,
    Finding,
    PredictionDrift,
)
from attrition_assets.months import parse_month
from attrition_assets.serving.drift_answers import (
    Baseline,
    FeatureAnswer,
    ScoredAnswer,
    answer_features,
    answer_predictions,
)
from attrition_assets.serving.drift_requests import (
    Rows,
    asks_to_score,
    describe_feature_request,
    describe_score_request,
    describe_scoring_request,
    make_table,
    read_body,
)
from attrition_assets.serving.problems import ProblemError
from attrition_assets.training.features import select_features

FLAGGED = 0.5
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """The rows that a champion's months are compared with, their probabilities among them."""

    told: Baseline
    table: pd.DataFrame


class Comparisons:
    """The checks of one home. `bundle` is where the champion lies; None if there is none."""

    def __init__(self, home: Path, contract: Path) -> None:
        self.home = home
        self.contract: Contract = read_contract(contract)
        self.policy: MonitoringPolicy = read_policy(contract)
        self.features = describe_feature_request(self.contract)
        self.scores = describe_score_request(self.contract)
        self.scoring = describe_scoring_request(self.contract)
        self._read_bundle = lru_cache(1)(lambda place: read_bundle(place, self.contract))
        self._read_baseline = lru_cache(1)(self._read_rows)

    def compare_features(self, body: bytes, bundle: Path | None) -> tuple[bytes, int]:
        """The answer to `POST /drift/feature`, and of how many rows it is. Raises ProblemError."""
        asked = read_body(body, self.features)
        current = self._tabulate(asked["rows"], self.contract.monitored)
        if "reference" in asked:
            reference = self._tabulate(asked["reference"], self.contract.monitored)
            baseline, importance = Baseline(rows=len(reference)), None
        else:
            known = self.read_baseline(bundle)
            reference, baseline = known.table, known.told
            importance = self._require_bundle(bundle).facts.importance or None
        level = asked.get("level", self.policy.feature_level)
        detector = DriftDetector(level, policy=self.policy, contract=self.contract)
        try:
            drift, quality = detector.compare_features(
                reference_data=select_monitored(reference, self.contract, "baseline"),
                current_data=current,
                importance=importance,
            )
        except DriftInputError as error:
            finding, reason = Finding.CANNOT_TELL, str(error)
            drift = FeatureDrift(finding=finding, reason=reason, level=level)
            quality = DataQuality(finding=finding, reason=reason)
        answer = FeatureAnswer(
            baseline=baseline, current_rows=len(current), **answer_features(drift, quality)
        )
        return answer.model_dump_json().encode(), len(current)

    def compare_predictions(self, body: bytes, bundle: Path | None) -> tuple[bytes, int]:
        """The answer to `POST /drift/prediction`, and of how many rows. Raises ProblemError."""
        scores = asks_to_score(body)
        asked = read_body(body, self.scoring if scores else self.scores)
        current = self._take(asked["rows" if scores else "probabilities"], bundle, scores)
        if "reference" in asked:
            reference = self._take(asked["reference"], bundle, scores)
            used = self._require_bundle(bundle).facts.version if scores else None
            baseline = Baseline(model_version=used, rows=len(reference))
        else:
            known = self.read_baseline(bundle)
            reference, baseline = known.table[[PROBABILITY]], known.told
        standard = FLAGGED if bundle is None else self._require_bundle(bundle).facts.threshold
        threshold = asked.get("flag_threshold", standard)
        level = asked.get("level", self.policy.prediction_level)
        detector = DriftDetector(level, policy=self.policy, contract=self.contract)
        try:
            drift = detector.compare_predictions(
                reference_data=reference,
                current_data=current,
                prediction_column=PROBABILITY,
                flag_threshold=threshold,
            )
        except DriftInputError as error:
            drift = PredictionDrift(finding=Finding.CANNOT_TELL, reason=str(error), level=level)
        answer = ScoredAnswer(
            flag_threshold=threshold,
            baseline=baseline,
            current_rows=len(current),
            **answer_predictions(drift),
        )
        return answer.model_dump_json().encode(), len(current)

    def read_baseline(self, bundle: Path | None) -> Known:
        """What the next month would be compared with, as the asset has it. Raises ProblemError."""
        held = self._require_bundle(bundle)
        store = SnapshotStore(self.home, self.contract)
        as_of = parse_month(held.facts.as_of)
        try:
            judged = max([as_of, *store.ledgers()])
            past = look_back(self.home, judged + 1, as_of, store.accepted_version)
            version = store.accepted_version(past.baseline) if past.baseline else 0
            table = self._read_baseline(bundle, past.baseline, version)
        except (RegistryError, SnapshotError) as error:
            raise _refuse("what the champion is compared with cannot be read", error) from None
        month = str(past.baseline or as_of)
        told = Baseline(
            model_version=held.facts.version,
            month=month,
            rows=len(table),
            note=past.baseline_note,
        )
        return Known(told, table)

    def _read_rows(self, bundle: Path, month: pd.Period | None, version: int) -> pd.DataFrame:
        """The rows of an acknowledged `month`, by its `version`, else of the reference data."""
        if month is None:
            digest = self._require_bundle(bundle).facts.reference_digest
            table = ReferenceStore(self.home, self.contract).read_newest_month(digest)
        else:
            table = SnapshotStore(self.home, self.contract).read(month)
        return table.assign(**{PROBABILITY: self._score(table, bundle)})

    def _require_bundle(self, bundle: Path | None) -> Bundle:
        if bundle is None:
            raise ProblemError(
                503,
                "there is no champion to compare with: promote a version, or send a reference",
                headers={"Retry-After": "5"},
            )
        try:
            return self._read_bundle(bundle)
        except RegistryError as error:
            raise _refuse("the champion cannot be read", error) from None

    def _tabulate(self, rows: Rows, names: tuple[str, ...]) -> pd.DataFrame:
        return make_table(rows, names, self.contract)

    def _take(self, values: Any, bundle: Path | None, scores: bool) -> pd.DataFrame:
        """Probabilities as a table, by the champion if they are rows to be scored."""
        if scores:
            values = self._score(self._tabulate(values, self.contract.features), bundle)
        return pd.DataFrame({PROBABILITY: values}, dtype="float64")

    def _score(self, table: pd.DataFrame, bundle: Path | None) -> Any:
        pipeline = self._require_bundle(bundle).pipeline
        return pipeline.predict_proba(select_features(table, self.contract))[:, 1]


def _refuse(what: str, error: Exception) -> ProblemError:
    _LOG.warning("%s: %s", what, error)
    return ProblemError(
        503, f"{what}: the API's log says why and what to do", headers={"Retry-After": "60"}
    )
