"""Sessions, batches and jobs from their beginning to their end."""

import copy
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
    RuntimeJobTimeoutError,
)

from swqr_adapters.facade import Batch, SamplerV2, Session

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class:DeprecationWarning")

CALLBACK_SECONDS = 60.0


def shots(job: Any) -> int:
    return sum(job.result()[0].data.meas.get_counts().values())


class TestSessions:
    def test_a_session_goes_from_pending_to_closed(self, ideal: Any, bell: Any) -> None:
        session = Session(ideal, max_time="10m")
        said = [session.status()]
        SamplerV2(mode=session).run([bell], shots=8).result()
        said.append(session.status())
        session.close()
        said.append(session.status())

        assert said == ["Pending", "In progress, accepting new jobs", "Closed"]

    def test_its_details_tell_its_life(self, ideal: Any, bell: Any) -> None:
        with Session(ideal, max_time=600) as session:
            SamplerV2(mode=session).run([bell], shots=8).result()

        details = session.details()

        assert details is not None
        assert details["max_time"] == 600
        assert (details["mode"], details["backend_name"]) == ("dedicated", "ideal_5")
        assert (details["state"], details["accepting_jobs"]) == ("closed", False)
        assert details["started_at"] <= details["last_job_completed"] <= details["closed_at"]
        usage = session.usage()
        assert usage is not None
        assert usage > 0

    @pytest.mark.parametrize("kind", [Session, Batch, official.Session, official.Batch])
    def test_it_is_found_again_by_its_id(
        self, service: Any, ideal: Any, bell: Any, kind: Any
    ) -> None:
        first = kind(ideal)

        again = kind.from_id(first.session_id, service)

        job = SamplerV2(mode=again).run([bell], shots=8)
        assert (job.session_id, shots(job)) == (first.session_id, 8)
        again.close()

    def test_a_session_is_no_batch(self, service: Any, ideal: Any) -> None:
        with Session(ideal) as session, pytest.raises(IBMInputValueError, match="mode"):
            Batch.from_id(str(session.session_id), service)

    def test_the_older_form_runs_programs_and_calls_back(self, service: Any, bell: Any) -> None:
        seen: list[tuple[str, Any]] = []
        called = threading.Event()

        def callback(job_id: str, result: Any) -> None:
            seen.append((job_id, result))
            called.set()

        with Session(service=service, backend="ideal_5", max_time="5m") as session:
            inputs = {"pubs": [(bell, None, 16)], "version": 2, "support_qiskit": True}
            job = session.run("sampler", inputs, {"job_tags": ["old"]}, callback=callback)

        assert called.wait(CALLBACK_SECONDS)
        [(job_id, result)] = seen
        assert job_id == job.job_id()
        assert sum(result[0].data.meas.get_counts().values()) == 16
        assert job.tags == ["old"]

    def test_the_official_classes_open_real_sessions(self, ideal: Any, bell: Any) -> None:
        with official.Session(ideal) as session:
            job = official.SamplerV2(mode=session).run([bell], shots=8)
            job.result()

        assert session.session_id is not None
        assert job.session_id == session.session_id
        assert session.status() == "Closed"

    def test_a_primitive_made_before_the_block_runs_outside_it(self, ideal: Any, bell: Any) -> None:
        sampler = SamplerV2(mode=ideal)

        with Session(ideal):
            job = sampler.run([bell], shots=8)

        assert job.session_id is None
        assert shots(job) == 8

    def test_a_copied_backend_opens_a_session(self, ideal: Any, bell: Any) -> None:
        with Session(copy.deepcopy(ideal)) as session:
            job = SamplerV2(mode=session).run([bell], shots=8)

        assert shots(job) == 8

    def test_closing_lets_accepted_jobs_run_and_refuses_new_ones(
        self, service: Any, ideal: Any, bell: Any
    ) -> None:
        session = Session(ideal)
        job = SamplerV2(mode=session).run([bell], shots=8)
        twin = Session.from_id(str(session.session_id), service)
        session.close()

        with pytest.raises(IBMRuntimeError):
            SamplerV2(mode=twin).run([bell])

        assert shots(job) == 8

    def test_a_session_ends_with_its_time(
        self, timeless: Any, advance: Callable[[float], None], bell: Any
    ) -> None:
        session = Session(timeless.backend("ideal_5"), max_time="1h")
        SamplerV2(mode=session).run([bell]).cancel()
        sampler = SamplerV2(mode=session)
        sampler.run([bell])

        advance(3600)

        assert session.status() == "Closed"
        with pytest.raises(RuntimeInvalidStateError, match=str(session.session_id)):
            sampler.run([bell])

    def test_cancelling_ends_what_waits(self, slow: Any, bell: Any) -> None:
        session = Session(slow.backend("ideal_5"))
        jobs = [SamplerV2(mode=session).run([bell]) for _ in range(8)]
        waiting = [job for job in jobs if job.status() == "QUEUED"]

        session.cancel()

        assert session.status() == "Closed"
        assert waiting
        for job in waiting:
            with pytest.raises(RuntimeJobFailureError, match="1217"):
                job.result()


class TestJobs:
    def test_a_job_is_found_again(self, service: Any, ideal: Any, bell: Any) -> None:
        job = SamplerV2(mode=ideal).run([bell], shots=24)

        again = service.job(job.job_id())

        assert shots(again) == 24
        assert (again.primitive_id, again.backend().name) == ("sampler", "ideal_5")

    def test_jobs_are_listed_newest_first(self, service: Any, ideal: Any, bell: Any) -> None:
        with Batch(ideal) as batch:
            ids = [SamplerV2(mode=batch).run([bell], shots=8).job_id() for _ in range(3)]

        found = service.jobs(session_id=batch.session_id, limit=None)

        assert [job.job_id() for job in found] == ids[::-1]

    def test_jobs_are_found_by_time(self, service: Any, ideal: Any, bell: Any) -> None:
        job = SamplerV2(mode=ideal).run([bell], shots=8)
        at = job.creation_date

        found = service.jobs(created_after=at, created_before=at + timedelta(milliseconds=1))

        assert job.job_id() in [one.job_id() for one in found]
        assert service.jobs(created_after=at + timedelta(days=1)) == []

    def test_tags_are_found_and_replaced(self, service: Any, ideal: Any, bell: Any) -> None:
        sampler = SamplerV2(mode=ideal)
        sampler.options.environment.job_tags = ["first", "second"]
        job = sampler.run([bell], shots=8)
        found = service.jobs(job_tags=["second", "first"])

        job.update_tags(["third"])

        assert [one.job_id() for one in found] == [job.job_id()]
        assert [one.job_id() for one in service.jobs(job_tags=["third"])] == [job.job_id()]
        assert service.jobs(job_tags=["first"]) == []

    def test_pending_jobs_are_those_that_have_not_ended(self, slow: Any, bell: Any) -> None:
        backend = slow.backend("ideal_5")
        jobs = [SamplerV2(mode=backend).run([bell]) for _ in range(3)]
        jobs[2].cancel()

        pending, ended = slow.jobs(pending=True), slow.jobs(pending=False)

        assert {job.job_id() for job in pending} == {job.job_id() for job in jobs[:2]}
        assert [job.job_id() for job in ended] == [jobs[2].job_id()]

    def test_metrics_usage_and_logs(self, ideal: Any, bell: Any) -> None:
        job = SamplerV2(mode=ideal).run([bell], shots=100)
        job.result()

        metrics = job.metrics()

        stamps = metrics["timestamps"]
        assert stamps["created"] <= stamps["running"] <= stamps["finished"]
        assert job.usage() == metrics["usage"]["qpu_charge_time_seconds"] > 0
        assert isinstance(job.logs(), str)

    def test_waiting_ends_with_the_time_and_the_job_goes_on(self, slow: Any, bell: Any) -> None:
        job = SamplerV2(mode=slow.backend("ideal_5")).run([bell])

        with pytest.raises(RuntimeJobTimeoutError, match=job.job_id()):
            job.result(timeout=0.05)

        assert not job.in_final_state()

    def test_a_cancelled_job_has_no_result(self, slow: Any, bell: Any) -> None:
        job = SamplerV2(mode=slow.backend("ideal_5")).run([bell])
        job.cancel()

        with pytest.raises(RuntimeInvalidStateError, match=job.job_id()):
            job.result()

        assert job.cancelled()

    def test_cancelling_wakes_who_waits(self, slow: Any, bell: Any) -> None:
        job = SamplerV2(mode=slow.backend("ideal_5")).run([bell])
        ended: list[str] = []

        def wait() -> None:
            other = slow.job(job.job_id())
            other.wait_for_final_state()
            ended.append(other.status())

        waiter = threading.Thread(target=wait)
        waiter.start()
        job.cancel()
        waiter.join(CALLBACK_SECONDS)

        assert ended == ["CANCELLED"]

    def test_what_has_ended_cannot_be_cancelled(self, ideal: Any, bell: Any) -> None:
        job = SamplerV2(mode=ideal).run([bell], shots=8)
        job.result()

        with pytest.raises(RuntimeInvalidStateError, match=job.job_id()):
            job.cancel()

    def test_a_job_that_runs_too_long_is_stopped(
        self, timeless: Any, advance: Callable[[float], None], bell: Any
    ) -> None:
        sampler = SamplerV2(mode=timeless.backend("ideal_5"))
        sampler.options.max_execution_time = 600
        job = sampler.run([bell])

        advance(600)

        with pytest.raises(RuntimeJobMaxTimeoutError, match=f"{job.job_id()}.*1305"):
            job.result()
        assert job.status() == "ERROR"
        assert "maximum execution time" in str(job.error_message())

    def test_a_deleted_job_is_gone(self, service: Any, ideal: Any, bell: Any) -> None:
        job = SamplerV2(mode=ideal).run([bell], shots=8)
        job.result()
        service.delete_job(job.job_id())

        with pytest.raises(RuntimeJobNotFound, match=job.job_id()):
            job.result()

        assert job.job_id() not in [one.job_id() for one in service.jobs(limit=None)]

    def test_a_private_job_gives_its_result_once(self, ideal: Any, bell: Any) -> None:
        sampler = SamplerV2(mode=ideal)
        sampler.options.environment.private = True
        job = sampler.run([bell], shots=8)
        first = shots(job)

        second = job.result()

        assert (first, second, job.private) == (8, None, True)
        assert job.inputs == {}

    def test_a_failed_job_says_why(self, ideal: Any) -> None:
        with Session(ideal) as session:
            job = session.run("sampler", {"pubs": "nonsense"})

            with pytest.raises(RuntimeJobFailureError, match=f"{job.job_id()}.*Error code"):
                job.result()

        assert job.errored()
        assert job.job_id() in str(job.error_message())
