"""Which markets a venue lists: generated ones and recordings, under the venue's own quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from schemas.errors import UsageError
from schemas.frame import ContractKind
from streams.events import BookSnapshot, Levels
from streams.recordings import sources_from
from streams.scaling import exact
from streams.simulator.exchange.venues import VENUES
from streams.simulator.market import CATALOGUE, GeneratedSource, MarketSource, RecordedSource, Rules

_QUOTES = {
    "binance": ("USDT", ""),
    "binanceusdm": ("USDT", "USDT"),
    "bybit": ("USDT", "USDT"),
    "coinbase": ("USD", ""),
    "hyperliquid": ("USDC", "USDC"),
}
"""Quote and settlement; Bybit lists spot beside."""
_MIN_NOTIONAL = Decimal(5)


def generated_markets(
    venue: str, *, coins: Sequence[str] | None, seed: int, start_ns: int
) -> list[MarketSource]:
    """Generated markets as a venue lists them: of these coins, or of all there are.

    Markets of one seed move together. Raises :class:`UsageError` for a venue or coin that is not
    there; a venue may list fewer coins than are named, as venues do, but not none.
    """
    _check(venue)
    known = sorted({rules.base for rules, _ in CATALOGUE.values()})
    unknown = [coin for coin in coins or () if coin not in known]
    if unknown:
        raise UsageError(f"{unknown[0]}: no generated market; choose of {', '.join(known)}")
    found: list[MarketSource] = []
    for rules, parameters in CATALOGUE.values():
        if coins is not None and rules.base not in coins:
            continue
        listed = _as_listed(venue, rules)
        if listed is not None:
            source = GeneratedSource(listed, seed=seed, start_ns=start_ns, parameters=parameters)
            found.append(source)
    if not found:
        raise UsageError(f"{venue} lists none of {', '.join(coins or ())}; name another coin")
    return found


def recorded_market(
    paths: Sequence[Path], *, venue: str | None, start_ns: int, loop: bool
) -> tuple[str, MarketSource]:
    """A recording, on the venue where it was made or on another one; with that venue.

    Its ticks and steps are those that its first snapshot shows. Raises :class:`UsageError`.
    """
    (recording, *others) = sources_from(paths)
    if others:
        raise UsageError(f"{recording.key} and {others[0].key}: give each --source alone")
    where = venue or recording.venue
    _check(where)
    pair, _, settle = recording.symbol.partition(":")
    base, _, quote = pair.partition("/")
    if settle and settle != quote:
        raise UsageError(f"{recording.key}: inverse contracts are not simulated")
    unscaled = Rules(
        symbol=recording.symbol,
        venue_id=recording.origin.raw_symbol,
        base=base,
        quote=quote,
        settle=settle,
        tick_size=Decimal(1),
        qty_step=Decimal(1),
        min_notional=_MIN_NOTIONAL,
        kind=ContractKind.LINEAR if settle else ContractKind.SPOT,
    )
    first = next(RecordedSource(unscaled, paths, start_ns=start_ns).events(), None)
    if first is None or not isinstance(first[1], BookSnapshot):
        raise UsageError(f"{paths[0]}: holds no snapshot of the book; it cannot be played")
    levels = first[1].bids + first[1].asks
    rules = replace(unscaled, tick_size=_step(levels, 0), qty_step=_step(levels, 1))
    if venue is not None and venue != recording.venue:
        moved = _as_listed(venue, rules)
        if moved is None:
            raise UsageError(f"{venue} lists no {rules.kind.value} markets; name another venue")
        rules = moved
    return where, RecordedSource(rules, paths, start_ns=start_ns, loop=loop)


def _check(venue: str) -> None:
    if venue not in VENUES:
        raise UsageError(f"venue {venue!r} is not simulated; choose of {', '.join(VENUES)}")


def _as_listed(venue: str, rules: Rules) -> Rules | None:
    """The same market under a venue's quote, ``None`` if it lists no such kind."""
    quote, settle = _QUOTES[venue]
    is_spot = rules.kind is ContractKind.SPOT
    if is_spot and venue == "bybit":
        settle = ""
    if is_spot != (not settle):
        return None
    symbol = f"{rules.base}/{quote}" + (f":{settle}" if settle else "")
    return replace(
        rules, symbol=symbol, venue_id=f"{rules.base}{quote}", quote=quote, settle=settle
    )


def _step(levels: Levels, column: int) -> Decimal:
    decimals = max(exact(level[column])[1] for level in levels)
    return Decimal(1).scaleb(-decimals)
