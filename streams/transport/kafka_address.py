"""Kafka's addresses, and whether anybody answers there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from schemas.errors import BrokerUnreachable, UsageError

DEFAULT_PORT = 9092
ANSWER_WITHIN_S = 5.0


def servers_of(url: str) -> list[str]:
    """The servers that ``kafka://host:port[,host:port]`` names; :class:`UsageError` for no such."""
    servers = [part for part in url.removeprefix("kafka://").rstrip("/").split(",") if part]
    if not servers or not url.startswith("kafka://"):
        raise UsageError(f"broker {url!r}: write kafka://host:port[,host:port]")
    servers = [part if ":" in part else f"{part}:{DEFAULT_PORT}" for part in servers]
    if not all(part.rpartition(":")[2].isdigit() for part in servers):
        raise UsageError(f"broker {url!r}: a port is a number: kafka://host:port[,host:port]")
    return servers


async def first_answering(url: str, servers: Sequence[str]) -> None:
    """Return when one of the servers accepts a connection."""
    reasons = []
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S / len(servers)):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except (OSError, TimeoutError) as error:
            reasons.append(f"{server}: {os.strerror(error.errno) if error.errno else 'no answer'}")
            continue
        writer.close()
        return
    raise BrokerUnreachable(
        f"no broker answers at {url} ({'; '.join(reasons)}); start it, or correct broker.url"
    )
