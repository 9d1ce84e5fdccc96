"""What price structure says: where the price stands among levels that were traded before."""

from __future__ import annotations

from agents.confluence.sentences.base import Phrase, Phrases

PHRASES = Phrases(
    {
        "order_block": Phrase(
            "Demand lies below the price",
            "No order block is near",
            "Supply lies above the price",
        ),
        "value_area": Phrase(
            "Price is accepted high in value",
            "Price is in the middle of value",
            "Price is accepted low in value",
        ),
        "vwap": Phrase(
            "Price is above its VWAP",
            "Price is at its VWAP",
            "Price is below its VWAP",
        ),
        "support_resistance": Phrase(
            "Support is nearer or stronger than resistance",
            "Support and resistance are level",
            "Resistance is nearer or stronger than support",
        ),
        "position_heat": Phrase(
            "Recent shorts are under water",
            "Nobody's recent positions are under water",
            "Recent longs are under water",
        ),
    }
)
