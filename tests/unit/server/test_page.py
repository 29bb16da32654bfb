"""``/``: what the page is made of and who may have it; browsers look at it in tests/clients."""

from typing import Any

import pytest
from attrs import evolve

from swqr_adapters.server import ServerSettings
from swqr_adapters.transports.memory.transport import MemoryTransport
from swqr_core.errors import UnsupportedOperation

FILES = ("/", "/_swqr/page.css", "/_swqr/page.js")


async def get(world: Any, path: str, **rest: Any) -> Any:
    rest.setdefault("key", None)
    return await world.ask("GET", path, base="", crn=None, version=None, **rest)


@pytest.mark.parametrize("path", FILES)
async def test_the_page_comes_with_a_strict_policy(world: Any, path: str) -> None:
    reply = await get(world, path)

    policy = reply.headers["Content-Security-Policy"]
    assert reply.status == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", FILES)
async def test_nothing_on_it_is_from_elsewhere(world: Any, path: str) -> None:
    body = (await get(world, path)).body

    assert b"://" not in body
    assert b"innerHTML" not in body


async def test_a_page_of_another_name_gets_nothing(world: Any) -> None:
    for path in (*FILES, "/_swqr/overview", "/_swqr/sessions/x/timeline"):
        assert (await get(world, path, headers={"Host": "evil.test"})).status == 403, path


async def test_the_overview_has_the_newest_of_all_instances(world: Any) -> None:
    session_id = await world.open()
    first = await world.run()
    await world.clock.advance(5)
    second = await world.submit(key=world.instances.BOB, crn=world.instances.OTHER.id)

    seen = (await get(world, "/_swqr/overview")).json

    assert [job["id"] for job in seen["jobs"]] == [second, first]
    assert [session["id"] for session in seen["sessions"]] == [session_id]
    assert {one["name"] for one in seen["backends"]} >= {"ideal_5", "ideal_7"}
    assert seen["totals"] == {"sessions": 1, "jobs": 2}
    assert [job["state"] for job in seen["jobs"]] == ["running", "completed"]


async def test_the_overview_is_there_where_sessions_cannot_be_listed(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise UnsupportedOperation("somewhere", "lists of sessions")

    able = evolve(world.ring.capabilities, session_listing=False)
    monkeypatch.setattr(MemoryTransport, "capabilities", able)
    monkeypatch.setattr(MemoryTransport, "sessions", refuse)
    job_id = await world.submit()

    seen = (await get(world, "/_swqr/overview")).json

    assert [job["id"] for job in seen["jobs"]] == [job_id]
    assert seen["sessions"] == []


async def test_a_session_of_any_instance_is_drawn(world: Any) -> None:
    session_id = await world.open(key=world.instances.BOB, crn=world.instances.OTHER.id)

    drawn = await get(world, f"/_swqr/sessions/{session_id}/timeline")
    missing = await get(world, "/_swqr/sessions/none/timeline")

    assert drawn.headers["Content-Type"] == "image/svg+xml"
    assert session_id in drawn.body.decode()
    assert "sandbox" in drawn.headers["Content-Security-Policy"]
    assert missing.status == 404


class TestOwnKey:
    @pytest.fixture
    def settings(self) -> ServerSettings:
        return ServerSettings(control_key="master")

    async def test_the_page_asks_for_the_key_and_what_it_shows_needs_it(self, world: Any) -> None:
        assert [(await get(world, path)).status for path in FILES] == [200, 200, 200]
        assert (await get(world, "/_swqr/overview")).status == 401
        assert (await get(world, "/_swqr/overview", key="master")).status == 200
