"""Whatever the order of arrival, an account advances in the order (close, venue, symbol)."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from agents.execution.sequencer import Sequencer, Step
from agents.runtime.absences import Absences
from schemas.control import Absent, Resumed
from schemas.frame import NS_PER_MS, Frame
from schemas.score import ConfluenceScore
from schemas.signal import Signal, SignalKind
from tests.support.messages import VENUE, frame_at, signal_of

SYMBOLS = ("ADA/USDT:USDT", "BTC/USDT:USDT", "ETH/USDT:USDT")
KEYS = tuple(f"{VENUE}:{s}" for s in SYMBOLS)
STEP_NS = 100 * NS_PER_MS


def frames_of(symbol: str, closes: list[int], *, ticks_every: int = 3) -> list[Frame]:
    return [
        frame_at(c * STEP_NS, symbol=symbol, seq=i + 1, is_tick=c % ticks_every == 0)
        for i, c in enumerate(sorted(closes))
    ]


def verdict(frame: Frame, signal_id: str | None) -> ConfluenceScore:
    return ConfluenceScore(
        frame.venue, frame.symbol, frame.close_ns, frame.epoch, frame.seq,
        60.0, 1.0, 100.0, (), (), 68.0, 35.0, signal_id=signal_id,
    )  # fmt: skip


def inputs_of(frame: Frame) -> list[ConfluenceScore | Signal]:
    """Verdict of a tick; every second one with a signal."""
    if not frame.is_tick:
        return []
    if frame.seq % 2:
        return [verdict(frame, None)]
    id_ = f"{frame.symbol}@{frame.close_ns}"
    signal = signal_of(SignalKind.LONG, tick_ns=frame.close_ns, id_=id_)
    named = Signal(
        **{f: getattr(signal, f) for f in signal.__struct_fields__} | {"symbol": frame.symbol}
    )
    return [verdict(frame, id_), named]


closes = st.lists(st.integers(1, 40), min_size=1, max_size=25, unique=True)


@given(markets=st.tuples(closes, closes, closes), seed=st.integers(0, 2**32))
def test_any_interleaving_gives_the_one_order(
    markets: tuple[list[int], list[int], list[int]], seed: int
) -> None:
    lanes = {s: frames_of(s, c) for s, c in zip(SYMBOLS, markets, strict=True)}
    every = sorted(
        (f for frames in lanes.values() for f in frames),
        key=lambda f: (f.close_ns, f.venue, f.symbol),
    )
    queues: list[list[object]] = [list(frames) for frames in lanes.values()]
    queues += [[m for f in frames for m in inputs_of(f)] for frames in lanes.values()]
    queues += [[Absent("paper", VENUE, s, frames[-1].close_ns)] for s, frames in lanes.items()]

    rng = random.Random(seed)
    sequencer, released = Sequencer(KEYS), list[Step]()
    at = [0] * len(queues)
    while open_ := [i for i, queue in enumerate(queues) if at[i] < len(queue)]:
        i = rng.choice(open_)
        feed(sequencer, queues[i][at[i]])
        at[i] += 1
        if rng.random() < 0.2:
            at[i] = max(0, at[i] - 2)  # delivered again
        released.extend(sequencer.steps())
    assert [s.frame for s in released] == every
    for step in released:
        named = [m.id for m in inputs_of(step.frame) if isinstance(m, Signal)]
        assert ([] if step.signal is None else [step.signal.id]) == named
    assert sequencer.waiting == 0


def feed(sequencer: Sequencer, message: object) -> None:
    match message:
        case Frame():
            sequencer.add_frame(message)
        case ConfluenceScore():
            sequencer.add_score(message)
        case Signal():
            sequencer.add_signal(message)
        case Absent():
            sequencer.absent(message)
        case Resumed():
            sequencer.resumed(message)
        case _:
            raise AssertionError(message)


def test_a_silent_symbol_holds_the_others_up_until_it_is_declared_absent() -> None:
    sequencer = Sequencer(KEYS[:2])
    ada, btc = (frames_of(s, [1, 2], ticks_every=9) for s in SYMBOLS[:2])
    for frame in (*btc, ada[0]):
        feed(sequencer, frame)
    assert [s.frame for s in sequencer.steps()] == [ada[0], btc[0]]
    assert sequencer.laggards() == [KEYS[0]]
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], ada[0].close_ns))
    assert [s.frame for s in sequencer.steps()] == [btc[1]]


def test_frames_between_absence_and_return_do_not_count() -> None:
    sequencer = Sequencer(KEYS[:1])
    frames = frames_of(SYMBOLS[0], [1, 2, 3, 4], ticks_every=9)
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], frames[0].close_ns))
    for frame in frames:
        feed(sequencer, frame)
    assert [s.frame for s in sequencer.steps()] == [frames[0]]
    feed(sequencer, Resumed("paper", VENUE, SYMBOLS[0], frames[2].close_ns))
    assert [s.frame for s in sequencer.steps()] == [frames[3]]


def test_an_absence_read_after_later_frames_still_takes_them_out() -> None:
    sequencer = Sequencer(KEYS[:2])
    ada, btc = (frames_of(s, [1, 2, 3], ticks_every=9) for s in SYMBOLS[:2])
    for frame in ada:
        feed(sequencer, frame)
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], ada[0].close_ns))
    for frame in btc:
        feed(sequencer, frame)
    assert [s.frame for s in sequencer.steps()] == [ada[0], *btc]


def test_a_symbol_continues_behind_the_position_of_a_snapshot() -> None:
    sequencer = Sequencer(KEYS[:1])
    frames = frames_of(SYMBOLS[0], [1, 2, 3], ticks_every=9)
    sequencer.resume_after(KEYS[0], 1, 2, frames[1].close_ns)
    for frame in frames:
        feed(sequencer, frame)
    assert [s.frame for s in sequencer.steps()] == [frames[2]]


def test_without_verdicts_ticks_wait_for_the_other_symbols_alone() -> None:
    sequencer = Sequencer(KEYS[:2], verdicts=False)
    ada, btc = (frames_of(s, [1, 2, 3], ticks_every=1) for s in SYMBOLS[:2])
    for frame in (*ada, *btc[:2]):
        feed(sequencer, frame)
    assert list(sequencer.steps()) == [Step(f, None) for f in (ada[0], btc[0], ada[1], btc[1])]
    assert sequencer.waiting == 1


def _flapped(sequencer: Sequencer) -> list[Frame]:
    """ADA is absent from 1, comes for a moment while the other is at 8, and is silent again."""
    ada = frames_of(SYMBOLS[0], [1, 5], ticks_every=99)
    btc = frames_of(SYMBOLS[1], list(range(1, 11)), ticks_every=99)
    for frame in (ada[0], *btc[:8]):
        feed(sequencer, frame)
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], ada[0].close_ns))
    feed(sequencer, ada[1])
    assert [s.frame for s in sequencer.steps()] == [ada[0], *btc[:8]]
    assert sequencer.returning() == [KEYS[0]]
    feed(sequencer, Resumed("paper", VENUE, SYMBOLS[0], btc[7].close_ns))
    for frame in btc[8:]:
        feed(sequencer, frame)
    return btc


def test_a_symbol_that_came_back_for_a_moment_alone_can_be_absent_again() -> None:
    """None of its frames counts; else nothing would ever end the waiting for it."""
    sequencer = Sequencer(KEYS[:2])
    btc = _flapped(sequencer)
    assert list(sequencer.steps()) == []
    assert sequencer.laggards() == [KEYS[0]]
    assert sequencer.watermark_ns(KEYS[0]) == btc[7].close_ns
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], sequencer.watermark_ns(KEYS[0])))
    assert [s.frame for s in sequencer.steps()] == btc[8:]


def test_a_second_word_of_an_absence_that_is_over_comes_too_late() -> None:
    sequencer = Sequencer(KEYS[:2])
    btc = _flapped(sequencer)
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], STEP_NS))
    assert list(sequencer.steps()) == []
    feed(sequencer, frames_of(SYMBOLS[0], [1, 5, 10])[2])
    assert [s.frame.close_ns for s in sequencer.steps()] == [f.close_ns for f in (btc[8],)] + (
        2 * [btc[9].close_ns]
    )


def test_a_return_to_before_the_absence_ends_it_where_it_began() -> None:
    sequencer = Sequencer(KEYS[:1])
    frames = frames_of(SYMBOLS[0], [1, 2], ticks_every=99)
    feed(sequencer, frames[0])
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], frames[0].close_ns))
    feed(sequencer, frames[1])
    feed(sequencer, Resumed("paper", VENUE, SYMBOLS[0], -1))
    assert [s.frame for s in sequencer.steps()] == frames


def test_frames_of_an_absent_symbol_count_as_waiting() -> None:
    sequencer = Sequencer(KEYS[:1])
    feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], -1))
    for frame in frames_of(SYMBOLS[0], [1, 2, 3]):
        feed(sequencer, frame)
    assert sequencer.waiting == 3
    feed(sequencer, Resumed("paper", VENUE, SYMBOLS[0], 2 * STEP_NS))
    assert sequencer.waiting == 1


def test_what_is_kept_is_bounded_however_often_a_symbol_goes_and_comes() -> None:
    sequencer = Sequencer(KEYS[:2], verdicts=True)
    ada, btc = (frames_of(s, list(range(1, 4_001)), ticks_every=1) for s in SYMBOLS[:2])
    lane = sequencer._lanes[KEYS[0]]
    for n in range(0, 4_000, 4):
        for frame in (ada[n], *btc[n : n + 4]):
            for message in (frame, *inputs_of(frame)):
                feed(sequencer, message)
        feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], ada[n].close_ns))
        for frame in ada[n + 1 : n + 3]:
            for message in (frame, *inputs_of(frame)):
                feed(sequencer, message)
        list(sequencer.steps())
        feed(sequencer, Resumed("paper", VENUE, SYMBOLS[0], btc[n + 3].close_ns))
        kept = (lane.absences, lane.score_of_tick, lane.signals, lane.held, lane.frames)
        assert max(map(len, kept)) < 6
    for n in range(1_000):  # and if none of its frames counts
        feed(sequencer, Absent("paper", VENUE, SYMBOLS[0], sequencer.watermark_ns(KEYS[0])))
        feed(sequencer, Resumed("paper", VENUE, SYMBOLS[0], (4_000 + n) * STEP_NS))
    assert len(lane.absences) == 1


class Live:
    """A reader that declares absences and returns as it goes, into the log that it reads."""

    def __init__(self, seed: int) -> None:
        self.lanes = {s: frames_of(s, list(range(1, 41))) for s in SYMBOLS[:2]}
        self.given: dict[str, list[Frame]] = {symbol: [] for symbol in self.lanes}
        self.control: list[Absent | Resumed] = []
        self.released: list[Frame] = []
        self._rng = random.Random(seed)
        self._sequencer = Sequencer(KEYS[:2], verdicts=False)
        self._absences = Absences("paper")
        self._read = 0
        self._applied_ns = -1

    def move(self, kind: int) -> None:
        match kind:
            case 0 | 1 | 2 | 3:  # often of the one, and now and then of the other
                self._some_of(SYMBOLS[0] if kind == 0 else SYMBOLS[1])
            case 4:
                for key in self._sequencer.laggards():
                    from_ns = self._sequencer.watermark_ns(key)
                    self.control.append(self._absences.leave(key, from_ns)[1])
            case 5:
                back = self._sequencer.returning()
                self.control += self._absences.come_back(back, self._applied_ns)
            case _:
                self._read_back()
        self._release()

    def _some_of(self, symbol: str) -> None:
        given = self.given[symbol]
        for frame in self.lanes[symbol][len(given) :][: self._rng.randrange(4)]:
            self._sequencer.add_frame(frame)
            given.append(frame)

    def _read_back(self) -> None:
        for record in self.control[self._read : self._read + 1]:
            feed(self._sequencer, record)
            self._absences.read_back(record)
            self._read += 1

    def _release(self) -> None:
        limit_ns = min(self._absences.limits_ns(self._applied_ns), default=None)
        for step in self._sequencer.steps(until_ns=limit_ns):
            self.released.append(step.frame)
            self._applied_ns = step.frame.close_ns


@given(seed=st.integers(0, 2**32), plan=st.lists(st.integers(0, 9), max_size=120))
def test_whoever_reads_the_log_again_releases_the_same(seed: int, plan: list[int]) -> None:
    live = Live(seed)
    for kind in [*plan, *[9] * len(plan)]:
        live.move(kind)
    again = Sequencer(KEYS[:2], verdicts=False)
    for message in (*live.control, *(f for frames in live.given.values() for f in frames)):
        feed(again, message)
    assert [step.frame for step in again.steps()] == live.released
