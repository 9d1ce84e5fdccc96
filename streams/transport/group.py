"""A consumer group: who its members are, and which generation of assignments is in force.

The protocol is Kafka's eager one: on any change every member gives up what it has and joins again;
when all have joined, the first of them assigns, and all learn their share at once. So a partition
never belongs to two members.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

Metadata = Any
"""What a member tells the assigning one; the group does not look into it."""
Share = Any
"""What a member is given; the group does not look into it either."""
Assign = Callable[[Mapping[str, Metadata]], Mapping[str, Share]]


class Member:
    """One member, as its owner holds it."""

    def __init__(self, id_: str, topics: frozenset[str]) -> None:
        self.id = id_
        self.topics = topics
        self.generation = -1
        self.must_rejoin = asyncio.Event()
        """Set when the member has to give up its partitions and join again."""
        self.loop = asyncio.get_running_loop()
        self.metadata: Metadata = None
        self.assign: Assign | None = None
        self.joining: asyncio.Future[Share] | None = None


class Group:
    """Members and their current generation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.generation = 0
        self._members: dict[str, Member] = {}
        self._eviction: asyncio.TimerHandle | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """Ids of the members, first joined first."""
        return tuple(self._members)

    async def join(
        self, member: Member, metadata: Metadata, assign: Assign, *, patience_s: float = 60.0
    ) -> Share:
        """Join or join again; returns this member's share once every member has joined.

        A member that does not come back within ``patience_s`` loses its membership.
        """
        self._drop_the_dead()
        self._members[member.id] = member
        member.metadata, member.assign = metadata, assign
        joining = member.joining = member.loop.create_future()
        try:
            self.rebalance()
            self._complete()
            if not joining.done() and self._eviction is None:
                self._eviction = member.loop.call_later(patience_s, self._evict)
            return await joining
        except BaseException:  # cancelled too: who does not wait must not be given a share
            self.leave(member)
            raise

    def leave(self, member: Member) -> None:
        """Give up the membership; the others share what it had."""
        if self._members.pop(member.id, None) is not None:
            member.joining = None
            self._drop_the_dead()
            self.rebalance()
            self._complete()

    def rebalance(self) -> None:
        """Have every member join again."""
        for member in self._members.values():
            if member.joining is None:
                member.must_rejoin.set()

    def owns(self, member: Member) -> bool:
        """Whether the member belongs to the generation in force: may it commit?"""
        return member.id in self._members and member.generation == self.generation

    def reads(self, topic: str) -> bool:
        """Whether any member has subscribed to a topic."""
        return any(topic in member.topics for member in self._members.values())

    def _complete(self) -> None:
        members = list(self._members.values())
        if not members or any(member.joining is None for member in members):
            return
        if self._eviction is not None:
            self._eviction.cancel()
            self._eviction = None
        self.generation += 1
        assign = members[0].assign
        assert assign is not None  # it has joined
        shares = assign({member.id: member.metadata for member in members})
        for member in members:
            joining, member.joining = member.joining, None
            member.generation = self.generation
            member.must_rejoin.clear()
            if joining is not None and not joining.done():
                joining.set_result(shares[member.id])

    def _evict(self) -> None:
        self._eviction = None
        for member in list(self._members.values()):
            if member.joining is None:
                del self._members[member.id]
        self._complete()

    def _drop_the_dead(self) -> None:
        """Forget members whose event loop is gone: they can never join again."""
        for member in list(self._members.values()):
            if member.loop.is_closed():
                del self._members[member.id]
                self._eviction = None
