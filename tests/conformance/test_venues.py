"""Every venue that is found by scanning the folder: what a parser must do whatever it parses."""

from __future__ import annotations

import contextlib
import importlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedInput, UsageError
from streams.exchanges.venue import Transport, Venue, venue_of, venues

VENUES = venues()
CHANNELS = {"book", "derivatives", "liquidations", "touch", "trades"}


@pytest.fixture(params=sorted(VENUES))
def venue(request: pytest.FixtureRequest) -> Venue:
    """Each of them."""
    return VENUES[request.param]


def test_the_venues_that_are_promised_are_there() -> None:
    assert set(VENUES) >= {"binance", "binanceusdm", "bybit", "coinbase", "hyperliquid"}


def test_a_transport_names_its_venue_and_leaves_nothing_out(venue: Venue) -> None:
    module, _, name = venue.transport.partition(":")
    transport = getattr(importlib.import_module(module), name)
    assert issubclass(transport, Transport)
    assert transport.venue_id == venue.id
    assert not transport.__abstractmethods__


def test_what_it_lacks_and_polls_is_declared_in_known_words(venue: Venue) -> None:
    assert set(venue.lacks) <= CHANNELS | {"long_short_ratio", "open_interest"}
    assert venue.budget > 0
    assert not set(venue.polls) & set(venue.lacks)


@given(payload=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_events_or_rejected(payload: bytes) -> None:
    for venue in VENUES.values():
        for parser in (venue.parser(), venue.recorded_parser()):
            with contextlib.suppress(RejectedInput):
                assert isinstance(parser.parse(payload), tuple)
            with contextlib.suppress(RejectedInput):
                assert isinstance(parser.reply("trades", payload), tuple)


@given(
    payload=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["topic", "channel", "data", "e", "s", "type", "events", "op", "ts"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_json_comes_is_events_or_rejected(payload: object) -> None:
    text = json.dumps(payload).encode()
    for venue in VENUES.values():
        with contextlib.suppress(RejectedInput):
            assert isinstance(venue.parser().parse(text), tuple)


def test_nothing_was_counted_of_what_was_not_read(venue: Venue) -> None:
    parser = venue.parser()
    with pytest.raises(RejectedInput):
        parser.parse(b"garbage")
    assert not parser.counts()


def test_an_unknown_venue_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="unknown venue binanceusd; the nearest known one is"):
        venue_of("binanceusd")
