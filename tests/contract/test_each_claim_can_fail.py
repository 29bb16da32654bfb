"""For each claim of the contract there is a transport that breaks it, and it is caught.

``test_broken_transports.py`` has transports that stay broken in more than one way. Those here are
made from small mistakes: a call is answered wrongly, passed on with other arguments, or not at all.
"""

import itertools
import runpy
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve

from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_core import errors
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId
from swqr_core.model.program import InterimResults
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionMode
from swqr_core.model.usage import JobUsage
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Control, Seat, TransportContract
from swqr_core.wrappers import Call, FaultyTransport, TransportWrapper

ELSEWHERE = runpy.run_path(str(Path(__file__).with_name("test_broken_transports.py")))
CAUGHT = (AssertionError, pytest.fail.Exception, errors.SwqrError)

Act = Callable[[], Awaitable[Any]]
Mistake = Callable[["Mistaken", Call, Act], Awaitable[Any]]


class Mistaken(TransportWrapper):
    """Makes one mistake with each call that it is about."""

    def __init__(self, inner: RuntimeTransport, harness: "OwnWire", mistake: Mistake) -> None:
        super().__init__(inner)
        self.harness, self.mistake = harness, mistake

    async def _around(self, call: Call, act: Act) -> Any:
        return await self.mistake(self, call, act)

    async def ask(self, call: Call, **changes: Any) -> Any:
        """Pass a call on with other arguments; functions are applied to the given ones."""
        arguments = dict(call.arguments)
        for name, change in changes.items():
            arguments[name] = change(arguments[name]) if callable(change) else change
        return await getattr(self.inner, call.method)(**arguments)


# --- kinds of mistakes ---------------------------------------------------------------------------


def about(methods: str, mistake: Mistake) -> Mistake:
    async def around(transport: Mistaken, call: Call, act: Act) -> Any:
        return await (mistake(transport, call, act) if call.method in methods.split() else act())

    return around


def answers(methods: str, change: Callable[[Any], Any]) -> Mistake:
    """Change the answer."""

    async def mistake(_: Mistaken, __: Call, act: Act) -> Any:
        return change(await act())

    return about(methods, mistake)


def tells(methods: str, **fields: Any) -> Mistake:
    """Give the answer some wrong fields; those of a page to each of its items."""

    def change(answer: Any) -> Any:
        if hasattr(answer, "items"):
            return evolve(answer, items=tuple(evolve(item, **fields) for item in answer.items))
        return evolve(answer, **fields)

    return answers(methods, change)


def asks(methods: str, **changes: Any) -> Mistake:
    """Ask with other arguments."""
    return about(methods, lambda transport, call, _: transport.ask(call, **changes))


def asks_for(methods: str, argument: str, **fields: Any) -> Mistake:
    """Ask with other fields of an argument."""
    return asks(methods, **{argument: lambda value: evolve(value, **fields)})


def says(methods: str, answer: Any = None) -> Mistake:
    """Ask nothing, and answer always the same, or raise it."""

    async def mistake(_: Mistaken, __: Call, ___: Act) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return about(methods, mistake)


def forgives(methods: str, *kinds: type[Exception], then: Any = None) -> Mistake:
    """Take a refusal for success."""

    async def mistake(_: Mistaken, __: Call, act: Act) -> Any:
        try:
            return await act()
        except kinds:
            return then

    return about(methods, mistake)


def retells(methods: str, kind: type[Exception], error: Exception) -> Mistake:
    """Take one refusal for another one."""

    async def mistake(_: Mistaken, __: Call, act: Act) -> Any:
        try:
            return await act()
        except kind:
            raise error from None

    return about(methods, mistake)


def asks_the_owner(methods: str) -> Mistake:
    """Do for a stranger what only the owner may."""

    async def mistake(transport: Mistaken, call: Call, _: Act) -> Any:
        owner = await MemoryHarness.connect(transport.harness, Seat.OWNER)
        return await getattr(owner, call.method)(**call.arguments)

    return about(methods, mistake)


def changes_with_time(methods: str, field: str) -> Mistake:
    """Say something else each time."""
    count = 0

    def change(answer: Any) -> Any:
        nonlocal count
        count += 1
        return evolve(answer, **{field: (getattr(answer, field) or 0) + count})

    return answers(methods, change)


def only_once(methods: str, error: Exception) -> Mistake:
    """Fail the second time."""
    seen: list[str] = []

    async def mistake(_: Mistaken, call: Call, act: Act) -> Any:
        if call.method in seen:
            raise error
        seen.append(call.method)
        return await act()

    return about(methods, mistake)


# --- mistakes of their own -----------------------------------------------------------------------


async def draining_twice_cancels(transport: Mistaken, call: Call, act: Act) -> Any:
    if call.method == "drain_session":
        if call.handle in vars(transport):
            return await transport.inner.cancel_session(call.handle)
        vars(transport)[call.handle] = True
    return await act()


def refuses_for_closed_sessions(method: str) -> Mistake:
    async def mistake(transport: Mistaken, call: Call, act: Act) -> Any:
        if (await transport.inner.session(call.handle)).state is SessionState.CLOSED:
            raise errors.StateConflictError("it is closed")
        return await act()

    return about(method, mistake)


async def cancels_running_jobs_too(transport: Mistaken, call: Call, act: Act) -> Any:
    if call.method == "cancel_session":
        for job in await transport.inner.jobs(JobQuery(session_id=call.handle)):  # type: ignore[arg-type]
            if not job.state.ended:
                await transport.inner.cancel_job(job.id)
    return await act()


async def deletes_all_that_has_ended(transport: Mistaken, call: Call, act: Act) -> Any:
    if call.method == "delete_job":
        for job in await transport.inner.jobs(JobQuery()):
            await transport.inner.delete_job(job.id)
        return None
    return await act()


async def burns_the_keys_of_refused_submissions(transport: Mistaken, call: Call, act: Act) -> Any:
    if call.method != "submit":
        return await act()
    if call.handle in vars(transport):
        raise errors.IdempotencyConflictError(call.handle, "nothing")
    try:
        return await act()
    except errors.SwqrError:
        vars(transport)[call.handle] = True
        raise


async def mixes_instances_up(transport: Mistaken, call: Call, act: Act) -> Any:
    made = vars(transport.harness).setdefault("made", {})
    if call.method == "submit":
        if call.handle not in made:
            made[call.handle] = await act()
        return made[call.handle]
    return await act()


async def refuses_long_keys(_: Mistaken, call: Call, act: Act) -> Any:
    if len(call.handle) > 40:
        raise errors.InvalidInputError("key", "is too long")
    return await act()


async def moves_jobs_to_their_session_s_backend(transport: Mistaken, call: Call, act: Act) -> Any:
    spec: Any = call.arguments.get("spec")
    if call.method == "submit" and spec.session_id is not None:
        session = await transport.inner.session(spec.session_id)
        return await transport.ask(call, spec=evolve(spec, backend=session.backend))
    return await act()


async def gives_some_job_beyond_the_limit(transport: Mistaken, call: Call, act: Act) -> Any:
    try:
        return await act()
    except errors.LimitExceededError:
        return (await transport.inner.jobs(JobQuery())).items[0]


class CanMoreThanItSays(Mistaken):
    @property
    def capabilities(self) -> Any:
        return evolve(super().capabilities, logs=False)


class ForgetsWhoItIs(Mistaken):
    closed = False

    @property
    def principal(self) -> Any:
        principal = super().principal
        return evolve(principal, user="nobody") if self.closed else principal

    async def aclose(self) -> None:
        self.closed = True
        await super().aclose()


class ClosesOnce(Mistaken):
    async def aclose(self) -> None:
        self.inner_is_open = not vars(self).get("inner_is_open", False)
        if not self.inner_is_open:
            raise errors.ClosedError("it")
        await super().aclose()


class TakesItsWorkAlong(Mistaken):
    async def aclose(self) -> None:
        for job in await self.inner.jobs(JobQuery()):
            await self.inner.delete_job(job.id)
        await super().aclose()


# --- one for each claim --------------------------------------------------------------------------

DONE, RUNNING, QUEUED = JobState.COMPLETED, JobState.RUNNING, JobState.QUEUED
NOT_FOUND = errors.NotFoundError
ENDS = "job wait_job"
REVERSED = lambda page: evolve(page, items=page.items[::-1])  # noqa: E731
COUNTER = itertools.count()
IGNORES_KEYS = asks("submit", key=lambda key: f"{key[:20]}{next(COUNTER)}")
IGNORES_OPENING_KEYS = asks("open_session", key=lambda key: f"{key[:20]}{next(COUNTER)}")
UNKNOWN = errors.OutcomeUnknownError("memory", "submit", "another key")

MISTAKES: dict[str, Any] = {
    # backends
    "backends_are_listed_by_name_each_once": answers("backends", lambda found: found[::-1]),
    "a_backend_is_found_as_it_is_listed": tells("backend", num_qubits=3),
    "an_unknown_backend_is_not_found_and_near_names_are_told": retells(
        "backend", NOT_FOUND, errors.BackendNotFoundError("ideal_5_x", [])
    ),
    "a_configuration_is_a_json_object_about_the_backend": says(
        "backend_configuration", b'{"backend_name": "another", "n_qubits": 5}'
    ),
    "properties_are_a_json_object_or_none": says("backend_properties", b"[]"),
    "defaults_are_a_json_object_or_none": says("backend_defaults", b"[]"),
    "an_unknown_backend_has_no_documents": forgives("backend_defaults", NOT_FOUND),
    "an_unknown_calibration_is_invalid_input": asks("backend_configuration", calibration_id=None),
    "a_backend_out_of_service_says_so_until_it_is_back": tells(
        "backend", status=BackendStatus.ONLINE
    ),
    "the_queue_length_counts_the_jobs_that_wait": tells("backend", queue_length=0),
    "jobs_wait_while_their_backend_is_out_of_service": tells("job", state=RUNNING),
    "jobs_that_waited_run_when_their_backend_is_back": tells("wait_job", state=JobState.FAILED),
    "what_runs_on_a_backend_goes_on_when_it_leaves_service": tells(
        "wait_job", state=JobState.FAILED
    ),
    # sessions
    "a_new_session_is_open_and_takes_jobs": tells("open_session session", accepting_jobs=False),
    "a_new_batch_is_open_and_takes_jobs": asks_for(
        "open_session", "spec", mode=SessionMode.DEDICATED
    ),
    "a_session_is_found_as_it_was_opened": tells("session", max_ttl=1),
    "a_session_has_the_ttls_that_were_asked_for": asks_for(
        "open_session", "spec", interactive_ttl=None
    ),
    "a_session_is_busy_while_one_of_its_jobs_runs": tells("session", state=SessionState.IDLE),
    "the_steps_of_a_session_lead_in_order_to_its_state": answers(
        "session", lambda session: evolve(session, steps=session.steps[::-1])
    ),
    "a_drained_session_without_jobs_closes_at_once": says("drain_session"),
    "a_drained_session_with_jobs_takes_no_more_and_stays": says("drain_session"),
    "a_drained_session_closes_after_its_last_job": tells("session", state=SessionState.DRAINING),
    "draining_again_changes_nothing": draining_twice_cancels,
    "draining_a_closed_session_changes_nothing": refuses_for_closed_sessions("drain_session"),
    "a_cancelled_session_is_closed_and_takes_no_jobs": says("cancel_session"),
    "the_running_jobs_of_a_cancelled_session_finish": cancels_running_jobs_too,
    "cancelling_a_closed_session_changes_nothing": refuses_for_closed_sessions("cancel_session"),
    "a_session_s_usage_is_told_once_it_is_settled": tells("session", usage_seconds=None),
    "a_dedicated_session_has_its_backend_to_itself_while_active": tells("job", state=RUNNING),
    # time limits of sessions
    "a_session_that_has_reached_its_max_ttl_takes_no_jobs": asks_for(
        "open_session", "spec", max_ttl=None
    ),
    "at_max_ttl_running_jobs_finish_and_queued_ones_do_not_run": tells("wait_job", state=DONE),
    "the_interactive_ttl_does_not_run_while_a_job_runs": tells("session", state=SessionState.IDLE),
    "the_interactive_ttl_starts_anew_with_each_job": tells("session", state=SessionState.INACTIVE),
    "a_job_wakes_an_inactive_session": tells("session", state=SessionState.INACTIVE),
    "an_inactive_session_leaves_its_backend_to_others": asks_for(
        "open_session", "spec", interactive_ttl=None
    ),
    "an_inactive_session_closes_at_its_max_ttl": asks_for("open_session", "spec", max_ttl=None),
    "active_ttl_counts_active_time_alone": asks_for("open_session", "spec", active_ttl=None),
    "a_session_without_any_job_closes_at_the_idle_open_limit": tells(
        "session", state=SessionState.OPEN
    ),
    "closed_stays_closed": tells("session", closed_at=None),
    "a_dedicated_session_is_charged_for_its_active_time": tells("session", usage_seconds=0.0),
    "a_drained_session_still_reaches_its_max_ttl": asks_for("open_session", "spec", max_ttl=None),
    # lists of sessions
    "a_listed_session_is_the_session_itself": tells("sessions", max_ttl=1),
    "pages_of_sessions_tile_the_list_and_each_tells_the_total": asks_for(
        "sessions", "query", offset=0
    ),
    "sessions_are_found_by_their_state": asks_for("sessions", "query", states=()),
    "sessions_and_batches_are_told_apart": asks_for("sessions", "query", mode=None),
    "sessions_are_found_by_their_backend": asks_for("sessions", "query", backend=None),
    "sessions_are_found_by_when_they_were_opened_ends_included": asks_for(
        "sessions", "query", created_after=None
    ),
    # jobs
    "a_submitted_job_is_found_with_all_that_it_was_submitted_with": answers(
        "job", lambda job: evolve(job, spec=evolve(job.spec, log_level="warning"))
    ),
    "a_job_has_the_time_limit_that_was_asked_for": tells("job", time_limit=1),
    "a_submitted_job_is_queued": tells("submit", state=RUNNING),
    "equal_jobs_with_different_keys_are_two": asks("submit", key="always the same"),
    "parameters_are_there_in_every_state": says("params", b"{}"),
    "a_job_that_runs_says_since_when": tells("job", running_at=None),
    "a_job_that_has_not_ended_cannot_be_deleted": forgives("delete_job", errors.JobNotEndedError),
    "a_job_keeps_as_many_tags_as_users_may_give": answers(
        "job", lambda job: evolve(job, spec=evolve(job.spec, tags=job.spec.tags[:7]))
    ),
    "jobs_are_searched_by_their_present_tags": says("set_tags"),
    "tags_can_be_taken_away": says("set_tags"),
    "too_many_tags_are_refused_and_the_old_ones_stay": forgives(
        "set_tags", errors.InvalidInputError
    ),
    "a_tag_that_is_too_long_is_refused_and_the_old_ones_stay": forgives(
        "set_tags", errors.InvalidInputError
    ),
    # ends of jobs
    "the_times_of_a_job_are_in_order": answers(
        ENDS,
        lambda job: (
            evolve(job, ended_at=job.created_at, created_at=job.ended_at)
            if job.ended_at != job.created_at
            else evolve(job, ended_at=None)
        ),
    ),
    "a_job_has_used_what_its_execution_says": tells(ENDS, usage=JobUsage()),
    "a_failed_job_says_why_and_shows_its_traceback": tells(ENDS, reason=None),
    "a_failed_job_may_have_no_result": answers("result", lambda result: result or b"{}"),
    "a_job_that_needs_just_what_it_may_completes": asks(
        "submit", spec=lambda spec: evolve(spec, max_execution_time=spec.max_execution_time - 1)
    ),
    "an_ended_job_s_log_is_what_its_program_said": says("logs", ""),
    "a_job_that_never_ran_has_an_empty_log": says("logs", "nothing"),
    "metrics_agree_with_the_job": tells("metrics", created_at=datetime(2025, 1, 1, tzinfo=UTC)),
    "a_cancelled_queued_job_never_runs": says("cancel_job"),
    "a_cancelled_running_job_stops_and_has_no_result": says("cancel_job"),
    "a_cancelled_job_leaves_the_backend_to_the_next": says("cancel_job"),
    "a_job_is_cancelled_once": forgives("cancel_job", errors.JobEndedError),
    "deleting_a_job_leaves_equal_ones_alone": deletes_all_that_has_ended,
    # lists of jobs
    "a_listed_job_is_the_job_itself": tells("jobs", time_limit=1),
    "jobs_are_listed_newest_first_unless_told_otherwise": asks_for(
        "jobs", "query", newest_first=False
    ),
    "jobs_of_the_same_moment_are_listed_in_one_order_on_every_page": answers("jobs", REVERSED),
    "a_page_that_nothing_matches_is_empty": answers("jobs", lambda page: evolve(page, total=1)),
    "jobs_are_found_by_any_of_some_states": asks_for("jobs", "query", states=()),
    "jobs_are_found_by_their_session": asks_for("jobs", "query", session_id=None),
    "jobs_are_found_by_their_program": asks_for("jobs", "query", program_id=None),
    "jobs_are_found_by_their_backend": asks_for("jobs", "query", backend=None),
    "jobs_are_found_by_when_they_were_accepted_ends_included": asks_for(
        "jobs", "query", created_after=None
    ),
    "a_job_is_found_by_the_key_of_its_submission": asks_for("jobs", "query", key=None),
    # private jobs
    "a_private_job_never_shows_its_parameters": says("params", b'{"secret": 1}'),
    "of_many_who_ask_at_once_one_gets_a_private_result": answers(
        "result", lambda result: result or b"[1]"
    ),
    "a_private_job_can_be_deleted_after_its_result_was_taken": says("delete_job"),
    # waiting
    "waiting_gives_the_job_as_it_ended": tells("wait_job", time_limit=1),
    "waiting_for_a_job_that_has_ended_gives_it_at_once": says(
        "wait_job", errors.WaitTimeoutError("job", "j", 0)
    ),
    "a_wait_ends_with_its_timeout_and_the_job_goes_on": asks(
        "wait_job", timeout=lambda seconds: seconds and seconds / 2
    ),
    "a_job_that_was_given_up_waiting_for_can_be_waited_for_again": only_once(
        "wait_job", errors.ClosedError("it")
    ),
    "everybody_who_waits_for_a_job_gets_it": only_once("wait_job", errors.ClosedError("it")),
    "who_waits_is_woken_by_a_cancellation_too": tells("wait_job", state=DONE),
    "nobody_waits_for_a_job_that_does_not_exist": retells(
        "wait_job", NOT_FOUND, errors.WaitTimeoutError("job", "j", 0)
    ),
    # keys
    "a_repeated_submission_gives_the_job_as_it_is_now": tells("submit", state=QUEUED),
    "submissions_with_one_key_at_once_make_one_job": IGNORES_KEYS,
    "a_key_means_the_same_job_over_every_connection": IGNORES_KEYS,
    "a_key_used_again_with_another_spec_is_refused": IGNORES_KEYS,
    "a_key_still_means_its_job_after_the_tags_were_changed": IGNORES_KEYS,
    "a_refused_submission_leaves_its_key_unused": burns_the_keys_of_refused_submissions,
    "a_key_of_another_instance_is_another_key": mixes_instances_up,
    "a_key_may_be_as_long_as_it_may": refuses_long_keys,
    "a_repeated_opening_gives_the_session_as_it_is_now": tells(
        "open_session", state=SessionState.OPEN
    ),
    "openings_with_one_key_at_once_make_one_session": IGNORES_OPENING_KEYS,
    "a_key_used_again_for_another_session_is_refused": IGNORES_OPENING_KEYS,
    "a_key_that_is_none_opens_no_session": IGNORES_OPENING_KEYS,
    # programs
    "programs_are_listed_by_id_each_once": answers("programs", REVERSED),
    "a_program_is_found_as_it_is_listed": tells("program", owner="somebody else"),
    "an_unknown_program_is_not_found": forgives("program", NOT_FOUND),
    "an_uploaded_program_is_as_it_was_sent": asks_for("add_program", "spec", name="Another"),
    "pages_of_programs_tile_the_list_and_each_tells_the_total": asks_for(
        "programs", "query", offset=0
    ),
    "programs_are_found_by_name_text_and_all_of_some_tags": asks_for(
        "programs", "query", search=""
    ),
    "a_replaced_source_leaves_the_metadata_alone": answers(
        "program", lambda program: evolve(program, spec=evolve(program.spec, name="Another"))
    ),
    "a_built_in_program_cannot_be_changed": forgives(
        "update_program replace_program publish_program delete_program program_source",
        errors.AccessDeniedError,
    ),
    "a_source_that_cannot_be_is_refused": forgives(
        "add_program", errors.InvalidInputError, errors.PayloadTooLargeError
    ),
    "a_job_of_a_program_that_was_deleted_meanwhile_still_runs": says("result"),
    # interim results
    "the_end_of_a_job_ends_the_wait_for_its_interim_results": tells(
        "interim_results", complete=False
    ),
    "a_job_that_publishes_nothing_has_no_interim_results": tells(
        "interim_results", results=(b"1",)
    ),
    "interim_results_of_an_unknown_job_are_not_found": forgives(
        "interim_results", NOT_FOUND, then=InterimResults()
    ),
    "a_deleted_job_s_interim_results_are_gone": forgives(
        "interim_results", NOT_FOUND, then=InterimResults()
    ),
    "another_instance_s_interim_results_are_not_found": asks_the_owner("interim_results"),
    "a_position_that_cannot_be_is_refused": forgives(
        "interim_results", errors.InvalidInputError, then=InterimResults()
    ),
    # the account
    "the_bound_instance_is_among_the_user_s": says("instances", ()),
    "usage_is_that_of_the_bound_instance": tells("usage", instance=InstanceId("crn:other")),
    "a_job_adds_its_quantum_seconds_to_the_usage": tells("usage", consumed_seconds=0.0),
    "a_job_that_never_ran_adds_nothing_to_the_usage": changes_with_time(
        "usage", "consumed_seconds"
    ),
    # other instances
    "another_instance_s_log_is_not_found": asks_the_owner("logs"),
    "another_instance_s_metrics_are_not_found": asks_the_owner("metrics"),
    "another_instance_s_job_cannot_be_tagged": asks_the_owner("set_tags"),
    "another_instance_s_job_cannot_be_deleted": asks_the_owner("delete_job"),
    "another_instance_s_jobs_are_not_listed": asks_the_owner("jobs"),
    "another_instance_s_session_is_not_found": asks_the_owner("session"),
    "nobody_submits_into_another_instance_s_session": asks_the_owner("submit"),
    "another_instance_s_session_has_no_jobs_to_list": asks_the_owner("jobs"),
    "another_instance_s_sessions_are_not_listed": asks_the_owner("sessions"),
    # refusals
    "what_the_capabilities_deny_is_unsupported": CanMoreThanItSays,
    "an_unknown_job_is_not_found": forgives("job", NOT_FOUND),
    "an_unknown_job_has_no_log_no_metrics_and_no_tags": forgives("logs", NOT_FOUND),
    "an_unknown_session_is_not_found": forgives("session", NOT_FOUND),
    "a_job_for_an_unknown_program_is_refused_without_a_trace": asks_for(
        "submit", "spec", program_id="sampler"
    ),
    "a_job_for_an_unknown_session_is_refused_without_a_trace": asks_for(
        "submit", "spec", session_id=None
    ),
    "a_job_on_another_backend_than_its_session_s_is_refused_without_a_trace": (
        moves_jobs_to_their_session_s_backend
    ),
    "a_session_on_an_unknown_backend_is_refused": asks_for(
        "open_session", "spec", backend="ideal_5"
    ),
    "a_job_for_an_unknown_calibration_is_refused_without_a_trace": asks_for(
        "submit", "spec", calibration_id=None
    ),
    "parameters_over_the_limit_are_refused_without_a_trace": asks("submit", params=b"{}"),
    "more_pending_jobs_than_the_plan_allows_are_refused_without_a_trace": (
        gives_some_job_beyond_the_limit
    ),
    "asking_changes_nothing": changes_with_time("job", "queue_position"),
    # races
    "jobs_submitted_at_once_are_all_there_each_with_its_own_parameters": says("params", b"{}"),
    "jobs_that_run_at_once_all_end_each_with_its_own_result": says("result", b"0"),
    "of_many_cancellations_at_once_one_succeeds": forgives("cancel_job", errors.JobEndedError),
    "a_job_that_is_cancelled_while_it_finishes_ends_in_one_way_for_good": says("result", b"[1]"),
    "a_job_submitted_while_its_session_is_drained_runs_or_is_refused": retells(
        "submit", errors.SessionClosedError, errors.InvalidInputError("session", "is closed")
    ),
    # a bad network
    "a_submission_is_there_once_however_often_its_answer_was_lost": IGNORES_KEYS,
    "a_submission_that_was_not_sent_changed_nothing": retells(
        "submit", errors.UnreachableError, UNKNOWN
    ),
    "a_submission_without_an_answer_is_told_as_unknown_with_its_key": retells(
        "submit", errors.OutcomeUnknownError, UNKNOWN
    ),
    "a_session_is_there_once_however_often_its_answer_was_lost": IGNORES_OPENING_KEYS,
    "a_question_without_an_answer_is_unreachable_and_can_be_asked_again": retells(
        "job", errors.UnreachableError, UNKNOWN
    ),
    "a_cancellation_without_an_answer_can_be_asked_for_again": says("cancel_job"),
    "draining_without_an_answer_can_be_asked_for_again": says("drain_session"),
    "a_wait_over_a_bad_network_ends_with_the_job_or_is_unreachable": retells(
        "wait_job", errors.UnreachableError, errors.WaitTimeoutError("job", "j", 0)
    ),
    # the end
    "capabilities_and_principal_never_change": ForgetsWhoItIs,
    "closing_a_closed_transport_is_no_error": ClosesOnce,
    "closing_one_connection_leaves_the_others_and_the_work_alone": TakesItsWorkAlong,
}


class OwnWire(MemoryHarness):
    """The in-memory cloud, behind a wire that can be broken, with a mistake this side of it."""

    controls: ClassVar[frozenset[Control]] = frozenset(Control)
    mistake: Any = None
    patience = 0.5  # a wait that never ends is caught too

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        transport = await super().connect(seat)
        if self.faults is not None:
            transport = FaultyTransport(transport, self.faults, self.clock)
        if self.mistake is None:
            return transport
        if not isinstance(self.mistake, type):
            return Mistaken(transport, self, self.mistake)
        made: RuntimeTransport = self.mistake(transport, self, says(""))
        return made


@pytest.mark.parametrize("promise", MISTAKES)
def test_the_claim_catches_who_breaks_it(promise: str) -> None:
    harness = OwnWire()
    harness.mistake = MISTAKES[promise]

    with pytest.raises(CAUGHT):
        getattr(TransportContract(), f"test_{promise}")(harness)


@pytest.mark.parametrize("promise", MISTAKES)
def test_the_claim_is_kept_without_the_mistake(promise: str) -> None:
    if promise == "what_the_capabilities_deny_is_unsupported":
        pytest.skip("the in-memory cloud denies nothing")
    harness = OwnWire()
    harness.patience = 30

    getattr(TransportContract(), f"test_{promise}")(harness)


def test_no_claim_is_without_a_transport_that_breaks_it() -> None:
    claims = {name[5:] for name in dir(TransportContract) if name.startswith("test_")}
    broken = {promise for _, promise in ELSEWHERE["PROMISES"]}

    assert claims - broken - set(MISTAKES) == set()
    assert set(MISTAKES) - claims == set()
