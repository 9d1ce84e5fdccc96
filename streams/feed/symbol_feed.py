"""One symbol: events and lines in, frames and messages out; live and in a replay alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import RejectedInput
from schemas.frame import Instrument, TradeFlag
from schemas.settings import FeedSettings, FramesSettings
from streams.events import BookDiff, FeedEvent, LinkEvent, TradeEvent
from streams.exchanges.decode import Parser
from streams.exchanges.venue import Venue
from streams.feed.lines import Book, End, Gone, Head, Link, OwnLine, Reply, Told, Unreadable, Values
from streams.feed.validation import Validator
from streams.framer import Framer
from streams.merge import FeedMessage

_LATE = int(TradeFlag.RECOVERED_LATE)

OnMessage = Callable[[FeedMessage], None]
OnRejected = Callable[[RejectedInput, bytes, int], None]
"""Called with the reason, the bytes and the receive time of what did not reach a frame."""


class Hooks(NamedTuple):
    """Where a symbol's messages and what was rejected go."""

    message: OnMessage
    rejected: OnRejected


class SymbolFeed:
    """Validates the events of one symbol and cuts them into frames.

    It is told its time and does nothing by itself: the same lines at the same times give the same
    messages, so a recording of them gives the frames of the live run. Receive times must not step
    back.
    """

    def __init__(
        self,
        venue: Venue,
        symbol: str,
        *,
        raw: str,
        frames: FramesSettings,
        feed: FeedSettings,
        hooks: Hooks,
        start_ns: int,
        epoch: int = 1,
    ) -> None:
        self.symbol = symbol
        self.key = f"{venue.id}:{symbol}"
        self._venue = venue
        self._levels = frames.levels
        self.raw = raw
        self._hooks = hooks
        self._validator = Validator(feed)
        self._tape_up_ns = start_ns
        self.framer = Framer(
            venue.id,
            symbol,
            settings=frames,
            epoch=epoch,
            snapshot_limits=venue.limits,
            derive_touch=not venue.has_touch,
            best_levels=venue.best_levels,
        )
        self.advance(start_ns)

    @property
    def synced(self) -> bool:
        """Whether there is a book."""
        return self.framer.state.depth.synced

    @property
    def outgrown(self) -> bool:
        """Whether the levels that frames show reach beyond those that the snapshot told."""
        book = self.framer.state.book
        return any(side.beyond_edge(self._levels) for side in (book.bids, book.asks))

    def advance(self, now_ns: int) -> None:
        """Give out the frames that have ended by now."""
        for frame in self.framer.advance(now_ns):
            self._hooks.message(frame)
            if frame.book is not None and frame.book.bid_price and frame.book.ask_price:
                twice = frame.book.bid_price[0] + frame.book.ask_price[0]
                self._validator.mid(twice / 2 * frame.price_unit)

    def add(self, receive_ns: int, event: FeedEvent, payload: bytes) -> None:
        """Take an event; what must not reach a frame is counted and given to the hook."""
        if receive_ns >= self.framer.close_ns:
            self.advance(receive_ns)
        state = self.framer.state
        if isinstance(event, LinkEvent):
            if event.up and "trades" in event.channels:
                self._tape_up_ns = receive_ns
        elif (
            self._venue.repeats_tape
            and isinstance(event, TradeEvent)
            and event.exchange_ns < self._tape_up_ns
        ):
            # A subscription begins with trades of before: news only if they were missed.
            event = _late(event)
        try:
            self._validator.check(receive_ns, event)
        except RejectedInput as error:
            state.reject()
            if isinstance(event, BookDiff):
                state.depth.skip(event)
            self._hooks.rejected(error, payload, receive_ns)
            return
        try:
            state.add(receive_ns, event)
        except RejectedInput as error:
            self._hooks.rejected(error, payload, receive_ns)

    def reject(self, receive_ns: int) -> None:
        """Count a message of the symbol's connection that could not even become an event."""
        if receive_ns >= self.framer.close_ns:
            self.advance(receive_ns)
        self.framer.reject()

    def take(self, receive_ns: int, line: OwnLine, parser: Parser, payload: bytes) -> None:
        """Take a line of the feed's own; ``payload`` is the line's text, for dead letters."""
        if receive_ns >= self.framer.close_ns:
            self.advance(receive_ns)
        match line:
            case Reply(kind=kind, data=data):
                self._take_reply(receive_ns, parser, kind, bytes(data))
            case Unreadable(body=body):
                self.take_message(receive_ns, body, parser)
            case Told(message=message):
                if isinstance(message, Instrument):
                    self._use_rules(message)
                self._hooks.message(message)
            case _:
                self._take_mark(receive_ns, line, payload)

    def take_message(self, receive_ns: int, payload: bytes, parser: Parser) -> None:
        """Take a message of the venue, of which only this symbol's part counts."""
        try:
            events = parser.parse(payload)
        except RejectedInput as error:
            self.reject(receive_ns)
            self._hooks.rejected(error, payload, receive_ns)
            return
        for event in events:
            if event.symbol is None or event.symbol == self.raw:
                self.add(receive_ns, event, payload)

    def finish(self, now_ns: int) -> None:
        """Give out what is there: the feed ends."""
        self.advance(now_ns)
        for frame in self.framer.finish():
            self._hooks.message(frame)

    def _take_mark(
        self, receive_ns: int, line: Link | Values | Gone | Book | Head | End, payload: bytes
    ) -> None:
        match line:
            case Link(channels=channels, up=up):
                self.add(receive_ns, LinkEvent(None, channels, up), payload)
            case Values(event=event):
                self.add(receive_ns, event, payload)
            case Gone(first=first, last=last):
                self.framer.state.tape.give_up((first, last))
            case Book():
                # Where a file goes on from the one before it, its book is there already.
                if not self.synced and "book" not in self.framer.state.down:
                    self.add(receive_ns, line.event(), payload)
            case Head() | End():
                pass

    def _take_reply(self, receive_ns: int, parser: Parser, kind: str, data: bytes) -> None:
        try:
            events = parser.reply(kind, data)
        except RejectedInput as error:
            self.reject(receive_ns)
            self._hooks.rejected(error, data, receive_ns)
            return
        for event in events:
            self.add(receive_ns, event, data)

    def _use_rules(self, rules: Instrument) -> None:
        state = self.framer.state
        state.price.set_step(format(rules.tick_size, "f"))
        state.qty.set_step(format(rules.qty_step, "f"))


def _late(event: TradeEvent) -> TradeEvent:
    return TradeEvent(
        event.symbol,
        event.exchange_ns,
        event.price,
        event.qty,
        event.side,
        event.flags | _LATE,
        event.id,
        event.first_id,
        event.last_id,
        event.aggregate,
    )
