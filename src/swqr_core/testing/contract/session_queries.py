"""The promises of ``SessionPort.sessions``."""

from datetime import timedelta
from typing import Any

from swqr_core.lifecycle.session import SessionState
from swqr_core.model.query import SessionQuery
from swqr_core.model.session import Session, SessionMode
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["SessionQueryClaims"]

_LISTED = ("session_listing", "dedicated_sessions")


async def _ids(world: World, first: Session, **query: Any) -> list[str]:
    """Return the ids of the sessions that match, out of those since *first*."""
    query = {"created_after": first.created_at, **query}
    return [session.id for session in await world.transport.sessions(SessionQuery(**query))]


class SessionQueryClaims:
    """Lists of sessions and batches."""

    @claim(*_LISTED, Control.TIME)
    async def test_sessions_are_listed_newest_first_unless_told_otherwise(
        self, world: World
    ) -> None:
        opened = []
        for _ in range(3):
            opened.append(await world.open())
            await world.pass_time(1)
        ids = [session.id for session in opened]

        assert await _ids(world, opened[0]) == ids[::-1]
        assert await _ids(world, opened[0], newest_first=False) == ids

    @claim(*_LISTED)
    async def test_a_listed_session_is_the_session_itself(self, world: World) -> None:
        session = await world.open()

        listed = await world.transport.sessions(SessionQuery(created_after=session.created_at))

        assert await world.look(session) in listed.items

    @claim(*_LISTED)
    async def test_pages_of_sessions_tile_the_list_and_each_tells_the_total(
        self, world: World
    ) -> None:
        opened = [await world.open() for _ in range(5)]
        since = opened[0].created_at
        pages = [
            await world.transport.sessions(
                SessionQuery(created_after=since, limit=2, offset=offset)
            )
            for offset in (0, 2, 4, 6)
        ]

        found = [session.id for page in pages for session in page]

        assert [len(page) for page in pages] == [2, 2, 1, 0]
        assert [page.total for page in pages] == [5, 5, 5, 5]
        assert [(page.offset, page.limit) for page in pages] == [(0, 2), (2, 2), (4, 2), (6, 2)]
        assert sorted(found) == sorted(session.id for session in opened)

    @claim(*_LISTED, "cancel_sessions")
    async def test_sessions_are_found_by_their_state(self, world: World) -> None:
        first, second = await world.open(), await world.open()
        await world.transport.cancel_session(second.id)

        assert await _ids(world, first, states={SessionState.OPEN}) == [first.id]
        assert await _ids(world, first, states={SessionState.CLOSED}) == [second.id]
        both = {SessionState.OPEN, SessionState.CLOSED}
        assert set(await _ids(world, first, states=both)) == {first.id, second.id}

    @claim(*_LISTED, "batches")
    async def test_sessions_and_batches_are_told_apart(self, world: World) -> None:
        session = await world.open()
        batch = await world.open(mode=SessionMode.BATCH)

        assert await _ids(world, session, mode=SessionMode.DEDICATED) == [session.id]
        assert await _ids(world, session, mode=SessionMode.BATCH) == [batch.id]

    @claim(*_LISTED)
    async def test_sessions_are_found_by_their_backend(self, world: World) -> None:
        session = await world.open()

        assert await _ids(world, session, backend=world.harness.backend) == [session.id]
        assert await _ids(world, session, backend="no_such_backend") == []

    @claim(*_LISTED, Control.TIME)
    async def test_sessions_are_found_by_when_they_were_opened_ends_included(
        self, world: World
    ) -> None:
        opened = []
        for _ in range(3):
            opened.append(await world.open())
            await world.pass_time(10)
        first, middle, last = opened
        moment = middle.created_at
        assert moment is not None

        before = await _ids(world, first, created_before=moment)
        after = await _ids(world, first, created_after=moment)
        between = await _ids(world, first, created_after=moment, created_before=moment)
        none = await _ids(world, first, created_after=moment + timedelta(seconds=20))

        assert before == [middle.id, first.id]
        assert after == [last.id, middle.id]
        assert between == [middle.id]
        assert none == []
