"""The view: what queries are answered from."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from swqr_core import (
    BackendStatus,
    Job,
    JobQuery,
    JobSpec,
    JobState,
    Payload,
    Principal,
    SessionMode,
    SessionQuery,
    SessionSpec,
    SessionState,
)
from swqr_core.engine import view as view_module
from swqr_core.engine.facts import (
    DeviceStatusSet,
    Fact,
    InstanceCharged,
    JobAccepted,
    JobDeleted,
    JobEnded,
    JobStarted,
    ResultTaken,
    SessionAdvanced,
    SessionCharged,
    SessionOpened,
    TagsSet,
)
from swqr_core.engine.view import View
from swqr_core.errors import JobNotFoundError, SessionNotFoundError
from swqr_core.lifecycle.job import JobEvent
from swqr_core.lifecycle.session import SessionEvent
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId

START = datetime(2026, 1, 1, tzinfo=UTC)
ME = Principal(user="me", instance=InstanceId("mine"))
OTHER = Principal(user="you", instance=InstanceId("theirs"))
PARAMS = Payload.of(b"{}")
BACKEND = BackendName("b")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def accepted(id: str, seconds: float = 0, principal: Principal = ME, **spec: Any) -> JobAccepted:
    return JobAccepted(
        at=at(seconds),
        job_id=JobId(id),
        number=int(seconds) + 1,
        principal=principal,
        spec=JobSpec(**{"program_id": ProgramId("sampler"), "backend": BACKEND, **spec}),
        params=PARAMS,
        time_limit=60,
        key=id,
        content=id,
    )


def started(id: str, seconds: float = 1) -> JobStarted:
    return JobStarted(at=at(seconds), job_id=JobId(id))


def completed(id: str, seconds: float = 2, **more: Any) -> JobEnded:
    return JobEnded(
        at=at(seconds),
        job_id=JobId(id),
        event=JobEvent.COMPLETE,
        state=JobState.COMPLETED,
        **more,
    )


def opened(id: str = "s", **spec: Any) -> SessionOpened:
    values = {"backend": BACKEND, "max_ttl": 3600, "interactive_ttl": 60, "active_ttl": 1000}
    return SessionOpened(
        at=START,
        session_id=SessionId(id),
        principal=ME,
        spec=SessionSpec(**{**values, **spec}),
        key=id,
        content=id,
    )


def advanced(seconds: float, event: SessionEvent, state: SessionState) -> SessionAdvanced:
    return SessionAdvanced(
        at=at(seconds), session_id=SessionId("s"), event=event, state=state, reason="why"
    )


def view_of(*facts: Fact) -> View:
    view = View()
    for fact in facts:
        view.apply(fact)
    return view


def test_a_job_is_seen_through_its_life() -> None:
    view = view_of(accepted("j"))
    states = [view.job(ME, "j").state]
    for fact in (started("j"), completed("j", quantum_seconds=1.5)):
        view.apply(fact)
        states.append(view.job(ME, "j").state)

    job = view.job(ME, "j")
    assert states == [JobState.QUEUED, JobState.RUNNING, JobState.COMPLETED]
    assert (job.created_at, job.running_at, job.ended_at) == (at(0), at(1), at(2))
    assert (job.usage.quantum_seconds, job.usage.final) == (1.5, True)


def test_another_instances_job_is_not_found() -> None:
    with pytest.raises(JobNotFoundError):
        view_of(accepted("j")).job(OTHER, "j")


def test_another_instances_session_is_not_found() -> None:
    with pytest.raises(SessionNotFoundError):
        view_of(opened()).session(OTHER, "s", START)


def test_a_deleted_job_is_gone_from_every_question() -> None:
    view = view_of(
        opened(),
        accepted("j", tags=["t"], session_id=SessionId("s")),
        started("j"),
        completed("j"),
        JobDeleted(at=at(3), job_id=JobId("j")),
    )
    queries = [JobQuery(), JobQuery(tags=["t"]), JobQuery(session_id=SessionId("s"))]

    assert [view.jobs(ME, query).total for query in queries] == [0, 0, 0]
    with pytest.raises(JobNotFoundError):
        view.job(ME, "j")


def test_new_tags_replace_the_old_ones_in_searches() -> None:
    view = view_of(accepted("j", tags=["old"]))
    view.apply(TagsSet(at=at(1), job_id=JobId("j"), tags=("new",)))

    assert view.job(ME, "j").spec.tags == ("new",)
    assert [view.jobs(ME, JobQuery(tags=[tag])).total for tag in ("old", "new")] == [0, 1]


def test_a_taken_result_has_no_address_any_more() -> None:
    view = view_of(accepted("j"), started("j"), completed("j", result=PARAMS))
    view.apply(ResultTaken(at=at(3), job_id=JobId("j")))

    assert view.job(ME, "j").result is None


def test_the_queue_counts_jobs_that_wait_and_no_others() -> None:
    view = view_of(accepted("a"), accepted("b", principal=OTHER), accepted("c"), started("a"))

    assert view.queue_length("b") == 2


def test_a_backends_status_is_the_latest_one() -> None:
    view = view_of(
        DeviceStatusSet(at=START, name=BACKEND, status=BackendStatus.PAUSED, reason="tuning")
    )

    assert view.status("b") == (BackendStatus.PAUSED, "tuning")


def test_active_time_is_used_up_only_while_the_session_is_active() -> None:
    view = view_of(
        opened(),
        advanced(100, SessionEvent.START_JOB, SessionState.BUSY),
        advanced(150, SessionEvent.END_LAST_RUN, SessionState.IDLE),
        advanced(210, SessionEvent.END_INTERACTIVE_TTL, SessionState.INACTIVE),
        advanced(500, SessionEvent.START_JOB, SessionState.BUSY),
    )

    left = {seconds: view.session(ME, "s", at(seconds)).active_ttl for seconds in (500, 540)}
    assert left == {500: 890, 540: 850}


def test_a_session_keeps_its_first_start_and_its_latest_activation() -> None:
    view = view_of(
        opened(),
        advanced(100, SessionEvent.START_JOB, SessionState.BUSY),
        advanced(150, SessionEvent.END_LAST_RUN, SessionState.IDLE),
        advanced(210, SessionEvent.END_INTERACTIVE_TTL, SessionState.INACTIVE),
        advanced(500, SessionEvent.START_JOB, SessionState.BUSY),
    )
    session = view.session(ME, "s", at(600))

    assert (session.started_at, session.activated_at) == (at(100), at(500))
    assert [step.state.value for step in session.steps] == [
        "open",
        "busy",
        "idle",
        "inactive",
        "busy",
    ]


def test_usage_of_a_session_is_told_once_it_is_final() -> None:
    view = view_of(opened())
    told: list[float | None] = []
    for seconds, final in ((5.0, False), (2.0, True)):
        view.apply(
            SessionCharged(at=START, session_id=SessionId("s"), seconds=seconds, final=final)
        )
        told.append(view.session(ME, "s", START).usage_seconds)

    assert told == [None, 7.0]


def test_sessions_are_found_by_mode_state_and_backend() -> None:
    view = view_of(opened("s"), opened("t", mode="batch"), opened("u", backend=BackendName("c")))
    view.apply(advanced(1, SessionEvent.CANCEL, SessionState.CLOSED))

    def ids(**query: Any) -> list[str]:
        return [s.id for s in view.sessions(ME, SessionQuery(**query), START)]

    assert ids() == ["u", "t", "s"]
    assert ids(mode=SessionMode.BATCH) == ["t"]
    assert ids(states=[SessionState.CLOSED]) == ["s"]
    assert ids(backend=BackendName("c")) == ["u"]
    assert ids(newest_first=False, limit=1, offset=1) == ["t"]


def test_only_charges_inside_the_window_count() -> None:
    view = view_of(
        *(InstanceCharged(at=at(s), instance=ME.instance, seconds=float(s)) for s in (1, 10, 100))
    )

    assert view.consumed(ME.instance, at(10)) == 110
    assert view.consumed(OTHER.instance, START) == 0


WORDS = st.sampled_from(["sampler", "estimator"])
TAGS = st.lists(st.sampled_from(["red", "green", "blue"]), max_size=2, unique=True)
STAGES = st.sampled_from([JobState.QUEUED, JobState.RUNNING, JobState.COMPLETED])


@given(
    jobs=st.lists(
        st.tuples(WORDS, st.sampled_from("bc"), TAGS, STAGES, st.booleans(), st.booleans()),
        max_size=12,
    ),
    query=st.builds(
        JobQuery,
        states=st.sets(STAGES, max_size=2),
        program_id=st.none() | WORDS,
        backend=st.none() | st.sampled_from("bc"),
        session_id=st.none() | st.just("s"),
        tags=TAGS,
        created_after=st.none() | st.integers(0, 12).map(at),
        created_before=st.none() | st.integers(0, 12).map(at),
        newest_first=st.booleans(),
        limit=st.integers(1, 5),
        offset=st.integers(0, 5),
    ),
)
def test_a_page_holds_what_looking_at_every_job_would_find(
    jobs: Sequence[tuple[str, str, list[str], JobState, bool, bool]], query: JobQuery
) -> None:
    view = view_of(opened())
    everything: list[Job] = []
    for number, (program, backend, tags, stage, inside, deleted) in enumerate(jobs):
        name = f"j-{number}"
        session = SessionId("s") if inside else None
        view.apply(
            accepted(
                name, number, program_id=program, backend=backend, tags=tags, session_id=session
            )
        )
        if stage is not JobState.QUEUED:
            view.apply(started(name, number))
        if stage is JobState.COMPLETED:
            view.apply(completed(name, number))
            if deleted:
                view.apply(JobDeleted(at=at(number), job_id=JobId(name)))
                continue
        everything.append(view.job(ME, name))

    matching = [
        job
        for job in everything
        if (not query.states or job.state in query.states)
        and query.program_id in (None, job.spec.program_id)
        and query.backend in (None, job.spec.backend)
        and query.session_id in (None, job.spec.session_id)
        and set(query.tags) <= set(job.spec.tags)
        and (query.created_after is None or job.created_at >= query.created_after)
        and (query.created_before is None or job.created_at <= query.created_before)
    ]
    if query.newest_first:
        matching.reverse()
    page = view.jobs(ME, query)

    assert page.total == len(matching)
    assert list(page) == matching[query.offset : query.offset + query.limit]
    assert len(view.jobs(OTHER, query)) == 0


def test_where_nearly_all_jobs_were_deleted_the_others_are_found_by_their_time() -> None:
    view = View()
    for number in range(1_500):
        view.apply(accepted(f"j{number}", number))
        view.apply(started(f"j{number}", number))
        view.apply(completed(f"j{number}", number))
    for number in range(1_500):
        if number % 100:
            view.apply(JobDeleted(at=at(2_000), job_id=JobId(f"j{number}")))
    query = JobQuery(created_after=at(250), created_before=at(600), newest_first=False)

    assert [job.id for job in view.jobs(ME, query)] == ["j300", "j400", "j500", "j600"]


def test_however_many_pages_are_asked_for_everything_is_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []
    for name in ("conditions", "session_matches"):
        real = getattr(view_module, name)

        def look(*given: Any, name: str = name, real: Any = real) -> Any:
            looks.append(name)
            return real(*given)

        monkeypatch.setattr(view_module, name, look)
    view = view_of(*(accepted(f"j{n}", n) for n in range(20)), opened())
    pages = [
        view.jobs(ME, JobQuery(backend=BACKEND, limit=2, offset=2 * n, newest_first=False))
        for n in range(10)
    ]
    for _ in range(10):
        view.sessions(ME, SessionQuery(), START)

    assert [job.id for page in pages for job in page] == [f"j{n}" for n in range(20)]
    assert looks == ["conditions", "session_matches"]


def test_what_happens_between_two_pages_is_on_the_second() -> None:
    view = view_of(opened(), *(accepted(f"j{n}", n) for n in range(3)))
    query, all_sessions = JobQuery(backend=BACKEND, limit=2, newest_first=False), SessionQuery()
    view.jobs(ME, query)
    view.sessions(ME, all_sessions, START)
    for fact in (
        accepted("j3", 3), started("j2"), advanced(1, SessionEvent.START_JOB, SessionState.BUSY)
    ):  # fmt: skip
        view.apply(fact)

    page = view.jobs(ME, evolve(query, offset=2))
    assert [(job.id, job.state.value) for job in page] == [("j2", "running"), ("j3", "queued")]
    assert page.total == 4
    (session,) = view.sessions(ME, all_sessions, START)
    assert session.state is SessionState.BUSY


def test_the_same_question_of_another_instance_has_its_own_answer() -> None:
    view = view_of(opened(), accepted("j"), accepted("k", 1, OTHER))
    query = JobQuery(backend=BACKEND)

    assert [[job.id for job in view.jobs(who, query)] for who in (ME, OTHER)] == [["j"], ["k"]]
    assert [view.sessions(who, SessionQuery(), START).total for who in (ME, OTHER)] == [1, 0]
