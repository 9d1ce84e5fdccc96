"""Frame codecs compared: bytes, and µs to encode, to decode, and to decode and use a frame.

Run it alone with ``python -m tests.bench.codec``. The frames are those of the BTC USD-M recording
that come nearest to 20 trades and 20 touch changes, with 50 levels a side. "Use" reads every number
of the frame once, so that no codec wins by leaving the work to its reader.
"""

from __future__ import annotations

import struct
import time
import zlib
from array import array
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec
import zstandard
from rich.console import Console
from rich.table import Table

from schemas.codec import Decoder, encode
from schemas.frame import Book, DepthBands, Derivatives, Frame, Liquidations, Quality, Touch, Trades
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.needs import market_data_dir

WANTED = 20
FRAMES = 60
REPEATS = 15
T = TypeVar("T")


class PackedBook(msgspec.Struct, array_like=True):
    """A book whose sides are 64-bit integers end to end."""

    update_id: int
    exchange_ns: int | None
    sides: tuple[bytes, ...]
    flows: tuple[int, ...]


class PackedFrame(msgspec.Struct, array_like=True):
    """A frame whose columns are 64-bit integers end to end."""

    venue: str
    symbol: str
    epoch: int
    seq: int
    open_ns: int
    close_ns: int
    is_tick: bool
    price_exponent: int
    qty_exponent: int
    trades: tuple[bytes, ...]
    touch: tuple[bytes, ...]
    book: PackedBook | None
    bands: DepthBands | None
    liquidations: Liquidations
    derivatives: Derivatives
    quality: Quality


class Codec(NamedTuple):
    """A way to turn frames into bytes and back."""

    name: str
    encode: Callable[[Frame], bytes]
    decode: Callable[[bytes], Frame]


def codecs() -> list[Codec]:
    """What is compared."""
    json_decode = msgspec.json.Decoder(Frame).decode
    return [
        Codec("msgspec MessagePack (ours)", encode, Decoder(Frame).decode),
        Codec("msgspec JSON", msgspec.json.Encoder().encode, json_decode),
        Codec("packed, read as array", pack, unpacker(_as_array)),
        Codec("packed, read as tuple", pack, unpacker(_as_tuple)),
    ]


def pack(frame: Frame) -> bytes:
    """Columns as 64-bit integers, the rest as in our own codec."""
    book = frame.book
    packed = PackedFrame(
        frame.venue,
        frame.symbol,
        frame.epoch,
        frame.seq,
        frame.open_ns,
        frame.close_ns,
        frame.is_tick,
        frame.price_exponent,
        frame.qty_exponent,
        _packed(_columns(frame.trades)),
        _packed(_columns(frame.touch)),
        None if book is None else _packed_book(book),
        frame.bands,
        frame.liquidations,
        frame.derivatives,
        frame.quality,
    )
    return msgspec.msgpack.encode(packed)


def unpacker(read: Callable[[bytes], Any]) -> Callable[[bytes], Frame]:
    """A decoder whose columns are what ``read`` makes of their bytes."""
    decode = msgspec.msgpack.Decoder(PackedFrame).decode

    def unpack(data: bytes) -> Frame:
        packed = decode(data)
        book = packed.book
        return Frame(
            packed.venue,
            packed.symbol,
            packed.epoch,
            packed.seq,
            packed.open_ns,
            packed.close_ns,
            packed.is_tick,
            packed.price_exponent,
            packed.qty_exponent,
            Trades(*map(read, packed.trades)),
            Touch(*map(read, packed.touch)),
            None if book is None else _unpacked_book(book, read),
            packed.bands,
            packed.liquidations,
            packed.derivatives,
            packed.quality,
        )

    return unpack


def use(frame: Frame) -> int:
    """Read every number of every column once."""
    total = 0
    book = frame.book
    sides = () if book is None else (book.bid_price, book.bid_qty, book.ask_price, book.ask_qty)
    for column in (*_columns(frame.trades), *_columns(frame.touch), *sides):
        for value in column:
            total += value
    return total


def main() -> None:
    """Print the table of the codec decision; nothing without market data."""
    market_data = market_data_dir()
    if not (market_data / "recordings").is_dir():
        return
    frames = typical_frames(golden_paths(market_data, "BTC_usdm_20240808"))
    trades = sum(len(frame.trades) for frame in frames) / len(frames)
    touches = sum(len(frame.touch) for frame in frames) / len(frames)
    table = Table(
        title=f"{len(frames)} frames: mean {trades:.1f} trades, {touches:.1f} touch changes",
        box=None,
    )
    headings = ("B", "B zstd", "B gzip", "B zstd, batch", "encode µs", "decode µs", "and use µs")
    table.add_column("codec")
    for heading in headings:
        table.add_column(heading, justify="right")
    for codec in codecs():
        table.add_row(codec.name, *measured(codec, frames))
    Console(width=110).print(table)


def typical_frames(paths: Any) -> list[Frame]:
    """The frames nearest to the wanted number of trades and of touch changes."""
    (recording,) = sources_from(paths)
    frames = [frame for frame in recording.frames(FramesSettings()) if frame.book is not None]
    frames.sort(key=lambda f: max(abs(len(f.trades) - WANTED), abs(len(f.touch) - WANTED)))
    return frames[:FRAMES]


def measured(codec: Codec, frames: list[Frame]) -> list[str]:
    """The cells of one row."""
    bodies = [codec.encode(frame) for frame in frames]
    assert [use(codec.decode(body)) for body in bodies] == [use(frame) for frame in frames]
    zstd = zstandard.ZstdCompressor(level=3)
    sizes = (
        _mean(map(len, bodies)),
        _mean(len(zstd.compress(body)) for body in bodies),
        _mean(len(zlib.compress(body, 1)) for body in bodies),
        len(zstd.compress(b"".join(bodies))) / len(bodies),
    )
    times = (
        _best_us(codec.encode, frames),
        _best_us(codec.decode, bodies),
        _best_us(lambda body: use(codec.decode(body)), bodies),
    )
    return [*(f"{size:.0f}" for size in sizes), *(f"{time_us:.1f}" for time_us in times)]


def _best_us(call: Callable[[T], object], items: list[T]) -> float:
    best_ns = None
    for _ in range(REPEATS):
        started_ns = time.process_time_ns()
        for item in items:
            call(item)
        spent_ns = time.process_time_ns() - started_ns
        best_ns = spent_ns if best_ns is None else min(best_ns, spent_ns)
    assert best_ns is not None
    return best_ns / len(items) / 1000


def _mean(sizes: Iterable[int]) -> float:
    values = list(sizes)
    return sum(values) / len(values)


def _columns(part: Any) -> tuple[Any, ...]:
    return tuple(getattr(part, name) for name in part.__struct_fields__)


def _packed(columns: Iterable[Any]) -> tuple[bytes, ...]:
    return tuple(array("q", column).tobytes() for column in columns)


def _packed_book(book: Book) -> PackedBook:
    return PackedBook(
        book.update_id,
        book.exchange_ns,
        _packed((book.bid_price, book.bid_qty, book.ask_price, book.ask_qty)),
        (book.bid_added, book.bid_removed, book.ask_added, book.ask_removed),
    )


def _unpacked_book(book: PackedBook, read: Callable[[bytes], Any]) -> Book:
    return Book(book.update_id, book.exchange_ns, *map(read, book.sides), *book.flows)


def _as_array(data: bytes) -> array[int]:
    values = array("q")
    values.frombytes(data)
    return values


def _as_tuple(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"={len(data) // 8}q", data)


if __name__ == "__main__":
    main()
