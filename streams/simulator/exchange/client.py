"""How a client reaches the simulated exchange under the venues' real addresses.

The client stays as it is: it is given a session whose connector resolves every name to the
exchange's port on loopback and trusts the exchange's own authority, and no other::

    session = aiohttp.ClientSession(connector=connector(port=8443, ca_file="ca.pem"))
    exchange = ccxt.pro.binanceusdm({"session": session})
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult


class LoopbackResolver(AbstractResolver):
    """Every host is this port on this machine."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._port = port
        self._host = host

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002 - aiohttp's interface
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """The one address there is."""
        return [
            ResolveResult(
                hostname=host,
                host=self._host,
                port=self._port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def ssl_context(ca_file: str | Path) -> ssl.SSLContext:
    """Trusts the authority in this PEM file alone, so that no other server can be talked to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(ca_file))
    return context


def connector(*, port: int, ca_file: str | Path, host: str = "127.0.0.1") -> aiohttp.TCPConnector:
    """A connector for ``aiohttp.ClientSession``; to be made within a running event loop.

    Without a limit of connections: sockets of streams would starve requests otherwise.
    """
    return aiohttp.TCPConnector(
        resolver=LoopbackResolver(port, host), ssl=ssl_context(ca_file), limit=0
    )
