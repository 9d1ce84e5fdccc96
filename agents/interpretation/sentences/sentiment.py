"""What sentiment says: how the crowd is placed, what that costs it, and its mood."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interpretation.sentences.base import Phrase, Phrases, Values, over_timeframes
from agents.interpretation.sentences.figures import number, percent, points, sigma


def _long_short(values: Values) -> Iterator[str]:
    if "long_short_ratio" in values:
        yield f"{number(values['long_short_ratio'])} long per short"
    if "long_short_standing" in values:
        yield f"{sigma(values['long_short_standing'])} from its week"


def _funding(values: Values) -> Iterator[str]:
    if "funding_annual" in values:
        yield f"funding {percent(values['funding_annual'], signed=True)} a year"
    if "funding_momentum" in values:
        yield f"{percent(values['funding_momentum'], signed=True)} against its last day"


def _funding_volatility(values: Values) -> Iterator[str]:
    if "funding_deviation" in values:
        yield f"{points(values['funding_deviation'])} deviations from its usual rate"
    if "funding_stability" in values:
        yield f"stability {percent(values['funding_stability'])}"


def _liquidations(values: Values) -> Iterator[str]:
    least = 0.01 * values.get("liquidations_normal", 0.0)  # what is left of older ones is no news
    for stem, named in (("liquidated_longs", "longs"), ("liquidated_shorts", "shorts")):
        if values.get(stem, 0.0) > least:
            yield f"{named} closed by force {number(values[stem])}"
    if values.get("cascade"):
        yield "a cascade is under way"
    if "exhaustion" in values:
        yield f"exhaustion {percent(values['exhaustion'])}"


def _volume_sentiment(values: Values) -> Iterator[str]:
    for stem, named in (
        ("taker_balance", "net bought"),
        ("trade_balance", "net buys by number"),
        ("price_impact", "move kept"),
    ):
        told = over_timeframes(values, stem, _share)
        if told is not None:
            yield f"{named} {told}"


def _mood(values: Values) -> Iterator[str]:
    for stem, named in (("mood_momentum", "momentum"), ("mood_trend", "trend")):
        told = over_timeframes(values, stem, points)
        if told is not None:
            yield f"{named} {told}"
    if "fear_greed" in values:
        yield f"fear and greed {number(values['fear_greed'])}"
    for stem, named in (("news_lean", "news"), ("social_lean", "social media")):
        if stem in values:
            yield f"{named} {points(values[stem])}"


def _risk(values: Values) -> Iterator[str]:
    if "leverage" in values:
        yield f"leverage at {percent(values['leverage'])} of its scale"
    reach = values.get("maintenance_reach", 1.0)
    if reach < 1.0:  # the day over the day and the room
        yield f"a usual day uses {percent(reach / (1.0 - reach))} of the room to liquidation"
    if "crowd_side" in values:
        yield f"the crowd's side {points(values['crowd_side'])}"


def _share(value: float) -> str:
    return percent(value, signed=True)


PHRASES = Phrases(
    {
        "long_short_ratio": Phrase(
            "How accounts are placed speaks for a rise",
            "Accounts are placed evenly",
            "How accounts are placed speaks for a fall",
            _long_short,
        ),
        "funding": Phrase(
            "Funding speaks for a rise",
            "Funding is ordinary",
            "Funding speaks for a fall",
            _funding,
        ),
        "funding_volatility": Phrase(
            "The change in funding speaks for a rise",
            "Funding is steady",
            "The change in funding speaks for a fall",
            _funding_volatility,
        ),
        "liquidations": Phrase(
            "Liquidations speak for a rise",
            "Liquidations are nothing unusual",
            "Liquidations speak for a fall",
            _liquidations,
        ),
        "volume_sentiment": Phrase(
            "Activity sides with buyers",
            "Activity sides with nobody",
            "Activity sides with sellers",
            _volume_sentiment,
        ),
        "market_mood": Phrase(
            "The mood speaks for a rise",
            "The mood is even",
            "The mood speaks for a fall",
            _mood,
        ),
        "risk": Phrase(
            "Leverage is at risk on the short side",
            "Leverage is at risk on neither side",
            "Leverage is at risk on the long side",
            _risk,
        ),
    }
)
