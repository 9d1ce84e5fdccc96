"""The overview of recorded markets: flows to the cent, and a leader that makes sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.overview.overview import Overview
from schemas.overview import AssetOverview, MarketOverview
from schemas.settings import settings_from
from streams.merge import merge
from streams.recordings import sources_from
from tests.golden.sources import UNITS, golden_paths, plain_lines, units

pytestmark = pytest.mark.needs_market_data


@pytest.fixture(scope="module")
def found(market_data: Path) -> list[MarketOverview]:
    settings = settings_from({"overview": {"enabled": True, "window": 48}})
    paths = [golden_paths(market_data, f"BTC_{market}_20240808")[0] for market in ("spot", "usdm")]
    recordings = sources_from(paths)
    overview = Overview(settings)
    state = overview.initial()
    frames = merge(*(recording.frames(settings.frames) for recording in recordings))
    return [given for frame in frames for given in overview.step(state, frame)]


def shared(found: list[MarketOverview]) -> list[AssetOverview]:
    assets = [asset for given in found for asset in given.assets]
    assert len(assets) > 25
    return assets


def test_the_flow_is_that_of_the_tape(found: list[MarketOverview], market_data: Path) -> None:
    """Each interval against the trades that were received in it, read without the product."""
    tape: dict[int, list[int]] = {}
    (path, *_) = golden_paths(market_data, "BTC_spot_20240808")
    for line in plain_lines([path]):
        if line.channel == "trade":
            end_ns = (line.receive_ns // 10**10 + 1) * 10**10
            worth = units(line.data["p"]) * units(line.data["q"])
            tape.setdefault(end_ns, [0, 0])[line.data["m"]] += worth
    compared = 0
    for given in found:
        legs = [leg for asset in given.assets for leg in asset.legs if leg.venue == "binance"]
        for leg in legs:
            bought, sold = tape.get(given.tick_ns, [0, 0])
            assert leg.bought == pytest.approx(bought / UNITS**2, rel=1e-9)
            assert leg.sold == pytest.approx(sold / UNITS**2, rel=1e-9)
            compared += 1
    assert compared > 25


def test_spot_and_perpetual_stay_close_and_move_almost_together(
    found: list[MarketOverview],
) -> None:
    assets = shared(found)
    assert all(asset.range_bps is not None and asset.range_bps < 15 for asset in assets)
    leads = [lead for asset in assets for lead in asset.leads if lead.correlation is not None]
    assert len(leads) > 20
    assert min(lead.correlation or 0 for lead in leads) > 0.3
    # One recorder took both: neither can lead by more than a few frames of 100 ms.
    lags = [lead.lag_ms for lead in leads]
    assert all(lag is not None and abs(lag) <= 200 for lag in lags)


def test_the_perpetual_moves_as_much_as_the_spot(found: list[MarketOverview]) -> None:
    """Both are the reference of their venue, so they are compared by their own measures."""
    last = [given for given in found if all(row.present for row in given.symbols)][-1]
    rows = {row.venue: {m.name: m.value for m in row.measures} for row in last.symbols}
    spot, perpetual = rows["binance"], rows["binanceusdm"]
    assert perpetual["volatility_bps"] == pytest.approx(spot["volatility_bps"], rel=0.2)
    assert (perpetual["volume"] or 0) > 3 * (spot["volume"] or 0)
    assert spot["correlation"] is None
