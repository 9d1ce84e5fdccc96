"""States in tables that another version of the program has written, and are not decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import structlog

from agents.runtime.symbols import Snapshot

log = structlog.get_logger()

FILLS_AGAIN = (
    "its windows fill again from here; start the feed anew, which gives history and the terms of "
    "contracts, so that bars are ready at once"
)


class Kept(Protocol):
    """Of a fold, what its state in a table needs."""

    name: str
    state_version: int

    def initial(self) -> Any:
        """The state before anything."""
        ...

    def decode(self, data: bytes) -> Any:
        """A state of this version."""
        ...


class Restoring:
    """Makes live states of snapshots, and counts the symbols of which a fold's state was left."""

    def __init__(self, folds: Sequence[Kept]) -> None:
        self._folds = folds
        self._left: dict[str, list[int | None]] = {}

    def states(self, snapshot: Snapshot) -> list[Any]:
        """A state per fold: as it was, or begun where the snapshot has none that can be read."""
        return [self._state(fold, snapshot) for fold in self._folds]

    def _state(self, fold: Kept, snapshot: Snapshot) -> Any:
        if fold.name not in snapshot.states:
            return fold.initial()  # it was not there when the snapshot was taken
        version = snapshot.versions.get(fold.name)
        if version != fold.state_version:
            self._left.setdefault(fold.name, []).append(version)
            return fold.initial()
        return fold.decode(snapshot.states[fold.name])

    def tell(self, role: str) -> None:
        """Tell of what was left, a line for each fold."""
        for fold in self._folds:
            left = self._left.get(fold.name)
            if left:
                tell_left(role, fold, left, symbols=len(left))


def tell_left(role: str, fold: Kept, found: Iterable[int | None], *, symbols: int) -> None:
    """Tell that states were left; a version of ``None`` was not stored."""
    log.warning(
        "state.left", role=role, fold=fold.name,
        found=", ".join(sorted({version_text(version) for version in found})),
        reads=fold.state_version, symbols=symbols, action=FILLS_AGAIN,
    )  # fmt: skip


def version_text(version: int | None) -> str:
    """A version that was found, in words."""
    return "unknown" if version is None else str(version)
