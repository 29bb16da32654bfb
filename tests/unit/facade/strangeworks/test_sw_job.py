import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from attrs import evolve
from qiskit.providers import JobStatus
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
    RuntimeJobTimeoutError,
)

from swqr_adapters.facade.strangeworks import Backend, StrangeworksRuntimeJob
from swqr_core.errors import JobFailedError, UnreachableError, UnsupportedOperation
from swqr_core.lifecycle.job import JobState

Run = Callable[..., Any]

FAILED = {
    "state": JobState.FAILED,
    "reason": "The circuit is not ISA.",
    "reason_code": 1517,
    "reason_solution": "Transpile it.",
}
RUNNING = {"state": JobState.RUNNING}
CANCELLED = {"state": JobState.CANCELLED}


class Shout:
    @classmethod
    def decode(cls, data: str) -> str:
        return data.upper()


class TestMaking:
    def test_making_a_job_costs_nothing(self, service: Any, transport: Any) -> None:
        job = StrangeworksRuntimeJob("job0", service)

        assert (job.job_slug, job.job_id(), repr(job)) == (
            "job0",
            "job0",
            "<StrangeworksRuntimeJob 'job0'>",
        )
        assert not transport.calls

    def test_the_first_question_costs_one_request(
        self, service: Any, run: Run, transport: Any
    ) -> None:
        run(job_tags=["x"])
        transport.calls.clear()
        job = StrangeworksRuntimeJob("job0", service)

        said = (job.tags, job.session_id, job.primitive_id, job.status(), str(job.backend()))

        assert said == (["x"], None, "other", JobStatus.DONE, "ibm_manila")
        assert transport.calls == {"job": 1}

    @pytest.mark.parametrize(
        "ask",
        [
            lambda job: job.status(),
            lambda job: job.result(),
            lambda job: job.cancel(),
            lambda job: job.tags,
            lambda job: job.session_id,
            lambda job: job.backend(),
            lambda job: job.inputs,
            lambda job: job.error_message(),
            lambda job: job.interim_results(),
            lambda job: job.metrics(),
        ],
    )
    def test_an_unknown_slug_is_no_such_job_whatever_is_asked(self, service: Any, ask: Any) -> None:
        with pytest.raises(RuntimeJobNotFound, match="'nobody'"):
            ask(StrangeworksRuntimeJob("nobody", service))

    @pytest.mark.parametrize("slug", [None, "", 5])
    def test_what_is_no_slug_is_refused(self, service: Any, slug: Any) -> None:
        with pytest.raises(IBMInputValueError, match="job_slug: must be the slug"):
            StrangeworksRuntimeJob(slug, service)

    def test_what_is_no_service_is_refused(self) -> None:
        with pytest.raises(IBMInputValueError, match="service: must be a service"):
            StrangeworksRuntimeJob("job0", "ibm_cloud")

    def test_what_is_known_already_is_not_asked_for(self, service: Any, transport: Any) -> None:
        job = StrangeworksRuntimeJob(
            "job0", service, backend="ibm_fez", params={"a": 2}, session_id="s-1", tags=["y"]
        )

        assert (str(job.backend()), job.inputs, job.tags) == ("ibm_fez", {"a": 2}, ["y"])
        assert not transport.calls

    def test_the_session_that_was_given_counts_where_the_platform_tells_none(
        self, service: Any, run: Run
    ) -> None:
        run()

        assert StrangeworksRuntimeJob("job0", service, session_id="s-1").session_id == "s-1"
        assert StrangeworksRuntimeJob("job0", service).session_id is None

    def test_copies_and_notebooks_ask_nothing(self, service: Any, transport: Any) -> None:
        job = StrangeworksRuntimeJob("job0", service)

        assert copy.copy(job).job_slug == "job0"
        assert not hasattr(job, "_repr_html_")
        assert not hasattr(job, "nothing_like_this")
        assert not transport.calls

    @pytest.mark.parametrize(
        "name", [n for n in dir(official.RuntimeJobV2) if not n.startswith("_")]
    )
    def test_every_member_of_the_official_job_is_there_and_answers(
        self, service: Any, run: Run, name: str
    ) -> None:
        run(job_tags=["x"])
        member = getattr(StrangeworksRuntimeJob("job0", service), name)

        if name == "cancel":
            with pytest.raises(RuntimeInvalidStateError):
                member()
        elif inspect.ismethod(member):
            member(*([["y"]] if name == "update_tags" else []))


class TestResult:
    def test_a_timeout_ends_the_wait_by_the_documented_type_and_the_official_one(
        self, run: Run
    ) -> None:
        job = run(RUNNING)

        with pytest.raises(RuntimeJobMaxTimeoutError, match="'job0' has not ended") as caught:
            job.result(timeout=0.01)

        assert isinstance(caught.value, RuntimeJobTimeoutError)
        assert job.status() is JobStatus.RUNNING

    def test_a_failed_job_raises_with_its_reason(self, run: Run) -> None:
        with pytest.raises(RuntimeJobFailureError, match=r"job job0\..* 1517; .*ISA\.") as caught:
            run(FAILED).result()

        assert isinstance(caught.value.__cause__, JobFailedError)

    def test_a_cancelled_job_raises_by_the_documented_type_and_the_official_one(
        self, run: Run
    ) -> None:
        with pytest.raises(RuntimeJobFailureError, match=r"job0.*cancelled") as caught:
            run(CANCELLED).result()

        assert isinstance(caught.value, RuntimeInvalidStateError)

    def test_a_job_that_ran_too_long_has_failed_too(self, run: Run) -> None:
        job = run({"state": JobState.TIMED_OUT, "time_limit": 60})

        with pytest.raises(RuntimeJobMaxTimeoutError, match="60 seconds") as caught:
            job.result()

        assert isinstance(caught.value, RuntimeJobFailureError)

    def test_a_result_takes_one_wait_and_one_fetch_and_no_poll(
        self, run: Run, transport: Any
    ) -> None:
        job = run()
        transport.calls.clear()

        assert job.result() == "done"
        assert transport.calls == {"wait_job": 1, "result": 1}

    def test_the_decoder_is_used(self, run: Run) -> None:
        assert run().result(decoder=Shout) == '"DONE"'

    def test_a_job_without_a_result_has_none(self, run: Run) -> None:
        assert run({"result_text": b""}).result() is None

    def test_a_platform_out_of_reach_is_a_runtime_error(self, run: Run, transport: Any) -> None:
        transport.raising["result"] = UnreachableError("result", "refused")

        with pytest.raises(IBMRuntimeError, match="refused"):
            run().result()


class TestStatus:
    @pytest.mark.parametrize(
        ("state", "status", "question"),
        [
            (JobState.QUEUED, JobStatus.QUEUED, None),
            (JobState.RUNNING, JobStatus.RUNNING, "running"),
            (JobState.COMPLETED, JobStatus.DONE, "done"),
            (JobState.FAILED, JobStatus.ERROR, "errored"),
            (JobState.CANCELLED, JobStatus.CANCELLED, "cancelled"),
            (JobState.TIMED_OUT, JobStatus.ERROR, "errored"),
        ],
    )
    def test_status_is_a_job_status(
        self, run: Run, state: JobState, status: JobStatus, question: str | None
    ) -> None:
        job = run({"state": state})
        names = ("running", "done", "errored", "cancelled")

        assert job.status() is status
        assert [name for name in names if getattr(job, name)()] == ([question] if question else [])
        assert job.in_final_state() == state.ended

    @pytest.mark.parametrize("state", [s for s in JobState if s.ended])
    def test_what_has_ended_is_not_asked_for_again(
        self, run: Run, transport: Any, state: JobState
    ) -> None:
        job = run({"state": state})
        job.status()
        transport.calls.clear()

        job.status()

        assert not transport.calls

    def test_waiting_ends_with_the_time(self, run: Run) -> None:
        with pytest.raises(RuntimeJobTimeoutError):
            run(RUNNING).wait_for_final_state(timeout=0.01)


class TestErrors:
    def test_error_message_is_the_reason(self, run: Run) -> None:
        assert run(FAILED).error_message() == (
            "Job job0 has failed:\nError code 1517; The circuit is not ISA. Transpile it."
        )

    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.COMPLETED, JobState.CANCELLED])
    def test_error_message_of_a_job_that_did_not_fail_is_none(
        self, run: Run, state: JobState
    ) -> None:
        assert run({"state": state}).error_message() is None

    def test_error_message_of_a_failed_job_without_files_is_still_a_text(self, run: Run) -> None:
        message = run({"state": JobState.FAILED, "result_text": b""}).error_message()

        assert message == "Job job0 has failed:\nNo reason was given; see the job's logs."


class TestInterimResults:
    def test_they_are_what_the_job_has_published(self, run: Run, transport: Any) -> None:
        transport.capabilities = evolve(transport.capabilities, interim_results=True)
        transport.published = [b'"one"', b'"two"']
        job = run()

        assert job.interim_results() == ["one", "two"]
        assert job.interim_results(decoder=Shout) == ['"ONE"', '"TWO"']

    def test_a_transport_without_them_says_so(self, run: Run) -> None:
        with pytest.raises(IBMRuntimeError, match="'scripted' does not support interim") as caught:
            run().interim_results()

        assert isinstance(caught.value.__cause__, UnsupportedOperation)

    def test_a_failed_job_raises_with_its_reason(self, run: Run) -> None:
        with pytest.raises(RuntimeJobFailureError, match="1517"):
            run(FAILED).interim_results()


class TestCancel:
    def test_cancel_stops_the_job_and_returns_nothing(self, run: Run) -> None:
        job = run(RUNNING)

        assert job.cancel() is None
        assert job.status() is JobStatus.CANCELLED

    @pytest.mark.parametrize("state", [s for s in JobState if s.ended])
    def test_cancelling_what_has_ended_is_an_invalid_state(self, run: Run, state: JobState) -> None:
        with pytest.raises(RuntimeInvalidStateError, match="'job0' has already ended"):
            run({"state": state}).cancel()

    def test_a_platform_out_of_reach_is_a_runtime_error(self, run: Run, transport: Any) -> None:
        job = run(RUNNING)
        transport.raising["cancel_job"] = UnreachableError("cancel", "refused")

        with pytest.raises(IBMRuntimeError, match="refused"):
            job.cancel()


class TestFacts:
    def test_tags_and_parameters_are_those_that_were_sent(self, run: Run) -> None:
        job = run(job_tags=["x", "y"])

        assert (job.tags, job.inputs) == (["x", "y"], {"a": 1})

    def test_tags_that_are_replaced_come_back_as_a_list(self, run: Run, transport: Any) -> None:
        job = run(job_tags=["old"])

        assert job.update_tags(["new"]) == ["new"]
        assert job.tags == ["new"]
        assert transport.stored["job0"].spec.tags == ("new",)

    def test_private_and_image_are_sent(self, run: Run) -> None:
        job = run(private=True, image="a:b", max_execution_time=60)

        assert (job.private, job.image) == (True, "a:b")


class TestBackend:
    def test_a_name_is_held(self) -> None:
        backend = Backend("ibm_fez")

        assert (backend.name, backend, isinstance(backend, str)) == ("ibm_fez", "ibm_fez", True)

    def test_a_mere_name_says_where_the_backend_is(self) -> None:
        with pytest.raises(AttributeError, match=r"only a name.*service\.backend\(\)"):
            _ = Backend("ibm_fez").num_qubits

    def test_the_backend_of_a_job_is_its_name_and_the_backend(
        self, service: Any, run: Run, transport: Any
    ) -> None:
        run()
        backend = service.job("job0").backend()
        before = transport.calls["backend_configuration"]

        assert (backend, backend.name, f"{backend}") == ("ibm_manila",) * 3
        assert transport.calls["backend_configuration"] == before
        assert (backend.num_qubits, backend.status().operational) == (5, True)
        assert backend.properties().backend_name == "ibm_manila"

    def test_it_stands_where_a_name_or_a_target_may(self, service: Any, run: Run) -> None:
        backend = run().backend()

        assert service.backend(backend) is service.backend("ibm_manila")
        assert generate_preset_pass_manager(1, backend=backend) is not None

    def test_a_copy_is_the_name(self, run: Run) -> None:
        backend = run().backend()

        assert pickle.loads(pickle.dumps(backend)) == copy.deepcopy(backend) == "ibm_manila"

    def test_a_retired_backend_keeps_its_name(self, service: Any, run: Run, transport: Any) -> None:
        run()
        transport.retire("ibm_manila")

        assert service.job("job0").backend() == "ibm_manila"
