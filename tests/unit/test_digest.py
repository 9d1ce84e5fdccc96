"""Digests: the same for the same messages, however they were delivered."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.digest import StreamDigest, digest, sort_key
from schemas.errors import StateError
from schemas.frame import Message
from tests.support.messages import frame_at, score_of

EMPTY = sha256(b"").hexdigest()


def messages() -> list[Message]:
    """Two dimensions over three ticks."""
    return [
        score_of(name, 40.0 + tick, tick_s=tick)
        for tick in (1, 2, 3)
        for name in ("orderbook", "orderflow")
    ]


def test_it_is_sha256_over_the_bodies_in_order_of_tick_venue_symbol_and_id() -> None:
    expected = sha256(b"".join(encode(message) for message in messages()))
    assert digest(messages()) == expected.hexdigest()
    assert digest([]) == EMPTY


@given(st.permutations(messages()), st.lists(st.sampled_from(messages()), max_size=5))
def test_order_of_delivery_and_repeats_do_not_matter(
    order: list[Message], repeats: list[Message]
) -> None:
    assert digest([*order, *repeats]) == digest(messages())


def test_any_other_body_and_any_missing_message_show() -> None:
    plain = digest(messages())
    assert digest(messages()[:-1]) != plain
    changed = [*messages()[:-1], score_of("orderflow", 43.0000001, tick_s=3)]
    assert digest(changed) != plain


def test_the_first_body_of_an_id_counts() -> None:
    first, second = score_of("orderbook", 40.0), score_of("orderbook", 41.0)
    assert digest([first, second]) == digest([first])


@given(st.permutations(range(2)))
def test_a_stream_takes_the_ids_of_a_group_in_any_order(order: list[int]) -> None:
    stream = StreamDigest()
    for first, second in list(pairwise(messages()))[::2]:
        pair = (first, second)
        for index in order:
            stream.add(pair[index])
    assert stream.hexdigest() == digest(messages())
    assert stream.count == 6


def test_a_stream_refuses_a_group_that_comes_back() -> None:
    stream = StreamDigest()
    stream.add(score_of("orderbook", 40.0, tick_s=2))
    with pytest.raises(StateError, match="sort the messages first"):
        stream.add(score_of("orderbook", 40.0, tick_s=1))


def test_asking_for_the_digest_in_between_changes_nothing() -> None:
    stream = StreamDigest()
    for message in messages():
        if sort_key(message)[3] == "orderbook":
            stream.hexdigest()
        stream.add(message)
    assert stream.hexdigest() == digest(messages())


def test_a_body_that_is_given_is_used_as_it_is() -> None:
    stream = StreamDigest()
    frame = frame_at(5)
    stream.add(frame, b"body")
    assert stream.hexdigest() == sha256(b"body").hexdigest()


def test_frames_are_sorted_by_their_close_and_told_apart_by_epoch_and_number() -> None:
    assert sort_key(frame_at(5, seq=9))[0] == 5
    assert digest([frame_at(5, seq=1), frame_at(5, seq=2)]) != digest([frame_at(5, seq=1)])
