"""The wall-clock watchdog: writes into ``control`` what decisions then read from there."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from agents.runtime.ordered_stage import OrderedStage
from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S

log = structlog.get_logger()


class Watchdog:
    """Declares symbols absent that hold the others up for too long, and returned when they come.

    Heartbeat frames are due once per score interval; ``patience_s`` is how long their absence is
    borne before the other symbols go on without. A process that stood still itself (paused, or in a
    rebalance), or whose broker leaves sends unanswered (``unanswered_ns``), knows of no silence:
    it begins to wait anew.
    """

    def __init__(
        self, stage: OrderedStage, *, patience_s: float, unanswered_ns: Callable[[], int]
    ) -> None:
        self._stage = stage
        self._unanswered_ns = unanswered_ns
        self._patience_ns = round(patience_s * NS_PER_S)
        self._looked_ns = monotonic_ns()
        self._since: dict[str, tuple[int, int]] = {}
        self._declared: dict[str, int] = {}

    async def look(self) -> None:
        """One round; call it about once a second."""
        now_ns = monotonic_ns()
        stood_still = now_ns - self._looked_ns > self._patience_ns // 2
        if stood_still or self._unanswered_ns() > self._patience_ns // 4:
            self._since.clear()
        self._looked_ns = now_ns
        laggards = self._stage.laggards()
        for key in [key for key in self._since if key not in laggards]:
            del self._since[key]
        for key in laggards:
            await self._consider(key, now_ns)
        await self._stage.declare_returned()
        await self._stage.answer_commands()

    async def _consider(self, key: str, now_ns: int) -> None:
        watermark_ns = self._stage.watermark_ns(key)
        seen_ns, since_ns = self._since.setdefault(key, (watermark_ns, now_ns))
        if seen_ns != watermark_ns:
            self._since[key] = (watermark_ns, now_ns)
        elif now_ns - since_ns > self._patience_ns and self._declared.get(key) != watermark_ns:
            self._declared[key] = watermark_ns
            log.warning("feed.absent", key=key, silent_s=(now_ns - since_ns) / NS_PER_S)
            await self._stage.declare_absent(key)
