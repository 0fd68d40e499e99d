"""The exceptions of the project: one shallow tree, so that callers can tell whose fault it is.

Every message names what is wrong, where, what is accepted and what to do next.
"""

from datetime import timedelta


class AttritionError(Exception):
    """Base of all errors that this project raises on purpose."""


class SettingsError(AttritionError):
    """A setting is unknown or malformed."""


class ContractError(AttritionError):
    """A contract file is malformed, or a table does not fit it where it must."""


class SnapshotError(AttritionError):
    """A monthly snapshot or the table of departures is absent or cannot be read."""


class UnfitTableError(SnapshotError):
    """What is in a month's table cannot be used: the table is at fault, and not its place."""


class DatabaseError(AttritionError):
    """A company's database cannot be reached, or does not do what is asked of it."""


class EngineError(AttritionError):
    """The engine of large tables cannot be reached, or does not do what is asked of it."""


class RegistryError(AttritionError):
    """The model registry does not answer, or does not hold what it should."""


class StorageError(AttritionError):
    """State cannot be written or opened: full, read-only, forbidden or locked."""


class DriftInputError(AttritionError):
    """Two tables cannot be compared."""


class TrainingError(AttritionError):
    """The reference data cannot train a model."""


class PromotionError(AttritionError):
    """A version may not become champion on the evidence that it has."""


class RepositoryError(AttritionError):
    """A git repository does not take or hold what it should."""


class GitHubError(AttritionError):
    """GitHub cannot be reached, or refuses what is asked of it.

    `wait` is how long it will do so, where that is known. What it did not refuse (`refused`), and
    did not answer either, may have been done.
    """

    def __init__(
        self, message: str, *, wait: timedelta = timedelta(0), refused: bool = True
    ) -> None:
        super().__init__(message)
        self.wait, self.refused = wait, refused


class ContainerError(AttritionError):
    """Docker or an image registry does not do what is asked of it, or an image is not sound."""


class DeploymentError(AttritionError):
    """A Dagster elsewhere does not answer, or a run there did not succeed."""


class RecordError(AttritionError):
    """A decision cannot be put on record, or the record is not as it was written."""


class KeyFileError(AttritionError):
    """The API's keys cannot be read, or a key cannot be made or revoked."""


class ComparisonError(AttritionError):
    """Champion and challenger cannot be compared on what was given."""


class FairnessError(AttritionError):
    """A model's fairness cannot be audited on what was given."""


class SuspendedError(AttritionError):
    """Scoring is suspended, or is not where it should be."""
