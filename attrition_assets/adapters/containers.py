"""Container images by the Docker command: built, tried out, pushed, and named by their digests.

What Docker says is passed on in its own words. Registries are asked by `docker buildx imagetools`,
which knows Docker's own sign-in.
"""

import json
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attrition_assets.errors import ContainerError

BUILD_SECONDS, PUSH_SECONDS, ASK_SECONDS = 3600, 1800, 60
HEALTHY_SECONDS = 180
LINES_SHOWN = 6
LABEL = "attrition.tried-out"
STEP = re.compile(r"#\d+ \[")  # of a build: "#7 [api 2/3] COPY ..."
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What a registry says of a tag that it does not hold. Anything else is no answer.
ABSENT = re.compile(r"not found|manifest unknown|name unknown|MANIFEST_UNKNOWN|NAME_UNKNOWN")
# As little as it is given where it is meant to run: nothing may be written but its state.
ALONE = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--label", LABEL),
    *("--security-opt", "no-new-privileges"),
)
PREDICTION = """
import json, urllib.request
from datetime import UTC, datetime
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.settings import load_settings
key = KeyRing(load_settings().home).add("try-out", (Scope.PREDICT,), datetime.now(UTC))
at = "http://127.0.0.1:8000"
told = json.load(urllib.request.urlopen(at + "/openapi.json", timeout=30))
body = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
request = urllib.request.Request(at + "/predict", json.dumps(body).encode(), {"X-API-Key": key})
print(urllib.request.urlopen(request, timeout=30).read().decode())
"""


@dataclass(frozen=True)
class Engine:
    """The Docker command, and where images go: `registry` is such as `registry.example/people`.

    Everything raises ContainerError with what Docker said.
    """

    registry: str | None = None

    def name(self, target: str, tag: str) -> str:
        """The full name of an image under a tag."""
        return f"{self.registry or 'attrition-assets'}/{target}:{tag}"

    def require(self) -> None:
        """Raise ContainerError unless an engine and buildx answer."""
        _docker("version", "--format", "{{.Server.Version}}")
        _docker("buildx", "version")

    def find(self, image: str) -> str | None:
        """The id of an image that the engine holds; None if it holds none of this name."""
        said = _docker("image", "ls", "--no-trunc", "--quiet", "--filter", f"reference={image}")
        return said.split()[0] if said else None

    def build(
        self,
        target: str,
        tag: str,
        context: Path,
        arguments: dict[str, str],
        report: Callable[[str], None],
    ) -> None:
        """Build a target of the context by its `docker/Dockerfile`, each step reported."""
        words = ["buildx", "build", "--progress", "plain", "--load"]
        words += ["--target", target, "--tag", self.name(target, tag)]
        words += ["--file", str(context / "docker" / "Dockerfile")]
        words += [word for each in arguments.items() for word in ("--build-arg", "=".join(each))]
        _run_aloud(*words, str(context), seconds=BUILD_SECONDS, report=report)

    def alias(self, image: str, name: str) -> None:
        """Give an image of the engine another name."""
        _docker("tag", image, name)

    def measure(self, image: str) -> int:
        """Bytes of an image, its layers that others share included."""
        return int(_docker("image", "inspect", "--format", "{{.Size}}", image))

    def push(self, image: str) -> str:
        """Push an image; return the digest under which the registry holds it."""
        _docker("push", "--quiet", image, seconds=PUSH_SECONDS)
        digest = self.digest(image)
        if digest is None:
            raise ContainerError(f"{image} was pushed, and the registry does not hold it")
        return digest

    def digest(self, image: str) -> str | None:
        """The digest that a name has in the registry; None if it holds none of this name."""
        words = ("buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", image)
        try:
            said = _docker(*words)
        except ContainerError as error:
            if ABSENT.search(str(error)):
                return None
            raise
        found = str(json.loads(said).get("digest", ""))
        if not DIGEST.fullmatch(found):
            raise ContainerError(f"the registry tells no digest of {image}: {said[:200]}")
        return found

    def retag(self, target: str, digest: str, tag: str) -> None:
        """Let a tag in the registry name the image of a digest. Raises if it then does not.

        The image is pulled if the engine lacks it: what buildx can do without an engine wraps a
        plain image in a list of one, which has another digest.
        """
        image = self.name(target, tag)
        if self.digest(image) == digest:
            return
        source = f"{image.rpartition(':')[0]}@{digest}"
        _docker("pull", "--quiet", source, seconds=PUSH_SECONDS)
        self.alias(source, image)
        if (found := self.push(image)) != digest:
            raise ContainerError(f"{image} should be {digest}, and is {found}")

    @contextmanager
    def running(self, image: str) -> Iterator[str]:
        """A healthy container of an image, until the block is left: without network or rights."""
        container = _docker("run", "--detach", "--network", "none", *ALONE, image)
        try:
            self._wait_until_healthy(image, container)
            yield container
        finally:
            _docker("rm", "--force", "--volumes", container)

    def _wait_until_healthy(self, image: str, container: str) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        asked = "{{.State.Running}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}}"
        while True:
            running, health = _docker("inspect", "--format", asked, container).split()
            if health == "healthy":
                return
            if running == "false" or health in ("unhealthy", "-") or time.monotonic() > deadline:
                state = health if running == "true" else "ended"
                said = " / ".join(_run("logs", "--tail", "5", container))
                raise ContainerError(f"a container of {image} is {state}: {said}")
            time.sleep(0.5)  # Docker tells nobody when it changes

    def ask_prediction(self, container: str) -> int:
        """Let the API in a container score its document's example; the version that answered."""
        said = _docker("exec", container, "python", "-c", PREDICTION)
        answer = json.loads(said.splitlines()[-1])
        if len(answer["predictions"]) != 1 or not 0 <= answer["predictions"][0]["probability"] <= 1:
            raise ContainerError(f"the API in the image answers no prediction: {said[:200]}")
        return int(answer["model_version"])


def _docker(*words: str, seconds: int = ASK_SECONDS) -> str:
    """What `docker` with these words writes, without what it writes of errors."""
    return _run(*words, seconds=seconds)[0]


def _run(*words: str, seconds: int = ASK_SECONDS) -> tuple[str, str]:
    try:
        done = subprocess.run(
            ["docker", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise _explain_absence(error) from None
    except subprocess.TimeoutExpired:
        raise ContainerError(
            f"docker {' '.join(words[:2])} did not end within {seconds} seconds"
        ) from None
    if done.returncode:
        raise _explain_failure(words, done.returncode, done.stderr.splitlines())
    return done.stdout.strip(), done.stderr.strip()


def _run_aloud(*words: str, seconds: int, report: Callable[[str], None]) -> None:
    """`docker` with these words; each line that begins a step is passed on as it is written."""
    lines: deque[str] = deque(maxlen=LINES_SHOWN)
    try:
        process = subprocess.Popen(
            ["docker", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise _explain_absence(error) from None
    late = threading.Timer(seconds, process.kill)
    late.start()
    try:
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    lines.append(line)
                if STEP.match(line):
                    report(line.strip())
    finally:
        late.cancel()
    if process.returncode:
        raise _explain_failure(words, process.returncode, lines)


def _explain_absence(error: OSError) -> ContainerError:
    return ContainerError(
        f"there is no Docker here: `docker` cannot be run ({error}); install it, or set "
        "ATTRITION_IMAGES=none"
    )


def _explain_failure(words: Iterable[str], code: int, lines: Iterable[str]) -> ContainerError:
    last = [line.strip() for line in lines if line.strip()][-LINES_SHOWN:]
    said = " / ".join(last) or f"it ended with {code} and said nothing"
    return ContainerError(f"docker {' '.join([*words][:2])} failed: {said}")
