"""Make machine code of indicators, dimensions and the join with mypyc: ``python infra/compile.py``.

Done when the code there is of exactly these sources. Without a C compiler or the headers of the
interpreter it says so and changes nothing: everything then runs as Python, more slowly. A wheel
is built with it too (:class:`CompiledWheel`).
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from agents.compiled import COMPILED, PACKAGES, fingerprint, is_made, sources  # noqa: E402

WHAT = "indicators, dimensions and the join"
GROUP = "agents.indicators.machine"
"""All modules are one library; each has a small one of its own that finds itself in it."""

HOLDS_SETTINGS = re.compile(r"^from pydantic import", re.MULTILINE)
"""pydantic reads its classes as they are written, which machine code has forgotten."""

# Products and sums are rounded one by one, as Python does it, on every processor.
BUILD = """
from mypyc.build import mypycify
from setuptools import setup
made = mypycify({modules!r}, opt_level="2", debug_level="0", group_name={group!r})
for extension in made:
    extension.extra_compile_args.append("-ffp-contract=off")
setup(packages=[], ext_modules=made, script_args=["--quiet", "build_ext", "--inplace"])
"""


class CompileError(Exception):
    """The compiler refused; the text is what it printed."""


class CompiledWheel(BuildHookInterface[Any]):
    """Puts the machine code into a wheel, which is then of one platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; nothing for an editable install, which takes what ``make`` compiles."""
        if version != "editable" and compile_indicators():
            build_data["artifacts"].append(f"{COMPILED.relative_to(REPOSITORY)}/**")
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def main() -> int:
    """1 if the compiler failed."""
    try:
        compile_indicators()
    except CompileError as error:
        print(f"error: mypyc could not compile:\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def compile_indicators() -> bool:
    """Compile unless it is done; whether there is machine code of these sources now."""
    if is_made():
        return True
    wanted = fingerprint()
    lacking = what_is_lacking()
    if lacking is not None:
        print(f"{WHAT} stay Python, and slower: {lacking}", file=sys.stderr)
        return False
    print(f"compiling {WHAT}: two minutes, once per change", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=REPOSITORY, prefix=".compiling-") as folder:
        made = compiled_in(Path(folder))
        (made / "made-of").write_text(wanted)
        shutil.rmtree(COMPILED, ignore_errors=True)
        made.rename(COMPILED)
    return True


def what_is_lacking() -> str | None:
    """What this machine has not and compiling needs, with how to get it; ``None`` if nothing."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"no C compiler '{compiler}' (Debian: apt-get install gcc libc6-dev)"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return f"no headers of {sys.executable} (Debian: apt-get install python3-dev)"
    return None


def compiled_in(work: Path) -> Path:
    """Compile a copy of the sources in ``work``; the folder with nothing but the machine code."""
    shutil.copytree(REPOSITORY / "schemas", work / "schemas")
    (work / "agents").mkdir()
    (work / "agents" / "__init__.py").touch()
    modules = []
    for source in sources():
        copy = work / source.relative_to(REPOSITORY)
        copy.parent.mkdir(exist_ok=True)
        text = "" if source.name == "__init__.py" else source.read_text()
        if text and not HOLDS_SETTINGS.search(text):
            text = with_annotations(text)
            modules.append(str(copy.relative_to(work)))
        copy.write_text(text)
    script = BUILD.format(modules=modules, group=GROUP)
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompileError(done.stdout + done.stderr)
    made = work / "made"
    for name in PACKAGES:
        (made / name).mkdir(parents=True)
        for library in (work / "agents" / name).glob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"):
            library.rename(made / name / library.name)
    return made


def with_annotations(source: str) -> str:
    """The module, and at its end the annotations of its classes' fields.

    Of ``float | None`` mypyc keeps no more than that it is some type; the codec that reads a state
    back needs it whole. Options in a class's brackets it drops without a word: there may be none.
    """
    told = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            if node.keywords:
                raise CompileError(f"class {node.name}: options in brackets would be dropped")
            fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
            types = {ast.unparse(f.target): ast.unparse(f.annotation) for f in fields}
            told.append(f"globals()[{node.name!r}].__annotations__.update({types!r})")
    return "\n".join([source, *told, ""])


if __name__ == "__main__":
    sys.exit(main())
