"""Symbols that a reader waits for no more, or again: from when the log says it, not before."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.control import Absent, FeedStale, Resumed


class Absences:
    """What one reader has declared and not read back yet.

    Until it is read back, nothing behind it may be applied: a frame that came meanwhile must not
    count now, and not when the log is read again; and a return must not lie in the past.
    """

    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._departing: dict[str, int] = {}
        self._returning: dict[str, None] = {}

    def leave(self, key: str, from_ns: int) -> tuple[FeedStale, Absent]:
        """Records which say that a symbol is not waited for from behind ``from_ns``."""
        venue, symbol = key.split(":", 1)
        self._departing[key] = from_ns
        at = (self._reader, venue, symbol, from_ns)
        return FeedStale(*at), Absent(*at)

    def come_back(self, keys: Iterable[str], from_ns: int) -> list[Resumed]:
        """Records which say that symbols count again, from behind ``from_ns``.

        None while those of before are on their way.
        """
        if self._returning:
            return []
        self._returning = dict.fromkeys(keys)
        found = []
        for key in self._returning:
            venue, symbol = key.split(":", 1)
            found.append(Resumed(self._reader, venue, symbol, from_ns))
        return found

    def read_back(self, record: Absent | Resumed) -> None:
        """The log says it: it holds."""
        key = f"{record.venue}:{record.symbol}"
        if isinstance(record, Resumed):
            self._returning.pop(key, None)
        elif self._departing.get(key) == record.from_ns:
            del self._departing[key]

    def limits_ns(self, applied_ns: int) -> list[int]:
        """Closes up to which steps may be applied, where ``applied_ns`` is that of the last one."""
        limits = list(self._departing.values())
        return [*limits, applied_ns] if self._returning else limits
