"""The promises of ``JobPort`` about how jobs end, and after that."""

from collections.abc import Awaitable, Callable

import pytest

from swqr_core.errors import JobEndedError, JobNotFoundError
from swqr_core.lifecycle.job import JobState
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["JobEndClaims"]


class JobEndClaims:
    """Results, failures, cancellation, time limits, deletion."""

    @claim(Control.EXECUTIONS)
    async def test_a_result_comes_back_byte_by_byte(self, world: World) -> None:
        result = '{ "x":1.0E+2, "\\u00e9" :"é\\/" }\n'.encode()

        job = await world.ended(result=result)

        assert job.state is JobState.COMPLETED
        assert await world.transport.result(job.id) == result
        assert await world.transport.result(job.id) == result

    @claim("run_times")
    async def test_the_times_of_a_job_are_in_order(self, world: World) -> None:
        job = await world.ended()

        assert job.running_at is not None
        assert job.ended_at is not None
        assert job.created_at <= job.running_at <= job.ended_at

    @claim(Control.EXECUTIONS, Control.TIME, "usage")
    async def test_a_job_has_used_what_its_execution_says(self, world: World) -> None:
        job = await world.ended(seconds=12.5)

        assert (job.usage.quantum_seconds, job.usage.final) == (12.5, True)

    @claim(Control.EXECUTIONS)
    async def test_a_failed_job_says_why_and_shows_its_traceback(self, world: World) -> None:
        job = await world.running()
        await world.harness.fail(
            job.id, reason="The circuit is wrong.", reason_code=1517, traceback=b"Traceback"
        )

        failed = await world.transport.wait_job(job.id, timeout=None)

        assert failed.state is JobState.FAILED
        assert (failed.reason, failed.reason_code) == ("The circuit is wrong.", 1517)
        assert await world.transport.result(job.id) == b"Traceback"

    @claim(Control.EXECUTIONS)
    async def test_a_failed_job_may_have_no_result(self, world: World) -> None:
        job = await world.running()
        await world.harness.fail(job.id, reason="No.", reason_code=1000)
        await world.transport.wait_job(job.id, timeout=None)

        assert await world.transport.result(job.id) is None

    @claim("time_limits", Control.EXECUTIONS, Control.TIME, "run_times")
    async def test_a_job_that_needs_longer_than_it_may_is_stopped(self, world: World) -> None:
        job = await world.running(400, max_execution_time=300)
        await world.pass_time(400)

        ended = await world.transport.job(job.id)

        assert ended.state is JobState.TIMED_OUT
        assert ended.reason_code == 1305
        assert ended.running_at is not None
        assert ended.ended_at is not None
        assert (ended.ended_at - ended.running_at).total_seconds() == 300

    @claim("time_limits", Control.EXECUTIONS, Control.TIME)
    async def test_a_job_that_needs_just_what_it_may_completes(self, world: World) -> None:
        job = await world.running(300, max_execution_time=300)
        await world.pass_time(300)

        assert await world.state(job) is JobState.COMPLETED

    # --- logs and metrics ----------------------------------------------------------------------

    @claim("logs", Control.EXECUTIONS)
    async def test_an_ended_job_s_log_is_what_its_program_said(self, world: World) -> None:
        job = await world.running()
        await world.harness.finish(job.id, logs="first line\nzweite Zeile: é\n")
        await world.transport.wait_job(job.id, timeout=None)

        assert await world.transport.logs(job.id) == "first line\nzweite Zeile: é\n"

    @claim("logs", Control.BACKENDS)
    async def test_a_job_that_never_ran_has_an_empty_log(self, world: World) -> None:
        job = await world.queued()

        assert await world.transport.logs(job.id) == ""

    @claim("metrics")
    async def test_metrics_agree_with_the_job(self, world: World) -> None:
        job = await world.ended()

        metrics = await world.transport.metrics(job.id)

        assert metrics.created_at == job.created_at
        assert metrics.running_at == job.running_at
        assert metrics.ended_at == job.ended_at
        assert metrics.usage == job.usage

    # --- cancel --------------------------------------------------------------------------------

    @claim(Control.BACKENDS)
    async def test_a_cancelled_queued_job_never_runs(self, world: World) -> None:
        job = await world.queued()
        await world.transport.cancel_job(job.id)
        await world.serve()
        await world.pass_time(10)

        cancelled = await world.transport.wait_job(job.id, timeout=None)

        assert cancelled.state is JobState.CANCELLED
        assert cancelled.running_at is None
        assert cancelled.ended_at is not None

    @claim(Control.EXECUTIONS)
    async def test_a_cancelled_running_job_stops_and_has_no_result(self, world: World) -> None:
        job = await world.running()

        await world.transport.cancel_job(job.id)

        cancelled = await world.transport.wait_job(job.id, timeout=None)
        assert cancelled.state is JobState.CANCELLED
        assert cancelled.running_at == job.running_at
        assert await world.transport.result(job.id) is None

    @claim(Control.EXECUTIONS)
    async def test_a_cancelled_job_leaves_the_backend_to_the_next(self, world: World) -> None:
        first = await world.running()
        second = await world.submit()
        await world.harness.finish(second.id)

        await world.transport.cancel_job(first.id)

        ended = await world.transport.wait_job(second.id, timeout=None)
        assert ended.state is JobState.COMPLETED

    @claim()
    async def test_a_job_that_has_ended_cannot_be_cancelled_and_stays_as_it_was(
        self, world: World
    ) -> None:
        job = await world.ended()

        with pytest.raises(JobEndedError) as caught:
            await world.transport.cancel_job(job.id)

        assert (caught.value.job_id, caught.value.state) == (job.id, job.state)
        assert await world.transport.job(job.id) == job

    @claim(Control.BACKENDS)
    async def test_a_job_is_cancelled_once(self, world: World) -> None:
        job = await world.queued()
        await world.transport.cancel_job(job.id)

        with pytest.raises(JobEndedError):
            await world.transport.cancel_job(job.id)

    # --- delete --------------------------------------------------------------------------------

    @claim("delete_jobs")
    async def test_a_deleted_job_is_gone_with_everything(self, world: World) -> None:
        job, transport, able = await world.ended(), world.transport, world.capabilities
        count = await world.count_jobs()
        asks: list[Callable[[str], Awaitable[object]]] = [
            transport.job,
            transport.params,
            transport.result,
            transport.cancel_job,
            transport.delete_job,
            lambda job_id: transport.wait_job(job_id, timeout=None),
        ]
        asks += [transport.logs] if able.logs else []
        asks += [transport.metrics] if able.metrics else []
        asks += [lambda job_id: transport.set_tags(job_id, ("late",))] if able.tags else []

        await transport.delete_job(job.id)

        for ask in asks:
            with pytest.raises(JobNotFoundError):
                await ask(job.id)
        assert await world.count_jobs() == count - 1

    @claim("delete_jobs")
    async def test_deleting_a_job_leaves_equal_ones_alone(self, world: World) -> None:
        params = world.harness.params(3)
        gone = await world.ended(params=params)
        kept = await world.ended(params=params)
        result = await world.transport.result(kept.id)

        await world.transport.delete_job(gone.id)

        assert await world.transport.params(kept.id) == params
        assert await world.transport.result(kept.id) == result
