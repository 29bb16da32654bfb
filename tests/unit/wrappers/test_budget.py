"""Budgets, on virtual time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from swqr_adapters.settings.budget import budget as configured
from swqr_core.clock import VirtualClock
from swqr_core.errors import (
    ConfigurationError,
    LimitExceededError,
    OutcomeUnknownError,
    UnreachableError,
)
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.job import Job
from swqr_core.model.query import SessionQuery
from swqr_core.model.session import Session
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers import (
    Budget,
    BudgetTransport,
    FaultyTransport,
    Loss,
    ScriptedFaults,
    SlowTransport,
    TransportWrapper,
)

from .conftest import Platform

Make = Callable[..., BudgetTransport]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def spend(platform: Platform, told: list[str]) -> Make:
    def make(**limits: Any) -> BudgetTransport:
        return BudgetTransport(
            platform.transport, Budget(**limits), clock=platform.clock, warn=told.append
        )

    return make


async def submit(transport: BudgetTransport, platform: Platform, key: str, **spec: Any) -> Job:
    return await transport.submit(evolve(platform.job, **spec), b"{}", key=key)


async def run(
    transport: BudgetTransport, platform: Platform, key: str, seconds: float, **spec: Any
) -> Job:
    """Submit a job that uses that many seconds, and wait for it."""
    job = await submit(transport, platform, key, **spec)
    platform.executor.finish(job.id, quantum_seconds=seconds)
    return await transport.wait_job(job.id, timeout=None)


async def test_without_limits_everything_goes_through(spend: Make, platform: Platform) -> None:
    job = await run(spend(), platform, "k", 5)

    assert job.usage.quantum_seconds == 5


@pytest.mark.parametrize("limit", [0, 0.5])
async def test_a_job_that_cannot_have_as_little_as_it_may_is_refused(
    spend: Make, platform: Platform, limit: float
) -> None:
    with pytest.raises(LimitExceededError, match="no job can have less than 1"):
        await submit(spend(job_seconds=limit), platform, "a")

    assert (await submit(spend(job_seconds=1), platform, "b")).spec.max_execution_time == 1


async def test_the_limit_of_a_job_becomes_its_time_limit(spend: Make, platform: Platform) -> None:
    transport = spend(job_seconds=30.5)
    job = await submit(transport, platform, "a")
    shorter = await submit(transport, platform, "b", max_execution_time=10)

    assert (job.spec.max_execution_time, shorter.spec.max_execution_time) == (30, 10)
    with pytest.raises(LimitExceededError, match=r"seconds of one job is at its limit of 30\.5"):
        await submit(transport, platform, "c", max_execution_time=31)


@pytest.mark.parametrize("limit", ["day_jobs", "instance_jobs"])
async def test_one_job_more_than_may_be_is_not_sent(
    spend: Make, platform: Platform, limit: str
) -> None:
    transport = spend(**{limit: 2})
    for key in ("a", "b"):
        await submit(transport, platform, key)
    with pytest.raises(LimitExceededError, match="your budget for jobs"):
        await submit(transport, platform, "c")

    assert len(platform.executor.ran) <= 2


async def test_jobs_that_are_submitted_at_once_do_not_overspend_together(
    spend: Make, platform: Platform
) -> None:
    transport = spend(day_jobs=3)
    outcomes = await asyncio.gather(
        *(submit(transport, platform, f"k{n}") for n in range(10)), return_exceptions=True
    )

    assert sum(isinstance(one, Job) for one in outcomes) == 3


async def test_a_repeated_submission_is_no_further_job(spend: Make, platform: Platform) -> None:
    transport = spend(day_jobs=1)
    first = await submit(transport, platform, "k")
    again = await submit(transport, platform, "k")

    assert again.id == first.id


async def test_what_may_have_happened_counts_and_can_be_repeated(
    platform: Platform, told: list[str]
) -> None:
    faults = ScriptedFaults()
    faults.lose("submit")
    faults.lose("submit", Loss.CONNECTION)
    lossy = FaultyTransport(platform.transport, faults, platform.clock)
    transport = BudgetTransport(lossy, Budget(day_jobs=1), clock=platform.clock, warn=told.append)
    for error in (OutcomeUnknownError, UnreachableError):
        with pytest.raises(error):
            await submit(transport, platform, "k")
    with pytest.raises(LimitExceededError):
        await submit(transport, platform, "other")

    assert (await submit(transport, platform, "k")).id == "job-1"


async def test_a_job_under_way_counts_with_its_time_limit_and_then_with_its_usage(
    spend: Make, platform: Platform
) -> None:
    transport = spend(day_seconds=100)
    first = await submit(transport, platform, "a", max_execution_time=80)
    with pytest.raises(LimitExceededError, match="seconds of one day"):
        await submit(transport, platform, "b", max_execution_time=30)
    platform.executor.finish(first.id, quantum_seconds=50)
    await transport.wait_job(first.id, timeout=None)
    await submit(transport, platform, "c", max_execution_time=30)

    with pytest.raises(LimitExceededError):
        await submit(transport, platform, "d", max_execution_time=30)


async def test_once_it_is_used_up_nothing_more_is_submitted(
    spend: Make, platform: Platform
) -> None:
    transport = spend(day_seconds=10)
    await run(transport, platform, "a", 12)

    with pytest.raises(LimitExceededError, match="wait for midnight UTC"):
        await submit(transport, platform, "b")


async def test_a_new_day_has_a_budget_of_its_own(spend: Make, platform: Platform) -> None:
    transport = spend(day_jobs=1, day_seconds=10)
    await run(transport, platform, "a", 12)
    await platform.clock.advance(86_400)

    await run(transport, platform, "b", 1)


async def test_what_others_spend_is_seen(spend: Make, platform: Platform) -> None:
    transport = spend(day_jobs=2, refresh=60)
    await run(transport, platform, "mine", 1)
    theirs = await platform.transport.submit(platform.job, b"{}", key="theirs")
    platform.executor.finish(theirs.id)
    await platform.clock.advance(61)

    with pytest.raises(LimitExceededError):
        await submit(transport, platform, "more")


@pytest.mark.parametrize("days", [1, 5])
async def test_a_job_counts_as_pending_however_long_it_has_waited(
    spend: Make, platform: Platform, days: int
) -> None:
    limits = {"instance_jobs": 2, "refresh": 0}
    before, set_status = spend(**limits), platform.cloud.set_backend_status
    await set_status("ideal_5", BackendStatus.OFFLINE)
    waiting = [await submit(before, platform, key) for key in ("a", "b")]
    await platform.clock.advance(days * 86_400)
    for transport in (before, spend(**limits)):
        with pytest.raises(LimitExceededError, match="jobs pending at once"):
            await submit(transport, platform, "c")
    await set_status("ideal_5", BackendStatus.ONLINE)
    platform.executor.finish(waiting[0].id)
    await platform.transport.wait_job(waiting[0].id, timeout=None)

    for transport, key in ((before, "c"), (spend(instance_jobs=3), "d")):
        await submit(transport, platform, key)


async def test_a_session_counts_what_it_had_before_midnight(
    spend: Make, platform: Platform
) -> None:
    day = platform.clock.now().date()
    await platform.clock.advance(86_400 - 3_600)
    spec = evolve(platform.session, max_ttl=28_800, interactive_ttl=28_800)
    session = await platform.transport.open_session(spec, key="s")
    await run(spend(), platform, "a", 4, session_id=session.id)
    await platform.clock.advance(7_200)

    assert platform.clock.now().date() > day
    with pytest.raises(LimitExceededError, match="jobs of one session"):
        await submit(spend(session_jobs=1), platform, "b", session_id=session.id)


class LateFigure(TransportWrapper):
    """A platform whose figure of usage may take a while on its way."""

    def __init__(self, inner: RuntimeTransport) -> None:
        super().__init__(inner)
        self.on_its_way = asyncio.Event()
        self.on_its_way.set()

    async def usage(self) -> InstanceUsage:
        answer = await super().usage()
        await self.on_its_way.wait()
        return answer


async def test_what_is_used_while_the_instances_figure_is_on_its_way_is_not_spent_again(
    platform: Platform, told: list[str]
) -> None:
    far = LateFigure(platform.transport)
    budget = Budget(instance_seconds=100)
    transport = BudgetTransport(far, budget, clock=platform.clock, warn=told.append)
    first = await submit(transport, platform, "a", max_execution_time=95)
    other = await submit(transport, platform, "b", max_execution_time=1)
    await transport.cancel_job(other.id)
    await transport.wait_job(other.id, timeout=None)  # so the figure is asked for again
    far.on_its_way.clear()
    asking = asyncio.ensure_future(submit(transport, platform, "c", max_execution_time=1))
    await asyncio.sleep(0.01)
    platform.executor.finish(first.id, quantum_seconds=90)
    await transport.wait_job(first.id, timeout=None)
    far.on_its_way.set()
    await asking

    with pytest.raises(LimitExceededError, match="seconds of the instance"):
        await submit(transport, platform, "d", max_execution_time=20)


async def test_it_is_seen_although_this_clock_is_ahead_of_the_platforms(
    platform: Platform, told: list[str]
) -> None:
    ahead = VirtualClock(platform.clock.now() + timedelta(hours=1))
    transport = BudgetTransport(
        platform.transport, Budget(day_jobs=2, refresh=0), clock=ahead, warn=told.append
    )
    await run(transport, platform, "mine", 1)
    await platform.clock.advance(1)
    await platform.transport.submit(platform.job, b"{}", key="theirs")

    with pytest.raises(LimitExceededError):
        await submit(transport, platform, "more")


async def test_the_instances_own_figure_counts(spend: Make, platform: Platform) -> None:
    transport = spend(instance_seconds=100)
    await run(transport, platform, "a", 90)
    await run(transport, platform, "b", 9, max_execution_time=10)

    with pytest.raises(LimitExceededError, match="seconds of the instance"):
        await submit(transport, platform, "c", max_execution_time=2)


async def test_a_session_has_limits_of_its_own(spend: Make, platform: Platform) -> None:
    transport = spend(session_jobs=2, session_seconds=10)
    one = await transport.open_session(platform.session, key="s1")
    two = await transport.open_session(platform.session, key="s2")
    await run(transport, platform, "a", 4, session_id=one.id)
    await run(transport, platform, "b", 4, session_id=one.id)
    with pytest.raises(LimitExceededError, match="jobs of one session"):
        await submit(transport, platform, "c", session_id=one.id)
    await transport.cancel_session(one.id)
    await run(transport, platform, "d", 12, session_id=two.id)
    with pytest.raises(LimitExceededError, match="seconds of one session"):
        await submit(transport, platform, "e", session_id=two.id)

    await submit(transport, platform, "f")


async def test_no_more_sessions_are_open_at_once_than_may_be(
    spend: Make, platform: Platform
) -> None:
    transport = spend(open_sessions=1)
    first = await transport.open_session(platform.session, key="a")
    with pytest.raises(LimitExceededError, match="sessions open at once"):
        await transport.open_session(platform.session, key="b")
    await transport.cancel_session(first.id)

    await transport.open_session(platform.session, key="c")


async def test_sessions_that_are_opened_at_once_do_not_exceed_the_limit_together(
    platform: Platform, told: list[str]
) -> None:
    slow = SlowTransport(
        platform.transport,
        platform.clock,
        back=lambda call: 5.0 if call.method == "sessions" else 1.0,
    )
    transport = BudgetTransport(
        slow, Budget(open_sessions=1), clock=platform.clock, warn=told.append
    )

    async def open_after(seconds: float) -> Session:
        await platform.clock.sleep(seconds)
        return await transport.open_session(platform.session, key=f"{seconds}")

    # The second one asks before the first is open, and is answered after that.
    opening = asyncio.gather(open_after(0), open_after(3), return_exceptions=True)
    await platform.clock.advance(60)

    assert [type(one).__name__ for one in await opening] == ["Session", "LimitExceededError"]


async def test_an_opening_that_may_have_happened_can_be_repeated(
    platform: Platform, told: list[str]
) -> None:
    faults = ScriptedFaults()
    faults.lose("open_session")
    faults.lose("open_session", Loss.CONNECTION)
    lossy = FaultyTransport(platform.transport, faults, platform.clock)
    transport = BudgetTransport(
        lossy, Budget(open_sessions=1), clock=platform.clock, warn=told.append
    )
    for error in (OutcomeUnknownError, UnreachableError):
        with pytest.raises(error):
            await transport.open_session(platform.session, key="k")

    again = await transport.open_session(platform.session, key="k")

    assert (await transport.sessions(SessionQuery())).items == (again,)


# --- sessions that idle ------------------------------------------------------------------------


async def test_a_dedicated_session_that_idles_is_told_once(
    spend: Make, platform: Platform, told: list[str]
) -> None:
    transport = spend(warn_idle=20)
    session = await transport.open_session(platform.session, key="s")
    await run(transport, platform, "a", 1, session_id=session.id)
    await platform.clock.advance(19)
    early = list(told)
    await platform.clock.advance(600)
    await transport.aclose()

    assert early == []
    assert len(told) == 1
    assert session.id in told[0]


async def test_work_puts_the_warning_off(spend: Make, platform: Platform, told: list[str]) -> None:
    transport = spend(warn_idle=20)
    session = await transport.open_session(platform.session, key="s")
    for key in "abcd":
        await run(transport, platform, key, 1, session_id=session.id)
        await platform.clock.advance(15)
    await transport.aclose()

    assert told == []


async def test_a_job_that_waits_is_no_idling(
    spend: Make, platform: Platform, told: list[str]
) -> None:
    await platform.cloud.set_backend_status("ideal_5", BackendStatus.PAUSED)
    transport = spend(warn_idle=20, close_idle=40)
    session = await transport.open_session(platform.session, key="s")
    await submit(transport, platform, "a", session_id=session.id)
    await platform.clock.advance(100)
    found = await transport.session(session.id)
    await transport.aclose()

    assert (told, found.accepting_jobs) == ([], True)


async def test_one_that_idles_too_long_is_closed(
    spend: Make, platform: Platform, told: list[str]
) -> None:
    transport = spend(close_idle=40)
    session = await transport.open_session(platform.session, key="s")
    await run(transport, platform, "a", 1, session_id=session.id)
    await platform.clock.advance(39)
    before = await transport.session(session.id)
    await platform.clock.advance(2)
    after = await transport.session(session.id)
    await transport.aclose()

    assert (before.accepting_jobs, after.state) == (True, SessionState.CLOSED)
    assert "closed" in told[0]


async def test_a_session_that_was_closed_is_left_alone(
    spend: Make, platform: Platform, told: list[str]
) -> None:
    transport = spend(warn_idle=20, close_idle=40)
    session = await transport.open_session(platform.session, key="s")
    await transport.drain_session(session.id)
    await platform.clock.advance(600)
    await transport.aclose()

    assert told == []


# --- configured --------------------------------------------------------------------------------


async def test_it_is_made_from_settings(platform: Platform) -> None:
    transport = await configured(platform.transport, {"day_jobs": "0"})

    with pytest.raises(LimitExceededError):
        await transport.submit(platform.job, b"{}", key="k")


@pytest.mark.parametrize(
    "settings", [{"day_job": "1"}, {"day_jobs": "-1"}, {"day_jobs": "x"}, {"job_seconds": "x"}]
)
async def test_a_wrong_setting_is_told(platform: Platform, settings: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="wrapper budget"):
        await configured(platform.transport, settings)
