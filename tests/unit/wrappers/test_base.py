"""What a transport of one's own is built on."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swqr_core.errors import ClosedError, UnsupportedOperation
from swqr_core.lifecycle.job import JobState
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName, JobId, ProgramId
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.wrappers import TransportBase, page_of_jobs

DAY = datetime(2026, 1, 1, tzinfo=UTC)


class Mine(TransportBase):
    capabilities = Capabilities(transport="mine")

    async def backends(self) -> tuple[Backend, ...]:
        self.check_open()
        return ()


def test_what_is_not_overridden_is_refused_with_the_transport_s_name() -> None:
    with pytest.raises(UnsupportedOperation, match="cancel job") as caught:
        asyncio.run(Mine().cancel_job("j"))

    assert caught.value.transport == "mine"
    assert asyncio.run(Mine().backends()) == ()


def test_once_closed_it_answers_nothing() -> None:
    transport = Mine()
    asyncio.run(transport.aclose())

    for ask in (transport.backends, transport.instances):
        with pytest.raises(ClosedError, match="mine"):
            asyncio.run(ask())


def job(number: int, *, state: JobState = JobState.QUEUED) -> Job:
    spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("a"), tags=(f"t{number}",))
    at = DAY + timedelta(seconds=number // 2)  # two in each second
    return Job(id=JobId(f"j{number}"), spec=spec, state=state, created_at=at)


def test_pages_of_jobs_are_in_one_order_and_tell_the_total() -> None:
    jobs = [job(number) for number in (3, 0, 2, 1)]

    pages = [page_of_jobs(jobs, JobQuery(limit=3, offset=offset)) for offset in (0, 3)]

    assert [one.id for page in pages for one in page] == ["j3", "j2", "j1", "j0"]
    assert [(page.total, page.offset, page.limit) for page in pages] == [(4, 0, 3), (4, 3, 3)]


def test_jobs_that_do_not_match_are_on_no_page() -> None:
    jobs = [job(1), job(2, state=JobState.RUNNING), job(3)]
    running: Any = {JobState.RUNNING}

    by_state = page_of_jobs(jobs, JobQuery(states=running))
    by_tag = page_of_jobs(jobs, JobQuery(tags=("t3",)))

    assert [[one.id for one in page] for page in (by_state, by_tag)] == [["j2"], ["j3"]]
