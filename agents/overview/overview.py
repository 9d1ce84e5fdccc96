"""The market overview as one state machine: frames of all symbols in, an overview per interval out.

Frames come in the order (close, venue, symbol). So an interval is complete when the first frame
that closes after it comes: who puts frames into that order has waited for every symbol, or was told
that it is absent (ADR 0009).
"""

from __future__ import annotations

import msgspec

from agents.overview.assets import assets
from agents.overview.lead_lag import MoveGrid
from agents.overview.ranking import ranked
from agents.overview.symbol import SymbolState
from schemas.frame import ContractKind, Frame, Instrument, contract_kind
from schemas.overview import MarketOverview
from schemas.settings import Settings

_RULES_KEPT = 8


class OverviewState(msgspec.Struct):
    """All that the overview knows: ``boundary_ns`` is the end of the open interval.

    ``rules`` are known before the first frame of their symbol, so they are kept apart.
    """

    boundary_ns: int | None = None
    symbols: dict[str, SymbolState] = msgspec.field(default_factory=dict)
    rules: dict[str, list[Instrument]] = msgspec.field(default_factory=dict)


class Overview:
    """Decides the overview; the state is the caller's to keep.

    Memory: two bounded series and a few sums a symbol (7 kB encoded); a symbol without a frame for
    a whole window is forgotten. Cost: O(trades) a frame; at a boundary O(window) a symbol and
    O(lags × points) a pair of venues of one asset.

    >>> overview = Overview(Settings(overview={"interval_s": 1}))
    >>> state = overview.initial()
    >>> close_ns = (500_000_000, 1_000_000_000, 1_100_000_000)
    >>> frames = [Frame("v", "A/USDT", 1, n, at, at, True, 0, 0) for n, at in enumerate(close_ns)]
    >>> [[o.tick_ns for o in overview.step(state, frame)] for frame in frames]
    [[], [], [1000000000]]
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.overview
        self._step_ns = settings.frames.interval_ns
        # Half-life of a quarter of the window: what is a window old counts a sixteenth.
        self._keep = 0.5 ** (4.0 / settings.overview.window)
        self._encode = msgspec.msgpack.Encoder(order="deterministic").encode
        self._decode = msgspec.msgpack.Decoder(OverviewState).decode

    def initial(self) -> OverviewState:
        """Nothing is known."""
        return OverviewState()

    def encode(self, state: OverviewState) -> bytes:
        """Bytes of a state; equal states give equal bytes."""
        return self._encode(state)

    def decode(self, data: bytes) -> OverviewState:
        """The state that :meth:`encode` wrote."""
        return self._decode(data)

    def learn(self, state: OverviewState, rules: Instrument) -> None:
        """Take the terms of a contract; they hold from their own ``effective_ns`` on."""
        known = state.rules.setdefault(rules.key, [])
        if rules not in known:
            known.append(rules)
            known.sort(key=lambda one: one.effective_ns)
            del known[:-_RULES_KEPT]

    def step(self, state: OverviewState, frame: Frame) -> list[MarketOverview]:
        """Take the next frame; the overview of the interval that it shows to be complete.

        Intervals in which no symbol had a frame give none, but they pass for every symbol.
        """
        interval_ns = self._settings.interval_ns
        end_ns = -(-frame.close_ns // interval_ns) * interval_ns
        if state.boundary_ns is None:
            state.boundary_ns = end_ns
        given = []
        if frame.close_ns > state.boundary_ns:
            given.append(self._close(state, state.boundary_ns))
            silent = (end_ns - state.boundary_ns) // interval_ns - 1
            for back in range(min(silent, self._settings.window), 0, -1):
                self._pass(state, end_ns - back * interval_ns)
            state.boundary_ns = end_ns
        one = self._symbol(state, frame.key)
        one.update(frame, contract_size=_contract_size(state, frame))
        return given

    def _close(self, state: OverviewState, boundary_ns: int) -> MarketOverview:
        self._pass(state, boundary_ns)
        return MarketOverview(
            tick_ns=boundary_ns,
            interval_ns=self._settings.interval_ns,
            symbols=ranked(state.symbols, self._settings),
            assets=assets(state.symbols),
        )

    def _pass(self, state: OverviewState, boundary_ns: int) -> None:
        window = self._settings.window
        for key, one in list(state.symbols.items()):
            one.close(boundary_ns, window=window, keep=self._keep)
            if one.silent >= window:
                del state.symbols[key]

    def _symbol(self, state: OverviewState, key: str) -> SymbolState:
        one = state.symbols.get(key)
        if one is None:
            one = state.symbols[key] = SymbolState(moves=MoveGrid(step_ns=self._step_ns))
        return one


def _contract_size(state: OverviewState, frame: Frame) -> float | None:
    """What a unit of quantity is; without rules 1, but unknown where it counts quote currency."""
    for rules in reversed(state.rules.get(frame.key, ())):
        if rules.effective_ns <= frame.close_ns:
            return float(rules.contract_size)
    return None if contract_kind(frame.symbol) is ContractKind.INVERSE else 1.0
