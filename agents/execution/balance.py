"""The venue's balance against what the account's own books come to, at each look at the venue.

Compared is what trading cannot move: on each side the balance less the entry cost of what is open,
which also holds where a position is bought with the balance (spot), or where trades were told in
another order than they happened in. The venue's side is beyond the account's by a constant, from
the time on at which two looks in a row have shown the same and nothing else differs: where a trade
is still to be told, its cost is beyond as well. What moves it later is nothing that this account
did: a transfer, a fee or a payment that nobody reported.
"""

from __future__ import annotations

from decimal import Decimal

from agents.execution.account_state import AccountState, BalanceWatch
from agents.venues.live_state import LiveState
from schemas.alert import Alert, Severity
from schemas.frame import NS_PER_S, Frame
from schemas.live_settings import LiveSettings
from schemas.money import CONTEXT

ZERO = Decimal(0)


def balance_told(
    state: AccountState, frame: Frame, settings: LiveSettings, *, account: str
) -> list[Alert]:
    """Compare with a look at the venue that was not compared yet; alerts of this step.

    A difference counts when it has stood for ``live.balance_within_s``: funding is in the venue's
    balance before it is told.
    """
    venue, watch = state.venue, state.balance
    if not isinstance(venue, LiveState) or venue.look is None or venue.converged_ns is None:
        return []
    if venue.look.effective_ns <= watch.looked_ns:
        return []
    watch.looked_ns = venue.look.effective_ns
    tolerance = CONTEXT.multiply(settings.capital, settings.balance_tolerance)
    beyond = CONTEXT.subtract(venue.look.cash, booked(state, venue))
    steady = watch.last is not None and abs(beyond - watch.last) <= tolerance
    watch.last = beyond
    if watch.base is None:
        watch.base = beyond if steady and not venue.doubts else None
        return []
    difference = CONTEXT.subtract(beyond, watch.base)
    if abs(difference) <= tolerance:
        was_told, watch.told, watch.since_ns = watch.told, None, None
        return [] if was_told is None else [_agrees(frame, account)]
    if watch.since_ns is None or not steady:
        watch.since_ns = frame.close_ns
    stands_s = (frame.close_ns - watch.since_ns) / NS_PER_S
    is_known = watch.told is not None and abs(difference - watch.told) <= tolerance
    if is_known or stands_s < settings.balance_within_s:
        return []
    watch.told = difference
    return [_differs(frame, account, shown=venue.look.balance, difference=difference)]


def booked(state: AccountState, venue: LiveState) -> Decimal:
    """The account's balance less the entry cost of what is open, plus fees that the venue took
    elsewhere than from its balance.
    """
    total = CONTEXT.add(state.ledger.balance, venue.fees_elsewhere)
    for key in sorted(state.ledger.holdings):
        holding = state.ledger.holdings[key]
        total = CONTEXT.subtract(total, holding.cost.copy_sign(holding.qty))
    return total


def begin_anew(watch: BalanceWatch) -> None:
    """A person has looked: what the venue shows from now on is right."""
    watch.base, watch.last, watch.since_ns, watch.told = None, None, None, None


def _differs(frame: Frame, account: str, *, shown: Decimal, difference: Decimal) -> Alert:
    expected = CONTEXT.subtract(shown, difference)
    text = (
        f"account {account}: the venue's balance is {shown}, {expected} by the account's trades, "
        f"fees and funding: {difference:+f} is not of its doing; it goes on trading. After a "
        "transfer `prism resume` takes the venue's figure; else compare the venue's account history"
    )
    return Alert(frame.venue, frame.symbol, frame.close_ns, "venue:balance", Severity.WARNING, text)


def _agrees(frame: Frame, account: str) -> Alert:
    text = f"account {account}: the venue's balance is what the account expects again"
    return Alert(
        frame.venue, frame.symbol, frame.close_ns, "venue:balance_agrees", Severity.INFO, text
    )
