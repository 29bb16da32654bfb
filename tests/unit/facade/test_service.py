import copy
import inspect
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobNotFound,
    RuntimeProgramNotFound,
)

from swqr_adapters.facade import QiskitRuntimeService
from swqr_adapters.facade.connection import Connection
from swqr_adapters.storage.journal import read_journals
from swqr_core.errors import (
    AccessDeniedError,
    ConfigurationError,
    LimitExceededError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    SwqrError,
    UnreachableError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.usage import InstanceUsage
from swqr_core.runtime.blocking import Runtime


def submit(service: Any, *arguments: Any, **named: Any) -> Any:
    """Call what the official primitives call."""
    return service._run(*arguments, **named)  # noqa: SLF001 - the seam


def run(service: Any, backend: Any, **options: Any) -> Any:
    return submit(service, "other", {}, options={"backend": backend, **options})


def deeply_nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


class TestSignatures:
    def test_every_public_name_of_the_official_service_is_our_own(self) -> None:
        theirs = {name for name in vars(official.QiskitRuntimeService) if not name.startswith("_")}

        ours = [kind for kind in QiskitRuntimeService.__mro__ if "swqr" in kind.__module__]
        assert theirs <= {name for kind in ours for name in vars(kind)}

    @pytest.mark.parametrize(
        "name", [n for n in vars(official.QiskitRuntimeService) if not n.startswith("_")]
    )
    def test_every_method_takes_the_parameters_of_the_official_one(self, name: str) -> None:
        theirs = getattr(official.QiskitRuntimeService, name)
        if not callable(theirs):
            pytest.skip("a property")
        expected = [
            (p.name, p.kind, p.default) for p in inspect.signature(theirs).parameters.values()
        ]

        ours = inspect.signature(getattr(QiskitRuntimeService, name)).parameters

        assert [
            p for p in expected if p not in [(o.name, o.kind, o.default) for o in ours.values()]
        ] == []

    def test_the_constructor_takes_every_keyword_of_the_official_one_in_its_order(self) -> None:
        theirs = list(inspect.signature(official.QiskitRuntimeService.__init__).parameters)

        ours = list(inspect.signature(QiskitRuntimeService.__init__).parameters)

        assert ours[: len(theirs)] == theirs


class TestConstruction:
    def test_the_official_keywords_are_taken_and_nobody_is_asked(
        self, runtime: Runtime, transport: Any
    ) -> None:
        QiskitRuntimeService(
            channel="ibm_cloud",
            token="s3cret",
            url="https://example.org",
            proxies={"urls": {}},
            verify=False,
            runtime=runtime,
        )

        assert not transport.calls

    def test_the_token_is_shown_nowhere(self, runtime: Runtime) -> None:
        service = QiskitRuntimeService(token="s3cret", runtime=runtime)

        shown = f"{service!r} {service} {service.active_account()} {vars(service)!r}"

        assert "s3cret" not in shown

    def test_the_channel_local_gives_our_service_too(self, runtime: Runtime) -> None:
        service = QiskitRuntimeService(channel="local", runtime=runtime)

        assert type(service) is QiskitRuntimeService
        assert service.channel == "local"

    def test_an_unknown_channel_is_refused_as_by_the_official_client(self) -> None:
        with pytest.raises(ValueError, match=r"'channel' can only be .*'nowhere'"):
            QiskitRuntimeService(channel="nowhere")

    def test_a_url_in_the_channels_place_is_sent_where_it_belongs(self) -> None:
        with pytest.raises(ValueError, match="a URL goes to transport="):
            QiskitRuntimeService("memory://?seed=7")

    def test_a_transport_and_a_runtime_are_one_too_many(self, runtime: Runtime) -> None:
        with pytest.raises(IBMInputValueError, match="not both"):
            QiskitRuntimeService(transport="memory://", runtime=runtime)

    def test_a_url_in_the_place_of_a_runtime_is_told(self) -> None:
        with pytest.raises(IBMInputValueError, match=r"not str; a profile or a URL goes to trans"):
            QiskitRuntimeService(runtime="memory://")  # type: ignore[arg-type]

    def test_a_transports_mere_name_is_told_how_to_be_written(self) -> None:
        with pytest.raises(
            ConfigurationError, match=r"'memory'.*transport of that name is 'memory://'"
        ):
            QiskitRuntimeService(transport="memory")

    def test_an_unknown_transport_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match="nowhere"):
            QiskitRuntimeService(transport="nowhere://")

    def test_the_instance_may_be_named_by_its_name_or_left_to_the_transport(
        self, runtime: Runtime
    ) -> None:
        for instance in ("mine", "auto", None):
            service = QiskitRuntimeService(instance=instance, runtime=runtime)

            assert service.active_instance() == "crn:v1:test:::::a/b:c::"

    def test_another_instance_than_the_runtimes_is_refused(self, runtime: Runtime) -> None:
        with pytest.raises(IBMInputValueError, match="'theirs' is not the one of this service"):
            QiskitRuntimeService(instance="theirs", runtime=runtime)

    def test_copies_are_the_same_service(self, service: Any) -> None:
        assert copy.deepcopy(service) is service

    def test_a_service_on_a_runtime_of_ones_own_says_that_it_cannot_be_pickled(
        self, service: Any
    ) -> None:
        with pytest.raises(ConfigurationError, match="make it from transport="):
            pickle.dumps(service)

    def test_closing_leaves_the_callers_runtime_open(self, service: Any) -> None:
        service.close()
        service.close()

        assert service.usage()["usage_consumed_seconds"] == 0.0


class TestBackends:
    def test_the_same_question_has_the_same_answer_and_builds_it_once(
        self, service: Any, transport: Any
    ) -> None:
        first = service.backend("ibm_manila")

        assert service.backend("ibm_manila") is first
        assert transport.calls["backend_configuration"] == 1

    def test_an_unknown_name_is_answered_with_near_ones_and_its_cause(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match=r"'ibm_manil'.*ibm_manila") as caught:
            service.backend("ibm_manil")

        assert isinstance(caught.value.__cause__, SwqrError)

    @pytest.mark.parametrize("name", ["", 5])
    def test_what_is_no_name_is_refused(self, service: Any, name: Any) -> None:
        with pytest.raises(IBMInputValueError, match="name of a backend"):
            service.backend(name)

    def test_fractional_gates_that_are_not_there_are_refused(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="does not support fractional gates"):
            service.backend("ibm_manila", use_fractional_gates=True)

    @pytest.mark.parametrize(
        ("conditions", "names"),
        [
            ({}, ["ibm_fez", "ibm_manila", "ideal_4"]),
            ({"name": "ideal_4"}, ["ideal_4"]),
            ({"name": "nothing"}, []),
            ({"min_num_qubits": 5}, ["ibm_fez", "ibm_manila"]),
            ({"dynamic_circuits": True}, ["ibm_fez", "ideal_4"]),
            ({"dynamic_circuits": False}, ["ibm_manila"]),
            ({"simulator": False, "operational": True}, ["ibm_fez", "ibm_manila", "ideal_4"]),
            ({"simulator": True}, []),
            ({"n_qubits": 4}, ["ideal_4"]),
            ({"filters": lambda backend: backend.num_qubits < 5}, ["ideal_4"]),
            ({"instance": "mine"}, ["ibm_fez", "ibm_manila", "ideal_4"]),
        ],
    )
    def test_backends_meet_every_condition(
        self, service: Any, conditions: dict[str, Any], names: list[str]
    ) -> None:
        found = service.backends(**conditions)

        assert sorted(backend.name for backend in found) == names

    def test_a_backend_that_is_offline_is_not_operational(
        self, service: Any, transport: Any
    ) -> None:
        transport.set_backend("ibm_manila", status=BackendStatus.OFFLINE)

        found = service.backends(operational=True)

        assert "ibm_manila" not in [backend.name for backend in found]

    def test_mocks_are_hidden_unless_asked_for(self, service: Any, transport: Any) -> None:
        transport.add_mock("ibm_manila")

        hidden, shown = service.backends(), service.backends(include_mocks=True)

        assert {b.name for b in shown} - {b.name for b in hidden} == {"mock_manila"}

    def test_another_instance_is_refused(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="'theirs'"):
            service.backends(instance="theirs")

    def test_the_shortest_queue_is_least_busy(self, service: Any) -> None:
        assert service.least_busy().name == "ibm_manila"

    @pytest.mark.parametrize(
        ("conditions", "name"),
        [
            ({"min_num_qubits": 100}, "ibm_fez"),
            ({"min_num_qubits": 0}, "ibm_manila"),
            ({"operational": True, "simulator": False}, "ibm_manila"),
            ({"filters": lambda backend: backend.num_qubits < 5}, "ideal_4"),
            ({"dynamic_circuits": True}, "ideal_4"),
        ],
    )
    def test_least_busy_meets_every_condition(
        self, service: Any, conditions: dict[str, Any], name: str
    ) -> None:
        assert service.least_busy(**conditions).name == name

    @pytest.mark.parametrize("status", [BackendStatus.OFFLINE, BackendStatus.PAUSED])
    def test_least_busy_is_online(
        self, service: Any, transport: Any, status: BackendStatus
    ) -> None:
        transport.set_backend("ibm_manila", status=status)

        assert service.least_busy().name == "ideal_4"

    def test_least_busy_is_no_mock(self, service: Any, transport: Any) -> None:
        transport.add_mock("ibm_manila")

        assert service.least_busy().name == "ibm_manila"

    def test_no_backend_that_fits_is_an_error_that_says_what_to_do(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match="loosen"):
            service.least_busy(min_num_qubits=1000)

    def test_a_configuration_of_another_name_is_not_taken(
        self, service: Any, transport: Any
    ) -> None:
        transport.configurations["ibm_manila"] = lambda doc: doc.update(backend_name="other")

        with pytest.raises(QiskitBackendNotFoundError, match="configuration of 'other'"):
            service.backend("ibm_manila")

    @pytest.mark.parametrize(
        "break_",
        [
            lambda doc: doc.pop("n_qubits"),
            lambda doc: doc.update(n_qubits=10**9),  # the official class would make as many rows
            lambda doc: doc.update(n_qubits=-1),
            lambda doc: doc.update(backend_version=deeply_nested(950)),
        ],
        ids=["no qubits", "a billion qubits", "less than none", "nested"],
    )
    def test_a_configuration_that_cannot_be_read_leaves_the_others(
        self, service: Any, transport: Any, break_: Any
    ) -> None:
        transport.configurations["ibm_manila"] = break_

        found = service.backends()

        assert sorted(backend.name for backend in found) == ["ibm_fez", "ideal_4"]


class TestRun:
    def test_a_run_is_one_call_of_the_transport(
        self, service: Any, backend: Any, transport: Any
    ) -> None:
        transport.calls.clear()

        run(service, backend)

        assert transport.calls == {"submit": 1}

    def test_the_options_arrive(self, service: Any, backend: Any, transport: Any) -> None:
        job = run(
            service,
            backend,
            job_tags=["a", "b"],
            max_execution_time=30,
            log_level="DEBUG",
            private=True,
            image="name:tag",
        )

        spec = transport.stored[job.job_id()].spec
        assert (spec.tags, spec.max_execution_time, spec.log_level) == (("a", "b"), 30, "debug")
        assert (spec.private, spec.image, spec.session_id) == (True, "name:tag", None)

    def test_a_backend_may_be_named(self, service: Any) -> None:
        assert run(service, "ibm_manila").backend().name == "ibm_manila"

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"backend": None}, "backend"),
            ({"image": "no tag"}, "image"),
            ({"log_level": "loud"}, "log level"),
            ({"job_tags": "text"}, "job_tags"),
            ({"job_tags": ["x" * 87]}, "tags: .*86"),
            ({"max_execution_time": 0}, "max_execution_time"),
        ],
    )
    def test_an_option_that_cannot_be_is_refused_and_nothing_is_sent(
        self, service: Any, transport: Any, options: dict[str, Any], match: str
    ) -> None:
        with pytest.raises(IBMInputValueError, match=match):
            submit(service, "other", {}, options={"backend": "ibm_manila", **options})

        assert transport.calls["submit"] == 0

    def test_inputs_that_cannot_be_encoded_are_refused(self, service: Any, backend: Any) -> None:
        with pytest.raises(IBMInputValueError, match="inputs of other"):
            submit(service, "other", {"it": object()}, options={"backend": backend})

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (LimitExceededError("pending jobs", 3, "wait", 3458), IBMRuntimeError),
            (PayloadTooLargeError("params", 300, 200), IBMInputValueError),
            (AccessDeniedError("run jobs", "another plan"), IBMNotAuthorizedError),
            (OutcomeUnknownError("scripted", "submit", "k"), IBMRuntimeError),
        ],
    )
    def test_what_the_platform_refuses_is_an_official_error_with_its_cause(
        self, service: Any, backend: Any, transport: Any, error: SwqrError, kind: type[Exception]
    ) -> None:
        transport.raising["submit"] = error
        transport.capabilities = type(transport.capabilities)(
            transport="scripted", idempotent_submit=False
        )

        with pytest.raises(kind) as caught:
            run(service, backend)

        assert caught.value.__cause__ is error

    def test_an_unknown_program_is_named(self, service: Any, backend: Any) -> None:
        with pytest.raises(RuntimeProgramNotFound, match="'nonsense'"):
            submit(service, "nonsense", {}, options={"backend": backend})

    def test_a_backend_of_another_cloud_is_refused(self, service: Any) -> None:
        class Foreign:
            name, service = "ibm_manila", None

        with pytest.raises(IBMRuntimeError, match="does not belong to this service"):
            run(service, Foreign())

    def test_a_dry_run_goes_to_the_mock_device(self, service: Any, transport: Any) -> None:
        transport.add_mock("ibm_manila")

        job = submit(service, "other", {}, options={"backend": "ibm_manila"}, dry_run=True)

        assert job.backend().name == "mock_manila"

    def test_a_dry_run_without_a_mock_device_is_refused(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match=r"dry_run.*'mock_manila'"):
            submit(service, "other", {}, options={"backend": "ibm_manila"}, dry_run=True)


class TestJobs:
    @pytest.fixture
    def several(self, service: Any, transport: Any) -> list[str]:
        transport.script = [
            {"state": JobState.COMPLETED},
            {"state": JobState.RUNNING},
            {"state": JobState.FAILED},
            {"state": JobState.QUEUED},
        ]
        names = ["ibm_manila", "ibm_fez", "ibm_manila", "ibm_manila"]
        tags = [["x"], ["x", "y"], [], []]
        return [
            run(service, name, job_tags=tag).job_id() for name, tag in zip(names, tags, strict=True)
        ]

    @pytest.mark.parametrize(
        ("conditions", "numbers"),
        [
            ({}, [3, 2, 1, 0]),
            ({"limit": 2}, [3, 2]),
            ({"limit": None}, [3, 2, 1, 0]),
            ({"limit": 2, "skip": 1}, [2, 1]),
            ({"limit": None, "skip": 3}, [0]),
            ({"descending": False}, [0, 1, 2, 3]),
            ({"pending": True}, [3, 1]),
            ({"pending": False}, [2, 0]),
            ({"backend_name": "ibm_fez"}, [1]),
            ({"program_id": "sampler"}, []),
            ({"job_tags": ["x"]}, [1, 0]),
            ({"job_tags": ["x", "y"]}, [1]),
            ({"session_id": "none"}, []),
            ({"instance": "mine"}, [3, 2, 1, 0]),
        ],
    )
    def test_jobs_meet_every_condition(
        self, service: Any, several: list[str], conditions: dict[str, Any], numbers: list[int]
    ) -> None:
        found = service.jobs(**conditions)

        assert [job.job_id() for job in found] == [several[number] for number in numbers]

    def test_a_time_without_a_zone_is_local_time(self, service: Any, several: list[str]) -> None:
        second = service.job(several[1]).creation_date
        naive = second.replace(tzinfo=None)

        found = service.jobs(created_after=naive, created_before=naive)

        assert [job.job_id() for job in found] == [several[1]]

    def test_a_time_with_a_zone_is_taken_as_it_is(self, service: Any, several: list[str]) -> None:
        at = datetime(2026, 1, 31, 9, 1, 30, tzinfo=UTC).astimezone()

        found = service.jobs(created_after=at)

        assert [job.job_id() for job in found] == several[:1:-1]
        assert found[0].creation_date - at == timedelta(seconds=90)

    def test_a_time_may_be_text_as_officially(self, service: Any, several: list[str]) -> None:
        found = service.jobs(created_after="2026-01-31T09:01:30+00:00")

        assert [job.job_id() for job in found] == several[:1:-1]

    def test_more_jobs_than_a_page_holds_are_all_found(
        self, service: Any, backend: Any, transport: Any
    ) -> None:
        for _ in range(203):
            run(service, backend)

        assert len(service.jobs(limit=None)) == 203

    def test_dry_runs_are_hidden_unless_asked_for(
        self, service: Any, several: list[str], transport: Any
    ) -> None:
        transport.add_mock("ibm_manila")
        run(service, "mock_manila")

        hidden, shown = service.jobs(limit=2), service.jobs(limit=2, include_mocks=True)

        assert [job.job_id() for job in hidden] == ["job3", "job2"]
        assert [job.job_id() for job in shown] == ["job4", "job3"]

    @pytest.mark.parametrize(
        "bad",
        [
            {"job_tags": "x"},
            {"skip": -1},
            {"limit": -1},
            {"created_after": "some day"},
            {"created_before": 5},
        ],
    )
    def test_a_condition_that_cannot_be_is_refused(self, service: Any, bad: dict[str, Any]) -> None:
        with pytest.raises(IBMInputValueError):
            service.jobs(**bad)

    def test_a_job_on_a_retired_backend_is_still_shown(
        self, service: Any, runtime: Runtime, transport: Any, several: list[str]
    ) -> None:
        transport.retire("ibm_fez")
        fresh = QiskitRuntimeService(runtime=runtime)

        job = fresh.job(several[1])

        assert job.backend().name == "ibm_fez"
        assert job.backend().status().operational is False

    def test_an_unknown_job_is_named(self, service: Any) -> None:
        with pytest.raises(RuntimeJobNotFound, match="'nobody'"):
            service.job("nobody")

    def test_a_deleted_job_is_gone(self, service: Any, several: list[str]) -> None:
        service.delete_job(several[0])

        with pytest.raises(RuntimeJobNotFound):
            service.job(several[0])

    def test_a_running_job_is_not_deleted(self, service: Any, several: list[str]) -> None:
        with pytest.raises(RuntimeInvalidStateError, match="'job1' is running"):
            service.delete_job(several[1])


class TestAccount:
    def test_usage_without_a_limit_has_none(self, service: Any) -> None:
        assert service.usage() == {
            "instance_id": "crn:v1:test:::::a/b:c::",
            "plan_id": "internal",
            "usage_consumed_seconds": 0.0,
        }

    @pytest.mark.parametrize(("used", "left"), [(40.0, 60.0), (140.0, 0)])
    def test_usage_with_a_limit_says_what_remains(
        self, service: Any, transport: Any, used: float, left: float
    ) -> None:
        transport.usage_now = InstanceUsage(
            instance=InstanceId("c"), consumed_seconds=used, limit_seconds=100.0
        )

        usage = service.usage()

        assert usage["usage_remaining_seconds"] == left
        assert usage["usage_limit_reached"] is (left == 0)

    def test_instances_are_listed_as_officially(self, service: Any) -> None:
        assert (
            service.instances()[0].items()
            >= {
                "crn": "crn:v1:test:::::a/b:c::",
                "plan": "flex",
                "name": "mine",
            }.items()
        )

    def test_the_active_account_says_what_was_given(self, runtime: Runtime) -> None:
        service = QiskitRuntimeService(
            channel="ibm_cloud", token="t", url="https://u", verify=False, runtime=runtime
        )

        assert service.active_account() == {
            "channel": "ibm_cloud",
            "url": "https://u",
            "token": "********",
            "instance": "crn:v1:test:::::a/b:c::",
            "verify": False,
            "private_endpoint": False,
        }

    def test_saved_accounts_are_the_official_ones(self, service: Any, tmp_path: Any) -> None:
        file = str(tmp_path / "accounts.json")
        service.save_account(token="t" * 8, filename=file, name="mine", instance="auto")

        found = service.saved_accounts(filename=file)

        assert list(found) == ["mine"]
        assert service.delete_account(filename=file, name="mine") is True

    def test_a_platform_out_of_reach_is_an_official_error(
        self, runtime: Runtime, service: Any, transport: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        transport.raising["usage"] = UnreachableError("scripted", "no route")
        monkeypatch.setattr("swqr_core.runtime.policies.RetryPolicy.delays", lambda _: iter(()))

        with pytest.raises(IBMRuntimeError, match="no route"):
            service.usage()


def test_an_option_that_nobody_knows_is_named_with_those_there_are(
    service: Any, backend: Any
) -> None:
    with pytest.raises(IBMInputValueError, match=r"there is no 'shots'; possible are .*job_tags"):
        run(service, backend, shots=5)


def test_options_that_are_no_dictionary_are_refused(service: Any) -> None:
    with pytest.raises(IBMInputValueError, match="options: must be a dictionary"):
        submit(service, "other", {}, "ibm_manila")


def test_what_goes_over_a_transport_that_is_made_later_is_noted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWQR_JOURNAL", str(tmp_path / "journal"))
    url = f"memory://?execution=threads&store=sqlite:///{tmp_path / 'cloud.db'}"
    connection = Connection.shared(url, at_once=False)
    job = connection.runtime.submit(
        JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_2")), b"{}"
    )
    connection.release()

    noted = [work.id for file in read_journals(tmp_path / "journal") for work in file.work]
    assert noted == [job.id]
