"""Tells people once when the venue's listing of a symbol changes under a position or an order."""

from __future__ import annotations

from agents.execution.account_state import AccountState
from agents.venues.base import Venue
from schemas.alert import Alert, Severity
from schemas.frame import Frame, Instrument


def listing_told(state: AccountState, frame: Frame, *, venue: Venue, account: str) -> list[Alert]:
    """Alerts of the frame from which new trading rules hold; none where the account has neither
    position nor working order there.
    """
    rules = state.rules_of(frame)
    if rules is None or state.rules_seen.get(frame.key) == rules.effective_ns:
        return []
    seen_ns = state.rules_seen.get(frame.key)
    state.rules_seen[frame.key] = rules.effective_ns
    before = [known for known in state.instruments[frame.key] if known.effective_ns == seen_ns]
    held, working = state.held_qty(frame.key), len(venue.open_orders_of(state.venue, frame.key))
    if not before or not (held or working):
        return []
    at_stake = f"position {held}, {working} working orders"
    return [
        Alert(
            frame.venue, frame.symbol, frame.close_ns, rule, severity,
            f"account {account}: {frame.venue} {text}; {at_stake}. {action}",
        )
        for rule, severity, text, action in _changes(before[-1], rules)
    ]  # fmt: skip


def _changes(before: Instrument, now: Instrument) -> list[tuple[str, Severity, str, str]]:
    found = []
    if before.trading and not now.trading:
        found.append((
            "venue:delisted", Severity.CRITICAL,
            f"does not trade {now.symbol} any more (delisted, renamed or suspended)",
            "Nothing is entered there: see at the venue what becomes of it, close it there while "
            "that is possible, and give a renamed contract its new name in runtime.symbols",
        ))  # fmt: skip
    if now.trading and not before.trading:
        found.append((
            "venue:listed", Severity.INFO, f"trades {now.symbol} again", "The account goes on there"
        ))  # fmt: skip
    steps = (("tick", before.tick_size, now.tick_size), ("step", before.qty_step, now.qty_step))
    changed = [f"{name} from {old} to {new}" for name, old, new in steps if old != new]
    if changed:
        found.append((
            "venue:rules", Severity.WARNING, f"changes {now.symbol}: {', '.join(changed)}",
            "What is at the venue stays; what is placed or moved from now on keeps to the new",
        ))  # fmt: skip
    return found
