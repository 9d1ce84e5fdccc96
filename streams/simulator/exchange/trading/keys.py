"""API keys: who may do what on the simulated exchange."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import msgspec

from schemas.errors import UsageError

FIRST_NAME = "desk"
"""Of the account whose key is made."""
START_BALANCES: Mapping[str, str] = MappingProxyType({"USDT": "100000"})
"""What an account has at the start if its key does not say."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key of one owner: each venue has an account for it.

    ``name`` is what the truth calls it, and is no secret. Fees are paid in ``fee_coin``, as BNB at
    Binance, where that is listed and there is enough of it. ``trade`` is the right to trade,
    ``withdraw`` that to withdraw (which the venues report, and nothing here uses). ``balances`` are
    decimal texts by asset.
    """

    name: str
    key: str
    secret: str
    trade: bool = True
    withdraw: bool = False
    fee_coin: str = ""
    balances: dict[str, Decimal] = msgspec.field(
        default_factory=lambda: {asset: Decimal(text) for asset, text in START_BALANCES.items()}
    )

    def __repr__(self) -> str:
        """Without the secret, so that no log gets it by accident."""
        return f"ApiKey({self.name})"


def keys_of(path: Path) -> list[ApiKey]:
    """The keys in a file; where there is none, one is made and written there, for its owner only.

    Raises :class:`UsageError` for a file that holds something else.
    """
    if not path.exists():
        keys = [made_key(FIRST_NAME)]
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for the mode
            file.write(msgspec.json.format(msgspec.json.encode(keys)) + b"\n")
        return keys
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=list[ApiKey])
    except msgspec.MsgspecError as error:
        # The error's text names the place, and never a value.
        raise UsageError(f"{path}: no list of keys; {error}") from None
    if not keys:
        raise UsageError(f"{path}: no key in it; add one, or remove the file to have one made")
    return keys


def made_key(name: str) -> ApiKey:
    """A key of chance, with the start's balances."""
    return ApiKey(name=name, key=secrets.token_hex(32), secret=secrets.token_hex(32))
