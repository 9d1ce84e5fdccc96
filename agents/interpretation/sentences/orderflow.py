"""What the trading market says: takers, makers, and how much the takers seem to know."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interpretation.sentences.base import Phrase, Phrases, Values
from agents.interpretation.sentences.figures import SIGMA, bps, number, percent, sigma, times

UNUSUAL_SIGMA = 1.0
"""From here on the CVD counts as pushing, in standard deviations of its own past."""

THIN = 0.5
"""Evidence of the tape below which the sentence tells that there is little."""


def _trade_flow(values: Values) -> Iterator[str]:
    if "cvd_standing" in values:
        yield f"CVD {sigma(values['cvd_standing'])}"
    if "cvd_window" in values:
        delta = values["cvd_window"]
        yield f"{number(abs(delta))} net {'sold' if delta < 0.0 else 'bought'} in its window"
    if "intensity" in values:
        yield f"trading at {times(values['intensity'])} its usual pace"
    if values.get("evidence", 1.0) < THIN:
        yield f"few trades, so it counts for {percent(values['evidence'])}"
    if "large_imbalance" in values:
        yield f"large trades lean {percent(values['large_imbalance'], signed=True)}"
    if "oi_trend" in values and "oi_change" in values:
        yield _open_interest(values["oi_trend"], values["oi_change"])


def _open_interest(trend: float, change: float) -> str:
    """``trend`` has the sign of the price's move."""
    said = f"open interest {percent(change, signed=True)}"
    if trend == 0.0 or change == 0.0:
        return said
    move = "up-move" if trend > 0.0 else "down-move"
    return f"{said} confirms the {move}" if change > 0.0 else f"{said} marks a weak {move}"


def _market_making(values: Values) -> Iterator[str]:
    if "inventory_standing" in values:
        yield f"net quoting to the bid {sigma(values['inventory_standing'])}"
    if "refresh_bid_s" in values and "refresh_ask_s" in values:
        bid, ask = number(values["refresh_bid_s"]), number(values["refresh_ask_s"])
        yield f"taken bids come back in {bid} s, asks in {ask} s"
    if "usual_spread_bps" in values:
        yield f"usual spread {bps(values['usual_spread_bps'])}"


def _toxicity(values: Values) -> Iterator[str]:
    if "vpin" in values:
        usual = f" (usually {number(values['vpin_usual'])})" if "vpin_usual" in values else ""
        yield f"VPIN {number(values['vpin'])}{usual}"
    if "drift_bps" in values:
        yield f"the mid moves {bps(values['drift_bps'], signed=True)} after trades"
    if "effective_half_spread_bps" in values and "realised_half_spread_bps" in values:
        paid = bps(values["effective_half_spread_bps"])
        kept = bps(values["realised_half_spread_bps"])
        yield f"takers pay {paid}, makers keep {kept}"


def _patterns(values: Values) -> Iterator[str]:
    cvd, drift = values.get("cvd_standing"), values.get("drift_bps")
    if cvd is not None and drift is not None and abs(cvd) >= UNUSUAL_SIGMA * SIGMA:
        while_ = f"CVD {sigma(cvd)} while the mid moves {bps(drift, signed=True)} after trades"
        if cvd < 0.0 <= drift:
            yield f"Selling is absorbed: {while_}"
        elif drift <= 0.0 < cvd:
            yield f"Buying is absorbed: {while_}"
    if values.get("cascade") == 1.0 and "liquidated" in values:
        longs = values.get("liquidation_side", 0.0) < 0.0
        side, forced = ("longs", "sell") if longs else ("shorts", "buy")
        yield f"Liquidation cascade: {side} must {forced}, {number(values['liquidated'])} lately"


PHRASES = Phrases(
    {
        "trade_flow": Phrase(
            "Buyers take the initiative",
            "Takers are balanced",
            "Sellers take the initiative",
            _trade_flow,
        ),
        "market_making": Phrase(
            "Makers hold up the bid",
            "Makers favour neither side",
            "Makers press on the ask",
            _market_making,
        ),
        "toxicity": Phrase(
            "Buying seems informed",
            "Flow carries little information",
            "Selling seems informed",
            _toxicity,
        ),
    },
    _patterns,
)
