"""Simulated worlds: what is true of them, that they play again, and that they can fail."""

import asyncio
from typing import ClassVar

import pytest

from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_core.engine.turn import Turn
from swqr_core.errors import ConfigurationError, UnreachableError
from swqr_core.lifecycle.job import JobEvent
from swqr_core.model.job import Job, JobSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.runtime.asynchronous import AsyncRuntime
from swqr_core.testing import Control, Harness, Seat
from swqr_core.testing.platforms import find_harness
from swqr_core.testing.simulation import Settings, main, simulate
from swqr_core.wrappers import TransportWrapper

HERE = "swqr_adapters.transports.memory.harness:MemoryHarness"


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_in_a_world_everything_is_as_it_should_be(seed: int) -> None:
    outcome = asyncio.run(simulate(MemoryHarness, Settings(seed=seed, hours=2, loss=0.2)))

    assert outcome.lost > 0
    assert set(outcome.jobs) >= {"completed", "failed", "cancelled"}
    assert outcome.sessions > 0


def test_a_seed_plays_the_same_world_again() -> None:
    settings = Settings(seed=13, hours=1, loss=0.2)

    first, second = (asyncio.run(simulate(MemoryHarness, settings)) for _ in range(2))

    assert first == second


def test_another_seed_plays_another_world() -> None:
    worlds = [Settings(seed=seed, hours=1, clients=3) for seed in (1, 2)]

    first, second = (asyncio.run(simulate(MemoryHarness, world)) for world in worlds)

    assert first.fingerprint != second.fingerprint


class MakesAJobOfEachRequest(TransportWrapper):
    """Does not know a key again."""

    count = 0

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        MakesAJobOfEachRequest.count += 1
        return await super().submit(spec, params, key=f"{self.count}")


class MixesUpResults(TransportWrapper):
    """Gives everybody the first result that it has seen."""

    seen: ClassVar[list[bytes]] = []

    async def result(self, job_id: str) -> bytes | None:
        result = await super().result(job_id)
        if result is not None:
            self.seen.append(result)
            return self.seen[0]
        return result


class TakesNothing(TransportWrapper):
    """Cannot be reached with a job, ever."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        raise UnreachableError("broken", "come back later")


class GivesNothing(TransportWrapper):
    """Cannot be reached for a result, ever."""

    async def result(self, job_id: str) -> bytes | None:
        raise UnreachableError("broken", "come back later")


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (MakesAJobOfEachRequest, "made 2 jobs"),
        (MixesUpResults, "another job's result"),
        (TakesNothing, "calls of submit none was answered"),
        (GivesNothing, "calls of result none was answered"),
    ],
)
def test_a_broken_platform_is_caught(mistake: type[TransportWrapper], words: str) -> None:
    class Broken(MemoryHarness):
        async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
            return mistake(await super().connect(seat))

    with pytest.raises(AssertionError, match=words):
        asyncio.run(simulate(Broken, Settings(seed=1, hours=4, loss=0.3)))


def test_a_runtime_that_forgets_what_may_have_happened_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def again(self: AsyncRuntime, call: object, *, keyed: bool = False) -> object:
        from swqr_core.errors import OutcomeUnknownError, UnreachableError

        try:
            return await call()  # type: ignore[operator]
        except OutcomeUnknownError as error:
            raise UnreachableError(error.transport, "nothing happened, I promise") from error

    monkeypatch.setattr(AsyncRuntime, "_again", again)

    with pytest.raises(AssertionError, match="was refused, and made 1 jobs"):
        asyncio.run(simulate(MemoryHarness, Settings(seed=1, hours=4, loss=0.3)))


def test_a_failure_says_how_to_play_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Turn, "cancel", lambda self, job: self.end(job, JobEvent.FAIL))

    code = main(["--seed", "7", "--hours", "1", "--platform", HERE])

    shown = capsys.readouterr().out
    assert code == 1
    assert shown.startswith("seed 7: ")
    again = f"--platform {HERE} --seed 7 --hours 1 --clients 8 --loss 0.05"
    assert shown.endswith(f"python -m swqr_core.testing.simulation {again}\n")


def test_the_command_plays_one_world_for_each_seed(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seeds", "2", "--hours", "0.5", "--clients", "2", "--platform", HERE])

    assert code == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "seed 0",
        "seed 1",
    ]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--clients=0", "clients: must be a whole number, at least 1"),
        ("--hours=0", "hours: must be above 0 hours"),
        ("--hours=nan", "hours: must be above 0 hours"),
        ("--loss=5", "loss: must be a number from 0 to 1"),
        ("--seeds=0", "--seeds must be 1 or more"),
        ("--platform=nowhere", "'nowhere' is none of"),
        ("--platform=runtime", "works in threads, whose order no seed can decide"),
    ],
)
def test_a_world_in_which_nothing_could_go_wrong_is_refused(
    option: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([option])

    assert words in capsys.readouterr().err


def test_the_in_memory_cloud_is_found_by_its_entry_point() -> None:
    assert find_harness("memory") is MemoryHarness


@pytest.mark.parametrize("name", ["nowhere", "no_such_module:Harness", "swqr_core:Nothing"])
def test_a_platform_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        find_harness(name)


def test_a_harness_without_power_cannot_be_simulated() -> None:
    class Powerless(Harness):
        controls: ClassVar[frozenset[Control]] = frozenset({Control.TIME})

    with pytest.raises(ConfigurationError, match="no control over: executions"):
        asyncio.run(simulate(Powerless, Settings()))


def test_what_works_in_threads_cannot_be_simulated() -> None:
    class Threaded(MemoryHarness):
        simulated = False

    with pytest.raises(ConfigurationError, match="threads"):
        asyncio.run(simulate(Threaded, Settings()))
