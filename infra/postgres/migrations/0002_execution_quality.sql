-- How well each order that a signal asked for was executed: one row at its end.
CREATE TABLE execution_quality (
    account       TEXT NOT NULL,
    parent_id     TEXT NOT NULL,
    venue         TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    tick_ns       BIGINT NOT NULL,
    signal_id     TEXT NOT NULL,
    leg           TEXT NOT NULL,
    side          TEXT NOT NULL,
    algorithm     TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    qty           NUMERIC NOT NULL,
    filled_qty    NUMERIC NOT NULL,
    fees          NUMERIC NOT NULL,
    shortfall     NUMERIC,
    shortfall_bps NUMERIC,
    epoch         BIGINT NOT NULL,
    number        BIGINT NOT NULL,
    body          BYTEA NOT NULL,
    PRIMARY KEY (account, parent_id)
);
CREATE INDEX execution_quality_by_tick ON execution_quality (account, tick_ns);
