"""Checks at the venue, with the account's key: only questions, no order and no setting changed."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from statistics import median

from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.seen import SeenAccount
from agents.venues.live_reconcile import compare
from cli.preflight.checklist import Checklist
from cli.preflight.of_ledger import Books
from schemas.frame import ContractKind, contract_kind
from schemas.live_settings import Foreign
from schemas.money import CONTEXT
from schemas.settings import Settings
from schemas.venue import AccountReport

_CLOCK_ASKED = 3
_TRY_AGAIN = "mend it and run this again; what the venue says names the reason"


class VenueChecks:
    """One look at the account's venue.

    ``books`` is what the ledger has of it, ``None`` where there is no ledger to compare with.
    """

    def __init__(
        self,
        sheet: Checklist,
        settings: Settings,
        gateway: CcxtGateway,
        *,
        books: Books | None,
    ) -> None:
        self._sheet = sheet
        self._live = settings.live
        self._settings = settings
        self._gateway = gateway
        self._books = books
        here = f"{settings.live.venue}:"
        keys = settings.runtime.symbols
        self._symbols = [key.removeprefix(here) for key in keys if key.startswith(here)]
        self._shown: SeenAccount | None = None

    async def run(self) -> None:
        """Ask everything; what cannot be asked is a line, too."""
        if not await self._try("venue", self._reach):
            return
        for name, check in (
            ("clock", self._clock),
            ("key rights", self._rights),
            ("symbols listed", self._listed),
            ("fees", self._fees),
            ("position mode", self._position_mode),
            ("leverage, margin", self._terms),
            ("dead-man switch", self._dead_man),
            ("balance", self._balance),
            ("position sizes", self._sizes),
            ("reconciliation", self._reconciles),
        ):
            await self._try(name, check)

    async def _try(self, name: str, check: Callable[[], Awaitable[None]]) -> bool:
        try:
            await check()
        except Exception as error:  # noqa: BLE001 - told as a line; the next check is another one
            self._sheet.fail_live(name, self._gateway.describe(error), _TRY_AGAIN)
            return False
        return True

    async def _reach(self) -> None:
        await self._gateway.load()
        self._sheet.ok("venue", f"{self._live.venue} answers")

    async def _clock(self) -> None:
        # One answer may be held up on one of its ways.
        off_ms = median([await self._gateway.clock_off_ms() for _ in range(_CLOCK_ASKED)])
        limit_ms = self._live.max_clock_off_ms
        if math.isnan(off_ms):
            self._sheet.warn("clock", "the venue tells no time", "look at this machine's NTP")
            return
        said = f"{abs(off_ms):.0f} ms {'ahead of' if off_ms > 0 else 'behind'} the venue's"
        if abs(off_ms) > limit_ms:
            action = "synchronise this machine's clock (NTP)"
            self._sheet.fail_live("clock", f"{said}, limit {limit_ms} ms", action)
        else:
            self._sheet.ok("clock", f"{said}, limit {limit_ms} ms")

    async def _rights(self) -> None:
        rights = await self._gateway.rights()
        if rights.withdraw:
            self._sheet.fail_live(
                "key rights", "the key may withdraw", "make one without that right, and delete this"
            )
        elif rights.trade is False:
            self._sheet.fail_live("key rights", "the key may not trade", "allow it at the venue")
        elif rights.withdraw is None:
            said = "the venue does not tell what the key may do"
            self._sheet.warn("key rights", said, "look there: trade, and never withdraw")
        else:
            self._sheet.ok("key rights", "may trade, may not withdraw")

    async def _listed(self) -> None:
        for symbol in self._symbols:
            market = self._gateway.market(symbol)
            if market is None or not market.active:
                why = "not listed" if market is None else "not trading now"
                self._sheet.fail_live("symbol", f"{symbol}: {why}", "take it out of --symbols")
            elif market.settle != self._live.currency:
                said = f"{symbol}: settles in {market.settle}, the account in {self._live.currency}"
                self._sheet.fail_live("symbol", said, "live.currency, or other symbols")
            else:
                self._sheet.ok(
                    "symbol",
                    f"{symbol}: tick {market.tick_size}, step {market.qty_step}, "
                    f"at least {market.min_notional or 0} {market.settle}",
                )

    async def _fees(self) -> None:
        """The account's tier, against what paper trading and routing reckon with."""
        reckoned = self._settings.paper.fees_of(self._live.venue)
        for symbol in self._symbols:
            if self._gateway.market(symbol) is None:
                continue
            fees = await self._gateway.fees(symbol)
            if fees is None:
                self._sheet.warn("fees", f"{symbol}: the venue does not tell them", "look there")
                continue
            maker, taker = fees.maker_bps.normalize(), fees.taker_bps.normalize()
            said = f"{symbol}: maker {maker:f} bps, taker {taker:f} bps"
            ours = (reckoned.maker_fee_bps, reckoned.taker_fee_bps)
            if ours == (fees.maker_bps, fees.taker_bps):
                self._sheet.ok("fees", said)
            else:
                said += f"; paper and routing reckon with {ours[0]:f} and {ours[1]:f}"
                self._sheet.warn("fees", said, f"paper.venue_fees.{self._live.venue}")

    async def _position_mode(self) -> None:
        if await self._gateway.is_hedged(self._symbols):
            self._sheet.fail_live("position mode", "hedge", "switch it to one-way at the venue")
        else:
            self._sheet.ok("position mode", "one-way")

    async def _terms(self) -> None:
        differ = [
            text
            for symbol in self._symbols
            if self._gateway.market(symbol) is not None
            for text in await self._gateway.terms(symbol)
        ]
        for text in differ:
            self._sheet.warn("leverage, margin", text, "none: `prism execution` sets it at start")
        if all(contract_kind(symbol) is ContractKind.SPOT for symbol in self._symbols):
            self._sheet.ok("leverage, margin", "spot has none")
        elif not differ:
            said = f"{self._live.leverage}x, {self._live.margin_mode.value}"
            self._sheet.ok("leverage, margin", f"as it is to be: {said}")

    async def _dead_man(self) -> None:
        seconds, (least_s, most_s) = self._live.dead_man_s, self._gateway.dead_man_range_s
        if not self._gateway.has_dead_man():
            said = f"{self._live.venue} has none: orders stay there when this machine dies"
            self._sheet.warn("dead-man switch", said, "watch system.health")
        elif not seconds:
            said = "off: orders stay at the venue when this machine dies"
            self._sheet.warn("dead-man switch", said, "live.dead_man_s=120")
        elif not least_s <= seconds <= most_s:
            said = f"live.dead_man_s {seconds:g}: the venue takes {least_s:g} to {most_s:g}"
            self._sheet.fail_live("dead-man switch", said, "set it within that")
        elif not self._gateway.stops_outlive_us:
            said = f"cancels all orders after {seconds:g} s of silence, stops, too"
            self._sheet.warn("dead-man switch", said, "watch system.health, or live.dead_man_s=0")
        else:
            self._sheet.ok("dead-man switch", f"cancels open orders after {seconds:g} s of silence")

    async def _account(self) -> SeenAccount:
        if self._shown is None:
            self._shown = await self._gateway.account(self._symbols)
        return self._shown

    async def _balance(self) -> None:
        """Before the first trade the capital must be there, from then on what the books come to.

        What was paid for coins that the account holds on spot is a part of that; others are not.
        """
        books, currency, capital = self._books, self._live.currency, self._live.capital
        worth = (await self._account()).balance
        said = f"{worth} {currency}"
        for symbol, cost in sorted(books.cost.items()) if books is not None else ():
            if contract_kind(symbol) is ContractKind.SPOT:
                worth = CONTEXT.add(worth, cost)
                said += f" and {symbol.partition('/')[0]} of this account for {cost}"
        if books is None or books.balance is None:
            least, action = capital, "lower live.capital, or deposit"
            said += f" at the venue, live.capital {capital}"
        else:
            slack = CONTEXT.multiply(capital, self._live.balance_tolerance)
            least = CONTEXT.subtract(books.balance, slack)
            action = "compare the venue's account history; deposit what was taken out"
            said += f" at the venue, {books.balance} by the account's books"
        if worth < least:
            self._sheet.fail_live("balance", said, action)
        else:
            self._sheet.ok("balance", said)

    async def _sizes(self) -> None:
        """The least and the most that one position may be, against what the venue takes."""
        sizing, capital = self._settings.sizing, self._live.capital
        base = CONTEXT.multiply(sizing.base_fraction, capital)
        cap = CONTEXT.multiply(sizing.cap_fraction, capital)
        for symbol in self._symbols:
            market = self._gateway.market(symbol)
            if market is None or not market.min_notional:
                continue
            least, said = market.min_notional, f"{symbol}: {base:f} to {cap:f} {market.settle}"
            if cap < least:
                action = "raise live.capital or sizing.cap_fraction"
                said += f" a position, the venue takes {least} or more"
                self._sheet.fail_live("position sizes", said, action)
            elif base < least:
                said += f" a position, the venue refuses those below {least}"
                self._sheet.warn("position sizes", said, "raise live.capital")
            else:
                self._sheet.ok("position sizes", f"{said} a position, above the least of {least}")

    async def _reconciles(self) -> None:
        """Orders and positions, the ledger's against the venue's, over both sides."""
        shown = await self._account()
        report = AccountReport(
            account=self._settings.account.id, venue=self._live.venue, symbol="", run=0, number=0,
            effective_ns=None, balance=shown.balance, orders=shown.orders,
            positions=shown.positions,
        )  # fmt: skip
        orders = {} if self._books is None else self._books.orders
        held = {} if self._books is None else self._books.held
        found = compare(
            report, orders, held, outside={}, foreign=self._live.foreign,
            first=not orders and not held,
        )  # fmt: skip
        for text in found.differences:
            self._sheet.fail_live("reconciliation", text, _foreign_action(self._live.foreign))
        for position in found.adopted:
            said = f"{position.qty} {position.symbol} is there and will be ours"
            self._sheet.warn("reconciliation", said, "live.foreign=refuse if it must not")
        for symbol, qty in sorted(found.ignored.items()):
            said = f"{qty} {symbol} is there and will be left alone"
            self._sheet.warn("reconciliation", said, "live.foreign=refuse if it must not")
        if not (found.differences or found.adopted or found.ignored):
            said = f"{len(shown.orders)} orders, {len(shown.positions)} positions at the venue"
            against = "ledger and venue agree" if self._books is not None else "no ledger to ask"
            self._sheet.ok("reconciliation", f"{said}; {against}")


def _foreign_action(foreign: Foreign) -> str:
    if foreign is Foreign.REFUSE:
        return "end it at the venue, or live.foreign=adopt or ignore for what was there before us"
    return "end it at the venue; `prism execution` refuses to trade until both sides agree"
