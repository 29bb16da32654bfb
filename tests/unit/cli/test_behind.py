"""What a server does with what is behind it when it is stopped."""

import asyncio
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from swqr_adapters.cli.behind import Behind, make_behind
from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.server import Account, KeyRing
from swqr_adapters.server.controls import Control
from swqr_core import Capabilities, Instance, Page
from swqr_core.errors import ConfigurationError, UnreachableError
from swqr_core.model.ids import InstanceId

ONE = Instance(id=InstanceId("crn:one"), name="one")


def behind(totals: Iterator[int]) -> Behind:
    async def jobs(_: Any) -> Page[Any]:
        total = next(totals, None)
        if total is None:
            raise UnreachableError("ibm", "connection refused")
        return Page(items=(), total=total)

    async def bind(_: Any) -> Any:
        return SimpleNamespace(jobs=jobs)

    ring = KeyRing(
        bind,
        capabilities=Capabilities(transport="ibm"),
        keys={"key": Account(user="ada", instances=(ONE,))},
    )
    return Behind(ring=ring, instance=ONE, token="key", control=Control())


async def test_a_platform_that_is_gone_does_not_hinder_a_server_from_ending(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await behind(iter(())).wait_for_jobs(30)

    assert "stopped, and jobs may be running: ibm: connection refused" in capsys.readouterr().err


async def test_a_platform_is_asked_less_and_less_often_whether_jobs_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await behind(iter([1] * 20 + [0])).wait_for_jobs(30)

    assert pauses[:2] == [0.05, 0.1]
    assert set(pauses[6:]) == {2.0}


@pytest.mark.parametrize(
    ("url", "local", "limit"),
    [
        ("memory://", True, None),
        ("memory://", False, 4 * 2**30),
        ("memory://?memory_limit=9G", False, 9 * 2**30),
        ("memory://?memory_limit=none", False, None),
    ],
)
async def test_what_other_machines_send_has_a_limit_of_memory(
    url: str, local: bool, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int | None] = []
    make = WorkerPool.__init__

    def noting(self: WorkerPool, **options: Any) -> None:
        limits.append(options["memory_limit"])
        make(self, **options)

    monkeypatch.setattr(WorkerPool, "__init__", noting)
    behind = await make_behind(url, ("key",), None, local=local)
    await behind.ring.aclose()

    assert limits == [limit]


async def test_where_nothing_limits_it_what_other_machines_send_does_not_run_unless_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(ConfigurationError, match="other machines' circuits need a limit"):
        await make_behind("memory://", ("key",), None, local=False)
    with pytest.raises(ConfigurationError, match="memory_limit is for Linux"):
        await make_behind("memory://?memory_limit=4G", ("key",), None, local=False)
    switched_on = "memory://?memory_limit=none"
    await (await make_behind(switched_on, ("key",), None, local=False)).ring.aclose()
    await (await make_behind("memory://", ("key",), None, local=True)).ring.aclose()
