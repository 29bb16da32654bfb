"""``/_swqr/``: who may use it, and what it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.faults import Faults
from swqr_adapters.server.service import Service
from swqr_adapters.transports.memory.transport import MemoryTransport
from swqr_core import Job, JobQuery, Page


async def control(world: Any, method: str, path: str, **rest: Any) -> Any:
    rest.setdefault("key", None)
    return await world.ask(method, path, base="/_swqr", crn=None, version=None, **rest)


async def test_health_and_readiness_are_told(world: Any) -> None:
    health, ready = await control(world, "GET", "/health"), await control(world, "GET", "/ready")

    assert health.json == {"status": "ok", "transport": "memory"}
    assert (ready.status, ready.json["status"]) == (200, "ready")


async def test_a_server_that_goes_down_is_not_ready(world: Any) -> None:
    world.service.draining = True

    assert (await control(world, "GET", "/ready")).status == 503


async def test_metrics_are_what_prometheus_reads(world: Any) -> None:
    await world.submit()
    await world.ask("GET", "/jobs/none")

    text = (await control(world, "GET", "/metrics")).body.decode()

    samples = {
        (sample.name, sample.labels.get("route"), sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels
    }
    assert samples["swqr_http_requests_total", "/jobs", "200"] == 1
    assert samples["swqr_http_requests_total", "/jobs/{id}", "404"] == 1
    assert samples["swqr_http_request_seconds_count", "/jobs", None] == 1
    assert samples["swqr_http_requests_in_flight", None, None] == 1
    assert samples["swqr_http_connections", None, None] >= 1


async def test_unknown_paths_do_not_grow_the_metrics(world: Any) -> None:
    for number in range(20):
        await world.ask("GET", f"/nothing/{number}")

    assert b"/nothing" not in (await control(world, "GET", "/metrics")).body


async def test_sessions_and_jobs_of_all_instances_are_shown(world: Any) -> None:
    session_id, mine = await world.open(), await world.submit()
    theirs = await world.submit(key=world.instances.BOB, crn=world.instances.OTHER.id)

    sessions = (await control(world, "GET", "/sessions")).json["sessions"]
    jobs = (await control(world, "GET", "/jobs")).json["jobs"]

    assert [session["id"] for session in sessions] == [session_id]
    assert {job["id"] for job in jobs} == {mine, theirs}
    assert all("params" not in job for job in jobs)


async def test_virtual_time_passes_when_told_to(world: Any) -> None:
    session_id = await world.open()

    reply = await control(world, "POST", "/clock/advance", json={"seconds": 1800})

    assert reply.json["now"] == "2026-01-01T00:30:00+00:00"
    assert (await world.ask("GET", f"/sessions/{session_id}")).json["state"] == "closed"


@pytest.mark.parametrize(
    "seconds", [-1, "1", None, True, 1e400, 1e12, pytest.param(10**400, id="10**400")]
)
async def test_time_that_cannot_pass_is_refused(world: Any, seconds: Any) -> None:
    assert (await control(world, "POST", "/clock/advance", json={"seconds": seconds})).status == 400


async def test_what_cannot_be_reset_says_so(world: Any) -> None:
    assert (await control(world, "POST", "/reset")).status == 400


async def test_the_newest_are_shown_whosever_they_are(world: Any) -> None:
    mine = [await world.submit() for _ in range(2)]
    theirs = await world.submit(key=world.instances.BOB, crn=world.instances.OTHER.id)
    shown = (await control(world, "GET", "/jobs?limit=2")).json["jobs"]

    assert [job["id"] for job in shown] == [mine[1], theirs]


async def test_no_more_is_read_of_an_instance_than_is_shown(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await world.submit()
    asked, jobs = [], MemoryTransport.jobs

    async def counted(self: MemoryTransport, query: JobQuery) -> Page[Job]:
        asked.append((self.principal.instance, query.limit))
        return await jobs(self, query)

    monkeypatch.setattr(MemoryTransport, "jobs", counted)
    shown = (await control(world, "GET", "/jobs?limit=1")).json["jobs"]

    assert len(shown) == 1
    assert len(asked) == len(set(asked))  # each instance once
    assert {limit for _, limit in asked} == {1}


# --- faults ------------------------------------------------------------------------------------


async def test_a_fault_rule_answers_in_place_of_the_server(world: Any) -> None:
    rule = {"method": "GET", "path": "*/backends", "status": 503, "times": 2}
    added = await control(world, "POST", "/faults", json=rule)

    statuses = [(await world.ask("GET", "/backends")).status for _ in range(3)]

    assert added.status == 201
    assert statuses == [503, 503, 200]
    assert (await world.ask("GET", "/jobs")).status == 200


async def test_a_fault_rule_may_let_some_pass_first(world: Any) -> None:
    await control(world, "POST", "/faults", json={"status": 500, "skip": 1})

    assert [(await world.ask("GET", "/jobs")).status for _ in range(3)] == [200, 500, 500]


@pytest.mark.parametrize(("drop", "count"), [("before", 0), ("after", 1)])
async def test_an_answer_is_lost_before_or_after_the_work(
    world: Any, drop: str, count: int
) -> None:
    await control(world, "POST", "/faults", json={"method": "POST", "path": "*/jobs", "drop": drop})

    with pytest.raises(aiohttp.ClientError):
        await world.post_job()

    assert (await world.ask("GET", "/jobs")).json["count"] == count


async def test_a_rate_answers_what_is_over_it_with_429(world: Any) -> None:
    await control(world, "POST", "/faults", json={"path": "*/jobs", "rate": 2, "period": 3600})

    replies = [await world.ask("GET", "/jobs") for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].error["code"] == 1202
    assert 0 < int(replies[2].headers["Retry-After"]) <= 3600


async def test_a_delay_comes_first(world: Any) -> None:
    world.service.faults = Faults(world.clock)
    await control(world, "POST", "/faults", json={"path": "*/jobs", "delay": 3600})

    asking = asyncio.ensure_future(world.ask("GET", "/jobs"))
    other = await world.ask("GET", "/backends")
    waited = not asking.done()
    while not asking.done():
        await world.clock.advance(3600)

    assert (other.status, waited) == (200, True)
    assert (await asking).status == 200


async def test_fault_rules_are_listed_and_deleted(world: Any) -> None:
    first = (await control(world, "POST", "/faults", json={"status": 500})).json
    second = (await control(world, "POST", "/faults", json={"status": 502})).json
    await control(world, "DELETE", f"/faults/{first['id']}")

    left = (await control(world, "GET", "/faults")).json["rules"]
    missing = await control(world, "DELETE", "/faults/none")
    await control(world, "DELETE", "/faults")

    assert [rule["id"] for rule in left] == [second["id"]]
    assert missing.status == 404
    assert (await world.ask("GET", "/jobs")).status == 200


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"status": 200}, {"status": "x"}, {"status": 500, "when": 1}, {"drop": "never"},
        {"drop": []},
        {"delay": -1}, {"rate": -1}, {"status": 500, "times": 0}, {"status": 500, "method": 1},
    ],
)  # fmt: skip
async def test_a_rule_that_does_nothing_is_refused(world: Any, rule: Any) -> None:
    assert (await control(world, "POST", "/faults", json=rule)).status == 400


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("x.localhost", 200),
        ("evil.test", 403), ("evil.test:80", 403), ("127.0.0.1.evil.test", 403), ("10.0.0.1", 403),
    ],
)  # fmt: skip
async def test_a_page_of_another_name_cannot_control(world: Any, host: str, status: int) -> None:
    reply = await control(world, "GET", "/health", headers={"Host": host})

    assert reply.status == status


async def test_other_machines_cannot_control(world: Any) -> None:
    elsewhere = SimpleNamespace(remote="192.0.2.1", host="localhost", headers={})

    with pytest.raises(Exception, match="this machine alone"):
        world.service.admission.check_control(elsewhere)


class TestOwnKey:
    @pytest.fixture
    def settings(self) -> ServerSettings:
        return ServerSettings(control_key="master")

    @pytest.mark.parametrize(
        ("key", "status"), [("master", 200), ("other", 401), (None, 401), ("key-of-ada", 401)]
    )
    async def test_with_a_key_of_its_own_nothing_else_opens(
        self, world: Any, key: str | None, status: int
    ) -> None:
        assert (await control(world, "GET", "/health", key=key)).status == status


def test_no_secret_is_shown() -> None:
    settings = ServerSettings(control_key="master")

    assert "master" not in repr(settings)


# --- reset -------------------------------------------------------------------------------------


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Any]:
    from swqr_adapters.cli.behind import make_behind

    behind = await make_behind("memory://?execution=threads", (), None, local=True)
    server = Server(Service(behind.ring, ServerSettings(), control=behind.control), port=0)
    await server.start()
    async with aiohttp.ClientSession(server.url) as session:
        yield behind, session
    await server.aclose()


async def test_a_reset_leaves_no_sessions(tmp_path: Path) -> None:
    async with served(tmp_path) as (behind, session):
        headers = {"Authorization": "apikey anything", "Service-CRN": behind.instance.id}
        body = {"mode": "batch", "backend": "ideal_5"}
        async with session.post("/api/v1/sessions", json=body, headers=headers) as opened:
            session_id = (await opened.json())["id"]

        async with session.post("/_swqr/reset") as reset:
            assert reset.status == 204

        path = f"/api/v1/sessions/{session_id}"
        async with session.get(path, headers=headers) as gone:
            assert gone.status == 404
        async with session.post("/api/v1/sessions", json=body, headers=headers) as again:
            assert again.status == 200


async def test_only_digests_of_keys_are_kept() -> None:
    async def bind(_: Any) -> Any:
        raise AssertionError

    from swqr_core.model.capabilities import Capabilities

    ring = KeyRing(
        bind, capabilities=Capabilities(transport="none"), keys={"hush": Account(instances=())}
    )

    assert "hush" not in repr(vars(ring))
