"""What a key opens, how much may be asked for with it, and what is kept of it."""

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.server import Allowance, AuditFile, ServerSettings

JOB = {"program_id": "sampler", "backend": "ideal_5", "params": {}}


async def make_everything(world: Any) -> dict[str, str]:
    job_id = await world.run(tags=["abcdef"])
    return {"job": job_id, "session": await world.open()}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/jobs/{job}", None),
        ("GET", "/jobs/{job}/results", None),
        ("GET", "/jobs/{job}/logs", None),
        ("GET", "/jobs/{job}/metrics", None),
        ("POST", "/jobs/{job}/cancel", None),
        ("PUT", "/jobs/{job}/tags", {"tags": []}),
        ("DELETE", "/jobs/{job}", None),
        ("GET", "/sessions/{session}", None),
        ("GET", "/sessions/{session}/extended", None),
        ("GET", "/sessions/{session}/jobs", None),
        ("PATCH", "/sessions/{session}", {"accepting_jobs": False}),
        ("DELETE", "/sessions/{session}/close", None),
        ("POST", "/jobs", {**JOB, "session_id": "{session}"}),
    ],
)
async def test_what_is_in_another_instance_looks_like_what_is_nowhere(
    world: Any, method: str, path: str, body: Any
) -> None:
    made = await make_everything(world)
    there = world.instances

    def filled(names: dict[str, str]) -> dict[str, Any]:
        text = (
            None
            if body is None
            else json.loads(json.dumps(body).replace("{session}", names["session"]))
        )
        return {"method": method, "path": path.format(**names), "json": text}

    theirs, nowhere = filled(made), filled({"job": "none", "session": "none"})
    own = {"key": there.BOB, "crn": there.OTHER.id}
    found = await world.ask(theirs.pop("method"), theirs.pop("path"), **theirs, **own)
    missing = await world.ask(nowhere.pop("method"), nowhere.pop("path"), **nowhere, **own)

    assert (found.status, found.error["code"]) == (missing.status, missing.error["code"])
    assert found.status == 404 or method == "POST"


async def test_lists_counts_and_usage_are_of_the_own_instance_alone(world: Any) -> None:
    await make_everything(world)
    own = {"key": world.instances.BOB, "crn": world.instances.OTHER.id}

    jobs = (await world.ask("GET", "/jobs", **own)).json
    workloads = (await world.ask("GET", "/workloads", **own)).json
    tags = (await world.ask("GET", "/tags?type=job&search=abc", **own)).json
    usage = (await world.ask("GET", "/instances/usage", **own)).json

    assert (jobs["count"], jobs["jobs"]) == (0, [])
    assert (workloads["total_count"], workloads["workloads"]) == (0, [])
    assert tags["tags"] == []
    assert usage["usage_consumed_seconds"] == 0


@pytest.mark.parametrize("crn", ["ONE", "TWO"])
async def test_a_key_does_not_open_another_users_instance(world: Any, crn: str) -> None:
    id = getattr(world.instances, crn).id

    reply = await world.ask("GET", "/jobs", key=world.instances.BOB, crn=id)

    assert (reply.status, reply.error["code"]) == (404, 1279)
    assert crn.lower() not in reply.error["message"].replace(id, "")


class TestAllowances:
    @pytest.fixture
    def settings(self) -> ServerSettings:
        allowance = Allowance(requests_per_minute=5, jobs_per_minute=2, max_body_bytes=2000)
        return ServerSettings(allowance=allowance)

    async def test_what_is_over_the_rate_is_refused_undone_and_told_when(self, world: Any) -> None:
        statuses = [(await world.post_job()).status for _ in range(3)]
        listed = await world.ask("GET", "/jobs")
        last = [await world.ask("GET", "/jobs") for _ in range(2)][-1]

        assert statuses == [200, 200, 429]
        assert listed.json["count"] == 2
        assert (last.status, last.error["code"]) == (429, 1202)
        assert 1 <= int(last.headers["Retry-After"]) <= 60

    async def test_another_key_is_not_held_up(self, world: Any) -> None:
        for _ in range(7):
            await world.ask("GET", "/jobs")

        own = {"key": world.instances.BOB, "crn": world.instances.OTHER.id}
        assert (await world.ask("GET", "/jobs", **own)).status == 200

    async def test_a_new_token_is_no_new_allowance(self, world: Any) -> None:
        statuses = []
        for _ in range(6):
            form = {
                "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
                "apikey": world.instances.ADA,
            }
            token = await world.ask("POST", "/identity/token", base="", key=None, data=form)
            bearer = {"Authorization": f"Bearer {token.json['access_token']}"}
            statuses.append((await world.ask("GET", "/jobs", key=None, headers=bearer)).status)

        assert statuses == [200] * 5 + [429]

    async def test_a_body_over_the_keys_limit_is_refused(self, world: Any) -> None:
        reply = await world.post_job(b'"' + b"x" * 3000 + b'"')

        assert (reply.status, reply.error["code"]) == (413, 5302)

    @pytest.mark.parametrize("platform", [False, True])
    async def test_so_is_one_that_does_not_say_how_long_it_is(
        self, world: Any, platform: bool
    ) -> None:
        async def body() -> AsyncIterator[bytes]:
            head = {"program_id": "sampler", "backend": "ideal_5", "params": {"x": "x" * 3000}}
            outer = {"data": json.dumps(head), "channel": "ibm_cloud"} if platform else head
            yield json.dumps({**head, **outer}).encode()

        kind = {"Content-Type": "application/json"}
        if platform:
            path = await world.resource()
            reply = await world.platform(
                "POST", f"{path}/create_runtime_job", data=body(), headers=kind
            )
        else:
            reply = await world.ask("POST", "/jobs", data=body(), headers=kind)

        assert reply.status == 413


class TestAudit:
    @pytest.fixture
    def log(self, world: Any, tmp_path: Path) -> Any:
        path = tmp_path / "audit.log"
        world.service.audit = audit = AuditFile(path)
        yield lambda: [json.loads(line) for line in path.read_text().splitlines()]
        audit.close()

    async def test_each_change_is_kept_with_who_asked_and_what_came_of_it(
        self, world: Any, log: Any
    ) -> None:
        job_id = await world.submit()
        await world.ask("POST", f"/jobs/{job_id}/cancel")
        await world.ask("POST", f"/jobs/{job_id}/cancel")
        await world.ask("DELETE", "/jobs/none", key="wrong")
        entries = log()

        assert [(e["method"], e["route"], e["of"], e["status"]) for e in entries] == [
            ("POST", "/jobs", [], 200),
            ("POST", "/jobs/{id}/cancel", [job_id], 204),
            ("POST", "/jobs/{id}/cancel", [job_id], 409),
            ("DELETE", "/jobs/{id}", ["none"], 401),
        ]
        assert {e["user"] for e in entries} == {"ada", None}
        assert entries[0]["instance"] == world.instances.ONE.id
        assert re.fullmatch(r"[0-9a-f]{16}", entries[0]["key"])
        assert entries[0]["from"] == "127.0.0.1"

    async def test_looking_is_not_kept(self, world: Any, log: Any) -> None:
        await world.ask("GET", "/jobs")

        assert log() == []

    async def test_no_secret_and_no_payload_is_kept(
        self, world: Any, log: Any, tmp_path: Path
    ) -> None:
        await world.submit(b'{"canary": "in-the-payload"}')
        text = (tmp_path / "audit.log").read_text()

        assert world.instances.ADA not in text
        assert "in-the-payload" not in text

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    async def test_the_log_is_its_owners_alone(self, log: Any, tmp_path: Path) -> None:
        assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600

    async def test_a_full_disk_stops_nothing_and_is_counted(self, world: Any, log: Any) -> None:
        world.service.audit.close()

        reply = await world.post_job()

        assert reply.status == 200
        assert b"swqr_audit_failures_total 1.0" in world.service.meter.text()
