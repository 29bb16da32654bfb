"""What a person sees while waiting, and what a pipe does not."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attrs import evolve

from swqr_adapters.progress import _wait, describe, somebody_looks, wait_job
from swqr_core import Job, JobSpec, JobState, JobUsage, VirtualClock
from swqr_core.config.profile import resolve
from swqr_core.errors import UnreachableError, WaitTimeoutError
from swqr_core.model.ids import BackendName, JobId, ProgramId

START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
QUEUED = Job(
    id=JobId("job-1"),
    spec=JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ibm_fez")),
    state=JobState.QUEUED,
    created_at=START,
    queue_position=3,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Lines:
    """A display that keeps its lines."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.closed = False

    def update(self, line: str) -> None:
        self.shown.append(line)

    def close(self) -> None:
        self.closed = True


class World:
    """A runtime whose job starts after 10 s and ends after *seconds*."""

    def __init__(self, seconds: float = 40.5) -> None:
        self.clock = VirtualClock(START)
        self.seconds, self.looks = seconds, 0
        self.failing = False
        self.silent = False

    async def wait_job(self, job_id: str, *, timeout: float | None = None) -> Job:
        await self.clock.sleep(min(self.seconds, timeout or self.seconds))
        if timeout is not None and timeout < self.seconds:
            raise WaitTimeoutError("job", job_id, timeout)
        return evolve(QUEUED, state=JobState.COMPLETED)

    async def job(self, job_id: str) -> Job:
        self.looks += 1
        if self.silent:
            await self.clock.sleep(1000)
        if self.failing:
            raise UnreachableError("look at the job", "no route")
        if self.clock.now() < START + timedelta(seconds=10):
            return QUEUED
        used = JobUsage(quantum_seconds=1.5)
        return evolve(
            QUEUED, state=JobState.RUNNING, running_at=START + timedelta(seconds=10), usage=used
        )

    async def waited(self, lines: Lines, timeout: float | None = None) -> Job:
        self_: Any = self
        going = asyncio.ensure_future(_wait(self_, "job-1", timeout, lambda: lines))
        for _ in range(int(self.seconds) + 2):
            await self.clock.advance(1)
        return await going


async def test_a_long_wait_shows_the_state_the_place_the_time_and_the_usage() -> None:
    lines = Lines()

    ended = await World().waited(lines)

    assert ended.state is JobState.COMPLETED
    assert lines.shown[0] == "job job-1: queued 0:01, place 3 in the queue"
    assert "job job-1: running 0:25, 1.5 s used" in lines.shown
    assert lines.closed


async def test_a_short_wait_shows_nothing() -> None:
    lines = Lines()

    await World(0.5).waited(lines)

    assert lines.shown == []


async def test_the_platform_is_asked_ever_more_rarely() -> None:
    world = World(600)

    await world.waited(Lines())

    assert world.looks < 50


@pytest.mark.parametrize("timeout", [None, 5.0])
async def test_a_look_that_is_not_answered_does_not_hold_the_wait_up(timeout: float | None) -> None:
    world = World()
    world.silent = True
    going = asyncio.ensure_future(_wait(cast("Any", world), "job-1", timeout, Lines))
    await world.clock.advance(timeout or world.seconds)

    assert going.done()
    assert isinstance(going.exception(), WaitTimeoutError) == (timeout is not None)


async def test_a_platform_that_cannot_be_reached_does_not_end_the_wait() -> None:
    world = World()
    world.failing = True

    assert (await world.waited(Lines())).state is JobState.COMPLETED


async def test_the_line_goes_away_when_the_time_is_over() -> None:
    lines = Lines()

    with pytest.raises(WaitTimeoutError):
        await World().waited(lines, timeout=5.5)

    assert lines.shown
    assert lines.closed


def test_what_comes_from_a_platform_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in describe(evolve(QUEUED, id=JobId("\x1b[2Jjob")), START)


@pytest.mark.parametrize(
    ("output", "errors", "notebook", "looks"),
    [
        (Terminal(), Terminal(), False, True),
        (io.StringIO(), Terminal(), False, False),
        (Terminal(), io.StringIO(), False, False),
        (io.StringIO(), io.StringIO(), True, True),
    ],
)
def test_a_person_looks_at_terminals_and_notebooks_and_at_no_pipe(
    monkeypatch: pytest.MonkeyPatch, output: Any, errors: Any, notebook: bool, looks: bool
) -> None:
    monkeypatch.delenv("SWQR_PROGRESS", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")  # it asks for colours, not for a person

    assert somebody_looks(output, errors, notebook=notebook) is looks


def test_the_switch_is_no_setting_of_a_transport() -> None:
    profile = resolve(environment={"SWQR_TRANSPORT": "memory", "SWQR_PROGRESS": "off"})

    assert dict(profile.settings) == {}


@pytest.mark.parametrize("word", ["off", "0", "False", "no"])
def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("SWQR_PROGRESS", word)

    assert not somebody_looks(Terminal(), Terminal(), notebook=True)


def test_piped_output_stays_silent(capfd: pytest.CaptureFixture[str]) -> None:
    asked = []
    runtime: Any = SimpleNamespace(wait_job=lambda job_id, timeout: asked.append((job_id, timeout)))

    wait_job(runtime, "job-1", timeout=5)

    assert asked == [("job-1", 5)]
    assert capfd.readouterr() == ("", "")
