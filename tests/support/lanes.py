"""Markets of many symbols and venues: small frames with a given path of the mid."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from schemas.frame import Book, Frame, Quality, Trades

START_NS = 1_723_161_300_000_000_000
STEP_NS = 100_000_000
FRAMES_PER_TICK = 5


def frame_of(
    key: str,
    number: int,
    *,
    mid: int,
    spread: int = 2,
    depth: int = 1_000,
    bought: int = 0,
    sold: int = 0,
    step_ns: int = STEP_NS,
) -> Frame:
    """Frame ``number`` (from 1) of ``venue:symbol``: prices in hundredths, quantities in 1/1000."""
    venue, _, symbol = key.partition(":")
    close_ns = START_NS + number * step_ns
    rows = [(mid, qty, side) for qty, side in ((bought, 1), (sold, -1)) if qty]
    trades = Trades(
        exchange_ns=(close_ns,) * len(rows),
        receive_ns=(close_ns,) * len(rows),
        price=tuple(price for price, _, _ in rows),
        qty=tuple(qty for _, qty, _ in rows),
        side=tuple(side for _, _, side in rows),
        id=tuple(range(len(rows))),
        flags=(0,) * len(rows),
    )
    bid, ask = mid - spread // 2, mid - spread // 2 + spread
    book = Book(number, None, (bid, bid - 1), (2 * depth, depth), (ask, ask + 1), (depth, depth))
    return Frame(
        venue, symbol, 1, number, close_ns - step_ns, close_ns, number % FRAMES_PER_TICK == 0, 2, 3,
        trades=trades, book=book, quality=Quality(book_synced=True),
    )  # fmt: skip


def path_of(seed: int, count: int, *, start: int = 1_000_000, step: int = 200) -> list[int]:
    """A random walk of whole numbers, never below half of its start."""
    rng = random.Random(seed)
    path = [start]
    while len(path) < count:
        path.append(max(start // 2, path[-1] + rng.randrange(-step, step + 1)))
    return path


def lane(key: str, path: Sequence[int], *, seed: int = 0, gaps: float = 0.0) -> list[Frame]:
    """A symbol whose mid goes along a path; trades by chance, a share of the frames missing."""
    rng = random.Random(f"{seed}")
    wide, deep = rng.randrange(2, 20, 2), rng.randrange(100, 9_000)
    frames = []
    for number, mid in enumerate(path, start=1):
        bought, sold = (rng.randrange(0, 500) * (rng.random() < 0.4) for _ in range(2))
        frame = frame_of(key, number, mid=mid, spread=wide, depth=deep, bought=bought, sold=sold)
        if rng.random() >= gaps:
            frames.append(frame)
    return frames


def in_order(*lanes: Iterable[Frame]) -> list[Frame]:
    """Frames of all lanes in the order (close, venue, symbol)."""
    every = [frame for frames in lanes for frame in frames]
    return sorted(every, key=lambda f: (f.close_ns, f.venue, f.symbol))


def renamed(frame: Frame, key: str) -> Frame:
    """The same frame of another symbol."""
    venue, _, symbol = key.partition(":")
    return msgspec.structs.replace(frame, venue=venue, symbol=symbol)


KEYS = (
    "alpha:BTC/USDT", "alpha:ETH/USDT", "beta:BTC/USDT:USDT", "beta:ETH/USDT:USDT",
    "beta:SOL/USDT:USDT", "gamma:ADA/USDC", "gamma:ETH/BTC",
)  # fmt: skip


@dataclass(frozen=True)
class LanesPlan:
    """What a market of several symbols is made from: small to print, unlike its frames."""

    keys: tuple[str, ...]
    seed: int
    count: int
    gaps: float
    silent: str | None
    """A symbol without frames in the second third of the time."""

    def lanes(self) -> list[list[Frame]]:
        """The frames of each symbol."""
        found = []
        for i, key in enumerate(self.keys):
            seed = self.seed * 100 + i
            frames = lane(key, path_of(seed, self.count), seed=seed, gaps=self.gaps)
            if key == self.silent:
                quiet = range(self.count // 3, 2 * self.count // 3)
                frames = [frame for frame in frames if frame.seq not in quiet]
            found.append(frames)
        return found

    def frames(self) -> list[Frame]:
        """All of them in order."""
        return in_order(*self.lanes())


def plans(count: int = 150) -> st.SearchStrategy[LanesPlan]:
    """Markets of one to seven symbols, some with frames missing or a symbol falling silent."""
    return st.builds(
        LanesPlan,
        keys=st.lists(st.sampled_from(KEYS), min_size=1, unique=True).map(tuple),
        seed=st.integers(0, 2**20),
        count=st.just(count),
        gaps=st.sampled_from((0.0, 0.3)),
        silent=st.none() | st.sampled_from(KEYS),
    )
