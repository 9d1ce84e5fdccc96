"""A Faust consumer that starts where the tables say and commits what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from faust.types import TP

if TYPE_CHECKING:
    from agents.runtime.fence import FencedApp


class _Forgetful(dict[Any, Any]):
    """Upstream drops what lies below the highest offset it ever delivered; this keeps none."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        return None


class FencedConsumer:
    """Mixin for a Faust consumer: start where the tables say, commit what they hold."""

    app: FencedApp

    # Of the driver's class that this is mixed into.
    assignment: Any
    earliest_offsets: Any
    highwaters: Any
    seek_wait: Any
    _commit: Any
    _is_changelog_tp: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _Forgetful()

    async def perform_seek(self) -> None:
        """Seek the input to what the tables need, not to the committed offsets."""
        fence, assignment = self.app.fence, self.assignment()
        unknown = [tp for tp, at in fence.starts().items() if at is None and tp in assignment]
        if unknown:
            fence.begin_at(await self.earliest_offsets(*unknown))
        first = [tp for tp in fence.read_first() if tp in assignment]
        if first:
            fence.read_up_to(await self.highwaters(*first))
        starts = fence.starts().items()
        await self.seek_wait({tp: at for tp, at in starts if at is not None and tp in assignment})

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Keep the input shut while a rebalance lasts; changelogs may pass.

        Upstream opens the input first, seeks then, and empties the agents' queues last: what
        arrived in between is lost. :meth:`release` opens it when all that is over.
        """
        if self.app.rebalancing:
            tps = {tp for tp in tps if self._is_changelog_tp(tp)}
        parent: Any = super()
        # The driver's own type compares equal to TP, but Faust asserts on the type.
        parent.resume_partitions({TP(tp.topic, tp.partition) for tp in tps})

    def release(self) -> None:
        """Let the input flow."""
        self.resume_partitions({tp for tp in self.assignment() if not self._is_changelog_tp(tp)})

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the low water, for lag monitors and for where the tables know nothing."""
        del topics, start_new_transaction
        offsets = self.app.fence.low_waters()
        if not offsets:
            return False
        self.app.failpoints.passed("commit.before")
        committed = bool(await self._commit(offsets))
        self.app.failpoints.passed("commit.done")
        return committed
