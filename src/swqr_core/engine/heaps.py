"""A heap that forgets late: what is dead is dropped when it comes up or takes up too much room."""

import heapq
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

__all__ = ["LazyHeap"]

T = TypeVar("T", bound=tuple[Any, ...])

_SMALL = 32


class LazyHeap(Generic[T]):
    """A heap of tuples of which some may have died since they were pushed.

    Every operation is O(log n), amortised: when the heap has doubled since it was last tidied,
    the dead entries go. An entry may be in it more than once.
    """

    __slots__ = ("_entries", "_limit", "_live")

    def __init__(self, live: Callable[[T], bool]) -> None:
        self._live = live
        self._entries: list[T] = []
        self._limit = _SMALL

    def push(self, entry: T) -> None:
        """Add an entry."""
        if len(self._entries) >= self._limit:
            self._entries = [old for old in self._entries if self._live(old)]
            heapq.heapify(self._entries)
            self._limit = max(_SMALL, 2 * len(self._entries))
        heapq.heappush(self._entries, entry)

    def first(self) -> T | None:
        """Return the smallest live entry, or None."""
        entries, live = self._entries, self._live
        while entries:
            if live(entries[0]):
                return entries[0]
            heapq.heappop(entries)
        return None

    def drop_first(self) -> None:
        """Take the smallest entry away."""
        heapq.heappop(self._entries)

    def __iter__(self) -> Iterator[T]:
        """Yield each live entry once, smallest first."""
        return iter(sorted({entry for entry in self._entries if self._live(entry)}))

    def __len__(self) -> int:
        """Return how much room it takes, dead entries included."""
        return len(self._entries)
