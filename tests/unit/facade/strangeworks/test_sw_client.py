from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobNotFound,
    RuntimeProgramNotFound,
)

from swqr_adapters.facade import contract
from swqr_adapters.facade.strangeworks import StrangeworksRuntimeClient
from swqr_core.lifecycle.job import JobState
from swqr_core.runtime.blocking import Runtime

OFFICIAL: Any = contract.low_level_client()
START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)  # of the scripted transport


def submit(client: Any, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "program_id": "other",
        "backend_name": "ibm_manila",
        "params": {"a": 1},
        "image": None,
        "log_level": None,
        "session_id": None,
    }
    found: dict[str, Any] = client.program_run(**{**arguments, **changes})
    return found


class TestMaking:
    def test_making_one_asks_nobody(self, runtime: Runtime, transport: Any) -> None:
        client = StrangeworksRuntimeClient("ibm_quantum", runtime=runtime, timeout=5)

        assert isinstance(client, OFFICIAL)
        assert not transport.calls

    def test_an_unknown_channel_is_refused(self, runtime: Runtime) -> None:
        with pytest.raises(IBMInputValueError, match="channel"):
            StrangeworksRuntimeClient("nowhere", runtime=runtime)

    @pytest.mark.parametrize("name", [n for n in vars(OFFICIAL) if not n.startswith("_")])
    def test_no_method_of_the_official_client_is_left_to_a_session_that_is_not_there(
        self, name: str
    ) -> None:
        assert getattr(StrangeworksRuntimeClient, name) is not getattr(OFFICIAL, name)

    def test_two_accounts_in_one_process_are_two(
        self, runtime: Runtime, client: Any, transport: Any
    ) -> None:
        async def make() -> Any:
            return type(transport)()

        with Runtime(make) as other_runtime:
            other = StrangeworksRuntimeClient("ibm_cloud", runtime=other_runtime)
            submit(client)

            assert client.jobs_get()["count"] == 1
            assert other.jobs_get()["count"] == 0

    def test_closing_gives_the_runtime_back(self) -> None:
        client = StrangeworksRuntimeClient("local")
        assert client.list_backends()

        client.close()

        with pytest.raises(IBMRuntimeError, match="closed"):
            client.list_backends()

    def test_a_client_of_the_sdk_without_a_key_is_refused(self) -> None:
        with pytest.raises(IBMInputValueError, match=r"call its authenticate\(\) first"):
            StrangeworksRuntimeClient("ibm_cloud", sdk_client=object())


class TestProgramRun:
    def test_it_submits_everything_that_is_said(self, client: Any, transport: Any) -> None:
        answer = submit(
            client,
            image="a:b",
            log_level="DEBUG",
            job_tags=["x"],
            max_execution_time=60,
            private=True,
            channel_strategy="default",
        )

        assert (answer["id"], answer["slug"], answer["backend"]) == ("job0", "job0", "ibm_manila")
        spec = transport.stored["job0"].spec
        assert (spec.program_id, spec.image, spec.tags) == ("other", "a:b", ("x",))
        assert (spec.log_level, spec.max_execution_time, spec.private) == ("debug", 60, True)

    def test_it_may_start_a_session(self, client: Any, transport: Any) -> None:
        answer = submit(client, start_session=True, session_time=300)

        assert answer["session_id"] == "session-0"
        assert transport.opened["session-0"].max_ttl == 300

    @pytest.mark.parametrize("cancels", [True, False])
    def test_a_session_for_a_job_that_cannot_be_submitted_does_not_stay_open(
        self, client: Any, transport: Any, cancels: bool
    ) -> None:
        transport.capabilities = evolve(transport.capabilities, cancel_sessions=cancels)

        with pytest.raises(RuntimeProgramNotFound):
            submit(client, program_id="nonsense", start_session=True)

        assert not transport.opened["session-0"].accepting_jobs
        assert transport.calls["cancel_session"] == cancels

    def test_nothing_is_opened_for_a_job_that_cannot_be(self, client: Any, transport: Any) -> None:
        with pytest.raises(IBMInputValueError, match="max_execution_time"):
            submit(client, max_execution_time=-1, start_session=True)

        assert not transport.opened

    def test_in_a_session_no_backend_is_needed(self, client: Any) -> None:
        session = client.create_session("ibm_manila")

        answer = submit(client, backend_name=None, session_id=session["id"])

        assert (answer["backend"], answer["session_id"]) == ("ibm_manila", "session-0")

    @pytest.mark.parametrize(
        ("changes", "error", "said"),
        [
            ({"backend_name": None}, IBMInputValueError, "must be the name of a backend"),
            ({"program_id": "nonsense"}, RuntimeProgramNotFound, "'nonsense'"),
            ({"session_id": "nobody"}, IBMInputValueError, "'nobody'"),
            ({"channel_strategy": "q-ctrl"}, IBMInputValueError, "only 'default' is possible"),
            ({"hub": "a", "group": "b"}, IBMInputValueError, "give all of them or none"),
            ({"hub": "a", "group": "b", "project": "c"}, IBMInputValueError, "'a/b/c' is not"),
            ({"max_execution_time": -1}, IBMInputValueError, "max_execution_time"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_submitted(
        self, client: Any, transport: Any, changes: Any, error: Any, said: str
    ) -> None:
        if "session_id" in changes:
            transport.opened.pop("nobody", None)
            changes = {**changes, "backend_name": None}

        with pytest.raises(error, match=said):
            submit(client, **changes)

        assert not transport.stored


class TestJobs:
    def test_job_get_is_the_jobs_document(self, client: Any) -> None:
        submit(client)

        document = client.job_get("job0")

        assert (document["id"], document["slug"], document["status"]) == (
            "job0",
            "job0",
            "Completed",
        )
        assert client.job_get("job0", exclude_params=False)["params"] == {"a": 1}

    def test_an_unknown_job_is_not_found(self, client: Any) -> None:
        with pytest.raises(RuntimeJobNotFound, match="'nobody'"):
            client.job_get("nobody")

    @pytest.mark.parametrize(
        ("conditions", "ids"),
        [
            ({}, ["job3", "job2", "job1", "job0"]),
            ({"limit": 2}, ["job3", "job2"]),
            ({"limit": 2, "skip": 3}, ["job0"]),
            ({"backend_name": "ibm_fez"}, ["job2"]),
            ({"pending": True}, ["job1"]),
            ({"pending": False}, ["job3", "job2", "job0"]),
            ({"program_id": "sampler"}, []),
            ({"job_tags": ["a", "b"]}, ["job3"]),
            ({"session_id": "nobody"}, []),
            ({"created_after": START + timedelta(minutes=2)}, ["job3", "job2"]),
            ({"created_before": START + timedelta(minutes=1)}, ["job1", "job0"]),
            ({"descending": False}, ["job0", "job1", "job2", "job3"]),
        ],
    )
    def test_every_documented_filter_filters(
        self, client: Any, transport: Any, conditions: Any, ids: list[str]
    ) -> None:
        transport.script = [{}, {"state": JobState.RUNNING}]
        submit(client)
        submit(client, job_tags=["b"])
        submit(client, backend_name="ibm_fez", job_tags=["a"])
        submit(client, job_tags=["a", "b"])

        assert [job["id"] for job in client.jobs_get(**conditions)["jobs"]] == ids
        assert transport.calls["jobs"] == 1

    def test_times_without_a_zone_are_local_and_inclusive(
        self, client: Any, transport: Any
    ) -> None:
        submit(client)
        local = START.astimezone().replace(tzinfo=None)

        assert client.jobs_get(created_after=local, created_before=local)["count"] == 1

    def test_many_jobs_take_several_pages_and_none_is_left_out(
        self, client: Any, transport: Any
    ) -> None:
        for _ in range(203):
            submit(client)
        transport.calls.clear()

        found = client.jobs_get(limit=202, skip=1)

        assert [job["id"] for job in found["jobs"]] == [f"job{n}" for n in reversed(range(202))]
        assert (found["count"], found["offset"], found["limit"]) == (203, 1, 202)
        assert transport.calls["jobs"] == 2

    @pytest.mark.parametrize(
        ("conditions", "said"),
        [
            ({"hub": "a"}, "give all of them or none"),
            ({"limit": -1}, "limit: must be a whole number from 0 on, not -1"),
            ({"limit": "5"}, "limit: must be a whole number from 0 on, not '5'"),
            ({"skip": -1}, "skip: must be a whole number from 0 on, not -1"),
            ({"pending": "yes"}, "pending: must be True, False or None, not 'yes'"),
            ({"job_tags": "x"}, "list of strings"),
            ({"created_after": "soon"}, "created_after"),
        ],
    )
    def test_a_filter_that_cannot_be_is_refused(
        self, client: Any, conditions: Any, said: str
    ) -> None:
        with pytest.raises(IBMInputValueError, match=said):
            client.jobs_get(**conditions)

    def test_what_is_inherited_works(self, client: Any, transport: Any) -> None:
        transport.script = [{"state": JobState.RUNNING}]
        submit(client)
        assert client.update_tags("job0", ["x"]).status_code == 204
        client.job_cancel("job0")

        assert client.job_results("job0") == '"done"'
        assert client.job_logs("job0") == "the log"
        assert client.job_metadata("job0")["usage"]["quantum_seconds"] == 0.0
        assert client.job_get("job0")["tags"] == ["x"]
        client.job_delete("job0")
        assert client.jobs_get() == {"jobs": [], "count": 0, "offset": 0, "limit": 0}

    def test_a_job_that_goes_on_cannot_be_deleted(self, client: Any, transport: Any) -> None:
        transport.script = [{"state": JobState.RUNNING}]
        submit(client)

        with pytest.raises(RuntimeInvalidStateError, match="'job0'"):
            client.job_delete("job0")


class TestBackends:
    def test_the_configuration_comes_and_may_be_changed(self, client: Any) -> None:
        first = client.backend_configuration("ibm_manila")
        first.clear()

        assert client.backend_configuration("ibm_manila")["n_qubits"] == 5

    def test_properties_come_fresh_and_may_be_changed(self, client: Any, transport: Any) -> None:
        client.backend_properties("ibm_manila").clear()

        assert client.backend_properties("ibm_manila")["backend_name"] == "ibm_manila"
        assert transport.calls["backend_properties"] == 2

    def test_properties_of_another_time_are_not_implemented_as_documented(
        self, client: Any
    ) -> None:
        client.backend_properties("ibm_manila")

        with pytest.raises(NotImplementedError, match="datetime"):
            client.backend_properties("ibm_manila", datetime=START)

    @pytest.mark.parametrize(
        ("text", "document"), [(None, None), (b'{"cmd_def": []}', {"cmd_def": []})]
    )
    def test_pulse_defaults_are_told_if_there_are_any(
        self, client: Any, transport: Any, text: bytes | None, document: Any
    ) -> None:
        transport.defaults = text

        assert client.backend_pulse_defaults("ibm_manila") == document

    @pytest.mark.parametrize(
        "ask",
        [
            lambda client: client.backend_configuration("nowhere"),
            lambda client: client.backend_properties("nowhere"),
            lambda client: client.backend_pulse_defaults("nowhere"),
            lambda client: client.backend_status("nowhere"),
        ],
    )
    def test_an_unknown_backend_is_named(self, client: Any, ask: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match="'nowhere'"):
            ask(client)

    def test_the_listing_leaves_mocks_out_unless_asked(self, client: Any, transport: Any) -> None:
        transport.add_mock("ibm_manila")

        assert [one["name"] for one in client.list_backends()] == [
            "ibm_fez",
            "ibm_manila",
            "ideal_4",
        ]
        assert len(client.list_backends(include_mocks=True)) == 4


class TestSessions:
    def test_a_session_is_opened_told_of_and_closed(self, client: Any, transport: Any) -> None:
        session = client.create_session(
            backend="ibm_manila", max_time="2m 5s", channel="ibm_cloud", mode="batch"
        )

        assert (session["id"], session["mode"], session["max_ttl"]) == ("session-0", "batch", 125)
        assert client.session_details("session-0")["state"] == "open"
        assert client.close_session("session-0") is None
        assert client.session_details("session-0")["accepting_jobs"] is False

    def test_without_a_mode_it_is_dedicated(self, client: Any) -> None:
        assert client.create_session("ibm_manila")["mode"] == "dedicated"

    def test_a_session_may_be_cancelled(self, client: Any, transport: Any) -> None:
        client.create_session("ibm_manila")

        client.cancel_session("session-0")

        assert transport.calls["cancel_session"] == 1

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({}, "must be the name of a backend"),
            ({"backend": "ibm_manila", "instance": "theirs"}, "'theirs' is not the one"),
            ({"backend": "ibm_manila", "mode": "alone"}, "alone"),
            ({"backend": "ibm_manila", "max_time": "soon"}, "max_time"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, client: Any, transport: Any, arguments: Any, said: str
    ) -> None:
        with pytest.raises((IBMInputValueError, ValueError), match=said):
            client.create_session(**arguments)

        assert not transport.opened


def test_usage_is_told(client: Any) -> None:
    assert client.usage() == client.cloud_usage()
    assert client.usage()["usage_consumed_seconds"] == 0.0
