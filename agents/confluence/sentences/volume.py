"""What volume says: who it sides with, and whether it carries the price."""

from __future__ import annotations

from agents.confluence.sentences.base import Phrase, Phrases

PHRASES = Phrases(
    {
        "volume_delta": Phrase(
            "Buyers trade the larger volume",
            "Buyers and sellers trade equal volume",
            "Sellers trade the larger volume",
        ),
        "adl": Phrase(
            "Bars close high on volume: accumulation",
            "Bars close in their middle",
            "Bars close low on volume: distribution",
        ),
        "cmf": Phrase(
            "Money flows in",
            "Money flows neither in nor out",
            "Money flows out",
        ),
        "relative_volume": Phrase(
            "Unusual volume carries an up-move",
            "Volume is nothing unusual",
            "Unusual volume carries a down-move",
        ),
        "obv": Phrase(
            "Volume gathers on rising bars",
            "On-balance volume goes sideways",
            "Volume gathers on falling bars",
        ),
        "divergence": Phrase(
            "Volume is stronger than the price",
            "Volume and price agree",
            "Volume is weaker than the price",
        ),
    }
)
