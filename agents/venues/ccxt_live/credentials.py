"""API keys: from the environment or from files, and never anywhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import SettingsError
from schemas.live_settings import LiveSettings

KEY_VARIABLE = "PRISM_LIVE_KEY"
SECRET_VARIABLE = "PRISM_LIVE_SECRET"
PASSWORD_VARIABLE = "PRISM_LIVE_PASSWORD"


@dataclass(frozen=True, repr=False)
class Credentials:
    """What signs requests. Its text names no secret, so that no log gets one by accident."""

    key: str
    secret: str
    password: str = ""

    def __repr__(self) -> str:
        """Without what is secret."""
        return "Credentials(***)"

    def hidden(self) -> tuple[str, ...]:
        """What must not be told."""
        return tuple(text for text in (self.key, self.secret, self.password) if text)


def credentials_of(settings: LiveSettings, environ: Mapping[str, str] | None = None) -> Credentials:
    """The keys. Raises :class:`SettingsError`, which names where they were looked for."""
    environ = os.environ if environ is None else environ
    key = _one(settings.key_file, KEY_VARIABLE, environ, "live.key_file")
    secret = _one(settings.secret_file, SECRET_VARIABLE, environ, "live.secret_file")
    return Credentials(key, secret, environ.get(PASSWORD_VARIABLE, ""))


def _one(path: Path | None, variable: str, environ: Mapping[str, str], setting: str) -> str:
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{setting} {path}: {error.strerror}; check the path") from error
    else:
        text = environ.get(variable, "").strip()
    if not text:
        raise SettingsError(
            f"live trading needs keys: set {variable}, or {setting} to a file that holds it"
        )
    return text
