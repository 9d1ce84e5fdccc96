"""What a paper venue keeps of an account: its wallet, its orders, and requests under way."""

from __future__ import annotations

import msgspec

from agents.venues.base import Change
from agents.venues.paper_queue import Working
from agents.venues.paper_wallet import Wallet

__all__ = ["Change", "PaperState", "Request"]


class Request(msgspec.Struct):
    """A cancel, or with a change an amendment, on its way to the venue."""

    client_order_id: str
    arrives_ns: int
    change: Change | None = None


class PaperState(msgspec.Struct, tag=True):
    """Orders that are not terminal and requests under way, by ``venue:symbol``, oldest first."""

    wallet: Wallet
    working: dict[str, list[Working]] = msgspec.field(default_factory=dict)
    requests: dict[str, list[Request]] = msgspec.field(default_factory=dict)
    liquidating: bool = False
