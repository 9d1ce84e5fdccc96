"""A process that writes to a broker and says what was acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from streams.transport.log import TopicPartition, TopicSpec, open_log


async def write(url: str, topic: str) -> None:
    """Send numbered records, several at a time; print each offset once it is acknowledged."""
    log = await open_log(url)
    await log.ensure_topics([TopicSpec(topic, 1)])
    at = TopicPartition(topic, 0)
    start = (await log.end_offsets([at]))[at]
    for first in count(start, 7):
        sent = [await log.produce(topic, b"k", b"value %d" % n) for n in range(first, first + 7)]
        for done in sent:
            print((await done)[1], flush=True)
        await log.commit("g", {at: first})
        print("committed", first, flush=True)


if __name__ == "__main__":
    asyncio.run(write(*sys.argv[1:]))
