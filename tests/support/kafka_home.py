"""Apache Kafka's jars, fetched from Maven Central once and kept in the user's cache."""

import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support.once import locked

POM = Path(__file__).with_name("kafka-pom.xml")


class KafkaUnavailable(RuntimeError):
    """Kafka cannot be had or does not start; the message names the fact and the action."""


def kafka_version() -> str:
    """The version of Apache Kafka that the pom names, such as ``4.1.1``."""
    found = ET.parse(POM).find("{*}properties/{*}kafka.version")
    if found is None or not found.text:
        raise KafkaUnavailable(f"{POM.name} names no kafka.version; restore the property")
    return found.text


def kafka_home() -> Path:
    """The folder with Kafka's jars, fetched with Maven when the cache lacks it.

    Cached in ``$XDG_CACHE_HOME/market-prism/kafka-<version>``. A file lock lets parallel
    runs fetch once; the folder gets its name only when it is complete, so a fetch that broke
    off is never taken for a whole one. Raises ``KafkaUnavailable``.
    """
    java()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "market-prism"
    home = cache / f"kafka-{kafka_version()}"
    if home.is_dir():
        return home
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f"{home.name}.lock"):
        if not home.is_dir():
            _fetch(home)
    return home


def java() -> str:
    """The Java launcher: ``$JAVA_HOME/bin/java`` or the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise KafkaUnavailable("no java on PATH; install Java 17 (Debian: openjdk-17-jre-headless)")
    return found


def _fetch(home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable("no mvn on PATH to fetch Kafka with; install Maven (Debian: maven)")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".fetching-") as scratch:
        jars = Path(scratch) / "jars"
        command = [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not any(jars.glob("kafka_*.jar")):
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
            raise KafkaUnavailable(f"Maven did not fetch Kafka; try `{' '.join(command)}`:\n{tail}")
        jars.rename(home)
