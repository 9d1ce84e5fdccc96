"""What an entry costs that is shared out over two venues, against a market order at one of them.

Run it alone: ``python -m tests.bench.routing`` prints the tables of docs/algorithms.md in
Markdown. Orders, sizes and cells are those of :mod:`tests.bench.algorithms`; the two venues are
two recorded markets of one asset (:mod:`tests.support.two_books`). It takes some minutes, so
``python -m tests.bench`` leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.frame import Frame
from schemas.money import CONTEXT, floor_to_step
from schemas.settings import Settings
from streams.recordings import sources_from
from tests.bench.algorithms import SHARES, Market, cell, heads_of, trials, worked
from tests.golden.sources import golden_paths
from tests.support.needs import market_data_dir
from tests.support.trial import Trial, Worked, rules_of, settings_of, usual_volume
from tests.support.two_books import basis, two_books

HALF_FEES = {"taker_fee_bps": "2.5", "maker_fee_bps": "1"}
"""Of the cheaper second venue; the default is 5 and 2."""


class Pair(NamedTuple):
    """Where orders are decided, and the other venue."""

    market: Market
    other: str
    other_least: Decimal


def _pair(coin: str, here: str, there: str, least: dict[str, int]) -> Pair:
    names = {"usdm": "perpetual", "spot": "spot"}
    title = f"{coin}: decided at the {names[here]} book, {names[there]} as the second venue"
    market = Market(title, f"{coin}_{here}_20240808", 60, 5, 100, Decimal(least[here]))
    return Pair(market, f"{coin}_{there}_20240808", Decimal(least[there]))


PAIRS = tuple(
    _pair(coin, here, there, {"usdm": least, "spot": 5})
    for coin, least in (("BTC", 100), ("ETH", 20))
    for here, there in (("usdm", "spot"), ("spot", "usdm"))
)


class Row(NamedTuple):
    """One way to work the orders."""

    entry: str
    routes: bool = False
    cheaper: bool = False
    levelled: bool = True

    @property
    def title(self) -> str:
        """As the table names it."""
        if not self.routes:
            return f"`{self.entry}`, one venue"
        fees = "half the fees there" if self.cheaper else "equal fees"
        return f"`{self.entry}` routed, {fees}{'' if self.levelled else ', with the basis'}"


ROWS = tuple(
    row
    for entry in ("market", "twap")
    for row in (
        Row(entry),
        *(
            Row(entry, True, cheaper, levelled)
            for levelled in (True, False)
            for cheaper in (False, True)
        ),
    )
)


def frames_of(golden: str) -> list[Frame]:
    """A recording."""
    (first, *_) = sources_from(golden_paths(market_data_dir(), golden))
    return list(first.frames(Settings().frames))


def table(pair: Pair) -> Iterator[str]:
    """The lines of one pair."""
    market = pair.market
    here, there = frames_of(market.golden), frames_of(pair.other)
    books = {levelled: two_books(here, there, levelled=levelled) for levelled in (True, False)}
    frames, venue, other = books[True], here[0].venue, there[0].venue
    own, theirs = ([f for f in frames if f.venue == name] for name in (venue, other))
    rules = rules_of(own, least=market.least), rules_of(theirs, least=pair.other_least)

    def ran(row: Row, chosen: Sequence[Trial]) -> list[Worked]:
        settings = settings_of(
            row.entry,
            {other: HALF_FEES} if row.cheaper else None,
            routes=row.routes,
            horizon_s=market.horizon_s,
            slice_s=market.slice_s,
        )
        return worked(books[row.levelled], chosen, settings, *rules)

    volume = usual_volume(own, settings_of("market", horizon_s=market.horizon_s).algorithms)
    quantities = [floor_to_step(CONTEXT.multiply(volume, s), rules[0].qty_step) for s in SHARES]
    sizes = [list(trials(frames, market, qty, venue=venue)) for qty in quantities]
    baselines = [ran(Row("market"), chosen) for chosen in sizes]
    heads = heads_of(baselines)
    yield (
        f"\n**{market.title}**: horizon {market.horizon_s} s, slices of {market.slice_s} s, "
        f"{len(sizes[0])} orders a cell, mean basis {basis(here, there)} USDT\n\n"
        f"| | {' | '.join(heads)} | second venue |\n|---{'|---' * len(heads)}|---|"
    )
    for row in ROWS:
        found = [ran(row, chosen) for chosen in sizes]
        cells = [cell(mine, base) for mine, base in zip(found, baselines, strict=True)]
        yield f"| {row.title} | {' | '.join(cells)} | {share_at(other, found[1]):.0%} |"


def share_at(venue: str, records: Sequence[Worked]) -> Decimal:
    """Of what was filled of all orders, the share that a venue filled."""
    there = [p.filled_qty for r in records for p in r.parts if p.venue == venue]
    whole = [record.whole.filled_qty for record in records]
    return CONTEXT.divide(sum(there, Decimal(0)), sum(whole, Decimal(0)))


if __name__ == "__main__":
    for each in PAIRS:
        for line in table(each):
            print(line, flush=True)
