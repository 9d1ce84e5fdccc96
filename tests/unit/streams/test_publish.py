"""What is due at one time is sent in the order in which decisions need it."""

from __future__ import annotations

import asyncio

from schemas.frame import NS_PER_S, Frame
from schemas.series import Series, SeriesName
from schemas.settings import settings_from
from schemas.topics import FRAMES
from streams.publish import FramePublisher
from streams.transport.broker import forget
from streams.transport.log import open_log, topic_specs
from tests.support.messages import SYMBOL, VENUE, frame_at

URL = "embedded://publish"


def test_history_comes_first_then_ticks_and_a_symbol_keeps_its_order() -> None:
    told = Series(VENUE, SYMBOL, SeriesName.FEAR_GREED, "file", NS_PER_S, (NS_PER_S,), (50.0,))
    plain = frame_at(NS_PER_S, symbol="A/USDT:USDT", is_tick=False)
    tick = frame_at(NS_PER_S, symbol=SYMBOL)
    later = frame_at(2 * NS_PER_S, symbol=SYMBOL, seq=2, is_tick=False)
    settings = settings_from({"broker": {"url": URL, "partitions": 1}})

    async def sent() -> list[object]:
        log = await open_log(URL)
        await log.ensure_topics(topic_specs(settings.broker))
        publisher = FramePublisher(log, settings)
        await publisher.publish_together([plain, tick, told])
        await publisher.publish_together([later])
        await publisher.settle()
        records = await log.read(FRAMES.name, 0, 0)
        await log.close()
        decoder = FRAMES.decoder()
        return [decoder.decode(record.value or b"") for record in records]

    found = asyncio.run(sent())
    forget(URL)
    assert [(type(m), getattr(m, "symbol", "")) for m in found] == [
        (Series, SYMBOL), (Frame, SYMBOL), (Frame, "A/USDT:USDT"), (Frame, SYMBOL)
    ]  # fmt: skip
