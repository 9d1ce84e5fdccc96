"""The ten-line Faust app without a fence: a table written per message, Faust's own commits.

Run as ``python -m tests.chaos.faust_kill.plain BOOTSTRAP APP_ID TRACE_FILE``.
"""

import sys
from pathlib import Path

import faust
import msgspec

from tests.chaos.faust_kill.fold import PARTITIONS, TABLE, Output, fold
from tests.chaos.faust_kill.settings import settings
from tests.chaos.faust_kill.trace import trace

EMPTY = msgspec.msgpack.encode([])


def build(bootstrap: str, app_id: str, folder: Path) -> faust.App:
    """The app: number in, table updated, output out."""
    # By default Faust commits every 2.8 s; here most runs live long enough to commit.
    app = faust.App(app_id, broker_commit_interval=0.5, **settings(bootstrap, folder))
    source = app.topic(f"{app_id}-in", key_serializer="raw", value_serializer="raw")
    out = app.topic(f"{app_id}-out", key_serializer="raw", value_serializer="raw")
    table = app.Table(TABLE, partitions=PARTITIONS, key_type=bytes, value_type=bytes)

    @app.agent(source)
    async def count(stream: faust.StreamT[bytes]) -> None:
        async for key, value in stream.items():
            number = int(value)
            ranges = fold(msgspec.msgpack.decode(table.get(key) or EMPTY), number)
            table[key] = msgspec.msgpack.encode(ranges)
            output = Output(key.decode(), number, ranges)
            await out.send(key=key, value=msgspec.msgpack.encode(output))

    return app


if __name__ == "__main__":
    trace_file = Path(sys.argv[3])
    built = build(sys.argv[1], sys.argv[2], trace_file.parent)
    trace(built, trace_file)
    faust.Worker(built, loglevel="INFO").execute_from_commandline()
