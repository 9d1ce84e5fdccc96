"""The entry point: codes that commands do not give themselves."""

from __future__ import annotations

import sys

import pytest

from cli.main import main


class CtrlC:
    """An import that a person interrupts."""

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        if name == "cli.app":
            raise KeyboardInterrupt


def test_ctrl_c_while_the_commands_are_imported_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "cli.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [CtrlC(), *sys.meta_path])
    monkeypatch.setattr(sys, "argv", ["prism", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
