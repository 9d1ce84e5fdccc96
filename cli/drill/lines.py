"""What the drill and its trader say to one another: JSON, a line each."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.signal import SignalKind


class Want(msgspec.Struct, frozen=True, tag="want"):
    """Give these signals at every tick from now on, by symbol; none to the others."""

    signals: dict[str, SignalKind]


class Command(msgspec.Struct, frozen=True, tag="command"):
    """Write a command of a person into ``control``."""

    kind: Literal["halt", "flatten"]


Asked = Want | Command


class Told(msgspec.Struct, frozen=True):
    """Something that the trader has read in the topics.

    ``agrees``: account and venue agree, it may trade. ``halted``, ``flatten``: the account has
    taken a command. ``flat``: it says that the venue reports none. ``refused``: a signal came to
    nothing, with the reason.
    """

    event: Literal["agrees", "halted", "flatten", "flat", "refused"]
    text: str = ""


decode_asked = msgspec.json.Decoder(Asked).decode
decode_told = msgspec.json.Decoder(Told).decode
