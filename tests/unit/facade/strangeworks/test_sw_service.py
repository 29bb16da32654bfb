import importlib.metadata
import queue
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from packaging.requirements import Requirement
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobNotFound,
    RuntimeProgramNotFound,
)

from swqr_adapters.facade.strangeworks import (
    StrangeworksQiskitRuntimeService,
    StrangeworksRuntimeJob,
)
from swqr_core.errors import ConfigurationError, UnreachableError
from swqr_core.lifecycle.job import JobState
from swqr_core.runtime.blocking import Runtime

Run = Callable[..., Any]

START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)  # of the scripted transport


class TestConstruction:
    def test_it_prints_nothing_warns_of_nothing_and_asks_nobody(
        self,
        runtime: Runtime,
        transport: Any,
        capfd: pytest.CaptureFixture[str],
        recwarn: pytest.WarningsRecorder,
    ) -> None:
        StrangeworksQiskitRuntimeService(runtime=runtime)

        assert capfd.readouterr() == ("", "")
        assert not recwarn.list
        assert not transport.calls

    def test_equal_ones_share_their_cloud_and_keep_it_until_the_last_closes(self) -> None:
        url = "memory://?seed=7&workers=1"
        with StrangeworksQiskitRuntimeService(transport=url) as one:
            other = StrangeworksQiskitRuntimeService(transport=url)

            assert other.runtime is one.runtime
        assert other.backend("ideal_5").name == "ideal_5"
        other.close()

    @pytest.mark.parametrize("channel", ["ibm_cloud", "ibm_quantum", "local"])
    def test_every_documented_channel_is_taken(self, runtime: Runtime, channel: str) -> None:
        service = StrangeworksQiskitRuntimeService(channel=channel, runtime=runtime)

        assert service.channel == channel

    @pytest.mark.parametrize("channel", ["ibm", "", None, 5])
    def test_any_other_channel_is_refused_with_those_there_are(
        self, runtime: Runtime, channel: Any
    ) -> None:
        with pytest.raises(IBMInputValueError, match="ibm_cloud, ibm_quantum, local"):
            StrangeworksQiskitRuntimeService(channel=channel, runtime=runtime)

    def test_the_channel_local_is_the_cloud_in_this_process(self) -> None:
        with StrangeworksQiskitRuntimeService(channel="local") as service:
            assert service.runtime.capabilities.transport == "memory"
            assert service.backend("ideal_5").num_qubits == 5

    def test_an_unknown_resource_is_named(self, runtime: Runtime) -> None:
        with pytest.raises(IBMInputValueError, match="'theirs' is not the one of this service"):
            StrangeworksQiskitRuntimeService("theirs", runtime=runtime)

    @pytest.mark.parametrize("resource_slug", ["", 5, object()])
    def test_what_is_no_slug_is_refused(self, runtime: Runtime, resource_slug: Any) -> None:
        with pytest.raises(IBMInputValueError, match="resource_slug: must be the slug"):
            StrangeworksQiskitRuntimeService(resource_slug, runtime=runtime)

    def test_a_url_for_a_slug_is_sent_where_it_belongs(self) -> None:
        with pytest.raises(IBMInputValueError, match="is a URL, which goes to transport="):
            StrangeworksQiskitRuntimeService("memory://?seed=7")

    def test_a_transport_and_a_runtime_are_one_too_many(self, runtime: Runtime) -> None:
        with pytest.raises(IBMInputValueError, match="transport, runtime: give one"):
            StrangeworksQiskitRuntimeService(transport="memory://", runtime=runtime)

    def test_two_resources_on_one_transport_see_nothing_of_each_other(self) -> None:
        url = "memory://?seed=7&workers=1"
        with (
            StrangeworksQiskitRuntimeService("one", transport=url) as one,
            StrangeworksQiskitRuntimeService("two", transport=url) as two,
        ):
            assert one.active_instance() == "one"
            assert two.active_instance() == "two"
            assert one.runtime is not two.runtime

    def test_an_unknown_transport_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match=r"no 'nowhere'; installed: .*memory"):
            StrangeworksQiskitRuntimeService(transport="nowhere://")

    def test_what_the_environment_says_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SWQR_TRANSPORT", "memory")
        monkeypatch.setenv("SWQR_SEED", "5")

        with StrangeworksQiskitRuntimeService("my-resource", "ibm_quantum") as service:
            assert repr(service) == "<StrangeworksQiskitRuntimeService over <Runtime>>"
            assert service.active_instance() == "my-resource"
            assert service.runtime.capabilities.transport == "memory"

    def test_a_mistake_in_a_setting_shows_at_the_first_question(self) -> None:
        with (
            StrangeworksQiskitRuntimeService(transport="memory://?sed=7") as service,
            pytest.raises(IBMRuntimeError, match="'sed'") as caught,
        ):
            service.backends()

        assert isinstance(caught.value.__cause__, ConfigurationError)

    def test_the_installed_client_is_not_pinned_to_one_release(self) -> None:
        wanted = [Requirement(text) for text in importlib.metadata.requires("swqr") or ()]
        named = {
            one.name: {specifier.operator for specifier in one.specifier}
            for one in wanted
            if one.name in {"qiskit", "qiskit-ibm-runtime", "strangeworks", "strangeworks-core"}
        }

        assert named == {name: {">="} for name in named}
        assert len(named) == 4


class TestBackends:
    def test_backend_and_backends_give_the_same_official_objects(self, service: Any) -> None:
        listed = service.backends()

        assert sorted(backend.name for backend in listed) == ["ibm_fez", "ibm_manila", "ideal_4"]
        assert all(isinstance(backend, official.IBMBackend) for backend in listed)
        assert listed[0] is service.backend(listed[0].name)
        assert all(backend.num_qubits > 0 and backend.target for backend in listed)
        assert listed[0].status().pending_jobs == 7

    def test_without_a_name_it_is_the_least_busy_one(self, service: Any) -> None:
        assert service.backend().name == "ibm_manila"

    def test_a_wrong_name_is_answered_with_near_ones(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match=r"'ibm_manil'.*ibm_manila"):
            service.backend("ibm_manil")

    def test_a_backend_asked_for_with_its_resource_runs_jobs(self, service: Any) -> None:
        backend = service.backend("ibm_manila", instance="mine")

        assert service.run("other", {}, {"backend": backend}).result() == "done"

    def test_the_official_arguments_are_taken(self, service: Any, transport: Any) -> None:
        transport.configurations["ibm_fez"] = lambda document: document["basis_gates"].append("rx")

        assert service.backend("ibm_fez", use_fractional_gates=True).num_qubits == 156
        assert service.backend(use_fractional_gates=True).name == "ibm_fez"

    @pytest.mark.parametrize(
        ("conditions", "names"),
        [
            ({}, ["ibm_fez", "ibm_manila", "ideal_4"]),
            ({"name": "ideal_4"}, ["ideal_4"]),
            ({"min_num_qubits": 5}, ["ibm_fez", "ibm_manila"]),
            ({"filters": lambda backend: backend.num_qubits < 5}, ["ideal_4"]),
            ({"instance": "mine", "combined": {"shots": 5}}, ["ibm_fez", "ibm_manila", "ideal_4"]),
            ({"simulator": True}, []),
        ],
    )
    def test_backend_options_are_backends_and_its_filters_filter(
        self, service: Any, conditions: dict[str, Any], names: list[str]
    ) -> None:
        found = service.backend_options(**conditions)

        assert sorted(backend.name for backend in found) == names

    def test_options_that_are_none_are_refused(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="combined: must be a dictionary"):
            service.backend_options(combined=[1])

    def test_refresh_asks_the_platform_again(self, service: Any, transport: Any) -> None:
        backend = service.backend("ibm_manila")
        backend.properties()
        transport.calls.clear()

        assert backend.properties(refresh=True).backend_name == "ibm_manila"
        assert transport.calls == {"backend_properties": 1}

    def test_a_second_object_for_one_backend_can_be_used(self, service: Any) -> None:
        first = service.backend("ibm_manila")
        second = service.backend("ibm_manila", use_fractional_gates=None)

        assert second is not first
        assert first.properties().qubit_property(0) == second.properties().qubit_property(0)
        assert second.properties(refresh=True).qubit_property(0)
        assert second.target.num_qubits == 5

    def test_status_and_refresh_of_a_backend_work(self, service: Any) -> None:
        backend = service.backend("ibm_manila")

        backend.refresh()

        assert (backend.status().operational, backend.status().pending_jobs) == (True, 3)


class TestJobs:
    def test_job_is_a_job(self, service: Any, run: Run) -> None:
        run()

        job = service.job("job0")

        assert type(job) is StrangeworksRuntimeJob
        assert job.result() == "done"

    def test_job_costs_one_request(self, service: Any, run: Run, transport: Any) -> None:
        run()
        transport.calls.clear()

        service.job("job0")

        assert transport.calls == {"job": 1}

    def test_an_unknown_job_is_not_found(self, service: Any) -> None:
        with pytest.raises(RuntimeJobNotFound, match="'nobody'"):
            service.job("nobody")

    def test_a_platform_out_of_reach_is_a_runtime_error(self, service: Any, transport: Any) -> None:
        transport.raising["job"] = UnreachableError("job", "refused")

        with pytest.raises(IBMRuntimeError, match="refused"):
            service.job("job0")

    @pytest.mark.parametrize("channel", ["ibm_cloud", "ibm_quantum"])
    def test_jobs_are_all_jobs_whatever_the_channel(
        self, runtime: Runtime, run: Run, channel: str
    ) -> None:
        for _ in range(12):
            run()

        found = StrangeworksQiskitRuntimeService(channel=channel, runtime=runtime).jobs()

        assert [job.job_slug for job in found] == [f"job{n}" for n in reversed(range(12))]
        assert {type(job) for job in found} == {StrangeworksRuntimeJob}

    def test_a_limit_reads_no_further(self, service: Any, run: Run, transport: Any) -> None:
        for _ in range(5):
            run()

        found = service.jobs(limit=2, skip=1)

        assert [job.job_slug for job in found] == ["job3", "job2"]
        assert (transport.calls["jobs"], transport.last_query.limit) == (1, 3)

    @pytest.mark.parametrize(
        ("conditions", "slugs"),
        [
            ({"pending": True}, ["job1"]),
            ({"pending": False}, ["job3", "job2", "job0"]),
            ({"backend_name": "ibm_fez"}, ["job2"]),
            ({"program_id": "sampler"}, []),
            ({"job_tags": ["a", "b"]}, ["job3"]),
            ({"job_tags": ["a"], "pending": False, "backend_name": "ibm_manila"}, ["job3"]),
            ({"session_id": "s"}, []),
            ({"created_after": START + timedelta(minutes=2)}, ["job3", "job2"]),
            ({"created_before": START + timedelta(minutes=1)}, ["job1", "job0"]),
            ({"descending": False, "limit": 1}, ["job0"]),
        ],
    )
    def test_filters_filter_and_add_up_in_one_listing(
        self, service: Any, run: Run, transport: Any, conditions: Any, slugs: list[str]
    ) -> None:
        run()
        run({"state": JobState.RUNNING}, job_tags=["b"])
        run(backend="ibm_fez", job_tags=["a"])
        run(job_tags=["a", "b"])

        assert [job.job_slug for job in service.jobs(**conditions)] == slugs
        assert transport.calls["jobs"] == 1

    def test_the_rest_of_the_official_service_is_there(self, service: Any, run: Run) -> None:
        run()
        service.delete_job("job0")

        assert service.jobs() == []
        assert service.least_busy().name == "ibm_manila"
        assert [one["name"] for one in service.instances()] == ["mine"]
        assert service.usage()["usage_consumed_seconds"] == 0.0
        assert service.active_account()["channel"] == "ibm_cloud"


class TestRun:
    @pytest.mark.parametrize("backend", ["ibm_manila", lambda service: service.backend()])
    def test_a_backend_or_its_name_is_taken(self, service: Any, backend: Any) -> None:
        backend = backend if isinstance(backend, str) else backend(service)

        job = service.run("other", {"a": 1}, {"backend": backend})

        assert type(job) is StrangeworksRuntimeJob
        assert (job.backend(), job.result()) == ("ibm_manila", "done")

    def test_no_backend_is_refused(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="backend: none was given"):
            service.run("other", {})

    def test_an_unknown_program_is_not_found(self, service: Any) -> None:
        with pytest.raises(RuntimeProgramNotFound, match="'nonsense'"):
            service.run("nonsense", {}, {"backend": "ibm_manila"})

    def test_a_platform_out_of_reach_is_a_runtime_error(self, service: Any, transport: Any) -> None:
        transport.raising["submit"] = UnreachableError("submit", "refused")

        with pytest.raises(IBMRuntimeError, match="refused"):
            service.run("other", {}, {"backend": "ibm_manila"})

    def test_the_callback_gets_the_result_as_the_decoder_made_it(self, service: Any) -> None:
        class Shout:
            @classmethod
            def decode(cls, data: str) -> str:
                return data.upper()

        told: queue.Queue[tuple[str, Any]] = queue.Queue()
        service.run(
            "other",
            {},
            {"backend": "ibm_manila"},
            callback=lambda *what: told.put(what),
            result_decoder=Shout,
        )

        assert told.get(timeout=30) == ("job0", '"DONE"')

    def test_it_may_start_a_session(self, service: Any, transport: Any) -> None:
        options = {"backend": "ibm_manila", "session_time": 300}

        job = service.run("other", {}, options, start_session=True)

        assert job.session_id == "session-0"
        assert transport.opened["session-0"].max_ttl == 300
        assert options == {"backend": "ibm_manila", "session_time": 300}

    def test_it_may_run_in_a_session(self, service: Any, transport: Any) -> None:
        service.run("other", {}, {"backend": "ibm_manila"}, start_session=True)

        job = service.run("other", {}, session_id="session-0", start_session=True)

        assert (job.session_id, job.backend()) == ("session-0", "ibm_manila")
        assert transport.calls["open_session"] == 1

    def test_an_unknown_session_is_named(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="'nobody'"):
            service.run("other", {}, session_id="nobody")

    def test_a_closed_session_takes_nothing(self, service: Any, transport: Any) -> None:
        service.run("other", {}, {"backend": "ibm_manila"}, start_session=True)
        transport.set_session("session-0", accepting_jobs=False)

        with pytest.raises(RuntimeInvalidStateError, match="'session-0' is closed"):
            service.run("other", {}, session_id="session-0")
