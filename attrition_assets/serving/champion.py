"""The model that an API answers with: the newest good bundle, changed while it serves.

A request is answered by one model from beginning to end. One that cannot be read never takes the
place of one that serves.
"""

import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from attrition_assets.adapters.bundles import BundleFacts, Bundles, read_bundle
from attrition_assets.contract import Contract
from attrition_assets.errors import RegistryError
from attrition_assets.serving.follow import Watch
from attrition_assets.serving.problems import ProblemError
from attrition_assets.serving.scorer import Scorer

SECONDS = 0.5
LONGEST_SILENCE = timedelta(minutes=1)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A model that answers, and where its bundle lies."""

    place: Path
    facts: BundleFacts
    card: str
    scorer: Scorer


class Champion:
    """The served model of a folder, or the one `baked` into an image until there is one."""

    def __init__(
        self, folder: Path, baked: Path | None, contract: Contract, unit: str | None = None
    ) -> None:
        self.folder, self.baked, self.contract, self.unit = folder, baked, contract, unit
        self.served: Served | None = None
        self.fault = ""
        self._place: Path | None = None
        self._stop = threading.Event()
        self._follower: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="champion", daemon=True)

    def start(self, *, follows: bool) -> None:
        """Load what is there, and look for what comes; `follows` starts what asks the registry."""
        if follows:
            self._start_follower()
        self.look()
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._stop.set()
        self._thread.join()
        if self._follower:
            self._follower.terminate()
            self._follower.wait()

    def look(self) -> None:
        """Serve the current bundle, if it is another one than before and a good one."""
        baked = Bundles(self.baked).current() if self.baked else None
        place = Bundles(self.folder).current() or baked
        if place is None or place == self._place:
            return
        try:
            bundle = read_bundle(place, self.contract)
            scorer = Scorer(bundle.pipeline, self.contract)
        except RegistryError as error:
            if str(error) != self.fault:
                _LOG.warning("%s", error)
            self.fault = str(error)
            return
        self.served = Served(place, bundle.facts, bundle.card, scorer)
        self.fault, self._place = "", place

    @property
    def lack(self) -> str:
        """Why no model serves, in words for whoever asks: paths and the like are for the log."""
        if self.fault:
            return "the newest one cannot be read; the API's log says why and what to do"
        return "none was promoted here, or none is loaded yet"

    def require(self) -> Served:
        """The model that serves. Raises ProblemError, which says why, if none does."""
        if self.served is None:
            raise ProblemError(
                503, f"no model is loaded: {self.lack}", headers={"Retry-After": "5"}
            )
        return self.served

    def describe_registry(self, now: datetime) -> str:
        """How the registry was found the last time, in words."""
        try:
            watch = Watch.model_validate_json((self.folder / "watch.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return "not asked yet"
        if watch.fault:
            return "away, the last good model serves; the API's log says why"
        late = now - watch.at > LONGEST_SILENCE
        return f"not asked since {watch.at:%Y-%m-%d %H:%M}" if late else "answers"

    def _watch(self) -> None:
        while not self._stop.wait(SECONDS):
            self.look()
            if self._follower and self._follower.poll() is not None:
                _LOG.warning("what follows the champion has ended: it is started again")
                self._start_follower()

    def _start_follower(self) -> None:
        # Told who it belongs to: killed while it still imports, this process would not be missed.
        command = [sys.executable, "-m", "attrition_assets.serving.follow", str(os.getpid())]
        self._follower = subprocess.Popen(command + ([self.unit] if self.unit else []))
