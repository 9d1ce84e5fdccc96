"""A role is started again as a program whose states have another encoding."""

from __future__ import annotations

import asyncio

import pytest

from agents.dimensions.orderbook import Orderbook
from agents.runtime import other_versions
from agents.runtime.folds import AccountFold
from agents.runtime.ordered_stage import OrderedStage
from schemas.digest import digest, sort_key
from schemas.errors import StateOfAnotherVersion
from schemas.frame import Message
from schemas.score import DimensionScore
from schemas.topics import CONFLUENCE_SCORES, DIMENSION_SCORES, Topic
from streams.transport.log import TopicPartition
from tests.chaos.inside import Inside
from tests.chaos.market import short_market, short_settings
from tests.chaos.outputs import digests
from tests.unit.runtime.rig import logged_by

PATIENCE_S = 60.0
HALF = 180


async def taken(roles: Inside, *names: str) -> None:
    """Wait until roles have taken all that was published, and stored a state at some place."""
    await roles.publisher.settle()
    async with asyncio.timeout(PATIENCE_S):
        for name in names:
            fence = roles.role(name).fence
            while fence.lag() or not any(fence.low_waters().values()):
                roles.look()
                await asyncio.sleep(0.01)


async def first_of(roles: Inside, topic: Topic) -> list[Message]:
    """What a topic holds, the first of each id, as readers take it."""
    found: dict[object, Message] = {}
    decode = topic.decoder().decode
    for number in range(roles.settings.broker.partitions):
        at = TopicPartition(topic.name, number)
        end = (await roles.log.end_offsets([at]))[at]
        offset = 0
        while offset < end:
            for record in await roles.log.read(at.topic, number, offset, max_records=2_000):
                message = decode(record.value or b"")
                found.setdefault(sort_key(message), message)
                offset = record.offset + 1
    return list(found.values())


def scores_of(messages: list[Message], dimension: str) -> list[Message]:
    return [m for m in messages if isinstance(m, DimensionScore) and m.dimension == dimension]


def test_a_dimension_begins_anew_while_all_else_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    market = short_market()

    async def main() -> None:
        async with Inside(short_settings(url="embedded://upgrade")) as roles:
            await roles.start("worker", "execution")
            await roles.play(market.frames[:HALF])
            await taken(roles, "worker", "execution")
            await roles.stop("worker")
            monkeypatch.setattr(Orderbook, "state_version", Orderbook.state_version + 1)
            with logged_by(other_versions) as logged:
                await roles.start("worker")
                await roles.play(market.frames[HALF:])
                await taken(roles, "worker", "execution")
            scores = await first_of(roles, DIMENSION_SCORES)
            ticks = await first_of(roles, CONFLUENCE_SCORES)
            (stage,) = roles.role("execution").stages
            assert isinstance(stage, OrderedStage)
            last_ns = {frame.key: frame.close_ns for frame in market.frames}
            async with asyncio.timeout(PATIENCE_S):
                # The others wait for the symbol whose last frame closes first.
                while min(stage.steps_applied.values()) < min(last_ns.values()):
                    roles.look()
                    await asyncio.sleep(0.01)
        (left,) = logged
        assert (left["event"], left["fold"]) == ("state.left", "orderbook")
        assert left["reads"] == Orderbook.state_version
        wanted, book = market.expected[DIMENSION_SCORES.name], "orderbook"
        assert digest(scores_of(scores, "orderflow")) == digest(scores_of(wanted, "orderflow"))
        assert digest(scores_of(scores, book)) != digest(scores_of(wanted, book))
        assert {sort_key(m) for m in scores} == {sort_key(m) for m in wanted}
        assert {sort_key(m) for m in ticks} == {
            sort_key(m) for m in market.expected[CONFLUENCE_SCORES.name]
        }

    asyncio.run(main())


@pytest.mark.parametrize("decided_anew", [False, True])
def test_an_account_is_refused_until_its_program_is_there_or_its_state_is_not(
    decided_anew: bool,
) -> None:
    """The log still holds all that it was decided by."""
    market = short_market()

    async def main() -> tuple[BaseException | None, dict[str, tuple[int, str]]]:
        settings = short_settings(url=f"embedded://upgrade-account{int(decided_anew)}")
        async with Inside(settings) as roles:
            await roles.start("worker", "execution")
            await roles.play(market.frames[:HALF])
            await taken(roles, "worker", "execution")
            await roles.stop("execution")
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(AccountFold, "state_version", AccountFold.state_version + 1)
                await roles.start("execution")
                refused = roles.role("execution")
                async with asyncio.timeout(PATIENCE_S):
                    await refused.app.failed.wait()
                await roles.stop("execution")
                if decided_anew:
                    await roles.log.delete_topics(list(refused.changelogs()))
                    await roles.start("execution")
            if not decided_anew:
                await roles.start("execution")
            await roles.play(market.frames[HALF:])
            return refused.app.crash_reason, await roles.finish(market.expected)

    reason, given = asyncio.run(main())
    assert isinstance(reason, StateOfAnotherVersion)
    assert given == digests(market.expected)
