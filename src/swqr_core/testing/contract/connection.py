"""The promises about what is known after an error on the way."""

from contextlib import suppress

import pytest

from swqr_core.errors import JobEndedError, OutcomeUnknownError, UnreachableError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.query import SessionQuery
from swqr_core.testing.harness import Control
from swqr_core.wrappers.faulty import Loss, ScriptedFaults

from .claims import claim
from .world import World

__all__ = ["ConnectionClaims"]

_LOST = (UnreachableError, OutcomeUnknownError)
_KINDS = (Loss.CONNECTION, Loss.REQUEST, Loss.ANSWER)
_ALWAYS = 1_000
"""More than any client tries again by itself."""


class ConnectionClaims:
    """A network on which things go wrong: what did not happen, and what may have."""

    @claim("idempotent_submit")
    async def test_a_submission_is_there_once_however_often_its_answer_was_lost(
        self, world: World
    ) -> None:
        spec, params = world.harness.spec(), world.harness.params()
        for loss in _KINDS:
            faults, key, count = ScriptedFaults(), world.harness.key(), await world.count_jobs()
            wire = await world.over(faults)
            faults.lose("submit", loss, times=3)
            while faults.left:
                with suppress(*_LOST):
                    await wire.submit(spec, params, key=key)

            job = await wire.submit(spec, params, key=key)

            assert await world.count_jobs() == count + 1, f"the {loss} was lost"
            assert await world.transport.params(job.id) == params

    @claim(Control.CONNECTION)
    async def test_a_submission_that_was_not_sent_changed_nothing(self, world: World) -> None:
        faults, count = ScriptedFaults(), await world.count_jobs()
        wire = await world.over(faults)
        faults.lose("submit", Loss.CONNECTION, times=_ALWAYS)

        with pytest.raises(UnreachableError):
            await wire.submit(world.harness.spec(), world.harness.params(), key=world.harness.key())

        assert await world.count_jobs() == count

    @claim(Control.CONNECTION)
    async def test_a_submission_without_an_answer_is_told_as_unknown_with_its_key(
        self, world: World
    ) -> None:
        faults, key, count = ScriptedFaults(), world.harness.key(), await world.count_jobs()
        wire = await world.over(faults)
        faults.lose("submit", Loss.ANSWER, times=_ALWAYS)

        try:
            job = await wire.submit(world.harness.spec(), world.harness.params(), key=key)
        except OutcomeUnknownError as error:
            assert error.key == key  # noqa: PT017 - it need not come
        else:  # the transport has found it
            assert (await world.transport.job(job.id)).id == job.id
        assert await world.count_jobs() == count + 1

    @claim("idempotent_open", "dedicated_sessions", "session_listing")
    async def test_a_session_is_there_once_however_often_its_answer_was_lost(
        self, world: World
    ) -> None:
        spec = world.session_spec()
        for loss in _KINDS:
            faults, key = ScriptedFaults(), world.harness.key()
            wire = await world.over(faults)
            count = (await wire.sessions(SessionQuery(limit=1))).total
            faults.lose("open_session", loss, times=3)
            while faults.left:
                with suppress(*_LOST):
                    await wire.open_session(spec, key=key)

            await wire.open_session(spec, key=key)

            assert (await wire.sessions(SessionQuery(limit=1))).total == count + 1

    @claim(Control.CONNECTION)
    async def test_a_question_without_an_answer_is_unreachable_and_can_be_asked_again(
        self, world: World
    ) -> None:
        job, faults = await world.ended(), ScriptedFaults()
        wire = await world.over(faults)
        for loss in _KINDS:
            faults.lose("*", loss, times=_ALWAYS)

            with pytest.raises(UnreachableError):
                await wire.job(job.id)

            faults.clear()
            assert (await wire.job(job.id)).state is job.state

    @claim(Control.EXECUTIONS)
    async def test_a_cancellation_without_an_answer_can_be_asked_for_again(
        self, world: World
    ) -> None:
        for loss in _KINDS:
            job, faults = await world.running(), ScriptedFaults()
            wire = await world.over(faults)
            faults.lose("cancel_job", loss)
            with suppress(*_LOST):
                await wire.cancel_job(job.id)

            with suppress(JobEndedError):  # by the call whose answer was lost
                await wire.cancel_job(job.id)

            assert await world.state(job) is JobState.CANCELLED

    @claim("dedicated_sessions")
    async def test_draining_without_an_answer_can_be_asked_for_again(self, world: World) -> None:
        for loss in _KINDS:
            session, faults = await world.open(), ScriptedFaults()
            wire = await world.over(faults)
            faults.lose("drain_session", loss)
            with suppress(*_LOST):
                await wire.drain_session(session.id)

            await wire.drain_session(session.id)

            assert (await world.look(session)).state is SessionState.CLOSED

    @claim(Control.EXECUTIONS)
    async def test_a_wait_over_a_bad_network_ends_with_the_job_or_is_unreachable(
        self, world: World
    ) -> None:
        for loss in _KINDS:
            job, faults = await world.running(), ScriptedFaults()
            wire = await world.over(faults)
            faults.lose("*", loss, times=3)
            await world.harness.finish(job.id)
            await world.pass_time(0)
            with suppress(UnreachableError):
                assert (await wire.wait_job(job.id, timeout=None)).state is JobState.COMPLETED
            faults.clear()

            assert (await wire.wait_job(job.id, timeout=None)).state is JobState.COMPLETED
