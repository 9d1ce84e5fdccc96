"""A short market on a broker disturbed by a seed, with roles killed and stopped on the way.

``python -m tests.chaos.seeds 417 418`` runs these seeds again and says what went wrong.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from schemas.topics import ALERTS
from tests.chaos.inside import Inside
from tests.chaos.market import FRAMES, Market, short_market, short_settings
from tests.chaos.outputs import digests

AT_ONCE = 12
"""Markets in one event loop: a role mostly waits, for the others and for its own start."""


class Scenario(NamedTuple):
    """What happens to the roles of one seed: who runs, who is ended after which frame."""

    names: list[str]
    restarts: dict[int, str]

    @classmethod
    def of(cls, rng: Random) -> Scenario:
        """One worker, two, or one per part, and an account; one to three of them ended."""
        names = rng.choice(
            [
                ["worker", "execution"],
                ["worker1", "worker2", "execution"],
                ["worker-orderbook", "worker-orderflow", "worker-join", "execution"],
            ]
        )
        restarts = {rng.randrange(1, FRAMES): rng.choice(names) for _ in range(rng.randrange(1, 4))}
        return cls(names, restarts)


def random_of(seed: int) -> Random:
    """The choices of a seed's scenario; those of its broker are another sequence."""
    return Random(f"scenario {seed}")


async def disturbed(market: Market, seed: int) -> dict[str, tuple[int, str]]:
    """Digests of the market under a seed."""
    rng = random_of(seed)
    scenario = Scenario.of(rng)
    async with Inside(short_settings(url=f"embedded://seed-{seed}?seed={seed}")) as roles:
        await roles.start(*rng.sample(scenario.names, len(scenario.names)))
        for number, frame in enumerate(market.frames):
            await roles.publisher.publish(frame)
            if not rng.randrange(20):
                await asyncio.sleep(rng.random() / 4)  # a pace of the feed, nothing waits for it
            if number in scenario.restarts:
                name = scenario.restarts[number]
                await (roles.kill if rng.randrange(3) else roles.stop)(name)
                await roles.start(name)
        found = await roles.finish(market.expected)
        found.pop(ALERTS.name)  # a join that hears dimensions over the broker says who is behind
        return found


async def failures(market: Market, seeds: Iterable[int]) -> dict[int, str]:
    """What went wrong, by seed; several markets at once."""
    wanted = digests(market.expected)
    wanted.pop(ALERTS.name)
    queue = deque(seeds)
    verdicts: dict[int, str] = {}

    async def judge(seed: int) -> str:
        try:
            found = await disturbed(market, seed)
        except (AssertionError, RuntimeError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"
        return "" if found == wanted else f"{found} instead of {wanted}"

    async def work() -> None:
        while queue:
            seed = queue.popleft()
            verdicts[seed] = await judge(seed)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return {seed: text for seed, text in sorted(verdicts.items()) if text}


def failures_of(seeds: Iterable[int]) -> dict[int, str]:
    """What went wrong, by seed; for a process of its own."""
    # Not asyncio.run: it waits for ever for what a role left behind that failed to stop.
    return asyncio.new_event_loop().run_until_complete(failures(short_market(), seeds))


if __name__ == "__main__":
    for failed, reason in failures_of([int(given) for given in sys.argv[1:]]).items():
        print(f"seed {failed}: {reason}")
