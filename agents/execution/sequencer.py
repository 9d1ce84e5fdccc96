"""Puts the frames of many symbols into the one order in which an account advances.

Frames of different symbols reach an account in any order; decisions on shared money must not depend
on it. So a step is released only when nothing can come before it: every awaited symbol has shown
frames up to the step's close (or was declared absent), and a tick has its confluence score and, if
that names one, its signal. What decides by frames alone does without verdicts on ticks.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.control import Absent, Resumed
from schemas.frame import Frame
from schemas.score import ConfluenceScore
from schemas.signal import Signal

_NEVER = 1 << 63


class Step(NamedTuple):
    """One frame; of a tick, its score, and its signal if it gave one."""

    frame: Frame
    signal: Signal | None
    score: ConfluenceScore | None = None


class _Head(NamedTuple):
    close_ns: int
    venue: str
    symbol: str


@dataclass
class _Absence:
    """Frames that close within (from, to] do not count; ``to_ns`` is ``None`` while it lasts."""

    from_ns: int
    to_ns: int | None = None


@dataclass
class _Lane:
    """One symbol: frames not yet released, and what is known about its ticks.

    ``absences`` are in order and apart from one another, those that are over and passed left out;
    none begins before ``absent_to_ns``, the end of the last that is over.
    """

    seen: tuple[int, int] = (-1, -1)
    watermark_ns: int = -1
    released_ns: int = -1
    frames: deque[Frame] = field(default_factory=deque)
    held: list[Frame] = field(default_factory=list)
    score_of_tick: dict[int, ConfluenceScore] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    absences: list[_Absence] = field(default_factory=list)
    absent_to_ns: int = -1

    def horizon_ns(self) -> int:
        """Close up to which no further frame of this symbol can come."""
        at = self.watermark_ns
        for absence in self.absences:
            if at >= absence.from_ns:
                at = _NEVER if absence.to_ns is None else max(at, absence.to_ns)
        return at

    def settled_ns(self, close_ns: int) -> int:
        """Close behind ``close_ns`` up to which no frame counts: what came there was too late."""
        for absence in self.absences:
            if close_ns >= absence.from_ns and absence.to_ns is not None:
                close_ns = max(close_ns, absence.to_ns)
        return close_ns

    def forget_past(self) -> None:
        """Leave out what no frame that is still to be released can meet."""
        while self.absences:
            to_ns = self.absences[0].to_ns
            if to_ns is None or to_ns > self.released_ns:
                return
            del self.absences[0]

    def absence_at(self, close_ns: int) -> _Absence | None:
        """The absence that covers a close."""
        for absence in self.absences:
            if absence.from_ns < close_ns and (absence.to_ns is None or close_ns <= absence.to_ns):
                return absence
        return None


class Sequencer:
    """Orders the inputs of one reader. ``keys`` are the symbols (``venue:symbol``) it waits for.

    Frames, scores and signals of other symbols are ignored, repeats too. :attr:`waiting` counts the
    frames that are held back, of absent symbols too; the caller bounds it by pausing input. Without
    ``verdicts`` a tick waits for no score and has no signal.
    """

    def __init__(self, keys: Iterable[str], *, verdicts: bool = True) -> None:
        self._verdicts = verdicts
        self._lanes = {key: _Lane() for key in sorted(keys)}
        self._heads: list[_Head] = []
        self._floor_ns = -1
        self.waiting = 0

    def resume_after(self, key: str, epoch: int, seq: int, close_ns: int) -> None:
        """Start a symbol behind a frame that was applied before (a snapshot's position)."""
        lane = self._lanes[key]
        lane.seen, lane.watermark_ns, lane.released_ns = (epoch, seq), close_ns, close_ns

    def add_frame(self, frame: Frame) -> bool:
        """Take the next frame of a symbol; ``False`` if it was seen before or does not count."""
        lane = self._lanes.get(frame.key)
        if lane is None or (frame.epoch, frame.seq) <= lane.seen:
            return False
        lane.seen = (frame.epoch, frame.seq)
        if frame.close_ns <= lane.watermark_ns:
            return False  # a feed that started anew repeats an interval; time does not
        return self._place(lane, frame)

    def add_score(self, score: ConfluenceScore) -> None:
        """Take the verdict on a tick."""
        lane = self._lanes.get(score.key)
        if lane is not None and score.tick_ns > lane.released_ns:
            lane.score_of_tick.setdefault(score.tick_ns, score)

    def add_signal(self, signal: Signal) -> None:
        """Take the signal that a verdict names."""
        lane = self._lanes.get(f"{signal.venue}:{signal.symbol}")
        if lane is not None and signal.tick_ns > lane.released_ns:
            lane.signals.setdefault(signal.id, signal)

    def absent(self, record: Absent) -> None:
        """Stop waiting for a symbol after ``from_ns``.

        Two processes may say so: what is known already, or comes too late, changes nothing.
        """
        lane = self._lanes.get(f"{record.venue}:{record.symbol}")
        if lane is None or record.from_ns < lane.absent_to_ns:
            return
        last = lane.absences[-1] if lane.absences else None
        if last is None or (last.to_ns is not None and last.to_ns < record.from_ns):
            lane.absences.append(_Absence(record.from_ns))
        else:
            last.to_ns = None
        self._sift(lane)

    def resumed(self, record: Resumed) -> None:
        """Wait for a symbol again: frames that close after ``from_ns`` count."""
        lane = self._lanes.get(f"{record.venue}:{record.symbol}")
        if lane is None or not lane.absences or lane.absences[-1].to_ns is not None:
            return
        last = lane.absences[-1]
        last.to_ns = lane.absent_to_ns = max(last.from_ns, record.from_ns)
        lane.forget_past()
        self._sift(lane)

    def steps(self, *, until_ns: int | None = None) -> Iterator[Step]:
        """Steps that nothing can precede any more, in the order (close, venue, symbol).

        Steps that close after ``until_ns`` are kept back.
        """
        while self._heads and self._nothing_precedes(self._heads[0].close_ns):
            head = self._heads[0]
            if until_ns is not None and head.close_ns > until_ns:
                return
            lane = self._lanes[f"{head.venue}:{head.symbol}"]
            frame = lane.frames[0]
            signal = score = None
            if frame.is_tick and self._verdicts:
                score = lane.score_of_tick.get(frame.close_ns)
                if score is None:
                    return
                if score.signal_id is not None:
                    signal = lane.signals.get(score.signal_id)
                    if signal is None:
                        return
            self._release(lane)
            yield Step(frame, signal, score)

    def laggards(self) -> list[str]:
        """Symbols that hold the others up: without a frame where one is awaited."""
        if not self._heads:
            return []
        close_ns = self._heads[0].close_ns
        return [
            key
            for key, lane in self._lanes.items()
            if not lane.frames and lane.horizon_ns() < close_ns
        ]

    def returning(self) -> list[str]:
        """Symbols declared absent that send frames again."""
        return [key for key, lane in self._lanes.items() if lane.held]

    def watermark_ns(self, key: str) -> int:
        """Close of the newest frame of a symbol, or behind it that from which it counts again.

        -1 before the first.
        """
        lane = self._lanes[key]
        return lane.settled_ns(lane.watermark_ns)

    def settled_ns(self, key: str, close_ns: int) -> int:
        """Close up to which nothing of a symbol is needed any more, once ``close_ns`` was it."""
        return self._lanes[key].settled_ns(close_ns)

    def _place(self, lane: _Lane, frame: Frame) -> bool:
        absence = lane.absence_at(frame.close_ns)
        if absence is not None and absence.to_ns is not None:
            return False
        self.waiting += 1
        if absence is not None:
            lane.held.append(frame)
            return True
        lane.watermark_ns = frame.close_ns
        lane.frames.append(frame)
        if len(lane.frames) == 1:
            heapq.heappush(self._heads, _Head(frame.close_ns, frame.venue, frame.symbol))
        return True

    def _sift(self, lane: _Lane) -> None:
        """Apply changed absences to frames that were not released yet."""
        pending = [*lane.frames, *lane.held]
        self.waiting -= len(pending)
        lane.frames.clear()
        lane.held = []
        if pending:
            first = pending[0]
            self._heads = [h for h in self._heads if f"{h.venue}:{h.symbol}" != first.key]
            heapq.heapify(self._heads)
        for frame in sorted(pending, key=lambda f: (f.epoch, f.seq)):
            self._place(lane, frame)
        self._floor_ns = -1

    def _nothing_precedes(self, close_ns: int) -> bool:
        if close_ns > self._floor_ns:
            empty = (lane.horizon_ns() for lane in self._lanes.values() if not lane.frames)
            self._floor_ns = min(empty, default=_NEVER)
        return close_ns <= self._floor_ns

    def _release(self, lane: _Lane) -> None:
        frame = lane.frames.popleft()
        lane.released_ns = frame.close_ns
        self.waiting -= 1
        heapq.heappop(self._heads)
        lane.forget_past()
        if frame.is_tick and self._verdicts:
            # Those before it, too: of ticks that fell into an absence.
            for tick_ns in [at for at in lane.score_of_tick if at <= frame.close_ns]:
                del lane.score_of_tick[tick_ns]
            for id_ in [s.id for s in lane.signals.values() if s.tick_ns <= frame.close_ns]:
                del lane.signals[id_]
        if lane.frames:
            following = lane.frames[0]
            head = _Head(following.close_ns, following.venue, following.symbol)
            heapq.heappush(self._heads, head)
        else:
            self._floor_ns = min(self._floor_ns, lane.horizon_ns())
