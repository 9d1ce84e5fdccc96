"""The codec: what is written is read back, and nothing else is taken for a message."""

from __future__ import annotations

import string
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import SCHEMA_VERSION, Decoder, decode_as, encode, json_schema
from schemas.errors import CodecError, SchemaFromFuture, Undecodable
from schemas.frame import Book, Frame, Known, Quality, Side, Touch, Trades
from schemas.health import DeadLetter
from schemas.order import Factor, Fill, Order, OrderStatus, OrderType
from schemas.signal import SignalKind
from schemas.topics import DEAD_LETTERS, FRAMES, TOPICS
from tests.support.messages import frame_at, score_of, signal_of

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
NAMES = st.text(string.printable, max_size=20)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Frames with any numbers: the codec does not ask whether a market could do that."""
    column = st.lists(INT64, max_size=4).map(tuple)
    return Frame(
        venue=draw(NAMES),
        symbol=draw(NAMES),
        epoch=draw(INT64),
        seq=draw(INT64),
        open_ns=draw(INT64),
        close_ns=draw(INT64),
        is_tick=draw(st.booleans()),
        price_exponent=draw(st.integers(0, 16)),
        qty_exponent=draw(st.integers(0, 16)),
        trades=Trades(price=draw(column), id=draw(st.tuples(INT64, NAMES))),
        touch=Touch(bid_price=draw(column), exchange_ns=draw(column)),
        book=draw(
            st.none()
            | st.builds(
                Book, INT64, st.none() | INT64, column, column, column, column, INT64, INT64
            )
        ),
        quality=Quality(skew_ns=draw(st.none() | INT64), stale=draw(st.tuples(NAMES))),
    )


@given(frames())
def test_any_frame_is_read_back_as_it_was(frame: Frame) -> None:
    assert decode_as(Frame, encode(frame)) == frame


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=100) | st.none(),
    st.floats(0, 1),
)
def test_scores_keep_every_bit_of_their_floats(score: float | None, fitness: float) -> None:
    message = score_of("orderbook", score, fitness=fitness)
    assert decode_as(type(message), encode(message)) == message


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, max_value=10**12))
def test_money_is_read_back_exactly(value: Decimal) -> None:
    order = Order(
        "c", 0, "paper", "v", "s", 1, OrderStatus.INTENT, Side.BUY, OrderType.MARKET, value,
        Decimal(0), False, "s", "open", 1, "why", (Factor("base", value),),
    )  # fmt: skip
    read = decode_as(Order, encode(order))
    assert str(read.qty) == str(value)
    assert read == order


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_a_codec_error(data: bytes) -> None:
    for topic in TOPICS:
        try:
            message = topic.decoder().decode(data)
        except CodecError:
            continue
        assert isinstance(message, topic.types)


@given(frames(), st.data())
def test_a_cut_message_is_undecodable(frame: Frame, data: st.DataObject) -> None:
    body = encode(frame)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(Undecodable):
        decode_as(Frame, body[:cut])


def test_a_version_from_the_future_is_refused_as_such() -> None:
    body = bytearray(encode(frame_at(1)))
    body[1] = SCHEMA_VERSION + 1
    with pytest.raises(SchemaFromFuture, match=f"version {SCHEMA_VERSION + 1}.*upgrade"):
        decode_as(Frame, bytes(body))
    body[1] = 0
    with pytest.raises(Undecodable, match="version 0 was never written"):
        decode_as(Frame, bytes(body))


def test_a_message_of_another_topic_is_undecodable_and_the_expected_type_named() -> None:
    with pytest.raises(Undecodable, match="Frame"):
        FRAMES.decoder().decode(encode(signal_of(SignalKind.LONG)))


def test_a_topic_decodes_each_of_its_types() -> None:
    frame = frame_at(5)
    assert FRAMES.decoder().decode(encode(frame)) == frame
    letter = DeadLetter("file", "malformed", "detail", b"\x00\xff")
    assert DEAD_LETTERS.decoder().decode(encode(letter)) == letter


def test_equal_messages_give_equal_bytes() -> None:
    assert encode(frame_at(7)) == encode(frame_at(7))
    assert encode(frame_at(7)) != encode(frame_at(8))


def test_fields_added_at_the_end_by_a_newer_writer_are_skipped() -> None:
    fill = Fill(
        "t", "c", "paper", "v", "s", 1, Side.SELL, Decimal("1.5"), Decimal(2), Decimal(0), "USDT",
        False,
    )  # fmt: skip
    version, fields = msgspec.msgpack.decode(encode(fill))
    longer = msgspec.msgpack.encode([version, [*fields, "a field of tomorrow"]])
    assert decode_as(Fill, longer) == fill


def test_fields_that_an_older_writer_did_not_know_take_their_defaults() -> None:
    version, fields = msgspec.msgpack.decode(encode(frame_at(7)))
    shorter = msgspec.msgpack.encode([version, fields[:-1]])
    assert decode_as(Frame, shorter).quality == Quality()


def test_an_exact_value_keeps_its_exponent() -> None:
    assert Known(-12_345, 3, 0).decimal() == Decimal("-12.345")


def test_every_type_that_travels_has_a_json_schema_with_the_version() -> None:
    types = [type_ for topic in TOPICS for type_ in topic.types]
    schema = json_schema(*types)
    assert schema["x-schema-version"] == SCHEMA_VERSION
    assert {type_.__name__ for type_ in types} <= schema["$defs"].keys()


def test_a_decoder_is_told_apart_by_type_not_by_shape() -> None:
    decoder = Decoder(Frame)
    body = msgspec.msgpack.encode([SCHEMA_VERSION, ["NoSuchType", 1, 2]])
    with pytest.raises(Undecodable):
        decoder.decode(body)
