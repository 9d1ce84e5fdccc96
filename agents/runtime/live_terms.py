"""On what terms an account may trade at a real venue: what is lacking, and what is confirmed.

Paper is the default. For a real venue a person has to name each of these in the settings, and to
confirm the account and its limits by a code of them: with other limits the code is another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from agents.execution.refusals import settlement_currency
from agents.venues.live_leaving import locks
from schemas.errors import SettingsError
from schemas.execution_settings import AccountSettings
from schemas.frame import ContractKind, contract_kind
from schemas.ids import content_id
from schemas.live_settings import Foreign, LiveSettings, PositionMode
from schemas.settings import Settings

PROVEN = frozenset(
    {"perpetuals of binanceusdm", "perpetuals of bybit", "spot of binance", "spot of bybit"}
)
"""Markets in which randomised trading with faults and kills ended as the simulated exchange's books
say (ADR 0020). Any other is only to be had on a testnet, or simulated."""

_AT_ONCE = "market"
_CODE_LENGTH = 8
_CONFIRMED = {"capital", "currency", "leverage", "margin_mode", "foreign"}
_NAMED = 5


def check(settings: Settings) -> None:
    """Raise :class:`SettingsError` that names the first thing which is lacking, and what to do."""
    for text in lacking(settings):
        raise SettingsError(f"live.enabled: {text}; or set live.enabled=false to trade on paper")


def code(settings: Settings) -> str:
    """What confirms the account, the venue, and every setting by which is decided.

    >>> code(Settings()) == code(Settings(live={"capital": 999}))
    False
    """
    live = settings.live
    where = (settings.account.id, live.venue, str(live.sandbox), live.connect_to)
    limits = live.model_dump(mode="json", include=_CONFIRMED)
    told = msgspec.json.encode(limits, order="deterministic").decode()
    symbols = ",".join(sorted(settings.runtime.symbols))
    return content_id("live", *where, told, symbols, settings.decision_json())[:_CODE_LENGTH]


def in_words(settings: Settings) -> str:
    """The account and its limits, in one line."""
    live, risk = settings.live, settings.risk
    where = "simulated" if live.connect_to else "testnet" if live.sandbox else "REAL MONEY"
    lends = not all(_is_spot(key) for key in settings.runtime.symbols)
    leverage = f"leverage {live.leverage} {live.margin_mode.value}, " if lends else ""
    return (
        f"account {settings.account.id} at {live.venue} ({where}) with {live.capital} "
        f"{live.currency}, {leverage}in {_named(settings.runtime.symbols)}; limits of the capital: "
        f"a position {risk.max_position_fraction:.0%}, all {risk.max_gross_fraction:.0%}, "
        f"a day's loss {risk.max_daily_loss_fraction:.0%}, a fall {risk.max_drawdown_fraction:.0%}"
    )


def lacking(settings: Settings) -> Iterator[str]:
    """Each thing that live trading still needs: the fact, and behind a colon what to do."""
    live = settings.live
    if settings.account.id == AccountSettings().id:
        yield "account.id is that of the paper account: give the live account a name of its own"
    if not settings.store.url:
        yield (
            "orders are stored before they are sent, and store.url names no database: set it to "
            "postgresql://... or sqlite://..."
        )
    if live.position_mode is PositionMode.HEDGE:
        yield "live.position_mode hedge is not supported: set one_way, and switch the venue to it"
    yield from _times(live)
    yield from _unfit_symbols(settings)
    if live.confirm != code(settings):
        yield (
            f"not confirmed: {in_words(settings)}. If that is what you want, start with "
            f"live.confirm={code(settings)}"
        )


def _times(live: LiveSettings) -> Iterator[str]:
    if live.not_found_s * 1_000 <= live.recv_window_ms:
        yield (
            f"live.not_found_s {live.not_found_s} is not longer than live.recv_window_ms "
            f"{live.recv_window_ms}: an order could arrive after it was given up; raise it"
        )
    if not live.max_decision_age_s and not live.connect_to:
        yield (
            "live.max_decision_age_s is 0: a start that is late would open for signals of hours "
            "ago; set some seconds"
        )
    if live.balance_within_s <= live.funding_s:
        yield (
            f"live.balance_within_s {live.balance_within_s} is not longer than live.funding_s "
            f"{live.funding_s}: each funding payment would be told as a difference; raise it"
        )


def _unfit_symbols(settings: Settings) -> Iterator[str]:
    live, keys = settings.live, settings.runtime.symbols
    for key in keys:
        if key.partition(":")[0] != live.venue:
            yield f"{key} is not at live.venue {live.venue}: name its symbols alone"
    for key in in_other_currencies(keys, live.currency):
        yield f"{key} does not settle in live.currency {live.currency}: name other symbols"
    if live.foreign is Foreign.ADOPT and any(_is_spot(key) for key in keys):
        yield (
            "live.foreign adopt takes positions at their entry price, and coins of spot have none: "
            "sell what is there, or set live.foreign=ignore"
        )
    algorithm = settings.algorithms.exit
    if algorithm != _AT_ONCE and any(locks(live.venue, key.partition(":")[2]) for key in keys):
        yield (
            f"algorithms.exit {algorithm} would rest beside the stop, and on spot of {live.venue} "
            f"the stop locks what is held: set algorithms.exit={_AT_ONCE}"
        )
    if live.sandbox or live.connect_to:
        return
    for key in keys:
        if (market := _market(key)) not in PROVEN:
            yield (
                f"{key} is of {market}, not proven on the simulated exchange as "
                f"{', '.join(sorted(PROVEN))} are: trade there with live.sandbox=true only"
            )


def in_other_currencies(keys: Sequence[str], currency: str) -> list[str]:
    """Those of ``venue:symbol`` that settle in another currency than an account's.

    >>> in_other_currencies(["bybit:BTC/USDT:USDT", "coinbase:BTC/USD"], "USDT")
    ['coinbase:BTC/USD']
    """
    return [key for key in keys if settlement_currency(key.partition(":")[2]) != currency]


def _market(key: str) -> str:
    """Of a key ``venue:symbol``; a symbol that names what it settles in is a perpetual, and one
    that also names a day is a contract that expires: a future or an option.
    """
    venue, _, symbol = key.partition(":")
    expires = "-" in symbol.partition(":")[2]
    kind = "spot" if _is_spot(key) else "expiring contracts" if expires else "perpetuals"
    return f"{kind} of {venue}"


def _is_spot(key: str) -> bool:
    return contract_kind(key.partition(":")[2]) is ContractKind.SPOT


def _named(symbols: Sequence[str]) -> str:
    more = len(symbols) - _NAMED
    names = ", ".join(key.partition(":")[2] for key in symbols[:_NAMED])
    return names + (f" and {more} more" if more > 0 else "")
