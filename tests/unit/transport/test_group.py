"""Consumer groups: everyone joins, one assigns, nobody waits for the dead."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from streams.transport.group import Group, Member

TOPICS = frozenset({"t"})


def _first_takes_all(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {id_: f"{n} of {len(metadata)}" for n, id_ in enumerate(metadata, 1)}


def _refuse(_: Mapping[str, Any]) -> dict[str, str]:
    raise ValueError("cannot assign")


async def _join(group: Group, member: Member, *, patience_s: float = 60.0) -> str:
    return str(await group.join(member, None, _first_takes_all, patience_s=patience_s))


def test_a_change_makes_everyone_join_again_and_all_learn_their_share_together() -> None:
    async def main() -> None:
        group = Group("g")
        first, second = Member("a", TOPICS), Member("b", TOPICS)
        assert await _join(group, first) == "1 of 1"
        waiting = asyncio.ensure_future(_join(group, second))
        await first.must_rejoin.wait()
        assert not waiting.done()
        assert group.owns(first)
        assert not group.owns(second)
        assert await _join(group, first) == "1 of 2"
        assert await waiting == "2 of 2"
        assert group.generation == first.generation == second.generation == 2
        assert not first.must_rejoin.is_set()
        group.leave(first)
        assert second.must_rejoin.is_set()
        assert not group.owns(first)
        assert await _join(group, second) == "1 of 1"

    asyncio.run(main())


def test_a_member_of_an_older_generation_owns_nothing() -> None:
    async def main() -> None:
        group = Group("g")
        first, second = Member("a", TOPICS), Member("b", TOPICS)
        await _join(group, first)
        # The first never comes back; the others go on without it.
        assert await _join(group, second, patience_s=0.01) == "1 of 1"
        assert group.members == ("b",)
        assert not group.owns(first)
        assert group.owns(second)

    asyncio.run(main())


def test_who_gives_up_joining_is_no_member() -> None:
    async def main() -> None:
        group = Group("g")
        first, second = Member("a", TOPICS), Member("b", TOPICS)
        await _join(group, first)
        waiting = asyncio.ensure_future(_join(group, second))
        await first.must_rejoin.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await _join(group, first) == "1 of 1"

    asyncio.run(main())


def test_a_failing_assignor_does_not_leave_its_member_in_the_group() -> None:
    async def main() -> None:
        group = Group("g")
        with pytest.raises(ValueError, match="cannot assign"):
            await group.join(Member("a", TOPICS), None, _refuse)
        assert group.members == ()
        assert await _join(group, Member("b", TOPICS)) == "1 of 1"

    asyncio.run(main())


def test_members_of_a_closed_event_loop_are_forgotten() -> None:
    group = Group("g")

    async def join(name: str) -> str:
        return await _join(group, Member(name, TOPICS))

    assert asyncio.run(join("a")) == "1 of 1"
    assert asyncio.run(join("b")) == "1 of 1"
    assert group.members == ("b",)
