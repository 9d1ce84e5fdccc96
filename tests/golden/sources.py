"""The recordings with golden values, and a reading of them that shares no code with the product."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

GOLDEN = (
    "BTC_spot_20240808",
    "BTC_usdm_20240808",
    "ETH_spot_20240808",
    "ETH_usdm_20240808",
    "NEXO_spot_23_24",
)
_MARKETS = {"spot": "btc-eth-20240808/spot", "usdm": "btc-eth-20240808/usdm"}
_NEXO = "nexousdt-spot-20240724"
UNITS = 10**8
"""Units of a plain integer price or quantity here: no recorded value is finer."""


class Line(NamedTuple):
    """One line of a recording, read with the standard library alone."""

    receive_ns: int
    channel: str
    data: dict[str, Any]


def golden_values(market_data: Path, name: str) -> dict[str, Any]:
    """The golden file."""
    values: dict[str, Any] = json.loads((market_data / "golden" / f"{name}.json").read_text())
    return values


def golden_paths(market_data: Path, name: str) -> list[Path]:
    """Files of a golden recording, in order."""
    market = name.split("_")[1]
    folder = _NEXO if name.startswith("NEXO") else _MARKETS[market]
    files = golden_values(market_data, name)["files"]
    return [market_data / "recordings" / folder / Path(file).name for file in files]


def coin_margined_paths(market_data: Path, coin: str) -> list[Path]:
    """Both files of a COIN-M recording."""
    folder = market_data / "recordings" / "btc-eth-20240808" / "cm"
    return [folder / f"{coin}usd_perp_{day}.gz" for day in ("20240808", "20240809")]


def plain_lines(paths: list[Path]) -> Iterator[Line]:
    """Every line of a recording; the REST snapshot has the channel ``snapshot``."""
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                stamp, _, text = line.partition(" ")
                receive_ns = int(stamp) if len(stamp) == 19 else int(stamp) * 1000
                message = json.loads(text)
                if "stream" in message:
                    channel = message["stream"].split("@", 1)[1]
                    yield Line(receive_ns, channel, message["data"])
                else:
                    yield Line(receive_ns, "snapshot", message)


def units(text: str) -> int:
    """A decimal text in :data:`UNITS`, exactly."""
    scaled = Decimal(text) * UNITS
    assert scaled == int(scaled)
    return int(scaled)
