"""MLflow that is away, locked or refuses: told within half a minute, in one message.

What is asked of it is for `registry.py`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError

from attrition_assets.adapters.storage import LOCK_SECONDS, is_locked
from attrition_assets.errors import RegistryError

# By default MLflow asks a server again for minutes. What the environment sets, holds.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "6"}
UNCHANGED = "Nothing was scored or changed"


@contextmanager
def answering(uri: str, known: str = UNCHANGED, advice: str | None = None) -> Iterator[None]:
    """Turn MLflow's own errors into a RegistryError that names where it was asked.

    `known` says what is known of the state by then; `advice` replaces the one for MLflow away.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OperationalError) as error:
        raise RegistryError(
            f"MLflow at {mask_credentials(uri)} does not answer as it should "
            f"({_find_reason(str(error))}): {advice or _advise(uri)}. {known}"
        ) from None


def prepare_mlflow(uri: str) -> None:
    """Set how long MLflow may try, and see that its SQLite file, if it is one, is not locked.

    MLflow itself retries on a locked file for minutes. Raises RegistryError if it is locked.
    """
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    path = find_database(uri)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and is_locked(path, LOCK_SECONDS):
        raise RegistryError(
            f"MLflow's {path} is locked by another process for more than {LOCK_SECONDS} seconds: "
            f"wait until it is done, or end it (`fuser -v {path}` names it), then do it again. "
            f"{UNCHANGED}"
        )


def find_database(uri: str) -> Path | None:
    """The SQLite file of a tracking URI; None if it is a server's."""
    found = re.match(r"sqlite:///([^?]+)", uri)
    return Path(found[1]) if found else None


def mask_credentials(text: str) -> str:
    """The text without the user names and passwords that URIs in it carry."""
    hidden = re.sub(r"(?<=://)[^/\s]*@", "***@", text)
    return re.sub(r"(?i)(password|token|secret)=[^&\s'\")]+", r"\1=***", hidden)


def _find_reason(text: str) -> str:
    """The innermost cause that MLflow's message names, on one line."""
    caused = re.search(r"Caused by \w+\(['\"](.*)['\"]\)\)", text)
    reason = caused[1].rsplit(": ", 1)[-1] if caused else text
    return " ".join(mask_credentials(reason).split())[:300]


def _advise(uri: str) -> str:
    if path := find_database(uri):
        return (
            f"see that {path} can be written and that no other process holds it (`fuser -v "
            f"{path}`), or correct ATTRITION_MLFLOW_URI"
        )
    return "start it with `make ui`, or correct ATTRITION_MLFLOW_URI"
