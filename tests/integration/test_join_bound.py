"""One dimension far ahead of another: the join keeps little and loses nothing."""

from __future__ import annotations

import asyncio

import pytest

from agents.confluence.join import JoinState
from agents.runtime.keyed_stage import KeyedStage
from schemas.topics import ALERTS, DIMENSION_SCORES
from tests.chaos.inside import Inside
from tests.chaos.market import Market, short_market, short_settings
from tests.chaos.outputs import digests

MOST = 5


@pytest.mark.parametrize("killed", [False, True])
def test_a_dimension_that_comes_late_is_waited_for_with_a_bounded_buffer(
    monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr("agents.confluence.join.MOST_WAITING", MOST)
    market = short_market()
    expected = {name: found for name, found in market.expected.items() if name != ALERTS.name}
    found, most = asyncio.run(one_comes_late(market, killed=killed))
    assert {n: v for n, v in found.items() if n in expected} == {
        n: v for n, v in digests(expected).items() if n in expected
    }
    assert most == MOST


async def one_comes_late(market: Market, *, killed: bool) -> tuple[dict[str, tuple[int, str]], int]:
    """Digests, and the most ticks that waited in any symbol's state."""
    async with Inside(short_settings(url=f"embedded://late-{int(killed)}")) as roles:
        await roles.start("worker-orderflow", "worker-join", "execution")
        await roles.play(market.frames)
        await roles.publisher.settle()
        early = {
            DIMENSION_SCORES.name: [
                m
                for m in market.expected[DIMENSION_SCORES.name]
                if m.id == "orderflow"  # type: ignore[attr-defined]
            ]
        }
        await roles.tail.read_until(early, within_s=60, look=roles.look)
        while roles.role("worker-join").fence.lag():
            await asyncio.sleep(0.01)
        most = max(len(state.waiting) for state in states(roles))
        if killed:
            await roles.kill("worker-join")
            await roles.start("worker-join")
        await roles.start("worker-orderbook")
        return await roles.finish(market.expected | {ALERTS.name: []}), most


def states(roles: Inside) -> list[JoinState]:
    """What the join keeps of each symbol."""
    (stage,) = roles.role("worker-join").stages
    assert isinstance(stage, KeyedStage)
    symbols = [s for p in stage._partitions.values() for s in p.symbols.values()]
    return [symbol.states[0] for symbol in symbols]
