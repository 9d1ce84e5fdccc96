"""The long day of NEXO through the pipeline, computed once for all tests that look at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agents.execution.account import Account
from cli.feeds import FileFeed
from cli.run import PipelineRun
from schemas.codec import encode
from schemas.frame import Message
from schemas.settings import settings_from
from schemas.topics import ALERTS, BY_NAME, FRAMES, Topic
from tests.golden.sources import golden_paths

NAME = "NEXO_spot_23_24"
VALUES: dict[str, Mapping[str, Any]] = {
    "dimensions": {"enabled": ["orderbook", "orderflow"]},
    "signals": {
        "long_threshold": 56, "short_threshold": 44, "exit_band": 0, "cooldown_s": 1,
        "stop_ranges": 0.3,
    },
    "paper": {"maker_fee_bps": -0.5, "taker_fee_bps": 4.5},
    "monitor": {
        "mode": "full", "confirm_s": 2, "tighten_after_s": 1, "exit_confidence": 0.4,
        "medium_risk": 0.4,
    },
}  # fmt: skip
"""Settings under which much is traded and the monitor is restless.

Of the six dimensions these two: with all of them the day takes three times as long.
"""

SETTINGS = settings_from(VALUES)


class NexoDay(NamedTuple):
    """The day's outputs in a folder, with the files of a replay."""

    folder: Path

    def messages(self, topic: Topic) -> list[Any]:
        """What the pipeline put on a topic, in its order."""
        path = self.folder / topic.name
        bodies = (
            msgspec.msgpack.decode(path.read_bytes(), type=list[bytes]) if path.exists() else []
        )
        return [topic.decoder().decode(body) for body in bodies]

    def outputs(self) -> dict[str, Sequence[Message]]:
        """What the roles have to say of the day, by topic."""
        found = {name: self.messages(topic) for name, topic in BY_NAME.items() if topic != ALERTS}
        return {name: messages for name, messages in found.items() if messages}

    def account(self) -> bytes:
        """The account's state at the end of the day, encoded."""
        return (self.folder / "account").read_bytes()


class _Bodies:
    """Keeps every record of a run but its frames, encoded."""

    def __init__(self) -> None:
        self.by_topic: defaultdict[str, list[bytes]] = defaultdict(list)

    def add(self, topic: Topic, message: Message) -> None:
        if topic != FRAMES:
            self.by_topic[topic.name].append(encode(message))


def play(market_data: Path, folder: Path) -> None:
    """Run the day through the pipeline, as ``prism replay`` does, into a folder."""
    feed, bodies = FileFeed(golden_paths(market_data, NAME), SETTINGS), _Bodies()
    with PipelineRun(SETTINGS, out=folder, watchers=[bodies]) as run:
        for message in feed.messages(run.dead_letter):
            run.take(message)
        run.close(complete=True, sources=feed.sources())
    for name, of_topic in bodies.by_topic.items():
        (folder / name).write_bytes(msgspec.msgpack.encode(of_topic))
    state = run._pipeline.account_state
    (folder / "account").write_bytes(Account(SETTINGS).encode(state))
