"""Faust transports behind the fence, given by name."""

from __future__ import annotations

from functools import cache
from typing import Any

from mode.utils.imports import symbol_by_name

from agents.runtime.consumer import FencedConsumer

KAFKA = "agents.runtime.kafka_driver:Transport"
EMBEDDED = "streams.transport.faust_driver:Transport"

_BY_SCHEME = {"kafka": KAFKA, "embedded": EMBEDDED}


def transport_name(url: str) -> str:
    """Name of the transport class for a broker address."""
    return _BY_SCHEME[url.partition("://")[0]]


@cache
def fenced_transport(name: str) -> type[Any]:
    """A transport class whose consumer starts where the tables say."""
    base: Any = symbol_by_name(name)
    # Upstream keeps a service's tasks by the full name of its class: it must differ per driver.
    named = {"__module__": base.Consumer.__module__}
    consumer = type("FencedConsumer", (FencedConsumer, base.Consumer), named)
    return type("FencedTransport", (base,), {**named, "Consumer": consumer})
