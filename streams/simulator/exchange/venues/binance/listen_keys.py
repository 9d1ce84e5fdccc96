"""Listen keys of Binance's USD-M: who hears the user-data stream of which account."""

from __future__ import annotations

import secrets

from schemas.frame import NS_PER_S
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.venues.binance.query import refuse

VALID_NS = 3600 * NS_PER_S
"""How long a key lives without being kept alive: 60 minutes."""


class ListenKeys:
    """One key an account: asking again gives the same and keeps it alive."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[Account, int]] = {}

    def ask(self, account: Account) -> str:
        """The account's key, made if there is none."""
        key = self.of(account) or secrets.token_urlsafe(48)
        self._keys[key] = (account, self._clock.now_ns() + VALID_NS)
        return key

    def keep(self, account: Account) -> str:
        """Keep the account's key alive. Raises a refusal if there is none."""
        if self.of(account) is None:
            raise refuse(-1125, "This listenKey does not exist.")
        return self.ask(account)

    def close(self, account: Account) -> None:
        """End the account's key; nothing if there is none."""
        key = self.of(account)
        if key is not None:
            del self._keys[key]

    def of(self, account: Account) -> str | None:
        """The account's key."""
        return next((key for key, (owner, _) in self._keys.items() if owner is account), None)

    def expired(self, now_ns: int, *, all_of_them: bool = False) -> list[str]:
        """Take out keys that nobody kept alive; those that were."""
        gone = [key for key, (_, end_ns) in self._keys.items() if all_of_them or end_ns <= now_ns]
        for key in gone:
            del self._keys[key]
        return gone
