"""What the resting market says: its depth, which way it leans, what it costs to cross."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interpretation.sentences.base import Phrase, Phrases, Values
from agents.interpretation.sentences.figures import bps, number, percent, sigma, times

_WIDEST_FIRST = (200, 100, 50)


def _liquidity(values: Values) -> Iterator[str]:
    for band in _WIDEST_FIRST:
        bid, ask = values.get(f"depth_{band}bps_bid"), values.get(f"depth_{band}bps_ask")
        if bid is not None and ask is not None:
            within = percent(band / 10_000)
            yield f"{number(bid)} bid against {number(ask)} offered within {within} of the mid"
            break
    else:
        yield from _reach(values)
    if "spread_bps" in values:
        usual = values.get("spread_to_usual")
        held = "" if usual is None else f" ({times(usual)} its usual)"
        yield f"spread {bps(values['spread_bps'])}{held}"


def _reach(values: Values) -> Iterator[str]:
    if "depth_reach_bid" in values and "depth_reach_ask" in values:
        bid, ask = number(values["depth_reach_bid"]), number(values["depth_reach_ask"])
        reach = values.get("reach_bps")
        within = "the known levels" if reach is None else f"{bps(reach)} of the mid"
        yield f"{bid} bid against {ask} offered within {within}"


def _imbalance(values: Values) -> Iterator[str]:
    if "distance_weighted" in values:
        yield f"near the touch the book leans {percent(values['distance_weighted'], signed=True)}"
    if "lean_standing" in values:
        yield f"{sigma(values['lean_standing'])} from its usual"
    if "ofi_standing" in values:
        yield f"order-flow imbalance {sigma(values['ofi_standing'])}"


def _impact(values: Values) -> Iterator[str]:
    if "buy_cost_bps" in values and "sell_cost_bps" in values:
        size = values.get("reference_notional")
        order = "the reference order" if size is None else f"a notional of {number(size)}"
        buy, sell = bps(values["buy_cost_bps"]), bps(values["sell_cost_bps"])
        yield f"buying {order} costs {buy}, selling it {sell}"
    for side in ("bid", "ask"):
        if f"wall_{side}_bps" in values and f"wall_{side}_multiple" in values:
            size_, away = values[f"wall_{side}_multiple"], values[f"wall_{side}_bps"]
            yield f"{side} wall of {times(size_)} the usual level {bps(away)} away"


def _patterns(values: Values) -> Iterator[str]:
    for side, named in (("bid", "bids"), ("ask", "asks")):
        pulled, placed = values.get(f"large_pulled_{side}"), values.get(f"large_placed_{side}")
        if pulled is not None and placed is not None and pulled >= 1.0 and pulled > placed:
            yield (
                f"Large {named} are pulled: {number(pulled)} gone, {number(placed)} placed "
                "in the last minutes"
            )


PHRASES = Phrases(
    {
        "liquidity": Phrase(
            "Depth is heavier on the bid than usual",
            "Depth is as balanced as usual",
            "Depth is heavier on the ask than usual",
            _liquidity,
        ),
        "imbalance": Phrase(
            "The book leans to the bid",
            "The book leans nowhere",
            "The book leans to the ask",
            _imbalance,
        ),
        "impact": Phrase(
            "Selling moves the price less than buying",
            "Buying and selling move the price alike",
            "Buying moves the price less than selling",
            _impact,
        ),
    },
    _patterns,
)
