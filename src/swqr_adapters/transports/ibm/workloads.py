"""Lists of sessions and batches, made from IBM's list of workloads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol

from attrs import define

from swqr_adapters.remote.errands import Errand
from swqr_adapters.wire.ibm import Workload, load, parse_workload_page, timestamp
from swqr_adapters.wire.ibm.workloads import MAX_WORKLOADS, WORKLOAD_MODES, workload_statuses
from swqr_core.model.query import Page, SessionQuery
from swqr_core.model.session import Session, SessionMode

from .api import Api
from .bound import FAR_TOO_MANY, endless

__all__ = ["SessionLookup", "list_sessions"]

_AT_ONCE: Final = 8


class SessionLookup(Protocol):
    """How a listed session becomes a whole one."""

    async def whole(self, workload: Workload) -> Session:
        """Return the session that a workload stands for."""
        ...


@define
class _Stream:
    """The workloads of one mode, page after page."""

    api: Api
    query: SessionQuery
    mode: SessionMode
    total: int = 0

    async def items(self) -> AsyncIterator[list[Workload]]:
        cursor: str | None = None
        read = 0
        cursors = {cursor}
        while True:
            response = await self.api.call(
                "GET",
                "/workloads",
                Errand(action="list sessions", instance=self.api.instance),
                query=self._pairs(cursor),
            )
            page = parse_workload_page(load(response.body, "workload list"))
            self.total = page.total
            # A platform that does not know the filter lists jobs too.
            yield [w for w in page.workloads if w.mode == WORKLOAD_MODES[self.mode]]
            if page.cursor is None or not page.workloads:
                return
            cursor = page.cursor
            read += len(page.workloads)
            if cursor in cursors or read > FAR_TOO_MANY:
                raise endless("workloads", read)
            cursors.add(cursor)

    def _pairs(self, cursor: str | None) -> list[tuple[str, str]]:
        query = self.query
        pairs = [
            ("limit", str(MAX_WORKLOADS)),
            ("sort", "-createdAt" if query.newest_first else "createdAt"),
            ("mode", WORKLOAD_MODES[self.mode]),
        ]
        pairs += [("status", word) for word in workload_statuses(query.states)]
        optional = {
            "backend": query.backend,
            "created_after": timestamp(query.created_after),
            "created_before": timestamp(query.created_before),
            "next": cursor,
        }
        return pairs + [(name, value) for name, value in optional.items() if value is not None]


async def list_sessions(api: Api, query: SessionQuery, lookup: SessionLookup) -> Page[Session]:
    """Return a page of sessions and batches.

    The list tells a session's status only roughly, so with conditions on the state every session
    that may match is looked at, and without them those of the page.
    """
    modes = [query.mode] if query.mode is not None else list(SessionMode)
    streams = [_Stream(api, query, mode) for mode in modes]
    wanted = None if query.states else query.offset + query.limit
    found = [w for part in await asyncio.gather(*(_read(s, wanted) for s in streams)) for w in part]
    found.sort(key=lambda workload: workload.created_at, reverse=query.newest_first)
    if not query.states:
        shown = found[query.offset : query.offset + query.limit]
        items = tuple(await _whole(shown, lookup))
        total = sum(stream.total for stream in streams)
    else:
        matching = [s for s in await _whole(found, lookup) if s.state in query.states]
        items = tuple(matching[query.offset : query.offset + query.limit])
        total = len(matching)
    return Page(items=items, total=total, offset=query.offset, limit=query.limit)


async def _read(stream: _Stream, wanted: int | None) -> list[Workload]:
    found: list[Workload] = []
    async for part in stream.items():
        found += part
        if wanted is not None and len(found) >= wanted:
            break
    return found


async def _whole(workloads: list[Workload], lookup: SessionLookup) -> list[Session]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(workload: Workload) -> Session:
        async with room:
            return await lookup.whole(workload)

    return list(await asyncio.gather(*map(one, workloads)))
