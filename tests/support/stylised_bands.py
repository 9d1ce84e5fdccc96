"""The facts of the recordings, and the band around them in which a market is like them."""

from __future__ import annotations

import math
from statistics import fmean, stdev

RECORDINGS = ("BTC_usdm_20240808", "ETH_usdm_20240808", "BTC_spot_20240808", "ETH_spot_20240808")

RECORDED: dict[str, tuple[float, float, float, float]] = {
    "kurtosis_1s": (23.84, 10.38, 13.88, 6.554),
    "kurtosis_10s": (4.372, 3.022, 3.662, 4.805),
    "tail_index_1s": (1.71, 2.341, 3.106, 4.717),
    "unmoved_1s": (0.4651, 0.3576, 0.4985, 0.3938),
    "return_memory_1s": (-0.06311, -0.04412, 0.1091, 0.1495),
    "return_memory_5s": (-0.03454, -0.02769, -0.008939, -0.009404),
    "clustering_100ms": (0.0365, 0.03946, 0.05787, 0.03494),
    "clustering_1s": (0.06228, -0.00263, 0.06837, 0.06511),
    "clustering_activity_1s": (0.256, 0.2252, 0.3775, 0.4493),
    "clustering_activity_5s": (0.08323, 0.02393, 0.1243, 0.2575),
    "spread_ticks": (1.137, 1.061, 2.596, 1.042),
    "spread_one_tick": (0.9927, 0.9922, 0.9928, 0.9945),
    "depth_touch": (0.3523, 0.4815, 0.474, 0.3879),
    "depth_2bps": (2.122, 2.533, 1.582, 2.137),
    "depth_5bps": (11.37, 13.88, 4.96, 7.891),
    "flow_memory_1": (0.1989, 0.3181, 0.4049, 0.5335),
    "flow_memory_10": (0.1073, 0.1037, 0.1656, 0.173),
    "trade_flow_memory_1": (0.794, 0.8303, 0.7853, 0.8415),
    "trade_flow_memory_10": (0.5814, 0.5471, 0.5688, 0.5058),
    "trades_per_order": (3.923, 4.009, 2.79, 2.929),
    "size_tail": (1.046, 1.099, 1.169, 1.2),
    "size_99_50": (237.3, 174.9, 329.6, 458.9),
    "fano_1s": (25.58, 8.466, 11.85, 16.08),
    "fano_10s": (50.75, 15.22, 28.1, 47.25),
    "fano_trades_1s": (378.6, 79.22, 127.5, 36.16),
    "burstiness": (1.475, 1.525, 1.742, 2.022),
    "volatility_1s": (1.335, 1.257, 1.157, 1.255),
    "volatility_10s": (3.623, 3.538, 4.019, 4.549),
    "orders_per_s": (15.76, 10.19, 10.97, 7.618),
}
"""By fact, in the order of :data:`RECORDINGS`: 344 s of each USD-M contract, 650 s of each spot
market. A test computes them anew."""

SAMPLING_ERRORS = {"return_memory_5s": (0.0277, 0.0240, 0.0269, 0.0331)}
"""By how much the value of each recording may be off because it is so short (standard error, by
:func:`tests.support.stylised.sampling_error`), where the four agree more closely than that: they
are of the same minutes. A test computes them anew."""

SAMPLES = 6
"""Whose mean is held against a band."""
OF_A_MONTH = {"volatility_1s": 0.594, "volatility_10s": 0.594, "orders_per_s": 0.841}
"""How busy a market is differs from hour to hour, and the recordings are of one: standard
deviation, over a month of BTC USD-M in stretches of six minutes, of the logarithm of the volatility
of one-minute returns, and of that of the volume for orders. A test computes them anew."""

_PLAIN = ("memory", "clustering", "unmoved", "one_tick")
DEVIATIONS = 2.0


def band(fact: str) -> tuple[float, float]:
    """Mean of the four recordings ± two of their standard deviations; of the mean error of one
    (:data:`SAMPLING_ERRORS`) where that is larger.

    Where it is how busy the market is (:data:`OF_A_MONTH`), the deviation is that of the mean of
    :data:`SAMPLES` stretches of a month. Of what is positive and has no upper end, the logarithms
    are taken, so the band is a factor either way; of correlations and shares the values themselves.
    """
    values = RECORDED[fact]
    if any(word in fact for word in _PLAIN):
        error = fmean(SAMPLING_ERRORS.get(fact, (0.0,)))
        middle, width = fmean(values), DEVIATIONS * max(stdev(values), error)
        return middle - width, middle + width
    logs = [math.log(value) for value in values]
    deviation = OF_A_MONTH[fact] / math.sqrt(SAMPLES) if fact in OF_A_MONTH else stdev(logs)
    middle, width = fmean(logs), DEVIATIONS * deviation
    return math.exp(middle - width), math.exp(middle + width)


def outside(facts: dict[str, float]) -> list[str]:
    """Facts that lie outside their band, with value and band."""
    found = []
    for fact in RECORDED:
        low, high = band(fact)
        if not low <= facts[fact] <= high:
            found.append(f"{fact} {facts[fact]:.4g} not in {low:.4g} to {high:.4g}")
    return found
