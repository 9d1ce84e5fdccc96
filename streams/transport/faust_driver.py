"""A Faust transport on the embedded broker: the same apps as on Kafka, inside the process.

Name it to Faust with :func:`register` and ``broker="embedded://name"``, or give an app this
module's :class:`Transport`. Checked against faust-streaming 0.15.3.
"""

from __future__ import annotations

from typing import ClassVar

from faust.transport import base
from faust.transport.drivers import TRANSPORTS

from streams.transport.faust_consumer import Consumer
from streams.transport.faust_producer import Producer


def register() -> None:
    """Make ``embedded://`` known to Faust as a broker's scheme."""
    TRANSPORTS.aliases["embedded"] = f"{__name__}:Transport"


class Transport(base.Transport):
    """Faust's way to the embedded broker of the app's address."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer

    default_port = 0
    driver_version = "embedded"
