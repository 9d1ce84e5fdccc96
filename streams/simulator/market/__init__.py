"""Markets that a simulated exchange plays: recorded ones, and a generated one."""

from streams.simulator.market.generated import GeneratedSource
from streams.simulator.market.recorded import RecordedSource
from streams.simulator.market.source import MarketSource, Rules

__all__ = ["GeneratedSource", "MarketSource", "RecordedSource", "Rules"]
