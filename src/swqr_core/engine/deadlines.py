"""Everything that will happen by itself: one heap of deadlines for the whole cloud."""

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from typing import Generic, TypeVar

from .heaps import LazyHeap

__all__ = ["Deadline", "Deadlines"]

T = TypeVar("T")


class Deadline(IntEnum):
    """What can be due. At the same moment, the smaller number comes first.

    A session's end comes before the end of its jobs, so no job starts in the moment in which its
    session is over.
    """

    MAX_TTL = 0
    ACTIVE_TTL = 1
    IDLE_OPEN = 2
    JOB_DUE = 3
    INTERACTIVE_TTL = 4
    USAGE_FREED = 5


class Deadlines(Generic[T]):
    """What is due when, at most one deadline for each kind and number.

    The number is that of the owner in the order in which owners of its kind came to be, so ties
    do not depend on the order in which deadlines were set.
    """

    __slots__ = ("_heap", "_set")

    def __init__(self) -> None:
        self._set: dict[tuple[Deadline, int], tuple[datetime, T]] = {}
        self._heap: LazyHeap[tuple[datetime, Deadline, int]] = LazyHeap(self._is_set)

    def _is_set(self, entry: tuple[datetime, Deadline, int]) -> bool:
        found = self._set.get((entry[1], entry[2]))
        return found is not None and found[0] == entry[0]

    def arm(self, kind: Deadline, number: int, owner: T, at: datetime) -> None:
        """Set a deadline, in place of an earlier one of the same kind and number."""
        self._set[kind, number] = (at, owner)
        self._heap.push((at, kind, number))

    def disarm(self, kind: Deadline, number: int) -> None:
        """Take a deadline away, if it is set."""
        self._set.pop((kind, number), None)

    def is_armed(self, kind: Deadline, number: int) -> bool:
        """Return whether such a deadline is set."""
        return (kind, number) in self._set

    def of(self, kind: Deadline, number: int) -> datetime | None:
        """Return when such a deadline is due, if it is set."""
        found = self._set.get((kind, number))
        return None if found is None else found[0]

    def next(self) -> datetime | None:
        """Return when the next thing is due."""
        first = self._heap.first()
        return None if first is None else first[0]

    def pop(self, until: datetime) -> tuple[datetime, Deadline, T] | None:
        """Take away and return the next thing that is due at or before *until*."""
        first = self._heap.first()
        if first is None or first[0] > until:
            return None
        self._heap.drop_first()
        at, owner = self._set.pop((first[1], first[2]))
        return at, first[1], owner

    def __iter__(self) -> Iterator[tuple[datetime, Deadline, int]]:
        """Yield what is set, in the order in which it will be due."""
        return iter(self._heap)
