"""What volume says: who it sides with, and whether it carries the price."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interpretation.sentences.base import Phrase, Phrases, Values, over_timeframes
from agents.interpretation.sentences.figures import number, percent, points, times


def _volume_delta(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "delta_ratio", _share)
    if told is not None:
        yield f"net bought of all volume {told}"


def _adl(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "adl_oscillator", _signed)
    if told is not None:
        yield f"Chaikin oscillator {told}"


def _cmf(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "cmf_smooth", _signed)
    if told is not None:
        yield f"CMF {told}"


def _relative_volume(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "relative_volume", times)
    if told is not None:
        yield f"short against long mean {told}"
    told = over_timeframes(values, "volume_trend", _share)
    if told is not None:
        yield f"5 bars against 20 {told}"


def _obv(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "obv_z", points)
    if told is not None:
        yield f"z-score {told}"


def _divergence(values: Values) -> Iterator[str]:
    for stem, named in (("divergence_cvd", "CVD"), ("divergence_obv", "OBV")):
        told = over_timeframes(values, stem, points)
        if told is not None:
            yield f"{named} less price {told}"


def _share(value: float) -> str:
    return percent(value, signed=True)


def _signed(value: float) -> str:
    return number(value, signed=True)


PHRASES = Phrases(
    {
        "volume_delta": Phrase(
            "Buyers trade the larger volume",
            "Buyers and sellers trade equal volume",
            "Sellers trade the larger volume",
            _volume_delta,
        ),
        "adl": Phrase(
            "Bars close high on volume: accumulation",
            "Bars close in their middle",
            "Bars close low on volume: distribution",
            _adl,
        ),
        "cmf": Phrase(
            "Money flows in",
            "Money flows neither in nor out",
            "Money flows out",
            _cmf,
        ),
        "relative_volume": Phrase(
            "Volume carries an up-move",
            "Volume carries no move",
            "Volume carries a down-move",
            _relative_volume,
        ),
        "obv": Phrase(
            "Volume gathers on rising bars",
            "On-balance volume goes sideways",
            "Volume gathers on falling bars",
            _obv,
        ),
        "divergence": Phrase(
            "Volume is stronger than the price",
            "Volume and price agree",
            "Volume is weaker than the price",
            _divergence,
        ),
    }
)
