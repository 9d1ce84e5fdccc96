"""The rules of the house: who may import whom, what pure code may not do, what files may hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.needs import REPOSITORY
from tests.support.purity import DECIDING, PURE, Rule, breaches

PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
TOP_LEVEL = ("agents", "api", "cli", "dashboards", "research", "schemas", "streams")
IMPURE = (Path("schemas/clock.py"), Path("agents/runtime"), Path("agents/venues/ccxt_live"))

# Written in two halves, so that this file may be searched too.
FORBIDDEN_TEXT = {
    "the address of a package registry": re.compile(
        "pypi" + r"\.org|pythonhosted" + r"\.org|repo[0-9]?\.maven" + r"|registry\.npm" + "js"
    ),
    "an option that names a package index": re.compile(
        r"--(extra-)?index" + "-url|--find" + "-links|--trusted" + "-host|" + "/simple" + "/"
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(root|work|home/\w+|Users/\w+)" + r"/\w"),
}


def _python_files(folder: str) -> list[Path]:
    return sorted(path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).rglob("*.py"))


def _is_pure(path: Path) -> bool:
    return not any(path == impure or impure in path.parents for impure in IMPURE)


def _breaches_of(folder: str, rules: tuple[Rule, ...]) -> list[str]:
    return [
        breach
        for path in _python_files(folder)
        if _is_pure(path)
        for breach in breaches((REPOSITORY / path).read_text(), path=str(path), rules=rules)
    ]


def _files_of_the_repository() -> list[Path]:
    """What is, or on the next ``git add`` will be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = (REPOSITORY / name for name in sorted(set(listed.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def _present_packages() -> list[str]:
    return [name for name in TOP_LEVEL if _python_files(name)]


def test_schemas_read_no_clock_no_network_and_no_chance() -> None:
    found = _breaches_of("schemas", PURE)
    assert not found, "\n".join(found)


def test_agents_decide_the_same_on_any_machine_and_at_any_time() -> None:
    found = _breaches_of("agents", DECIDING)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("sample", "rule"),
    [
        ("import time", "no world"),
        ("import faust.types", "no world"),
        ("from asyncio import sleep", "no world"),
        ("def f():\n    import random", "no world"),
        ("import schemas.clock", "no wall clock"),
        ("from schemas.clock import now_ns", "no wall clock"),
        ("from schemas import clock", "no wall clock"),
        ("x = datetime.now(UTC)", "no wall clock"),
        ("x = date.today()", "no wall clock"),
        ("x = hash('a')", "no hash()"),
        ("for x in {1, 2}: pass", "no walk over a set"),
        ("x = [y for y in set(z)]", "no walk over a set"),
        ("x = sum(y)", "no sum() of floats"),
        ("import numpy as np\nx = np.exp(y)", "no machine-dependent NumPy"),
        ("from numpy import log1p", "no machine-dependent NumPy"),
        ("from numpy.linalg import solve", "no machine-dependent NumPy"),
        ("x = a @ b", "no machine-dependent NumPy"),
    ],
)
def test_the_purity_check_sees_each_kind_of_breach(sample: str, rule: str) -> None:
    found = list(breaches(sample, path="sample.py", rules=DECIDING))
    assert [breach.split(": ")[1] for breach in found] == [rule]
    assert found[0].startswith(f"sample.py:{len(sample.splitlines())}: ")


@pytest.mark.parametrize(
    "sample",
    [
        "import math\nx = math.exp(math.fsum(y))",
        "x = sum(counts)  # ints",
        "x = sum(  # ints\n    counts\n)",
        "for x in sorted({1, 2}): pass",
        "from schemas.frame import Frame",
        "import numpy as np\nx = np.cumsum(y)",
        "def now(): return 1",
    ],
)
def test_the_purity_check_lets_sound_code_pass(sample: str) -> None:
    assert list(breaches(sample, path="sample.py", rules=DECIDING)) == []


def test_every_package_is_typed_checked_for_imports_and_shipped() -> None:
    present = set(_present_packages())
    roots = PYPROJECT["tool"]["importlinter"]["root_packages"]
    assert present <= set(roots), "add it to [tool.importlinter] root_packages"
    assert present <= set(PYPROJECT["tool"]["mypy"]["files"]), "add it to [tool.mypy] files"
    for contract in PYPROJECT["tool"]["importlinter"]["contracts"]:
        if contract["name"].startswith(("Faust only", "ccxt only")):
            assert present <= set(contract["source_modules"]), f"add it to {contract['name']!r}"
    shipped = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert present <= set(shipped), "add it to the wheel's only-include"


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for name in TOP_LEVEL for path in _python_files(name)}
    assert [f for f in sorted(folders) if not (REPOSITORY / f / "__init__.py").exists()] == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {what}"
        for path in _files_of_the_repository()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        for what, pattern in FORBIDDEN_TEXT.items()
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_entry_of_a_lock_is_pinned_with_a_hash_and_no_line_names_a_host(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.rstrip())
    assert len(entries) > 20
    pinned = re.compile(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==[^\s;]+( ; [^\\]+)? \\\n")
    assert [entry.splitlines()[0] for entry in entries if not pinned.match(entry)] == []
    hashed = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
    assert [entry.splitlines()[0] for entry in entries if not hashed.search(entry)] == []


def test_the_dev_lock_holds_every_pin_of_the_runtime_lock() -> None:
    pins = {
        name: set(re.findall(r"^(\S+==\S+)", (REPOSITORY / name).read_text(), flags=re.MULTILINE))
        for name in ("requirements/runtime.txt", "requirements/dev.txt")
    }
    assert pins["requirements/runtime.txt"] - pins["requirements/dev.txt"] == set()


def test_the_distribution_requires_what_the_runtime_lock_was_made_of() -> None:
    lines = (REPOSITORY / "requirements/runtime.in").read_text().splitlines()
    asked = {line.split("#")[0].strip().replace('"', "'") for line in lines}
    assert set(PYPROJECT["project"]["dependencies"]) == asked - {""}


def test_the_import_contracts_hold() -> None:
    linter = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert linter is not None, "lint-imports is not in the virtualenv; run `make .venv`"
    checked = subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
