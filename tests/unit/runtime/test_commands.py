"""How a command gets its tick: behind all that was decided, and nothing later before it is back."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from faust.types import TP, ConsumerMessage

from agents.runtime import roles
from agents.runtime.ordered_stage import OrderedStage
from schemas.codec import encode
from schemas.control import Flatten, Halt
from schemas.frame import NS_PER_S, Message, Side
from schemas.order import Order, OrderStatus, OrderType
from schemas.settings import settings_from
from schemas.topics import topic_of
from tests.support.messages import SYMBOL, VENUE, frame_at

KEY = f"{VENUE}:{SYMBOL}"
HALT = Halt("paper", None, "rumour", id="h", by="ada")


class Bench:
    """The account's stage without a broker; what it sends is kept, and comes back only if told."""

    def __init__(self) -> None:
        role = roles.execution(settings_from({"runtime": {"symbols": [KEY]}}))
        (stage,) = role.stages
        assert isinstance(stage, OrderedStage)
        self.stage = stage
        self.sent: list[Message] = []
        self.stage.emitter.emit = self._emit  # type: ignore[method-assign]
        role.app.fence.next_offset = lambda tp: 0  # type: ignore[method-assign]

    async def _emit(self, message: Message, **_: Any) -> None:
        self.sent.append(message)

    def ready(self) -> None:
        for topic in self.stage.read_first:
            self.stage.caught_up(topic)

    def take(self, message: Message) -> None:
        topic = topic_of(message).name
        body = encode(message)
        given = ConsumerMessage(topic, 0, 0, 0.0, 0, [], b"k", body, None, tp=TP(topic, 0))
        asyncio.run(self.stage.take(given))

    def frame(self, number: int) -> int:
        """Frame ``number``; close of the last frame that is applied after it."""
        self.take(frame_at(number * NS_PER_S, seq=number, is_tick=False))
        return self.stage.steps_applied.get(KEY, 0) // NS_PER_S


def test_a_command_holds_from_the_last_step_and_nothing_later_is_applied_until_it_is_back() -> None:
    bench = Bench()
    bench.ready()
    assert bench.frame(1) == 1
    bench.take(HALT)
    (answer,) = bench.sent
    assert isinstance(answer, Halt)
    assert (answer.id, answer.by, answer.effective_ns) == ("h", "ada", NS_PER_S)
    assert bench.frame(2) == 1
    assert bench.frame(3) == 1
    bench.take(answer)
    assert bench.stage.steps_applied[KEY] == 3 * NS_PER_S
    assert bench.sent == [answer]


def test_it_holds_behind_what_a_predecessor_decided_and_the_past_may_be_made_up_for() -> None:
    bench = Bench()
    bench.take(HALT)
    bench.frame(1)
    order = Order(
        "o", 0, "paper", VENUE, SYMBOL, 2 * NS_PER_S, OrderStatus.INTENT, Side.BUY,
        OrderType.MARKET, Decimal(1), Decimal(0), False, "s", "open", 1, "why",
    )  # fmt: skip
    bench.take(order)
    assert bench.sent == []  # what others did is not known yet
    bench.ready()
    assert bench.frame(2) == 2
    assert [getattr(sent, "effective_ns", None) for sent in bench.sent] == [2 * NS_PER_S]
    assert bench.frame(3) == 2


def test_of_two_answers_the_first_in_the_log_counts_and_repeats_are_not_answered() -> None:
    bench = Bench()
    bench.take(HALT)
    bench.take(Halt("paper", 5 * NS_PER_S, "rumour", id="h", by="ada"))
    bench.take(Halt("paper", 7 * NS_PER_S, "rumour", id="h", by="ada"))
    bench.take(HALT)
    bench.take(Flatten("another", None, "r", id="x"))
    bench.ready()
    assert bench.frame(1) == 1
    assert bench.sent == []
    assert [c.effective_ns for c in bench.stage._state.halts.pending] == [5 * NS_PER_S]


def test_a_command_is_answered_in_a_market_that_stands_still() -> None:
    bench = Bench()
    bench.take(HALT)
    bench.ready()
    assert bench.sent == []
    asyncio.run(bench.stage.answer_commands())  # the watchdog's round
    asyncio.run(bench.stage.answer_commands())
    assert [getattr(sent, "effective_ns", None) for sent in bench.sent] == [-1]
