"""Tells people once when account and venue come to differ, and once when they agree again."""

from __future__ import annotations

from agents.execution.account_state import AccountState
from schemas.alert import Alert, Severity
from schemas.frame import Frame


def drift_told(
    state: AccountState, frame: Frame, drift: str | None, *, agrees: bool, account: str
) -> list[Alert]:
    """Alerts of this step. ``drift`` is what a look found to differ; neither it nor ``agrees``
    means that the venue is being looked at, and says nothing.
    """
    if drift is not None and drift != state.drift:
        state.drift = drift
        text = (
            f"account {account}: {drift}; nothing is decided meanwhile. Look at the venue: what "
            "differs for good a person has to mend there, and then `prism resume`"
        )
        return [_alert(frame, "venue:differs", Severity.CRITICAL, text)]
    if agrees and state.drift is not None:
        state.drift = None
        text = f"account {account}: it agrees with the venue again, and goes on"
        return [_alert(frame, "venue:agrees", Severity.INFO, text)]
    return []


def _alert(frame: Frame, rule: str, severity: Severity, text: str) -> Alert:
    return Alert(frame.venue, frame.symbol, frame.close_ns, rule, severity, text)
