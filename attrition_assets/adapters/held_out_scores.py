"""The held-out scores of all versions, in MLflow: which are there, how old, and their removal.

What is read of one version to score with it is for `registry.py`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlparse

import pandas as pd

from attrition_assets.adapters.mlflow_answers import answering, find_database
from attrition_assets.adapters.registry import (
    HELD_OUT_FILE,
    REMOVED,
    Registry,
)
from attrition_assets.errors import RegistryError
from attrition_assets.months import parse_month

NEEDED = ("reference_digest", "as_of")


@dataclass(frozen=True)
class HeldOut:
    """The held-out scores of an MLflow run; `version` is 0 if none came of it."""

    run_id: str
    version: int
    digest: str
    as_of: pd.Period


@dataclass(frozen=True)
class HeldOutScores:
    """The held-out scores of one registry."""

    registry: Registry

    @cached_property
    def versions(self) -> dict[int, HeldOut]:
        """What every version learned from, whether its scores are there or not.

        Raises RegistryError if one does not say so: what it needs could not be told from the rest.
        """
        with answering(self.registry.uri):
            found = self.registry.client.search_model_versions(f"name='{self.registry.name}'")
        if lacking := [int(each.version) for each in found if not set(NEEDED) <= set(each.tags)]:
            raise RegistryError(
                f"versions {sorted(lacking)} of {self.registry.name!r} lack the tags "
                f"{' or '.join(NEEDED)}, so what they need is not known: restore the tags, or "
                "delete the versions in MLflow"
            )
        made = [
            HeldOut(
                run_id=str(each.run_id),
                version=int(each.version),
                digest=each.tags["reference_digest"],
                as_of=parse_month(each.tags["as_of"]),
            )
            for each in found
        ]
        return {each.version: each for each in sorted(made, key=lambda each: each.version)}

    def stored(self) -> list[HeldOut]:
        """Those that are there, of versions and of runs that were cut short."""
        client = self.registry.client
        made = [*self.versions.values(), *self._of_no_version()]
        with answering(self.registry.uri):
            return [
                each
                for each in made
                if any(file.path == HELD_OUT_FILE for file in client.list_artifacts(each.run_id))
            ]

    def find_outside(self, held_out: HeldOut) -> Path | None:
        """Where they lie if a store of files keeps them outside of the home.

        In a copy of a home they are those of the other, which needs them: MLflow records whole
        paths.
        """
        if find_database(self.registry.uri) is None:
            return None
        with answering(self.registry.uri):
            uri = self.registry.client.get_run(held_out.run_id).info.artifact_uri
        path = Path(unquote(urlparse(uri).path))
        return None if path.is_relative_to(self.registry.home) else path

    def remove(self, held_out: HeldOut, said: str) -> None:
        """Remove them; the version says so before they are gone."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        client = self.registry.client
        with answering(self.registry.uri, known="Do it again: what is gone is on record"):
            if held_out.version:
                version = str(held_out.version)
                client.set_model_version_tag(self.registry.name, version, REMOVED, said)
            place = client.get_run(held_out.run_id).info.artifact_uri
            get_artifact_repository(place).delete_artifacts(HELD_OUT_FILE)

    def _of_no_version(self) -> list[HeldOut]:
        client, known = self.registry.client, {each.run_id for each in self.versions.values()}
        found: list[HeldOut] = []
        token: str | None = None
        with answering(self.registry.uri):
            experiment = client.get_experiment_by_name(self.registry.name)
            while token != "":
                page = client.search_runs(
                    [experiment.experiment_id], "tags.as_of != ''", page_token=token
                )
                token = page.token or ""
                found += [
                    HeldOut(
                        run_id=run.info.run_id,
                        version=0,
                        digest=run.data.params.get("reference_digest", ""),
                        as_of=parse_month(run.data.tags["as_of"]),
                    )
                    for run in page
                    if run.info.run_id not in known
                ]
        return found
