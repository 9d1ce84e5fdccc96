"""The same app behind the fence: snapshots instead of a table write per message.

Run as ``python -m tests.chaos.faust_kill.fenced BOOTSTRAP APP_ID TRACE_FILE``.
"""

import sys
from pathlib import Path

import faust

from tests.chaos.faust_kill.fence import Fence
from tests.chaos.faust_kill.fenced_app import FencedApp
from tests.chaos.faust_kill.settings import settings
from tests.chaos.faust_kill.trace import trace


def build(bootstrap: str, app_id: str, folder: Path) -> FencedApp:
    """The app; ``acks=False``: Faust keeps no account of what was processed, the fence does."""
    app = FencedApp(app_id, **settings(bootstrap, folder))
    name = f"{app_id}-in"
    source = app.topic(name, key_serializer="raw", value_serializer="raw", acks=False)
    fence = Fence(app, source=name, out=f"{app_id}-out")

    @app.agent(source)
    async def count(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            await fence.take(event)

    return app


if __name__ == "__main__":
    trace_file = Path(sys.argv[3])
    built = build(sys.argv[1], sys.argv[2], trace_file.parent)
    trace(built, trace_file)
    faust.Worker(built, loglevel="INFO").execute_from_commandline()
