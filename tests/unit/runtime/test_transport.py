"""Both drivers behind the fence in one process keep what is theirs."""

from __future__ import annotations

from typing import Any

import pytest

from agents.runtime.transport import EMBEDDED, KAFKA, fenced_transport


def tasks_of(consumer: Any) -> set[str]:
    """Background tasks that a consumer starts."""
    return set(consumer._tasks[consumer._get_class_id()])


@pytest.mark.parametrize("first", [KAFKA, EMBEDDED])
def test_a_driver_has_its_own_tasks_whichever_was_used_before(first: str) -> None:
    fenced_transport.cache_clear()
    fenced_transport(first)
    embedded, kafka = (fenced_transport(name).Consumer for name in (EMBEDDED, KAFKA))
    assert "_keep_membership" in tasks_of(embedded)
    assert "_keep_membership" not in tasks_of(kafka)
