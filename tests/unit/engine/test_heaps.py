"""The heap that forgets late, and the deadlines in it."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given

from swqr_core.engine.charging import UsageWindow, Window
from swqr_core.engine.deadlines import Deadline, Deadlines
from swqr_core.engine.heaps import LazyHeap

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans())))
def test_a_lazy_heap_gives_the_smallest_living_entry(steps: list[tuple[int, bool]]) -> None:
    alive: set[int] = set()
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry[0] in alive)
    for number, born in steps:
        if born:
            alive.add(number)
            heap.push((number,))
        else:
            alive.discard(number)

        assert heap.first() == ((min(alive),) if alive else None)
        assert [entry for (entry,) in heap] == sorted(alive)


def test_a_lazy_heap_of_dead_entries_stays_small() -> None:
    alive: set[int] = set()
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry[0] in alive)
    for number in range(10_000):
        alive.add(number)
        heap.push((number,))
        alive.discard(number - 10)

    assert len(heap) < 100


def test_what_is_due_comes_by_time_then_kind_then_number() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for kind in (Deadline.INTERACTIVE_TTL, Deadline.MAX_TTL):
        for number in (2, 1):
            deadlines.arm(kind, number, f"{kind.name} {number}", AT)
    deadlines.arm(Deadline.USAGE_FREED, 9, "earlier", AT - timedelta(seconds=1))
    deadlines.arm(Deadline.MAX_TTL, 9, "later", AT + timedelta(seconds=1))

    due = [found[2] for _ in range(6) if (found := deadlines.pop(AT)) is not None]

    assert due == ["earlier", "MAX_TTL 1", "MAX_TTL 2", "INTERACTIVE_TTL 1", "INTERACTIVE_TTL 2"]


def test_a_deadline_that_was_moved_is_due_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for offset in (5, 1, 3, 3):
        deadlines.arm(Deadline.MAX_TTL, 1, f"{offset}", AT + timedelta(seconds=offset))

    late = AT + timedelta(hours=1)
    assert deadlines.next() == AT + timedelta(seconds=3)
    assert deadlines.pop(late) == (AT + timedelta(seconds=3), Deadline.MAX_TTL, "3")
    assert deadlines.pop(late) is None


def test_a_deadline_that_was_taken_away_is_never_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm(Deadline.MAX_TTL, 1, "x", AT)
    deadlines.disarm(Deadline.MAX_TTL, 1)

    assert deadlines.next() is None


@given(st.integers(0, 2**50), st.integers(1, 10**7))
def test_a_charge_counts_for_the_window_and_a_little_more(microseconds: int, seconds: int) -> None:
    at = AT + timedelta(microseconds=microseconds)
    counted = Window(seconds).expiry(at) - at

    assert (
        timedelta(seconds=seconds) < counted <= timedelta(seconds=seconds * (1 + 1 / 1024) + 1e-6)
    )


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 30)), max_size=30))
def test_usage_does_not_depend_on_when_it_was_looked_at(
    charges: list[tuple[int, int]],
) -> None:
    lazy, eager, window, now = UsageWindow(), UsageWindow(), Window(100), AT
    for amount, wait in charges:
        now += timedelta(seconds=wait)
        eager.forget(now)
        lazy.add(amount, window.expiry(now))
        eager.add(amount, window.expiry(now))
    lazy.forget(now)

    assert (lazy.used, lazy.parts) == (eager.used, eager.parts)


def test_usage_is_below_a_limit_when_enough_has_expired() -> None:
    usage = UsageWindow()
    for second, amount in enumerate([5, 3, 2]):
        usage.add(amount, AT + timedelta(seconds=second))

    assert usage.below_at(10) == AT
    assert usage.below_at(5) == AT + timedelta(seconds=1)
    assert usage.below_at(0) is None
