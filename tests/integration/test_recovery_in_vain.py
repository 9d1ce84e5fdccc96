"""A broker that does not answer a role that recovers its tables."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.runtime import roles
from schemas.errors import BrokerError
from streams.transport.broker import forget
from streams.transport.log import open_log, topic_specs
from tests.chaos.market import short_settings

PATIENCE_S = 30.0


def test_a_role_that_cannot_recover_ends_instead_of_reading_nothing() -> None:
    reason = asyncio.run(recovering_in_vain("embedded://in-vain"))
    assert isinstance(reason, BrokerError)
    assert "did not answer within 0.2 s" in str(reason)


async def recovering_in_vain(url: str) -> BaseException | None:
    """For what reason the role has ended."""
    settings = short_settings(url=url)
    log = await open_log(url)
    await log.ensure_topics(topic_specs(settings.broker))
    app: Any = roles.worker(settings).app
    app.conf.broker_request_timeout = 0.2
    asked = asyncio.Event()

    async def no_answer(*_: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    app.consumer.highwaters = no_answer
    app.finalize()
    await app.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
            await app.failed.wait()
        reason: BaseException | None = app.crash_reason
    finally:
        await app.stop()
        await log.close()
        forget(url)
    return reason
