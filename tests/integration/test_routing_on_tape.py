"""Routing over two recorded books of one asset: the least cost there is, and nothing doubled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, islice
from pathlib import Path

import pytest

from agents.execution.parents.routed import Quote
from agents.execution.parents.routing import Offer, route
from agents.execution.parents.view import Level
from schemas.execution_quality import Outcome
from schemas.frame import Frame, Instrument, Side
from schemas.money import floor_to_step
from schemas.settings import Settings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.trial import Trial, Worked, rules_of, run_trial, settings_of
from tests.support.two_books import basis, two_books

pytestmark = pytest.mark.needs_market_data

HERE, THERE = "binanceusdm", "binance"
STARTS = (150, 500, 850)
SIZES = (Decimal("0.01"), Decimal("4.3"), Decimal(21))
FINEST = Decimal("0.000001")
FEES = {THERE: {"taker_fee_bps": "2.5", "maker_fee_bps": "1"}}


@pytest.fixture(scope="module")
def recorded(market_data: Path) -> tuple[list[Frame], list[Frame]]:
    """The perpetual and spot."""

    def first(name: str) -> list[Frame]:
        (source, *_) = sources_from(golden_paths(market_data, name))
        return list(islice(source.frames(Settings().frames), 1_400))

    return first("BTC_usdm_20240808"), first("BTC_spot_20240808")


@pytest.fixture(scope="module")
def frames(recorded: tuple[list[Frame], list[Frame]]) -> list[Frame]:
    return two_books(*recorded, levelled=True)


@pytest.fixture(scope="module")
def rules(frames: list[Frame]) -> list[Instrument]:
    return [
        rules_of([f for f in frames if f.venue == venue], least=Decimal(least))
        for venue, least in ((HERE, 100), (THERE, 5))
    ]


def paid(one: Offer, side: Side, qty: Decimal) -> Decimal | None:
    """What a quantity costs at one venue, less being better; ``None`` if it shows less."""
    cost, left = Decimal(0), qty
    for price, there in one.levels:
        taken = min(there, left)
        cost, left = cost + price * taken * (side + one.fee), left - taken
    return None if left else cost


def total(parts: Mapping[str, Decimal], here: Offer, there: Offer, side: Side) -> Decimal:
    """What parts cost together."""
    costs = [paid(one, side, parts.get(one.key, Decimal(0))) for one in (here, there)]
    assert None not in costs
    return sum((cost for cost in costs if cost is not None), Decimal(0))


def listed(here: Offer, there: Offer) -> list[Offer]:
    """The offers with a coarser step at the first venue, and a minimum at both."""
    return [
        here._replace(step=Decimal("0.001"), least=Decimal(100)),
        there._replace(least=Decimal(5)),
    ]


def tried(
    frames: list[Frame], rules: list[Instrument], entry: str, *, routes: bool
) -> list[Worked]:
    """Orders to buy and to sell, decided at the perpetual; the other venue is the cheaper one."""
    settings = settings_of(entry, FEES, routes=routes, horizon_s=20, slice_s=4)
    own = [n for n, frame in enumerate(frames) if frame.venue == HERE]
    found = [
        run_trial(frames, Trial(own[start], side, qty), settings, *rules)
        for start in STARTS
        for side in Side
        for qty in SIZES
    ]
    assert None not in found
    return [worked for worked in found if worked is not None]


def depths(levels: Sequence[Level]) -> list[Decimal]:
    return list(accumulate(qty for _, qty in levels))


def least_cost(here: Offer, there: Offer, side: Side, qty: Decimal) -> Decimal:
    """Over every split at which a level of either book ends: between two, the cost is linear."""
    ends = [Decimal(0), qty, *depths(there.levels), *(qty - d for d in depths(here.levels))]
    costs = [
        (paid(here, side, qty - elsewhere), paid(there, side, elsewhere))
        for elsewhere in ends
        if 0 <= elsewhere <= qty
    ]
    return min(a + b for a, b in costs if a is not None and b is not None)


def offers_at(moment: int, frames: Sequence[Frame], side: Side, fee_bps: Decimal) -> list[Offer]:
    """What both venues show at a moment, without a minimum and in the finest step of both books."""
    found = []
    for venue, fee in ((HERE, Decimal(5)), (THERE, fee_bps)):
        frame = next(f for f in frames[moment:] if f.venue == venue and f.book is not None)
        assert frame.book is not None
        exponents = frame.price_exponent, frame.qty_exponent
        quote = Quote(0, *exponents, frame.book, step=FINEST, least=Decimal(0))
        found.append(Offer(venue, quote.levels(side), fee / 10_000, FINEST))
    return found


@pytest.mark.parametrize("fee_bps", [Decimal(5), Decimal("2.5")])
@pytest.mark.parametrize("side", list(Side))
def test_what_is_taken_at_once_has_the_least_cost_that_both_books_allow(
    frames: list[Frame], side: Side, fee_bps: Decimal
) -> None:
    shared = 0
    for moment in range(0, len(frames) - 50, 150):
        here, there = offers_at(moment, frames, side, fee_bps)
        for share in ("0.05", "0.5", "0.9"):
            qty = floor_to_step(depths(here.levels)[-1] * Decimal(share), Decimal("0.001"))
            least, alone = least_cost(here, there, side, qty), paid(here, side, qty)
            assert alone is not None
            exact, sizes = route(side, qty, [here, there]), route(side, qty, listed(here, there))
            assert total(exact, here, there, side) == least
            assert least <= total(sizes, here, there, side) <= alone
            assert sum(exact.values()) == sum(sizes.values()) == qty
            assert not any(part % Decimal("0.001") for part in sizes.values())
            shared += len(exact) == 2
    assert shared > 10  # else nothing was shared out


@pytest.mark.parametrize("entry", ["market", "twap"])
def test_the_parts_of_an_order_are_all_of_it_and_nothing_is_doubled(
    frames: list[Frame], rules: list[Instrument], entry: str
) -> None:
    for worked in tried(frames, rules, entry, routes=True):
        whole, parts = worked.whole, worked.parts
        assert sum(part.qty for part in parts) == whole.qty
        assert sum(part.filled_qty for part in parts) == whole.filled_qty <= whole.qty
        assert sum(part.fees for part in parts) == whole.fees
        assert sum(part.children for part in parts) == whole.children
        assert (
            len({part.parent_id for part in parts}) == len(parts) == len({p.venue for p in parts})
        )
        assert all(part.filled_qty <= part.qty for part in parts)
        assert not any(part.qty % Decimal("0.001") for part in parts)
        if entry == "twap":
            assert whole.outcome is Outcome.FILLED


def test_the_cheaper_venue_has_a_part_and_the_cost_is_that_at_the_mid_of_the_decision(
    frames: list[Frame], rules: list[Instrument]
) -> None:
    for worked in tried(frames, rules, "market", routes=True):
        whole, parts = worked.whole, worked.parts
        assert THERE in {part.venue for part in parts}
        assert whole.arrival_mid is not None
        assert whole.end_mid is not None
        spent = sum(p.average_price * p.filled_qty for p in parts if p.average_price is not None)
        missing = whole.end_mid * (whole.qty - whole.filled_qty)
        cost = (spent + missing - whole.arrival_mid * whole.qty) * whole.side + whole.fees
        assert whole.shortfall == pytest.approx(cost, abs=Decimal("1e-12"))


@pytest.mark.parametrize("entry", ["market", "twap"])
def test_an_order_of_one_venue_is_its_one_part(
    frames: list[Frame], rules: list[Instrument], entry: str
) -> None:
    for worked in tried(frames, rules, entry, routes=False):
        assert worked.parts == [worked.whole]


def test_levelled_books_have_no_mean_difference_and_real_ones_do(
    recorded: tuple[list[Frame], list[Frame]],
) -> None:
    def apart(*, levelled: bool) -> Decimal:
        frames = two_books(*recorded, levelled=levelled)
        return basis(*([f for f in frames if f.venue == venue] for venue in (HERE, THERE)))

    assert apart(levelled=True) == 0
    assert apart(levelled=False) == basis(*recorded) > 10
