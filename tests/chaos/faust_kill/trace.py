"""Records what Faust does with input while it recovers, to prove where messages are lost."""

import json
from pathlib import Path
from time import monotonic
from typing import Any

import faust


def trace(app: faust.App, path: Path) -> None:
    """Write one JSON line per seek, resume and clearing of queues to ``path``.

    A line of a clearing names the input messages that sat in an agent's queue and are gone:
    mode's ``FlowControlEvent.resume`` calls ``clear`` on every queue that it manages. A line of
    a drop names one that was fetched and not handed out.
    """
    traced = False
    revoked: Any = app.on_partitions_revoked

    async def before_the_first_assignment(app: Any, *_: Any, **__: Any) -> None:
        nonlocal traced
        if not traced:
            traced = True
            _wrap(app, path)

    revoked.connect(before_the_first_assignment, weak=False)


def _wrap(app: Any, path: Path) -> None:
    file = path.open("a", buffering=1)
    consumer, flow = app.consumer, app.flow_control
    source = f"{app.conf.id}-in"
    perform_seek, resume_partitions = consumer.perform_seek, consumer.resume_partitions
    clear, commit, dev = flow.clear, consumer._commit, consumer.log.dev

    def note(event: str, **facts: Any) -> None:
        file.write(json.dumps({"at": monotonic(), "event": event, **facts}) + "\n")

    async def traced_seek() -> None:
        note("seek starts")
        await perform_seek()
        note("seek done")

    def traced_resume(tps: Any) -> None:
        resume_partitions(tps)
        if any(tp.topic == source for tp in tps):
            note("input resumed")

    def traced_clear() -> None:
        lost = [
            [event.message.key.decode(), int(event.message.value)]
            for queue in flow._queues
            for event in queue._queue
            if event.message.topic == source
        ]
        clear()
        note("queues cleared", lost=lost)

    async def traced_commit(offsets: Any) -> bool:
        note("commit", committed={tp.partition: at for tp, at in offsets.items()})
        return bool(await commit(offsets))

    def traced_dev(text: str, *args: Any, **facts: Any) -> None:
        dev(text, *args, **facts)
        # Consumer._drain_messages: the offset lies below the highest one ever delivered.
        if text.startswith("DROPPED MESSAGE") and args[2].isdigit():
            note("dropped", dropped=[args[1].decode(), int(args[2])])

    consumer.log.dev = traced_dev
    consumer.perform_seek = traced_seek
    consumer._commit = traced_commit
    consumer.resume_partitions = traced_resume
    flow.clear = traced_clear
