"""The jars of Apache Kafka, fetched once with Maven.

Owns build/kafka-libs: a copy of what deploy/kafka/pom.xml pins, stamped with that file's hash.
`python -m pipeline.local.jars` fetches them ahead of the first start.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from pipeline.settings import PROJECT_ROOT

POM: Final = PROJECT_ROOT / "deploy/kafka/pom.xml"
LIBS: Final = PROJECT_ROOT / "build/kafka-libs"
_STAMP: Final = "pom.sha256"


class JarsError(RuntimeError):
    """The jars could not be fetched; the text says what to do."""


def kafka_jars() -> Path:
    """The directory with the pinned jars; fetched when there is none for the present pom.

    Safe to call from several processes at once. Raises JarsError.
    """
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    if _stamp() == wanted:
        return LIBS
    LIBS.parent.mkdir(parents=True, exist_ok=True)
    with LIBS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _stamp() != wanted:
            _fetch(wanted)
    return LIBS


def _stamp() -> str:
    stamp = LIBS / _STAMP
    return stamp.read_text() if stamp.exists() else ""


def _fetch(wanted: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise JarsError(
            "Maven is needed once, to fetch Apache Kafka's jars: install it (Debian: apt-get "
            "install maven; macOS: brew install maven), or set KAFKA_BOOTSTRAP to a Kafka of yours."
        )
    # The stamp is written before the rename: a directory under the final name is always whole.
    partial = LIBS.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    goal = [
        "dependency:copy-dependencies",
        f"-DoutputDirectory={partial}",
        "-DincludeScope=runtime",
    ]
    options = ["--batch-mode", "--no-transfer-progress", "--quiet", "--strict-checksums"]
    ran = subprocess.run(  # noqa: S603 - our own command, no shell
        [maven, *options, "-f", str(POM), *goal], capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        raise JarsError(
            f"Maven could not fetch Apache Kafka's jars (exit code {ran.returncode}):\n"
            f"{(ran.stdout + ran.stderr).strip()}\n"
            "Check the network and Maven's settings, then run it again."
        )
    (partial / _STAMP).write_text(wanted)
    shutil.rmtree(LIBS, ignore_errors=True)
    partial.rename(LIBS)


if __name__ == "__main__":
    try:
        kafka_jars()
    except JarsError as error:
        sys.exit(str(error))
