"""Every station of a session's life, as an unmodified client sees it; each job takes two hours."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, SamplerV2, Session
from qiskit_ibm_runtime.exceptions import (
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

HOUR = 3600.0
LANES = 5  # jobs of one session that run side by side
RUNNING = "In progress, accepting new jobs"
REFUSED = (IBMRuntimeError, RuntimeError)

CLOUD = "memory://?seed=7&noise=off&workers=1&clock=virtual&pace=real&job_seconds=7200"


@pytest.fixture(scope="module")
def stage(folder: Any, serve: Any, lead: Any) -> Iterator[Any]:
    """A server whose time passes when told to; stopping it waits for no job."""
    with serve(CLOUD, folder(), "--grace", "0") as found, lead(found.url):
        yield found


@pytest.fixture(scope="module")
def service(stage: Any) -> Any:
    return QiskitRuntimeService(
        channel="ibm_quantum_platform", token=stage.token, instance=stage.crn
    )


@pytest.fixture(autouse=True)
def _afresh(stage: Any) -> None:
    stage.control("POST", "/reset")


@pytest.fixture
def advance(stage: Any) -> Callable[[float], None]:
    def pass_time(seconds: float) -> None:
        stage.control("POST", "/clock/advance", {"seconds": seconds})

    return pass_time


@pytest.fixture(scope="module")
def backend(service: Any) -> Any:
    return service.backend("ibm_manila")


@pytest.fixture(scope="module")
def submit(backend: Any, make_bell: Any) -> Callable[[Any], Any]:
    """Submit a job of two hours in a mode."""
    bell = make_bell(backend)
    return lambda mode: SamplerV2(mode=mode).run([bell], shots=5)


def told(job: Any) -> str:
    """Return a job's status as releases of all ages spell it."""
    return str(job.status()).rpartition(".")[2]


def becomes(job: Any, status: str) -> bool:
    """Poll a job, as the client itself does; the server's time stands still meanwhile."""
    for _ in range(600):
        if told(job) == status:
            return True
        time.sleep(0.05)  # noqa: TID251 - a server in another process tells nobody
    return False


def test_a_session_behind_another_is_pending(backend: Any, submit: Any, advance: Any) -> None:
    first, second = Session(backend=backend), Session(backend=backend)
    begun = submit(first)
    assert becomes(begun, "RUNNING")
    waiting = submit(second)

    seen = [(first.status(), told(begun)), (second.status(), told(waiting))]
    first.close()
    advance(2 * HOUR)
    assert becomes(waiting, "RUNNING")
    seen.append((second.status(), told(waiting)))

    assert seen == [(RUNNING, "RUNNING"), ("Pending", "QUEUED"), (RUNNING, "RUNNING")]
    assert first.status() == "Closed"


@pytest.mark.parametrize("kind", [Session, Batch])
def test_an_inactive_session_wakes_up_for_another_job(
    backend: Any, submit: Any, advance: Any, kind: Any
) -> None:
    session = kind(backend=backend)
    done = submit(session)
    assert becomes(done, "RUNNING")
    advance(2 * HOUR)
    assert becomes(done, "DONE")

    states = [session.details()["state"]]
    advance(session.details()["interactive_timeout"])
    states.append(session.details()["state"])
    assert session.status() == "Pending"
    again = submit(session)
    assert becomes(again, "RUNNING")
    states.append(session.details()["state"])

    assert states == ["active", "inactive", "active"]
    assert session.details()["accepting_jobs"] is True


def test_at_its_max_time_a_session_fails_what_is_queued(
    backend: Any, submit: Any, advance: Any
) -> None:
    session = Session(backend=backend, max_time="3h")
    jobs = [submit(session) for _ in range(2 * LANES + 1)]
    assert all(becomes(job, "RUNNING") for job in jobs[:LANES])
    advance(2 * HOUR)
    assert all(becomes(job, "RUNNING") for job in jobs[LANES : 2 * LANES])

    advance(1 * HOUR)

    assert session.status() == "Closed"
    assert becomes(jobs[-1], "ERROR")
    with pytest.raises(RuntimeJobFailureError, match="1217"):
        jobs[-1].result()
    advance(1 * HOUR)
    assert [sum(job.result()[0].data.meas.get_counts().values()) for job in jobs[:-1]] == (
        [5] * 2 * LANES
    )
    with pytest.raises(REFUSED, match="clos"):
        submit(session)


def test_a_drained_session_refuses_jobs_and_runs_what_it_has(
    backend: Any, submit: Any, advance: Any
) -> None:
    session = Session(backend=backend)
    jobs = [submit(session) for _ in range(LANES + 1)]
    assert becomes(jobs[0], "RUNNING")

    session.close()

    assert session.status() == "In progress, not accepting new jobs"
    with pytest.raises(REFUSED):
        submit(session)
    assert told(jobs[-1]) == "QUEUED"
    advance(2 * HOUR)
    assert becomes(jobs[-1], "RUNNING")
    advance(2 * HOUR)
    assert all(becomes(job, "DONE") for job in jobs)
    assert session.status() == "Closed"


def test_a_cancelled_session_ends_at_once_but_for_what_runs(
    service: Any, backend: Any, submit: Any, advance: Any
) -> None:
    session = Session(backend=backend)
    jobs = [submit(session) for _ in range(LANES + 1)]
    assert all(becomes(job, "RUNNING") for job in jobs[:LANES])

    session.cancel()

    with pytest.raises(RuntimeJobFailureError, match="1217"):
        jobs[-1].result()
    with pytest.raises(REFUSED):
        submit(session)
    assert service.job(jobs[0].job_id()).session_id == session.session_id
    advance(2 * HOUR)
    assert all(becomes(job, "DONE") for job in jobs[:LANES])
    assert session.details()["state"] == "closed"


def test_a_queued_job_is_cancelled_alone(backend: Any, submit: Any) -> None:
    session = Session(backend=backend)
    running, *queued = [submit(session) for _ in range(LANES + 2)]
    assert becomes(running, "RUNNING")

    queued[-1].cancel()

    assert told(queued[-1]) == "CANCELLED"
    with pytest.raises(RuntimeInvalidStateError):
        queued[-1].result()
    with pytest.raises(RuntimeInvalidStateError):
        queued[-1].cancel()
    assert told(queued[-2]) == "QUEUED"
    assert session.status() == RUNNING


def test_a_session_that_nobody_uses_closes_after_half_an_hour(
    backend: Any, submit: Any, advance: Any
) -> None:
    session = Session(backend=backend)
    assert session.status() == "Pending"

    advance(HOUR / 2)

    assert session.status() == "Closed"
    with pytest.raises(REFUSED):
        submit(session)


@pytest.mark.parametrize("kind", [Session, Batch])
def test_it_is_found_again_in_the_middle_of_its_life(
    service: Any, backend: Any, submit: Any, advance: Any, kind: Any
) -> None:
    session = kind(backend=backend, max_time="5h")
    assert becomes(submit(session), "RUNNING")
    advance(2 * HOUR)

    again = kind.from_id(session.session_id, service)

    details = again.details()
    assert (details["id"], details["max_time"]) == (session.session_id, 5 * HOUR)
    assert becomes(submit(again), "RUNNING")
    again.close()
    advance(2 * HOUR)
    assert session.status() == "Closed"
    assert session.usage() >= 4 * HOUR


def test_a_closed_session_takes_no_job_from_its_finder(
    service: Any, backend: Any, submit: Any
) -> None:
    session = Session(backend=backend)
    session.close()

    again = Session.from_id(session.session_id, service)

    with pytest.raises(REFUSED):
        submit(again)
