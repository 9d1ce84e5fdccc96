"""Every error the product raises on purpose.

PrismError
├── UsageError                 the caller can mend it; the command line exits with code 2
│   ├── SettingsError          an unknown or impossible setting, with the nearest known key
│   └── SourceMissing          a file, topic or symbol that is not there
├── CodecError                 bytes that are no message of ours
│   ├── Undecodable            not our envelope, or not the type the topic carries
│   └── SchemaFromFuture       written by a newer version than this one
├── RejectedInput              wire data that must not reach a frame (becomes a dead letter)
│   ├── MalformedMessage       not JSON, or a field that is missing or of the wrong type
│   ├── UnknownStream          a channel that nobody reads
│   ├── OutOfSequence          does not continue what came before: a book change, a row of a file
│   ├── Repeated               a row of a file for a time that it has told already
│   ├── UnknownClock           a time whose zone nothing tells
│   ├── CrossedBook            best bid at or above best ask
│   ├── OffGrid                a price or quantity between the venue's own steps
│   ├── OutOfBand              a price too far from the last mid
│   ├── WrongClock             a venue time too far from the receive clock, or stepping back
│   ├── Refused                the venue's answer to a request: no
│   └── TruncatedSource        a recording that ends in the middle of a record
├── VenueError                 the venue is away, or what it says cannot be worked with
│   ├── VenueUnavailable       no answer, limits, maintenance: try again later
│   │   └── GivenUp            the feed itself closed the connection: open it at once
│   └── ClockOff               this machine's clock and the venue's are too far apart
├── StateError                 the log and the state that folds it disagree
│   ├── SequenceHole           a frame number is missing and the feed did not declare it
│   └── StateOfAnotherVersion  an account's state that another version of the program has written
├── BrokerError                the broker is away, or its topics are not what they must be
│   ├── BrokerUnreachable
│   └── TopicMismatch
├── StoreError                 the durable ledger is away, or does not fit
│   ├── StoreUnreachable
│   ├── StoreConflict          a record that contradicts what is stored under its id
│   └── Fenced                 the lease of a writer has lapsed, or another took over
└── ExecutionError             an order or account operation that must not happen
    ├── IllegalTransition      an order state that cannot follow the one it is in
    ├── UnknownOrder           a report or fill of an order that nobody here placed
    └── Overfilled             a venue that says more is filled than was ordered
"""

from __future__ import annotations


class PrismError(Exception):
    """Root of the tree. The text names the fact and the action."""


class UsageError(PrismError):
    """The caller can mend it."""


class SettingsError(UsageError):
    """An unknown or impossible setting."""


class SourceMissing(UsageError):
    """A file, topic or symbol that is not there."""


class CodecError(PrismError):
    """Bytes that are no message of ours."""


class Undecodable(CodecError):
    """Not our envelope, or not a type that the topic carries."""


class SchemaFromFuture(CodecError):
    """Written by a newer version of the product than this one."""


class RejectedInput(PrismError):
    """Wire data that must not reach a frame. ``reason`` is a stable key for counters."""

    reason = "rejected"


class MalformedMessage(RejectedInput):
    """Not JSON, or a field that is missing or of the wrong type."""

    reason = "malformed"


class UnknownStream(RejectedInput):
    """A channel that nobody reads."""

    reason = "unknown_stream"


class OutOfSequence(RejectedInput):
    """Does not continue what came before: a book change, or a row of a file behind its last one."""

    reason = "out_of_sequence"


class Repeated(RejectedInput):
    """A row of a file for a time that it has told already."""

    reason = "repeated"


class UnknownClock(RejectedInput):
    """A time whose zone nothing tells."""

    reason = "unknown_clock"


class CrossedBook(RejectedInput):
    """Best bid at or above best ask."""

    reason = "crossed_book"


class OffGrid(RejectedInput):
    """A price or quantity between the venue's own steps."""

    reason = "off_grid"


class OutOfBand(RejectedInput):
    """A price too far from the last mid."""

    reason = "out_of_band"


class WrongClock(RejectedInput):
    """A venue time too far from the receive clock, or stepping back."""

    reason = "wrong_clock"


class Refused(RejectedInput):
    """The venue's answer to a request: no."""

    reason = "refused"


class TruncatedSource(RejectedInput):
    """A recording that ends in the middle of a record."""

    reason = "truncated"


class VenueError(PrismError):
    """The venue is away, or what it says cannot be worked with."""


class VenueUnavailable(VenueError):
    """No answer, limits, maintenance: try again later."""


class GivenUp(VenueUnavailable):
    """The feed itself closed the connection: open it at once."""


class ClockOff(VenueError):
    """The clocks of this machine and of the venue are too far apart."""


class StateError(PrismError):
    """The log and the state that folds it disagree."""


class SequenceHole(StateError):
    """A frame number is missing and the feed did not declare it."""


class StateOfAnotherVersion(StateError):
    """A state that must not be lost, and that another version of the program has written."""


class BrokerError(PrismError):
    """The broker is away, or its topics are not what they must be."""


class BrokerUnreachable(BrokerError):
    """No broker answers at the address."""


class TopicMismatch(BrokerError):
    """A topic is missing, or its partition count differs from the table of topics."""


class StoreError(PrismError):
    """The durable ledger is away, or its schema does not fit."""


class StoreUnreachable(StoreError):
    """No database answers, or it broke off."""


class StoreConflict(StoreError):
    """A record that contradicts what is stored under its id."""


class Fenced(StoreError):
    """The lease of a writer has lapsed, or another writer holds the account."""


class ExecutionError(PrismError):
    """An order or account operation that must not happen."""


class IllegalTransition(ExecutionError):
    """An order state that cannot follow the one it is in."""


class UnknownOrder(ExecutionError):
    """A report or a fill of an order that nobody here placed."""


class Overfilled(ExecutionError):
    """A venue that says that more is filled than was ordered."""
