import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from swqr_adapters.wire import ibm
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import Backend, BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance
from swqr_core.model.session import Session, SessionMode, SessionStep
from swqr_core.model.usage import InstanceUsage, JobUsage

AT = datetime(2026, 1, 31, 9, 15, 2, 123456, tzinfo=UTC)
TEXT = "2026-01-31T09:15:02.123456Z"


def job(**changes: Any) -> Job:
    spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ibm_fez"))
    values = {"id": JobId("j"), "spec": spec, "state": JobState.QUEUED, "created_at": AT}
    return Job(**{**values, **changes})


def session(**changes: Any) -> Session:
    values = {
        "id": SessionId("s"),
        "backend": BackendName("ibm_fez"),
        "mode": SessionMode.BATCH,
        "state": SessionState.OPEN,
        "accepting_jobs": True,
    }
    return Session(**{**values, **changes})


class TestTimes:
    def test_they_are_utc_with_all_digits(self) -> None:
        east = AT.astimezone(timezone(timedelta(hours=5)))

        assert ibm.timestamp(east) == TEXT

    def test_whole_seconds_have_the_same_form(self) -> None:
        assert ibm.timestamp(AT.replace(microsecond=0)) == "2026-01-31T09:15:02.000000Z"

    def test_what_has_not_happened_is_none(self) -> None:
        assert ibm.timestamp(None) is None


class TestJobs:
    @pytest.mark.parametrize(
        ("state", "word", "status"),
        [
            (JobState.QUEUED, "Queued", "Queued"),
            (JobState.RUNNING, "Running", "Running"),
            (JobState.COMPLETED, "Completed", "Completed"),
            (JobState.FAILED, "Failed", "Failed"),
            (JobState.CANCELLED, "Cancelled", "Cancelled"),
            (JobState.TIMED_OUT, "Cancelled", "Cancelled - Ran too long"),
        ],
    )
    def test_every_state_has_its_words(self, state: JobState, word: str, status: str) -> None:
        document = ibm.job_document(job(state=state))

        assert (document["state"]["status"], document["status"]) == (word, status)

    def test_what_ran_too_long_always_has_a_reason_and_the_code(self) -> None:
        document = ibm.job_document(job(state=JobState.TIMED_OUT, time_limit=60))

        assert document["state"] == {
            "status": "Cancelled",
            "reason": "Job ran longer than the permitted 60 seconds",
            "reason_code": 1305,
        }

    def test_the_platforms_own_reason_is_kept(self) -> None:
        document = ibm.job_document(
            job(state=JobState.FAILED, reason="r", reason_code=1517, reason_solution="s")
        )

        assert document["state"] == {
            "status": "Failed",
            "reason": "r",
            "reason_code": 1517,
            "reason_solution": "s",
        }

    def test_what_is_not_there_is_left_out(self) -> None:
        document = ibm.job_document(job())

        assert document.keys() == {
            "id",
            "backend",
            "state",
            "status",
            "program",
            "created",
            "tags",
            "usage",
        }

    def test_what_is_there_is_told(self) -> None:
        spec = JobSpec(
            program_id=ProgramId("sampler"),
            backend=BackendName("ibm_fez"),
            session_id=SessionId("s"),
            tags=("a",),
            private=True,
            image="n:t",
            calibration_id="c",
        )

        document = ibm.job_document(
            job(spec=spec, user="u", time_limit=9, estimated_seconds=1.5, extra={"id": "x", "n": 1})
        )

        assert (
            document.items()
            >= {
                "id": "j",
                "n": 1,
                "program": {"id": "sampler"},
                "created": TEXT,
                "session_id": "s",
                "tags": ["a"],
                "private": True,
                "runtime": "n:t",
                "calibration_id": "c",
                "user_id": "u",
                "cost": 9,
                "estimated_running_time_seconds": 1.5,
            }.items()
        )

    @pytest.mark.parametrize(("final", "status"), [(False, "pending"), (True, "complete")])
    def test_metrics_tell_times_and_usage(self, final: bool, status: str) -> None:
        metrics = JobMetrics(
            created_at=AT,
            running_at=AT,
            usage=JobUsage(quantum_seconds=2.5, final=final),
            values={"num_circuits": 3},
        )

        document = ibm.metrics_document(metrics)

        assert document["timestamps"] == {"created": TEXT, "running": TEXT, "finished": None}
        assert document["usage"]["qpu_charge_time_seconds"] == 2.5
        assert document["usage"]["status"] == status
        assert document["num_circuits"] == 3

    def test_a_page_counts_all_that_match(self) -> None:
        page = ibm.job_page_document([job()], total=7, offset=2, limit=1)

        assert (page["count"], page["offset"], page["limit"], len(page["jobs"])) == (7, 2, 1, 1)


class TestSessions:
    @pytest.mark.parametrize("state", SessionState)
    def test_every_state_has_one_of_the_four_words(self, state: SessionState) -> None:
        word = ibm.session_document(session(state=state))["state"]

        assert word in {"open", "active", "inactive", "closed"}

    def test_the_names_are_those_of_the_interface(self) -> None:
        document = ibm.session_document(
            session(
                state=SessionState.DRAINING,
                accepting_jobs=False,
                reason="r",
                last_job_ended_at=AT,
                usage_seconds=3.5,
                user="u",
            )
        )

        assert (
            document.items()
            >= {
                "id": "s",
                "backend_name": "ibm_fez",
                "mode": "batch",
                "state": "active",
                "state_reason": "r",
                "accepting_jobs": False,
                "last_job_completed": TEXT,
                "last_job_started": None,
                "elapsed_time": 3.5,
                "user_id": "u",
            }.items()
        )

    def test_states_of_one_word_are_one_entry(self) -> None:
        states = [
            SessionState.OPEN,
            SessionState.BUSY,
            SessionState.IDLE,
            SessionState.BUSY,
            SessionState.INACTIVE,
            SessionState.BUSY,
            SessionState.DRAINING,
            SessionState.CLOSED,
        ]
        steps = tuple(SessionStep(state, AT) for state in states)

        entries = ibm.session_document(session(steps=steps))["timestamps"]

        words = [entry["status"] for entry in entries]
        assert words == ["open", "active", "inactive", "active", "closed"]
        assert entries[0] == {"status": "open", "timestamp": TEXT}


class TestAccount:
    def test_a_limit_that_does_not_exist_is_left_out(self) -> None:
        document = ibm.usage_document(InstanceUsage(instance=InstanceId("i")))

        assert document.keys() == {"instance_id", "plan_id", "usage_consumed_seconds"}

    def test_a_limit_tells_whether_it_is_reached(self) -> None:
        usage = InstanceUsage(
            instance=InstanceId("i"),
            consumed_seconds=5,
            limit_seconds=5,
            allocation_seconds=9,
            period_start=AT,
            period_end=AT,
        )

        document = ibm.usage_document(usage)

        assert document["usage_limit_reached"] is True
        assert document["usage_allocation_seconds"] == 9
        assert document["usage_period"] == {"start_time": TEXT, "end_time": TEXT}

    def test_an_instance_has_the_words_of_the_official_client(self) -> None:
        document = ibm.instance_document(Instance(id=InstanceId("crn"), name="n", tags=("t",)))

        assert (
            document.items()
            >= {
                "crn": "crn",
                "name": "n",
                "plan": "internal",
                "tags": ["t"],
                "pricing_type": "unknown",
            }.items()
        )


class TestBackends:
    def backend(self, **changes: Any) -> Backend:
        return Backend(**{"name": BackendName("ibm_fez"), "num_qubits": 156, **changes})

    def test_a_listing_has_what_clients_read(self) -> None:
        backend = self.backend(queue_length=3, extra={"clops": None, "qubits": 1})

        listing = ibm.backend_listing([backend])

        assert listing == {
            "devices": [
                {
                    "clops": None,
                    "name": "ibm_fez",
                    "status": {"name": "online", "reason": ""},
                    "queue_length": 3,
                    "qubits": 156,
                    "is_simulator": False,
                }
            ]
        }

    def test_a_mock_says_so(self) -> None:
        assert ibm.backend_document(self.backend(is_mock=True))["class"] == "mock"

    @pytest.mark.parametrize(
        ("status", "state", "word"),
        [
            (BackendStatus.ONLINE, True, "active"),
            (BackendStatus.PAUSED, True, "paused"),
            (BackendStatus.OFFLINE, False, "offline"),
        ],
    )
    def test_its_status(self, status: BackendStatus, state: bool, word: str) -> None:
        document = ibm.backend_status_document(
            self.backend(status=status, status_reason="why", queue_length=2)
        )

        assert document == {
            "state": state,
            "status": word,
            "message": "why",
            "length_queue": 2,
            "backend_version": "1.0.0",
        }


def test_documents_are_json() -> None:
    documents = [
        ibm.job_document(job()),
        ibm.session_document(session()),
        ibm.metrics_document(JobMetrics(created_at=AT)),
        ibm.usage_document(InstanceUsage(instance=InstanceId("i"))),
    ]

    assert json.loads(json.dumps(documents)) == documents
