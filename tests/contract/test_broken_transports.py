"""The kit can fail: each broken transport is caught by the test that names its promise.

The claims that are not here have theirs in ``test_each_claim_can_fail.py``.
"""

import asyncio
import json
from typing import Any, cast

import pytest
from attrs import evolve

from swqr_core.errors import (
    BackendNotFoundError,
    IdempotencyConflictError,
    JobEndedError,
    JobNotFoundError,
    ProgramNotFoundError,
    SwqrError,
)
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Harness, Seat, TransportContract

CAUGHT = (AssertionError, pytest.fail.Exception, SwqrError)
"""How a test of the contract fails; being skipped is not among it."""


class Broken:
    """Passes everything on, but for what a subclass breaks."""

    def __init__(self, inner: RuntimeTransport, harness: Harness) -> None:
        self.inner = inner
        self.harness = harness

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class IgnoresKeys(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        return await self.inner.submit(spec, params, key=self.harness.key())


class TakesAConflictForARepetition(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        try:
            return await self.inner.submit(spec, params, key=key)
        except IdempotencyConflictError as error:
            return await self.inner.job(error.existing_id)


class TakesAnyKey(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        fits = key.encode("ascii", "ignore").decode()[:64] or "none"
        return await self.inner.submit(spec, params, key=fits)


class OpensASessionForEachCall(Broken):
    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        return await self.inner.open_session(spec, key=self.harness.key())


class CountsThePageOnly(Broken):
    async def jobs(self, query: JobQuery) -> Page[Job]:
        page = await self.inner.jobs(query)
        return evolve(page, total=len(page))


class IgnoresTheOffset(Broken):
    async def jobs(self, query: JobQuery) -> Page[Job]:
        page = await self.inner.jobs(evolve(query, offset=0))
        return evolve(page, offset=query.offset)


class ListsOldestFirst(Broken):
    async def sessions(self, query: SessionQuery) -> Page[Session]:
        return await self.inner.sessions(evolve(query, newest_first=False))


class FindsJobsByAnyOfTheTags(Broken):
    async def jobs(self, query: JobQuery) -> Page[Job]:
        return await self.inner.jobs(evolve(query, tags=query.tags[:1]))


class ForgetsTags(Broken):
    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        await self.inner.job(job_id)


class LeaksJobs(Broken):
    async def job(self, job_id: str) -> Job:
        try:
            return await self.inner.job(job_id)
        except JobNotFoundError:
            owner = await type(self.harness).connect(self.harness, Seat.OWNER)
            return await owner.job(job_id)


class GivesResultsEarly(Broken):
    async def result(self, job_id: str) -> bytes | None:
        return await self.inner.result(job_id) or b"{}"


class EncodesResultsAnew(Broken):
    async def result(self, job_id: str) -> bytes | None:
        result = await self.inner.result(job_id)
        return result and json.dumps(json.loads(result)).encode()


class EncodesParametersAnew(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        return await self.inner.submit(spec, json.dumps(json.loads(params)).encode(), key=key)


class GivesPrivateResultsAgain(Broken):
    given: bytes | None = None

    async def result(self, job_id: str) -> bytes | None:
        self.given = self.given or await self.inner.result(job_id)
        return self.given


class IgnoresTimeouts(Broken):
    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        return await self.inner.wait_job(job_id, timeout=None)


class CancelsTheJobWithTheWait(Broken):
    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        try:
            return await self.inner.wait_job(job_id, timeout=timeout)
        except asyncio.CancelledError:
            await self.inner.cancel_job(job_id)
            raise


class CancelsEndedJobsSilently(Broken):
    async def cancel_job(self, job_id: str) -> None:
        try:
            await self.inner.cancel_job(job_id)
        except JobEndedError:
            return


class KeepsDeletedJobs(Broken):
    async def delete_job(self, job_id: str) -> None:
        await self.inner.job(job_id)


class KeepsLogsOfDeletedJobs(Broken):
    async def logs(self, job_id: str) -> str:
        try:
            return await self.inner.logs(job_id)
        except JobNotFoundError:
            return "what was said"


class DrainsByCancelling(Broken):
    async def drain_session(self, session_id: str) -> None:
        await self.inner.cancel_session(session_id)


class CancelsByDraining(Broken):
    async def cancel_session(self, session_id: str) -> None:
        await self.inner.drain_session(session_id)


class LeavesJobsOutOfTheirSession(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        return await self.inner.submit(evolve(spec, session_id=None), params, key=key)


class ForgetsTheMaxTtl(Broken):
    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        return await self.inner.open_session(evolve(spec, max_ttl=None), key=key)


class ForgetsTheInteractiveTtl(Broken):
    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        return await self.inner.open_session(evolve(spec, interactive_ttl=None), key=key)


class ForgetsTheTimeLimit(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        return await self.inner.submit(evolve(spec, max_execution_time=None), params, key=key)


class RunsOnSomeOtherBackend(Broken):
    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        try:
            return await self.inner.submit(spec, params, key=key)
        except BackendNotFoundError:
            return await self.inner.submit(
                evolve(spec, backend=BackendName("ideal_7")), params, key=key
            )


class StaysOpen(Broken):
    async def aclose(self) -> None:
        pass


class LeavesWaitsAlone(Broken):
    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        other = await type(self.harness).connect(self.harness, Seat.OWNER)
        return await other.wait_job(job_id, timeout=timeout)


class AddsAProgramForEachCall(Broken):
    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        return await self.inner.add_program(spec, source, key=self.harness.key())


class TidiesSources(Broken):
    async def program_source(self, program_id: str) -> bytes:
        return (await self.inner.program_source(program_id)).replace(b"\r\n", b"\n")


class UpdatesEverything(Broken):
    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        nothing: dict[str, object] = {}
        await self.inner.update_program(
            program_id, evolve(update, parameters=update.parameters or nothing)
        )


class LeaksPrivatePrograms(Broken):
    async def program(self, program_id: str) -> Program:
        try:
            return await self.inner.program(program_id)
        except ProgramNotFoundError:
            owner = await type(self.harness).connect(self.harness, Seat.OWNER)
            return await owner.program(program_id)


class PublishesNothing(Broken):
    async def publish_program(self, program_id: str, *, public: bool) -> None:
        await self.inner.program(program_id)


class KeepsDeletedPrograms(Broken):
    async def delete_program(self, program_id: str) -> None:
        await self.inner.program(program_id)


class ForgetsTheCost(Broken):
    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        return await self.inner.add_program(evolve(spec, cost=600), source, key=key)


class ReadsInterim(Broken):
    def _read(self, page: InterimResults) -> InterimResults:
        return page

    async def interim_results(self, job_id: str, **how: Any) -> InterimResults:
        return self._read(await self.inner.interim_results(job_id, **how))


class ForgetsInterimResultsAtTheEnd(ReadsInterim):
    def _read(self, page: InterimResults) -> InterimResults:
        return evolve(page, results=()) if page.complete else page


class TurnsInterimResultsRound(ReadsInterim):
    def _read(self, page: InterimResults) -> InterimResults:
        return evolve(page, results=page.results[::-1])


class EncodesInterimResultsAnew(ReadsInterim):
    def _read(self, page: InterimResults) -> InterimResults:
        texts = tuple(json.dumps(json.loads(text)).encode() for text in page.results)
        return evolve(page, results=texts)


class ReadsInterimResultsFromTheStart(Broken):
    async def interim_results(self, job_id: str, **how: Any) -> InterimResults:
        page = await self.inner.interim_results(job_id, **{**how, "start": 0})
        return evolve(page, start=how.get("start", 0))


class AnswersInterimReadersAtOnce(Broken):
    async def interim_results(self, job_id: str, **how: Any) -> InterimResults:
        return await self.inner.interim_results(job_id, **{**how, "timeout": 0.0})


class KeepsPrivateInterimResults(ReadsInterim):
    seen: InterimResults | None = None

    def _read(self, page: InterimResults) -> InterimResults:
        self.seen = self.seen or (page if page.results else None)
        return self.seen or page


class WaitsForInterimResultsAlways(Broken):
    async def interim_results(self, job_id: str, **how: Any) -> InterimResults:
        return await self.inner.interim_results(job_id, **{**how, "timeout": None})


PROMISES = [
    (IgnoresKeys, "a_repeated_submission_gives_the_first_job_and_queues_no_second"),
    (TakesAConflictForARepetition, "a_key_used_again_with_other_parameters_is_refused"),
    (TakesAnyKey, "a_key_that_is_none_is_refused_and_nothing_is_queued"),
    (OpensASessionForEachCall, "a_repeated_opening_gives_the_first_session"),
    (CountsThePageOnly, "pages_of_jobs_tile_the_list_and_each_tells_the_total"),
    (IgnoresTheOffset, "pages_of_jobs_tile_the_list_and_each_tells_the_total"),
    (ListsOldestFirst, "sessions_are_listed_newest_first_unless_told_otherwise"),
    (FindsJobsByAnyOfTheTags, "jobs_are_found_by_all_of_some_tags"),
    (ForgetsTags, "setting_tags_replaces_them_and_nothing_else"),
    (LeaksJobs, "another_instance_s_job_is_not_found"),
    (GivesResultsEarly, "a_job_has_no_result_before_its_end"),
    (EncodesResultsAnew, "a_result_comes_back_byte_by_byte"),
    (EncodesParametersAnew, "parameters_come_back_byte_by_byte"),
    (GivesPrivateResultsAgain, "a_private_job_gives_its_result_once"),
    (IgnoresTimeouts, "a_timeout_of_zero_asks_once"),
    (CancelsTheJobWithTheWait, "giving_up_a_wait_stops_nothing_but_the_wait"),
    (CancelsEndedJobsSilently, "a_job_that_has_ended_cannot_be_cancelled_and_stays_as_it_was"),
    (KeepsDeletedJobs, "a_deleted_job_is_gone_with_everything"),
    (KeepsLogsOfDeletedJobs, "a_deleted_job_is_gone_with_everything"),
    (DrainsByCancelling, "the_jobs_of_a_drained_session_still_run_the_queued_ones_too"),
    (CancelsByDraining, "the_queued_jobs_of_a_cancelled_session_do_not_run"),
    (LeavesJobsOutOfTheirSession, "a_job_of_a_session_says_so"),
    (ForgetsTheMaxTtl, "max_ttl_counts_from_the_start_of_the_first_job"),
    (ForgetsTheInteractiveTtl, "a_session_without_jobs_turns_inactive_after_its_interactive_ttl"),
    (ForgetsTheTimeLimit, "a_job_that_needs_longer_than_it_may_is_stopped"),
    (RunsOnSomeOtherBackend, "a_job_for_an_unknown_backend_is_refused_without_a_trace"),
    (StaysOpen, "a_closed_transport_says_so_whatever_it_is_asked"),
    (AddsAProgramForEachCall, "a_repeated_upload_gives_the_first_program_and_adds_no_second"),
    (TidiesSources, "a_source_comes_back_byte_by_byte"),
    (UpdatesEverything, "an_update_changes_what_it_names_and_nothing_else"),
    (LeaksPrivatePrograms, "a_private_program_does_not_exist_for_others"),
    (PublishesNothing, "a_published_program_is_seen_by_all_and_changed_by_its_owner_alone"),
    (KeepsDeletedPrograms, "a_deleted_program_is_gone"),
    (ForgetsTheCost, "a_job_of_a_program_has_its_cost_as_time_limit"),
    (ForgetsInterimResultsAtTheEnd, "a_late_reader_gets_all_interim_results_each_once"),
    (TurnsInterimResultsRound, "interim_results_come_byte_by_byte_and_in_order"),
    (EncodesInterimResultsAnew, "interim_results_come_byte_by_byte_and_in_order"),
    (ReadsInterimResultsFromTheStart, "interim_results_are_read_from_any_position"),
    (AnswersInterimReadersAtOnce, "a_reader_is_woken_by_what_is_published"),
    (KeepsPrivateInterimResults, "what_a_private_job_has_published_goes_with_its_result"),
    (WaitsForInterimResultsAlways, "a_reader_who_does_not_wait_gets_what_there_is"),
    (LeavesWaitsAlone, "closing_the_transport_ends_every_wait"),
]


def settle(harness: Harness, wrapper: type[Broken], promise: str) -> None:
    """Hold the platform behind a wrapper to one promise."""
    sound = harness.connect

    async def connect(seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return cast("RuntimeTransport", wrapper(await sound(seat), harness))

    harness.connect = connect  # type: ignore[method-assign]
    getattr(TransportContract(), f"test_{promise}")(harness)


@pytest.mark.parametrize(
    ("broken", "promise"), PROMISES, ids=[broken.__name__ for broken, _ in PROMISES]
)
def test_the_kit_catches(broken: type[Broken], promise: str, memory_harness: Harness) -> None:
    memory_harness.patience = 0.5  # a wait that never ends is caught too

    with pytest.raises(CAUGHT):
        settle(memory_harness, broken, promise)


@pytest.mark.parametrize("promise", sorted({promise for _, promise in PROMISES}))
def test_a_wrapper_that_breaks_nothing_keeps_the_promise(
    promise: str, memory_harness: Harness
) -> None:
    settle(memory_harness, Broken, promise)
