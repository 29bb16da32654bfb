"""All that a query matches, however many pages that takes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from attrs import evolve

from swqr_core.errors import ProtocolError
from swqr_core.model.query import JobQuery, Page, ProgramQuery, SessionQuery

__all__ = ["after", "each"]

T = TypeVar("T")
Q = TypeVar("Q", JobQuery, ProgramQuery, SessionQuery)


async def each(ask: Callable[[Q], Awaitable[Page[T]]], query: Q) -> AsyncIterator[T]:
    """Yield everything that matches a query.

    It ends with the total that is told: a list that ignores the offset would have no end.

    Args:
        ask: Returns a page, for example a transport's ``jobs``.
        query: What is wanted, and how large the pages are.

    Raises:
        ProtocolError: The list shows the same page again.
        and what *ask* raises.
    """
    before: Page[T] | None = None
    while True:
        page = await ask(query)
        for item in page:
            yield item
        following = after(query, page, before)
        if following is None:
            return
        query, before = following, page


def after(query: Q, page: Page[T], before: Page[T] | None) -> Q | None:
    """Return the query for what comes after a page, or None at the end.

    Args:
        query: What the page was asked for with.
        page: The page.
        before: The page before it, if there was one.

    Raises:
        ProtocolError: It is that page again, though there is said to be more.
    """
    following = evolve(query, offset=query.offset + len(page))
    if not page.items or following.offset >= page.total:
        return None
    if before is not None and before.items == page.items:
        raise ProtocolError("a platform", "its list has no end: it shows the same page again")
    return following
