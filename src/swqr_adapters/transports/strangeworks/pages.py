"""Lists of the workspace, read to their end."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, TypeVar

from swqr_adapters.remote.errands import Errand
from swqr_adapters.wire.strangeworks import PAGE_SIZE, Answer, Connection, parse_connection
from swqr_core.errors import ProtocolError

from .api import Api
from .refusals import NAME

__all__ = ["read_pages"]

T = TypeVar("T")

_FAR_TOO_MANY: Final = 20_000


async def read_pages(
    api: Api,
    document: str,
    name: str,
    parse: Callable[[object], T],
    slug: Callable[[T], str],
    *,
    errand: Errand,
    variables: Mapping[str, object],
    page_size: int = PAGE_SIZE,
) -> AsyncIterator[tuple[list[T], Answer]]:
    """Yield the pages of a list: what is new in each, and the whole answer.

    Args:
        api: The platform.
        document: What to ask.
        name: ``jobs`` or ``resources``.
        parse: What reads a node.
        slug: What tells nodes apart.
        errand: What it is for, for errors.
        variables: The document's variables.
        page_size: How many nodes to ask for at a time.

    Raises:
        ProtocolError: The list has no end, or a page cannot be.
        and what ``Api.query`` raises.
    """
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(_FAR_TOO_MANY):
        wanted = {**variables, "first": page_size, "after": cursor}
        answer = await api.query(document, errand, variables=wanted)
        page: Connection[Any] = parse_connection(answer.data, name, parse)
        # Something may have moved on to this page while the one before was read.
        fresh = [node for node in page.nodes if slug(node) not in seen]
        seen.update(slug(node) for node in fresh)
        yield fresh, answer
        if not page.more:
            return
        if not fresh or page.end_cursor == cursor:
            break
        cursor = page.end_cursor
    raise ProtocolError(
        NAME, f"the list of {name} has no end: {len(seen)} were told, and there is always more"
    )
