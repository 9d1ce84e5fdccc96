"""Disturbances keep within what a broker may do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.transport.chaos import Disturbance


@given(st.integers(), st.integers(1, 600))
def test_a_batch_has_one_to_limit_records(seed: int, limit: int) -> None:
    disturbance = Disturbance(seed)
    assert all(1 <= disturbance.batch(limit) <= limit for _ in range(20))


@given(st.integers(), st.integers(0, 100), st.integers(0, 100))
def test_a_start_is_never_beyond_the_position_nor_before_the_log(
    seed: int, begin: int, more: int
) -> None:
    assert begin <= Disturbance(seed).start(begin + more, begin=begin) <= begin + more


def test_without_a_seed_nothing_is_disturbed() -> None:
    calm = Disturbance(None)
    assert calm.batch(500) == 500
    assert calm.order([3, 1, 2]) == [3, 1, 2]
    assert calm.start(9, begin=0) == 9
    assert not any(calm.rebalances() for _ in range(1000))


def test_a_seed_is_a_fixed_sequence_and_seeds_differ() -> None:
    def sequence(seed: int) -> list[object]:
        disturbance = Disturbance(seed)
        return [
            (disturbance.batch(99), tuple(disturbance.order("abc")), disturbance.rebalances())
            for _ in range(50)
        ]

    assert sequence(1) == sequence(1)
    assert len({str(sequence(seed)) for seed in range(20)}) == 20
