"""The private certificate authority of the simulated exchange."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

import trustme


class Authority:
    """Made anew in memory at each start, so that no key of it lies anywhere."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="Market Prism simulated exchange")

    def write(self, path: Path) -> None:
        """Write the certificate that clients must trust, as PEM."""
        self._ca.cert_pem.write_to_path(str(path))

    def server_context(self, hosts: Iterable[str]) -> ssl.SSLContext:
        """For a server that answers as any of these hosts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*hosts, "localhost", "127.0.0.1").configure_cert(context)
        return context
