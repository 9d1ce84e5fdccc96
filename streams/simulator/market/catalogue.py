"""Instruments with a generated market ready for each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from schemas.errors import SourceMissing
from schemas.frame import ContractKind
from streams.simulator.market.generated import GeneratedSource
from streams.simulator.market.parameters import MarketParameters
from streams.simulator.market.source import Rules

_BTC = MarketParameters()
_SPOT_REVERTS_S = 600.0
"""A coin's several markets do not drift apart."""


def _rules(symbol: str, tick: str, step: str, min_notional: str) -> Rules:
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    return Rules(
        symbol=symbol,
        venue_id=base + quote,
        base=base,
        quote=quote,
        settle=settle,
        tick_size=Decimal(tick),
        qty_step=Decimal(step),
        min_notional=Decimal(min_notional),
        kind=ContractKind.LINEAR if settle else ContractKind.SPOT,
    )


# Ticks, steps and least notionals are those of Binance, 2024. BTC leads by a fifth of a second and
# more; amounts are in proportion to the recordings' where there are such.
CATALOGUE: dict[str, tuple[Rules, MarketParameters]] = {
    rules.symbol: (rules, parameters)
    for rules, parameters in (
        (_rules("BTC/USDT:USDT", "0.10", "0.001", "100"), _BTC),
        (
            _rules("ETH/USDT:USDT", "0.01", "0.001", "20"),
            replace(_BTC.sized(0.3), price=2_680.0, beta=1.1, lag_steps=2, own_bps=0.5),
        ),
        (
            _rules("SOL/USDT:USDT", "0.010", "1", "5"),
            replace(
                _BTC.sized(0.1),
                price=155.0,
                beta=1.3,
                lag_steps=3,
                own_bps=0.8,
                # A tick is 0.65 basis points: a book of as many levels reaches further.
                patient=replace(_BTC.sized(0.1).patient, near_bps=40.0, farthest_bps=400.0),
            ),
        ),
        (
            _rules("BTC/USDT", "0.01", "0.00001", "5"),
            replace(_BTC.sized(0.6), lag_steps=1, own_reverts_s=_SPOT_REVERTS_S),
        ),
        (
            _rules("ETH/USDT", "0.01", "0.0001", "5"),
            replace(
                _BTC.sized(0.15),
                price=2_680.0,
                beta=1.1,
                lag_steps=3,
                own_reverts_s=_SPOT_REVERTS_S,
            ),
        ),
    )
}
"""By unified symbol."""


def generated(symbol: str, *, seed: int, start_ns: int) -> GeneratedSource:
    """The generated market of an instrument.

    Raises :class:`SourceMissing` for a symbol that has none.
    """
    if symbol not in CATALOGUE:
        raise SourceMissing(f"{symbol}: no generated market; there are {', '.join(CATALOGUE)}")
    rules, parameters = CATALOGUE[symbol]
    return GeneratedSource(rules, seed=seed, start_ns=start_ns, parameters=parameters)
