"""Markets that a simulated exchange plays: recorded ones, and a generated one."""

from streams.simulator.market.catalogue import CATALOGUE, generated
from streams.simulator.market.generated import GeneratedSource
from streams.simulator.market.recorded import RecordedSource
from streams.simulator.market.source import MarketSource, Rules

__all__ = [
    "CATALOGUE",
    "GeneratedSource",
    "MarketSource",
    "RecordedSource",
    "Rules",
    "generated",
]
