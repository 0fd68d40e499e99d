"""The model registry, on MLflow: versions, the aliases champion and challenger, their artifacts.

MLflow is imported inside the functions that use it: it costs seconds. Whether a version deserves
to be promoted is for `governance`.
"""

import json
import logging
import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from pydantic import Field, TypeAdapter

from attrition_assets.adapters.files import content_digest, read_parquet, to_parquet_bytes
from attrition_assets.adapters.mlflow_answers import answering, find_database, prepare_mlflow
from attrition_assets.contract import Contract
from attrition_assets.errors import PromotionError, RegistryError
from attrition_assets.governance.comparison import Comparison
from attrition_assets.governance.fairness_report import FairnessAudit, FairnessVerdict, read_audit
from attrition_assets.months import parse_month
from attrition_assets.training.evaluation import Evaluation
from attrition_assets.training.explanations import compute_contributions
from attrition_assets.training.families import Family, Params, predict_leaving
from attrition_assets.training.features import make_example, select_features
from attrition_assets.training.reference import ReferenceData
from attrition_assets.training.search import TrainedModel

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sklearn.pipeline import Pipeline

MODEL_NAME = "attrition"
CHAMPION, CHALLENGER = "champion", "challenger"
MODEL_FILE, HELD_OUT_FILE, AUDIT_FILE = "model.skops", "held_out.parquet", "fairness.json"
# The tag that says when a version's held-out scores were removed under retention, and by whom.
REMOVED = "held_out_removed"
VERDICTS = TypeAdapter(dict[str, FairnessVerdict])
THRESHOLD = TypeAdapter(Annotated[float, Field(ge=0, allow_inf_nan=False)])
# What a version must carry to be loaded.
TAGS = ("as_of", "reference_digest", "threshold", "model_sha256", "held_out_sha256")
# What is the same of two versions only if they are the same model, compared with the same one.
IDENTITY = ("as_of", "reference_digest", "held_out_sha256", "threshold", "params", "compared_with")
# The only types outside skops' own list that a model file may hold.
TRUSTED_TYPES: tuple[str, ...] = (
    "numpy.dtype",  # of an imputer's values
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
# What a version is of that was registered before its recipe was put on record.
FORMER_RECIPE = "logistic-1"
IMPORTANCE, PARAMS = TypeAdapter(dict[str, float]), TypeAdapter(Params)


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: the fitted pipeline, and what it was trained on.

    `held_out` has a row for each outcome of its reference data, in order: the employee's id, the
    snapshot's date and the out-of-fold `probability`. `importance` is each column's mean absolute
    contribution to the log-odds, empty if the version was registered before that was on record.
    """

    version: int
    run_id: str
    as_of: pd.Period
    reference_digest: str
    threshold: float
    pipeline: "Pipeline"
    held_out: pd.DataFrame
    contract: Contract
    recipe: str
    params: Params
    importance: dict[str, float]
    model_sha256: str
    name: str = MODEL_NAME

    def score(self, table: pd.DataFrame) -> pd.Series:
        """Probability of leaving within the horizon for each row of a snapshot's table.

        Raises RegistryError if the version was trained under a contract that allowed less.
        """
        X = select_features(table, self.contract)
        try:
            probability = predict_leaving(self.pipeline, X)
        except ValueError as error:
            why = str(error).splitlines()[0].rstrip(".")
            missing = ", ".join(X.columns[X.isna().any()])
            gaps = f"; values are missing in {missing}" if missing else ""
            raise RegistryError(
                f"version {self.version} of {self.name!r} cannot score this table ({why}{gaps}): "
                f"if the contract has changed since {self.as_of}, train a version under it, "
                "`attrition retrain --reason TEXT`, and promote that"
            ) from None
        return pd.Series(probability, index=table.index, name="probability")

    def explain(self, table: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Log-odds that each feature adds to each row's score, and the log-odds without any.

        Raises RegistryError if the version is of a recipe that this release cannot explain.
        """
        if self.recipe not in {family.recipe for family in Family}:
            raise RegistryError(
                f"version {self.version} of {self.name!r} is of the recipe {self.recipe}, whose "
                "scores this release cannot explain: train a version, `attrition retrain --reason "
                "TEXT`, and promote that"
            )
        return compute_contributions(self.pipeline, table, self.contract)


@dataclass(frozen=True)
class Evidence:
    """What a version was compared with (0: with nothing) and how, and how fair its flags are.

    `fairness` is by protected attribute and by pair of them. `fault` says why nothing can be read.
    """

    compared_with: int = 0
    comparison: Comparison | None = None
    fairness: dict[str, FairnessVerdict] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """An MLflow run: its parameters and tags, and its pictures and JSON files by name."""

    params: dict[str, str]
    tags: dict[str, str]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Registry:
    """The versions of one registered model at one MLflow tracking URI."""

    uri: str
    home: Path
    contract: Contract
    unit: str | None = None

    @property
    def name(self) -> str:
        """What MLflow calls the model and its experiment: the units share a server."""
        return MODEL_NAME if self.unit is None else f"{MODEL_NAME}-{self.unit}"

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client, with the experiment made if it was not there.

        Raises RegistryError if MLflow does not answer.
        """
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        prepare_mlflow(self.uri)
        import mlflow

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # It prints a traceback of what it raises as well.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        mlflow.set_tracking_uri(self.uri)
        with answering(self.uri):
            client = mlflow.MlflowClient(self.uri)
            if client.get_experiment_by_name(self.name) is None:
                local = find_database(self.uri) is not None
                folder = (self.home / "mlflow" / "artifacts").as_uri() if local else None
                client.create_experiment(self.name, artifact_location=folder)
        return client

    def register(
        self,
        trained: TrainedModel,
        evaluation: Evaluation,
        reference: ReferenceData,
        digest: str,
        comparison: Comparison | None,
        audit: FairnessAudit | None,
        told: Collection[int] = (),
    ) -> int:
        """Log the model to MLflow's active run, register it as the challenger, return its version.

        The first version ever becomes the champion as well: there is nothing to compare it with.
        The newest version is taken in its place if a run that was killed registered this very model
        and could not tell it any more: it is not one of `told`.
        """
        champion = self.champion_version()  # a lost alias is an error before anything is registered
        known = "A version may wait half-made; `attrition doctor` says which one is champion"
        with answering(self.uri, known):
            client = self.client
            held_out = to_parquet_bytes(trained.list_held_out(reference))
            tags = {
                "as_of": str(reference.as_of),
                "reference_digest": digest,
                "threshold": repr(evaluation.threshold),
                "auc": f"{evaluation.auc:.4f}",
                "contract": self.contract.name,
                "held_out_sha256": content_digest(held_out),
                "reproducible": json.dumps(trained.reproducible),
                "recipe": trained.recipe,
                "params": json.dumps(trained.params),
                "importance": json.dumps(trained.importance),
                "compared_with": str(champion or 0),
                **({"comparison": comparison.model_dump_json()} if comparison else {}),
                **({"fairness": json.dumps(audit.by_part)} if audit else {}),
            }
            version = self._find_untold(tags, told) or self._log_version(trained, held_out, tags)
            client.set_registered_model_alias(self.name, CHALLENGER, str(version))
            if version == 1:
                client.set_registered_model_alias(self.name, CHAMPION, str(version))
            return version

    def _find_untold(self, tags: dict[str, str], told: Collection[int]) -> int | None:
        """The newest version if it is this very model and is not told; its MLflow run is ended."""
        newest = max(self._made_by().items(), default=None)
        if newest is None or newest[0] in told:
            return None
        version, run_id = newest
        known = self.client.get_model_version(self.name, str(version)).tags
        if any(known.get(name) != tags[name] for name in IDENTITY):
            return None
        self.client.set_terminated(run_id)
        return version

    def _log_version(self, trained: TrainedModel, held_out: bytes, tags: dict[str, str]) -> int:
        """Log the model and its held-out scores to the active run, and register them."""
        import mlflow
        import mlflow.sklearn
        from mlflow.models import infer_signature

        client, example = self.client, make_example(self.contract)
        info = mlflow.sklearn.log_model(
            trained.pipeline,
            name="model",
            signature=infer_signature(example, trained.pipeline.predict_proba(example)[:, 1]),
            input_example=example,
            pyfunc_predict_fn="predict_proba",
            pip_requirements=["scikit-learn", "skops"],
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED_TYPES),
        )
        _log_file(held_out, HELD_OUT_FILE)
        if not client.search_registered_models(f"name='{self.name}'"):
            client.create_registered_model(self.name)
        digest = content_digest(self._read(info.model_uri, MODEL_FILE))
        registered = client.create_model_version(
            self.name,
            info.model_uri,
            mlflow.active_run().info.run_id,
            tags={**tags, "model_sha256": digest},
            await_creation_for=0,
            model_id=info.model_id,  # a server refuses a source whose model it is not told
        )
        return int(registered.version)

    def champion_version(self) -> int | None:
        """The version that scores, or None if no model was ever registered.

        Raises RegistryError if versions exist but none is champion: the alias was lost.
        """
        version = self._alias(CHAMPION)
        if version is None and (versions := self.versions()):
            raise RegistryError(
                f"no version of {self.name!r} has the alias 'champion' though {len(versions)} "
                f"exist: restore it with `attrition promote --version N`, N in {versions}"
            )
        return version

    def challenger_version(self) -> int | None:
        """The newest version that was trained, or None if there is none."""
        return self._alias(CHALLENGER)

    def versions(self) -> list[int]:
        """All registered versions, in order."""
        return sorted(self._made_by())

    def find_version(self, run_id: str) -> int:
        """The version that an MLflow run made. Raises RegistryError if it made none."""
        made_by = self._made_by()
        for version, maker in made_by.items():
            if maker == run_id:
                return version
        raise RegistryError(
            f"no version of {self.name!r} was made by the MLflow run {run_id!r}: there are "
            f"{sorted(made_by)}; name one with --version"
        )

    def find_run(self, version: int) -> str:
        """The MLflow run that made a version."""
        return self._made_by()[version]

    def find_creation(self, version: int) -> datetime:
        """When a version was registered, in UTC. Raises RegistryError if it is unknown."""
        with answering(self.uri):
            found = self.client.get_model_version(self.name, str(version))
        return datetime.fromtimestamp(found.creation_timestamp / 1000, UTC)

    def _made_by(self) -> dict[int, str]:
        """All registered versions, each with the MLflow run that made it."""
        with answering(self.uri):
            found = self.client.search_model_versions(f"name='{self.name}'")
        return {int(each.version): str(each.run_id) for each in found}

    def load_champion(self) -> ModelVersion:
        """The champion. Raises RegistryError if there is none."""
        version = self.champion_version()
        if version is None:
            raise RegistryError(
                "there is no model yet: materialize reference_data and model once some months "
                "are accepted (the first version becomes champion by itself)"
            )
        return self.load(version)

    def load(self, version: int) -> ModelVersion:
        """One version, its file's digest checked before it is opened.

        Raises RegistryError if it is unknown, or a file is absent or not the registered one.
        """
        import skops.io

        if version not in (known := self.versions()):
            raise RegistryError(f"no version {version} of {self.name!r}; there are {known}")
        with answering(self.uri):
            found = self.client.get_model_version(self.name, str(version))
        if lacking := [name for name in TAGS if name not in found.tags]:
            raise RegistryError(
                f"version {version} of {self.name!r} lacks the tags {', '.join(lacking)}: no "
                "retraining of this release registered it; make another version champion with "
                "`attrition promote --version N`, or train one: `attrition retrain --reason TEXT`"
            )
        tags: dict[str, Any] = found.tags
        if REMOVED in tags:
            raise RegistryError(
                f"the held-out scores of version {version} of {self.name!r} were {tags[REMOVED]}: "
                "it can score no more; promote another version, or train one: `attrition retrain "
                "--reason TEXT`"
            )
        model = self._read_checked(
            version, f"models:/{self.name}/{version}/{MODEL_FILE}", tags["model_sha256"]
        )
        held_out = self._read_checked(
            version, f"runs:/{found.run_id}/{HELD_OUT_FILE}", tags["held_out_sha256"]
        )
        return ModelVersion(
            version=version,
            run_id=str(found.run_id),
            reference_digest=tags["reference_digest"],
            pipeline=skops.io.loads(model, trusted=list(TRUSTED_TYPES)),
            held_out=read_parquet(held_out),
            contract=self.contract,
            recipe=tags.get("recipe", FORMER_RECIPE),
            model_sha256=tags["model_sha256"],
            name=self.name,
            **_read_values(self.name, version, tags),
        )

    def read_model(self, version: int) -> bytes:
        """The model file of a version, verified. Raises RegistryError as `load` does."""
        digest = self.read_tags(version)["model_sha256"]
        return self._read_checked(version, f"models:/{self.name}/{version}/{MODEL_FILE}", digest)

    def read_run(self, run_id: str) -> RunRecord:
        """What an MLflow run has on record. Raises RegistryError if a file cannot be read."""
        import mlflow

        with answering(self.uri):
            run = self.client.get_run(run_id)
            uri = str(run.info.artifact_uri)
            listed = mlflow.artifacts.list_artifacts(artifact_uri=uri)
        names = [Path(each.path).name for each in listed if not each.is_dir]
        chosen = [name for name in names if name.endswith((".png", ".json"))]
        files = {name: self._read(f"{uri}/{name}") for name in chosen}
        return RunRecord(dict(run.data.params), dict(run.data.tags), files)

    def read_tags(self, version: int) -> dict[str, str]:
        """What a version carries, its files unopened."""
        with answering(self.uri):
            return dict(self.client.get_model_version(self.name, str(version)).tags)

    def read_evidence(self, version: int) -> Evidence:
        """What speaks for and against a version; what cannot be read is a fault of it."""
        return self._judge_tags(version, self.read_tags(version))

    def _judge_tags(self, version: int, tags: dict[str, str]) -> Evidence:
        try:
            comparison = tags.get("comparison")
            return Evidence(
                compared_with=int(tags.get("compared_with", 0)),
                comparison=Comparison.model_validate_json(comparison) if comparison else None,
                fairness=VERDICTS.validate_json(tags.get("fairness", "{}")),
            )
        except ValueError:  # pydantic's are of that kind
            return Evidence(
                fault=f"the evidence of version {version} was changed and is unreadable"
            )

    def read_audit(self, version: int) -> FairnessAudit | None:
        """The whole fairness audit of a version; None if none was made.

        Raises PromotionError if it is not the one whose verdicts the version carries.
        """
        with answering(self.uri):
            found = self.client.get_model_version(self.name, str(version))
            held = {each.path for each in self.client.list_artifacts(found.run_id)}
        told = self._judge_tags(version, found.tags).fairness
        if AUDIT_FILE not in held and not told:
            return None
        if AUDIT_FILE not in held:
            raise PromotionError(
                f"the evidence of version {version} was changed: its run lacks {AUDIT_FILE}"
            )
        content = self._read(f"runs:/{found.run_id}/{AUDIT_FILE}")
        audit = read_audit(content, told)
        if audit is None or repr(audit.threshold) != found.tags.get("threshold"):
            raise PromotionError(
                f"the evidence of version {version} was changed: {AUDIT_FILE} of its run is not of "
                "the verdicts and the threshold that it carries"
            )
        return audit

    def present_champion(self) -> int | None:
        """The version that has the alias; None if none has, be it lost or never given."""
        return self._alias(CHAMPION)

    def promote(self, version: int) -> int | None:
        """Move the champion's alias to `version`; return the version that had it.

        Raises RegistryError, and changes nothing, if the version is unknown.
        """
        if version not in (versions := self.versions()):
            raise RegistryError(f"no version {version} of {self.name!r}; there are {versions}")
        previous = self._alias(CHAMPION)
        known = "Which version is champion now, `attrition doctor` says"
        with answering(self.uri, known):
            self.client.set_registered_model_alias(self.name, CHAMPION, str(version))
        return previous

    def _alias(self, alias: str) -> int | None:
        """The version that has the alias; None if none has, or one that was deleted."""
        client = self.client
        with answering(self.uri):
            models = client.search_registered_models(f"name='{self.name}'")
        for model in models:
            if alias in model.aliases:
                version = int(model.aliases[alias])
                return version if version in self.versions() else None
        return None

    def _read_checked(self, version: int, uri: str, digest: str) -> bytes:
        """A file of a version. Raises RegistryError if it is absent or not the registered one."""
        mend = (
            f"restore {Path(uri).name} of version {version} from a backup, or make another version "
            "champion with `attrition promote --version N`"
        )
        content = self._read(uri, advice=mend)
        if content_digest(content) != digest:
            raise RegistryError(
                f"{Path(uri).name} of version {version} is not the one registered: {mend}"
            )
        return content

    def _read(self, uri: str, file: str = "", advice: str | None = None) -> bytes:
        """The bytes of an artifact, or of a file in one; the copy that MLflow makes does not stay.

        For `models:/` MLflow asks where the process points to, whatever it is given.
        """
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        with answering(self.uri, advice=advice), tempfile.TemporaryDirectory() as folder:
            copied = Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))
            return (copied / file).read_bytes()


def _read_values(name: str, version: int, tags: dict[str, str]) -> dict[str, Any]:
    """What a version's tags say of it. Raises RegistryError if they were changed to no values."""
    try:
        return {
            "as_of": parse_month(tags["as_of"]),
            "threshold": THRESHOLD.validate_python(tags["threshold"]),
            "params": PARAMS.validate_json(tags.get("params", "{}")),
            "importance": IMPORTANCE.validate_json(tags.get("importance", "{}")),
        }
    except ValueError as error:
        raise RegistryError(
            f"the tags of version {version} of {name!r} were changed ({error}): make another "
            "version champion with `attrition promote --version N`, or train one: `attrition "
            "retrain --reason TEXT`"
        ) from None


def _log_file(content: bytes, name: str) -> None:
    """Log a file to MLflow's active run."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        mlflow.log_artifact(str(path))
