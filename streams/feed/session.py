"""The HTTP session to a venue, or to a simulated exchange in its place."""

from __future__ import annotations

import ssl

import aiohttp
import certifi

from schemas.errors import UsageError
from schemas.live_settings import LiveSettings
from schemas.settings import FeedSettings
from streams.simulator.exchange.client import connector


def open_session(settings: FeedSettings | LiveSettings) -> aiohttp.ClientSession:
    """A session without a limit of connections; to be made within a running event loop.

    Streams hold a connection each and would starve requests under aiohttp's limit of 100. Raises
    :class:`UsageError` for a ``connect_to`` that is no address, or without a ``ca_file``.
    """
    if settings.connect_to:
        section = "live" if isinstance(settings, LiveSettings) else "feed"
        host, _, port = settings.connect_to.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(f"{section}.connect_to {settings.connect_to!r}: write host:port")
        if not settings.ca_file:
            raise UsageError(
                f"{section}.connect_to needs {section}.ca_file, the authority to trust there"
            )
        return aiohttp.ClientSession(
            connector=connector(port=int(port), ca_file=settings.ca_file, host=host)
        )
    context = ssl.create_default_context(cafile=settings.ca_file or certifi.where())
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0))
