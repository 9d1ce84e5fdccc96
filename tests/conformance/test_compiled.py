"""The indicators as machine code: in use where it was made, and to the same bit as Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agents.compiled
from infra.compile import CompileError, with_annotations
from tests.support.needs import REPOSITORY, require_or_skip

SAMPLE = '''"""A module."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Mean:
    """A mean."""

    count: int = 0
    values: list[float] | None = None
'''


def traced(*, interpreted: bool) -> dict[str, Any]:
    """What another process says of the markets of :mod:`tests.support.traces`."""
    environment = os.environ | {"PRISM_INTERPRETED": "1" if interpreted else ""}
    run = [sys.executable, "-m", "tests.support.traces"]
    done = subprocess.run(
        run, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.needs_compiler
def test_machine_code_and_python_say_and_keep_the_same_bytes() -> None:
    require_or_skip(
        (agents.compiled.COMPILED / "made-of").is_file(),
        "nothing is compiled: make test does it where there is a C compiler",
    )
    compiled, interpreted = traced(interpreted=False), traced(interpreted=True)
    assert compiled["compiled"], "made of other sources: python infra/compile.py"
    assert not interpreted["compiled"]
    assert len(interpreted["digests"]) == 24
    assert compiled["digests"] == interpreted["digests"]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with one module and what says that it was compiled; the module's path."""
    module = tmp_path / "indicators" / "mean.py"
    for folder in (module.parent, tmp_path / "_compiled"):
        folder.mkdir()
    module.write_text(SAMPLE)
    monkeypatch.delenv("PRISM_INTERPRETED", raising=False)
    monkeypatch.setattr(agents.compiled, "AGENTS", tmp_path)
    monkeypatch.setattr(agents.compiled, "COMPILED", tmp_path / "_compiled")
    (tmp_path / "_compiled" / "made-of").write_text(agents.compiled.fingerprint())
    return module


def test_machine_code_of_other_sources_is_left_alone(made: Path) -> None:
    assert agents.compiled.is_compiled()
    made.write_text(SAMPLE + "\n")
    assert not agents.compiled.is_compiled()
    made.write_text(SAMPLE)
    assert agents.compiled.is_compiled()
    (made.parent / "another.py").write_text(SAMPLE)
    assert not agents.compiled.is_compiled()


@pytest.mark.usefixtures("made")
def test_python_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRISM_INTERPRETED", "1")
    assert not agents.compiled.is_compiled()


def test_without_a_compiler_it_says_what_to_install_and_changes_nothing(tmp_path: Path) -> None:
    for folder in (*(f"agents/{name}" for name in agents.compiled.PACKAGES), "infra"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    for module in ("__init__", "compiled"):
        shutil.copy(REPOSITORY / "agents" / f"{module}.py", tmp_path / "agents")
    run = [sys.executable, str(tmp_path / "infra" / "compile.py")]
    done = subprocess.run(
        run, env=os.environ | {"CC": "no-such-cc"}, capture_output=True, text=True, check=True
    )
    assert "no C compiler 'no-such-cc' (Debian: apt-get install gcc libc6-dev)" in done.stderr
    assert not (tmp_path / "agents" / "_compiled").exists()


def test_options_that_the_compiler_would_drop_are_refused() -> None:
    with pytest.raises(CompileError, match="class Mean: options in brackets"):
        with_annotations(SAMPLE.replace("class Mean:", "class Mean(Struct, frozen=True):"))


def test_the_codec_gets_whole_annotations() -> None:
    told = with_annotations(SAMPLE).splitlines()[-1]
    assert told.endswith("update({'count': 'int', 'values': 'list[float] | None'})")
