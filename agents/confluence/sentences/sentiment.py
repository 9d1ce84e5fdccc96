"""What sentiment says: how the crowd is placed, what that costs it, and its mood."""

from __future__ import annotations

from agents.confluence.sentences.base import Phrase, Phrases

PHRASES = Phrases(
    {
        "long_short_ratio": Phrase(
            "How accounts are placed speaks for a rise",
            "Accounts are placed evenly",
            "How accounts are placed speaks for a fall",
        ),
        "funding": Phrase(
            "Funding speaks for a rise",
            "Funding is ordinary",
            "Funding speaks for a fall",
        ),
        "funding_volatility": Phrase(
            "The change in funding speaks for a rise",
            "Funding is steady",
            "The change in funding speaks for a fall",
        ),
        "liquidations": Phrase(
            "Liquidations speak for a rise",
            "Liquidations are nothing unusual",
            "Liquidations speak for a fall",
        ),
        "volume_sentiment": Phrase(
            "Activity sides with buyers",
            "Activity sides with nobody",
            "Activity sides with sellers",
        ),
        "market_mood": Phrase(
            "The mood is greedy",
            "The mood is even",
            "The mood is fearful",
        ),
        "risk": Phrase(
            "Leverage leaves room for a rise",
            "Leverage is ordinary",
            "Leverage is stretched against a rise",
        ),
    }
)
