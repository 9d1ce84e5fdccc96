"""Whatever the order of arrival, an account advances in the order (close, venue, symbol)."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from agents.execution.sequencer import Sequencer, Step
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
