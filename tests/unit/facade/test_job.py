import json
from typing import Any

import pytest
from attrs import evolve
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
    RuntimeJobTimeoutError,
)

from swqr_adapters.codec.official import ResultDecoder
from swqr_adapters.facade import RuntimeJobV2
from swqr_core.errors import JobFailedError, SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.usage import JobUsage

FAILED = {
    "state": JobState.FAILED,
    "reason": "The circuit is not ISA.",
    "reason_code": 1517,
    "reason_solution": "Transpile it.",
}


def submit(service: Any, *arguments: Any, **named: Any) -> Any:
    """Call what the official primitives call."""
    return service._run(*arguments, **named)  # noqa: SLF001 - the seam


def run(service: Any, **options: Any) -> Any:
    return submit(service, "other", {"a": 1}, options={"backend": "ibm_manila", **options})


def test_a_result_takes_one_wait_and_one_fetch(service: Any, transport: Any) -> None:
    job = run(service)
    transport.calls.clear()

    result = job.result()

    assert result == "done"
    assert transport.calls == {"wait_job": 1, "result": 1}


def test_what_has_ended_is_not_asked_for_again(service: Any, transport: Any) -> None:
    job = run(service)
    job.wait_for_final_state()
    transport.calls.clear()

    assert job.status() == "DONE"
    assert job.in_final_state()
    assert not transport.calls


@pytest.mark.parametrize(
    ("state", "status", "question"),
    [
        (JobState.QUEUED, "QUEUED", None),
        (JobState.RUNNING, "RUNNING", "running"),
        (JobState.COMPLETED, "DONE", "done"),
        (JobState.FAILED, "ERROR", "errored"),
        (JobState.CANCELLED, "CANCELLED", "cancelled"),
        (JobState.TIMED_OUT, "ERROR", "errored"),
    ],
)
def test_every_state_has_the_official_word(
    service: Any, transport: Any, state: JobState, status: str, question: str | None
) -> None:
    transport.script = [{"state": state}]
    job = run(service)

    answers = {name for name in ("running", "done", "errored", "cancelled") if getattr(job, name)()}

    assert job.status() == status
    assert answers == ({question} - {None})
    assert job.in_final_state() == state.ended


def test_a_failed_job_says_which_why_and_what_to_do(service: Any, transport: Any) -> None:
    transport.script = [FAILED]
    job = run(service)

    with pytest.raises(
        RuntimeJobFailureError, match=r"job job0\. Error code 1517; .* ISA\. Transpile it\."
    ) as caught:
        job.result()

    assert isinstance(caught.value.__cause__, JobFailedError)
    assert job.error_message() == (
        "Job job0 has failed:\nError code 1517; The circuit is not ISA. Transpile it."
    )


def test_a_job_that_failed_without_a_reason_shows_its_traceback(
    service: Any, transport: Any
) -> None:
    text = b"noise\nTraceback (most recent call last):\n  boom"
    transport.script = [{"state": JobState.FAILED, "result_text": text}]
    job = run(service)

    assert job.error_message().endswith(":\nTraceback (most recent call last):\n  boom")


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.COMPLETED, JobState.CANCELLED])
def test_a_job_that_did_not_fail_has_no_error_message(
    service: Any, transport: Any, state: JobState
) -> None:
    transport.script = [{"state": state}]

    assert run(service).error_message() is None


def test_a_job_that_ran_too_long_says_so(service: Any, transport: Any) -> None:
    transport.script = [{"state": JobState.TIMED_OUT, "time_limit": 60, "result_text": b""}]
    job = run(service)

    with pytest.raises(RuntimeJobMaxTimeoutError, match=r"1305.*60 seconds"):
        job.result()

    assert "maximum execution time" in job.error_message()


def test_a_cancelled_job_has_no_result(service: Any, transport: Any) -> None:
    transport.script = [{"state": JobState.QUEUED}]
    job = run(service)
    job.cancel()

    with pytest.raises(RuntimeInvalidStateError, match=r"job0.*cancelled"):
        job.result()


def test_cancelling_what_has_ended_is_a_conflict_with_a_cause(service: Any) -> None:
    job = run(service)

    with pytest.raises(RuntimeInvalidStateError, match="'job0' has already ended") as caught:
        job.cancel()

    assert isinstance(caught.value.__cause__, SwqrError)


@pytest.mark.parametrize("timeout", [0, 0.01, -1])
def test_waiting_ends_with_the_time(service: Any, transport: Any, timeout: float) -> None:
    transport.script = [{"state": JobState.RUNNING}]
    job = run(service)

    with pytest.raises(RuntimeJobTimeoutError, match="'job0' has not ended"):
        job.result(timeout=timeout)

    assert job.status() == "RUNNING"


@pytest.mark.parametrize(
    "ask",
    [
        lambda job: job.result(),
        lambda job: job.status(),
        lambda job: job.inputs,
        lambda job: job.metrics(),
        lambda job: job.usage(),
        lambda job: job.logs(),
        lambda job: job.cancel(),
        lambda job: job.update_tags(["x"]),
        lambda job: job.usage_estimation,
    ],
)
def test_a_deleted_job_is_not_found_whatever_is_asked(service: Any, ask: Any) -> None:
    job = run(service)
    service.delete_job(job.job_id())

    with pytest.raises(RuntimeJobNotFound, match="'job0'"):
        ask(job)


def test_inputs_come_back_decoded(service: Any) -> None:
    assert run(service).inputs == {"a": 1}


def test_tags_are_replaced(service: Any, transport: Any) -> None:
    job = run(service, job_tags=["old"])

    new = job.update_tags(["new", "new"])

    assert (new, job.tags) == (["new"], ["new"])
    assert transport.stored["job0"].spec.tags == ("new",)


def test_a_timeout_that_is_no_number_is_refused(service: Any) -> None:
    with pytest.raises(IBMInputValueError, match="timeout: must be a number of seconds"):
        run(service).result(timeout="5")


def test_usage_counts_once_it_is_final(service: Any, transport: Any) -> None:
    transport.script = [{"state": JobState.RUNNING, "usage": JobUsage(quantum_seconds=3.5)}]
    job = run(service)
    before = (job.usage(), job.usage(partial=True))

    transport.end("job0", usage=JobUsage(quantum_seconds=4.0, final=True))

    assert before == (0, 3.5)
    assert job.usage() == 4.0


def test_metrics_have_the_official_shape(service: Any) -> None:
    metrics = run(service).metrics()

    assert metrics["timestamps"] == {
        "created": "2026-01-31T09:00:00.000000Z",
        "running": None,
        "finished": "2026-01-31T09:00:00.000000Z",
    }
    assert metrics["usage"]["qpu_charge_time_seconds"] == 2.0


def test_the_logs_of_an_unfinished_job_come_with_a_warning(
    service: Any, transport: Any, caplog: pytest.LogCaptureFixture
) -> None:
    transport.script = [{"state": JobState.RUNNING}]

    assert run(service).logs() == "the log"
    assert "job0 has not ended" in caplog.text


def test_the_plain_facts_are_there(service: Any, transport: Any) -> None:
    transport.script = [{"state": JobState.COMPLETED, "estimated_seconds": 1.5}]
    job = run(service, job_tags=["x"], private=True, image="a:b")

    assert (job.job_id(), job.primitive_id, job.tags) == ("job0", "other", ["x"])
    assert (job.private, job.image, job.session_id) == (True, "a:b", None)
    assert job.creation_date == transport.stored["job0"].created_at
    assert job.creation_date.utcoffset() == job.creation_date.astimezone().utcoffset()
    assert job.usage_estimation == {"quantum_seconds": 1.5}
    assert job.backend().name == "ibm_manila"
    assert job.instance == "crn:v1:test:::::a/b:c::"
    assert repr(job) == "<RuntimeJobV2('job0', 'other')>"


def test_properties_are_those_of_the_jobs_backend(service: Any) -> None:
    assert run(service).properties().backend_name == "ibm_manila"


def test_properties_need_no_metrics(service: Any, transport: Any) -> None:
    transport.capabilities = evolve(transport.capabilities, metrics=False)
    job = run(service)

    assert job.properties().backend_name == "ibm_manila"
    assert transport.calls["metrics"] == 0


def test_a_job_found_again_is_like_the_one_submitted(service: Any) -> None:
    job = service.job(run(service, job_tags=["x"]).job_id())

    assert isinstance(job, RuntimeJobV2)
    assert (job.result(), job.tags, job.primitive_id) == ("done", ["x"], "other")


class Shout:
    @classmethod
    def decode(cls, data: str) -> str:
        return str(json.loads(data)).upper()


class Never:
    @classmethod
    def is_applicable(cls, data: Any) -> bool:
        return False


class Twice:
    @classmethod
    def is_applicable(cls, data: Any) -> bool:
        return True

    @classmethod
    def decode(cls, data: str) -> str:
        return data * 2


CHAINS = hasattr(ResultDecoder, "is_applicable")


@pytest.mark.skipif(CHAINS, reason="from 0.48 on, several decoders are a chain")
def test_the_last_of_several_decoders_is_for_the_result(service: Any) -> None:
    assert run(service).result(decoder=[Never, Shout]) == "DONE"


@pytest.mark.skipif(not CHAINS, reason="before 0.48, several decoders are no chain")
def test_decoders_are_applied_in_turn_where_they_apply(service: Any) -> None:
    job = run(service)

    chained = job.result(decoder=[Shout, Never, Twice])

    assert job.result(decoder=Shout) == "DONE"
    assert chained == "DONEDONE"


def test_a_decoder_may_come_with_the_job(service: Any) -> None:
    job = submit(service, "other", {}, options={"backend": "ibm_manila"}, result_decoder=Shout)

    assert job.result() == "DONE"


def test_the_clients_own_decoders_give_way_to_the_safe_one(service: Any, transport: Any) -> None:
    transport.result_text = b'{"__type__": "settings", "__value__": {}}'

    class Official(ResultDecoder):
        __module__ = "qiskit_ibm_runtime.decoders"

    options = {"backend": "ibm_manila"}
    job = submit(service, "sampler", {}, options, [ResultDecoder, Official])

    with pytest.raises(IBMRuntimeError, match="cannot be decoded"):
        job.result()


class TestInterimResults:
    @pytest.fixture
    def publishing(self, transport: Any) -> Any:
        transport.capabilities = evolve(transport.capabilities, interim_results=True)
        transport.published = [b'{"n": 1}', b'"two"', b"[3]"]
        return transport

    @pytest.mark.parametrize("state", [s for s in JobState if s.ended])
    def test_all_of_them_come_in_order_however_the_job_ended(
        self, service: Any, publishing: Any, state: JobState
    ) -> None:
        publishing.script = [{"state": state}]
        job = run(service)

        assert job.interim_results() == [{"n": 1}, "two", [3]]
        assert list(job.stream()) == [{"n": 1}, "two", [3]]

    def test_those_of_a_job_that_goes_on_are_those_so_far(
        self, service: Any, publishing: Any
    ) -> None:
        publishing.script = [{"state": JobState.RUNNING}]

        assert run(service).interim_results() == [{"n": 1}, "two", [3]]

    def test_a_decoder_may_be_given(self, service: Any, publishing: Any) -> None:
        publishing.published = [b'"a"', b'"b"']

        assert run(service).interim_results(decoder=Shout) == ["A", "B"]

    def test_a_transport_without_them_says_so(self, service: Any) -> None:
        job = run(service)

        for ask in (job.interim_results, lambda: next(job.stream())):
            with pytest.raises(IBMRuntimeError, match="'scripted' does not support interim"):
                ask()

    def test_what_cannot_be_decoded_names_the_job(self, service: Any, publishing: Any) -> None:
        publishing.published = [b'{"__type__": "settings", "__value__": {}}']
        job = submit(service, "sampler", {}, options={"backend": "ibm_manila"})

        with pytest.raises(IBMRuntimeError, match="interim result of job job0 cannot be decoded"):
            job.interim_results()


def test_an_empty_result_is_none(service: Any, transport: Any) -> None:
    transport.result_text = b""

    assert run(service).result() is None


def test_a_result_that_cannot_be_decoded_names_the_job(service: Any, transport: Any) -> None:
    transport.result_text = b'{"__type__": "settings", "__value__": {}}'
    job = submit(service, "sampler", {}, options={"backend": "ibm_manila"})

    with pytest.raises(IBMRuntimeError, match="result of job job0 cannot be decoded"):
        job.result()
