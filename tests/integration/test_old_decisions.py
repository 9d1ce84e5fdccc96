"""The execution role at the simulated exchange, on a log that is hours old: it catches up, and what
it decides on the way opens nothing. What a process before it has sent is found, however old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agents.runtime import live_terms
from schemas.frame import NS_PER_S
from schemas.order import OrderStatus
from schemas.settings import Settings, settings_from
from schemas.signal import SignalKind
from streams.simulator.exchange.faults import Channel, Lose, LoseReply, Manner
from streams.transport.broker import forget
from tests.support.live_day import Day, InProcess, day_at
from tests.support.simulated import KEY

OLD_NS = 3 * 3_600 * NS_PER_S


def played(folder: Path, work: Callable[[Day], Awaitable[None]]) -> None:
    """A day whose frames are hours old when they are written."""
    url = f"embedded://{folder.name}"

    async def course() -> None:
        try:
            async with day_at(url, folder, lambda s, _: InProcess(s), seed=5) as day:
                day.writer.behind_ns = OLD_NS
                await day.writer.frame()
                try:
                    await work(day)
                except BaseException:
                    await day.role.kill()
                    raise
        finally:
            forget(url)

    asyncio.run(course())


def sent(day: Day) -> list[str]:
    """Client ids of what the exchange was ever asked to trade."""
    books = day.exchange.account(day.venue, KEY.name)
    every: list[Any] = [*books.orders.values(), *books.conditionals.values()]
    return [each.client_id for each in every]


def at_any_age(settings: Settings) -> Settings:
    """The same account without a limit of age."""
    values = settings.model_dump(mode="json")
    values["live"]["max_decision_age_s"] = 0
    values["live"]["confirm"] = live_terms.code(settings_from(values))
    return settings_from(values)


async def a_late_start(day: Day) -> None:
    await day.role.start()
    await day.until(
        lambda: day.rejected("age: ") or sent(day), "a refusal", wish=lambda: SignalKind.LONG
    )
    assert sent(day) == []
    assert "decided 108" in day.rejected("age: ")[0].reason
    day.writer.behind_ns = 0
    await day.trade_until_filled(faults=False)
    await day.settles()
    await day.role.end()


def test_decisions_of_hours_ago_open_nothing_and_those_of_now_do(tmp_path: Path) -> None:
    played(tmp_path, a_late_start)


async def a_fall_amid_sending(day: Day) -> None:
    """The order has left, its answer is on the way: the role dies, and another one begins, to which
    the decision is hours old.
    """
    limited, day.role = day.role, InProcess(at_any_age(day.settings))
    await day.role.start()
    day.exchange.faults.inflict(LoseReply(manner=Manner.HANG, method="POST", path="/fapi/v1/order"))
    day.exchange.faults.inflict(Lose(venue=day.venue, channel=Channel.ORDERS))
    await day.until(lambda: sent(day), "an order", wish=lambda: SignalKind.LONG)
    await day.role.kill()
    (id_,) = sent(day)
    day.exchange.faults.mend()
    assert day.held()
    assert not [o for o in day.orders() if o.client_order_id == id_ and o.filled_qty]
    day.role = limited
    await day.role.start()
    await day.until(lambda: day.store.fills("desk"), "the order that was sent before")
    await day.until(lambda: len(sent(day)) > 1, "its stop")
    await day.settles()
    statuses = {o.status for o in day.orders() if o.client_order_id == id_}
    assert OrderStatus.RECONCILED in statuses
    assert OrderStatus.REJECTED not in statuses
    await day.role.end()


def test_what_was_sent_before_a_crash_is_found_and_protected_however_old_it_is(
    tmp_path: Path,
) -> None:
    played(tmp_path, a_fall_amid_sending)
