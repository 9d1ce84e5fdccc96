"""`prism drift`: a live ledger against a paper one, or a folder."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import msgspec

from schemas.frame import Side
from schemas.order import Order, OrderStatus, OrderType
from streams.store.ledger import open_ledger
from tests.support.messages import SYMBOL, VENUE, fill_of
from tests.support.prism import prism


def ledger(path: Path, account: str, price: str) -> str:
    """A ledger in which an account has bought one at a price."""
    url = f"sqlite://{path}"
    store = open_ledger(url)
    lease = store.acquire(account, "a test", ttl_ms=60_000)
    order = Order(
        f"{account}-o", 0, account, VENUE, SYMBOL, 1, OrderStatus.INTENT, Side.BUY,
        OrderType.MARKET, Decimal(1), Decimal(0), False, "signal", "open", 1, "",
    )  # fmt: skip
    fill = fill_of(Side.BUY, price, "1", trade_id=account, fee="0.04")
    named = msgspec.structs.replace(fill, account=account, client_order_id=f"{account}-o")
    store.write(lease, [order, named])
    store.close()
    return url


def test_a_live_ledger_is_held_against_a_paper_one(tmp_path: Path) -> None:
    live = ledger(tmp_path / "live.db", "mine", "100.1")
    paper = ledger(tmp_path / "paper.db", "shadow", "100")
    sides = (live, paper, "--account=mine", "--paper-account=shadow")
    told = json.loads(prism("drift", *sides, "--json").stdout)
    (leg,) = told["legs"]
    assert (leg["price_bps"], leg["price_cost"]) == ("10.0000", "0.1")
    assert told["summary"]["pairs"] == 1
    (row,) = csv.DictReader(StringIO(prism("drift", *sides, "--csv").stdout))
    assert (row["live_price"], row["paper_price"], row["price_bps"]) == ("100.1", "100", "10.0000")
    text = prism("drift", *sides).stdout
    assert "1 pairs, 0 live alone, 0 on paper alone; live prices worse by 10.00 bps (0.10)" in text
    none = prism("drift", live, paper)  # of other accounts
    assert "0 pairs, 0 live alone, 0 on paper alone" in none.stdout


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    done = prism("drift", str(tmp_path), str(tmp_path))
    assert done.returncode == 2
    assert "name the folder that `prism replay` has written" in done.stderr
