"""All that a query matches, however many pages that takes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from attrs import evolve

from swqr_core.model.query import JobQuery, Page, ProgramQuery, SessionQuery

__all__ = ["each"]

T = TypeVar("T")
Q = TypeVar("Q", JobQuery, ProgramQuery, SessionQuery)


async def each(ask: Callable[[Q], Awaitable[Page[T]]], query: Q) -> AsyncIterator[T]:
    """Yield everything that matches a query.

    It ends with the total that is told: a list that ignores the offset would have no end.

    Args:
        ask: Returns a page, for example a transport's ``jobs``.
        query: What is wanted, and how large the pages are.
    """
    while True:
        page = await ask(query)
        for item in page:
            yield item
        query = evolve(query, offset=query.offset + len(page))
        if not page.items or query.offset >= page.total:
            return
