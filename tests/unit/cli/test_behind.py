"""What a server does with what is behind it when it is stopped."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from swqr_adapters.cli.behind import Behind
from swqr_adapters.server import Account, KeyRing
from swqr_adapters.server.controls import Control
from swqr_core import Capabilities, Instance, Page
from swqr_core.errors import UnreachableError
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
