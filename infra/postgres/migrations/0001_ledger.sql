-- The ledger of accounts. Applied to PostgreSQL as it stands; for SQLite the types NUMERIC and BYTEA
-- become TEXT and BLOB, which keep every digit and byte. So: no other types than these two, TEXT,
-- BIGINT, INTEGER and BOOLEAN, and no statement that only one of the two knows.
--
-- "body" is the whole record as it travels (MessagePack with a schema version). The columns beside it
-- are there to be asked for. "number" is the place of a record among all of its account, "epoch" that of
-- the writer who stored it. Nothing is ever updated or deleted but writer_leases.

-- Who may write for an account. "epoch" is the fencing token, "records" the last number that was given
-- to a record (some are passed over); both only grow.
CREATE TABLE writer_leases (
    account    TEXT NOT NULL PRIMARY KEY,
    epoch      BIGINT NOT NULL,
    holder     TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    records    BIGINT NOT NULL
);

-- One row for each version of an order; version 0 is the intent, written before any network call.
CREATE TABLE orders (
    account         TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    version         INTEGER NOT NULL,
    venue           TEXT NOT NULL,
    symbol          TEXT NOT NULL,
    tick_ns         BIGINT NOT NULL,
    status          TEXT NOT NULL,
    side            TEXT NOT NULL,
    type            TEXT NOT NULL,
    qty             NUMERIC NOT NULL,
    filled_qty      NUMERIC NOT NULL,
    reduce_only     BOOLEAN NOT NULL,
    signal_id       TEXT NOT NULL,
    leg             TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    reason          TEXT NOT NULL,
    epoch           BIGINT NOT NULL,
    number          BIGINT NOT NULL,
    body            BYTEA NOT NULL,
    PRIMARY KEY (account, client_order_id, version)
);
CREATE INDEX orders_by_tick ON orders (account, tick_ns);

-- A venue's trade ids repeat on other symbols.
CREATE TABLE fills (
    account         TEXT NOT NULL,
    venue           TEXT NOT NULL,
    symbol          TEXT NOT NULL,
    trade_id        TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    tick_ns         BIGINT NOT NULL,
    side            TEXT NOT NULL,
    price           NUMERIC NOT NULL,
    qty             NUMERIC NOT NULL,
    fee             NUMERIC NOT NULL,
    fee_currency    TEXT NOT NULL,
    maker           BOOLEAN NOT NULL,
    epoch           BIGINT NOT NULL,
    number          BIGINT NOT NULL,
    body            BYTEA NOT NULL,
    PRIMARY KEY (account, venue, symbol, trade_id)
);
CREATE INDEX fills_by_tick ON fills (account, tick_ns);

CREATE TABLE funding (
    account    TEXT NOT NULL,
    venue      TEXT NOT NULL,
    symbol     TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    tick_ns    BIGINT NOT NULL,
    amount     NUMERIC NOT NULL,
    currency   TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (account, venue, symbol, payment_id)
);

CREATE TABLE positions (
    account       TEXT NOT NULL,
    venue         TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    tick_ns       BIGINT NOT NULL,
    qty           NUMERIC NOT NULL,
    average_price NUMERIC NOT NULL,
    realised_pnl  NUMERIC NOT NULL,
    fees          NUMERIC NOT NULL,
    balance       NUMERIC NOT NULL,
    epoch         BIGINT NOT NULL,
    number        BIGINT NOT NULL,
    body          BYTEA NOT NULL,
    PRIMARY KEY (account, venue, symbol, tick_ns)
);

-- Halt, resume, flatten, each with the tick from which it holds, and when it was given (wall time, ns).
CREATE TABLE commands (
    account      TEXT NOT NULL,
    id           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    scope        TEXT NOT NULL,
    given_by     TEXT NOT NULL,
    reason       TEXT NOT NULL,
    given_ns     BIGINT NOT NULL,
    effective_ns BIGINT NOT NULL,
    epoch        BIGINT NOT NULL,
    number       BIGINT NOT NULL,
    body         BYTEA NOT NULL,
    PRIMARY KEY (account, id)
);

-- A flatten that is done: the venue reported no orders and no positions.
CREATE TABLE flattened (
    account    TEXT NOT NULL,
    command_id TEXT NOT NULL,
    scope      TEXT NOT NULL,
    tick_ns    BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (account, command_id)
);
