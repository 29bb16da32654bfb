"""Programs for Strangeworks, with the documented classes, in this process and over the platform."""

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)

from swqr_adapters.facade import Batch, EstimatorV2, QiskitRuntimeService, SamplerV2
from swqr_adapters.facade.strangeworks import (
    StrangeworksQiskitRuntimeService,
    StrangeworksRuntimeClient,
    StrangeworksRuntimeJob,
    StrangeworksSession,
)
from swqr_core.errors import ConfigurationError

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The EstimatorV2 class:DeprecationWarning"),
]

SECONDS = 60.0
TRANSPORTS = ("memory", "strangeworks")

ADA, BOB = "key-of-ada", "key-of-bob"
FLEET = """
[[instance]]
name = "ada"

[[instance]]
name = "bob"

[[backend]]
name = "ideal_5"
snapshot = "ideal_5"

[[key]]
name = "ada"
secret = "env:KEY_OF_ADA"
user = "ada"
instances = ["ada"]

[[key]]
name = "bob"
secret = "env:KEY_OF_BOB"
user = "bob"
instances = ["bob"]
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Strangeworks platform on this machine, with two accounts."""
    folder = tmp_path_factory.mktemp("platform")
    ready, fleet = folder / "ready.json", folder / "fleet.toml"
    fleet.write_text(FLEET)
    command = [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", "0"]
    cloud = "memory://?seed=7&noise=off&workers=1&programs=limits"
    options = ["--transport", cloud, "--fleet", str(fleet)]
    process = subprocess.Popen(
        [*command, *options, "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KEY_OF_ADA": ADA, "KEY_OF_BOB": BOB},
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield json.loads(ready.read_text())["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(timeout=90) == 0


@pytest.fixture(scope="module")
def over_platform(platform: str) -> Iterator[StrangeworksQiskitRuntimeService]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWQR_TEST_KEY", ADA)
        url = f"strangeworks://?url={platform}&api_key_env=SWQR_TEST_KEY"
        with StrangeworksQiskitRuntimeService(transport=url) as made:
            yield made


@pytest.fixture(params=TRANSPORTS)
def sw(request: pytest.FixtureRequest, service: Any) -> StrangeworksQiskitRuntimeService:
    if request.param == "memory":
        return StrangeworksQiskitRuntimeService(runtime=service.runtime)
    made: StrangeworksQiskitRuntimeService = request.getfixturevalue("over_platform")
    return made


@pytest.fixture
def held(slow: Any) -> StrangeworksQiskitRuntimeService:
    """A service on whose cloud nothing ends."""
    return StrangeworksQiskitRuntimeService(runtime=slow.runtime)


def params(circuit: Any, shots: int = 16) -> dict[str, Any]:
    return {"pubs": [(circuit, None, shots)], "version": 2, "support_qiskit": True}


def test_a_sampler_runs_in_a_session(sw: Any, bell: Any) -> None:
    with StrangeworksSession(sw, "ideal_5", "10m") as session:
        job = SamplerV2(mode=session).run([bell], shots=100)
        counts = job.result(timeout=SECONDS)[0].data.meas.get_counts()

    assert sum(counts.values()) == 100
    assert set(counts) <= {"00", "11"}
    assert type(job) is StrangeworksRuntimeJob
    assert (job.session_id, job.status()) == (session.session_id, JobStatus.DONE)
    assert session.status() == "Closed"
    assert [found.job_slug for found in sw.jobs(session_id=session.session_id)] == [job.job_slug]


def test_an_estimator_runs_in_a_batch(sw: Any, pair: Any) -> None:
    observable = SparsePauliOp("ZZ").apply_layout(pair.layout)

    with Batch(sw.backend("ideal_5")) as batch:
        job = EstimatorV2(mode=batch).run([(pair, observable)])

    assert job.result(timeout=SECONDS)[0].data.evs == pytest.approx(1.0)
    assert job.session_id == batch.session_id


@pytest.mark.executor_family
def test_a_client_side_sampler_runs_too(sw: Any, bell: Any) -> None:
    from swqr_adapters.facade import executor_sampler

    sampler = getattr(executor_sampler, "Sampler", None) or executor_sampler.SamplerV2  # 0.49
    job = sampler(mode=sw.backend("ideal_5")).run([bell], shots=8)

    assert sum(job.result(timeout=SECONDS)[0].data.meas.get_counts().values()) == 8


def test_a_job_is_found_again_by_its_slug_alone(sw: Any, bell: Any) -> None:
    slug = sw.run("sampler", params(bell), {"backend": "ideal_5", "job_tags": ["again"]}).job_slug

    job = StrangeworksRuntimeJob(slug, sw)

    assert job.result(timeout=SECONDS)[0].data.meas.num_shots == 16
    assert (job.tags, job.backend(), job.backend().num_qubits) == (["again"], "ideal_5", 5)
    assert job.inputs["pubs"][0][2] == 16
    assert [found.job_slug for found in sw.jobs(job_tags=["again"])] == [slug]


def test_a_wait_ends_in_time_and_the_job_can_be_cancelled_once(held: Any, bell: Any) -> None:
    job = held.run("sampler", params(bell), {"backend": "ideal_5"})

    with pytest.raises(RuntimeJobMaxTimeoutError, match=job.job_slug):
        job.result(timeout=0.05)
    assert job.cancel() is None
    with pytest.raises(RuntimeJobFailureError, match="cancelled"):
        job.result(timeout=SECONDS)
    with pytest.raises(RuntimeInvalidStateError, match="already ended"):
        job.cancel()


def test_a_failed_job_says_why(sw: Any) -> None:
    job = sw.run("sampler", {"pubs": "none", "version": 2}, {"backend": "ideal_5"})

    with pytest.raises(RuntimeJobFailureError, match=f"{job.job_slug}.*pubs"):
        job.result(timeout=SECONDS)

    assert "pubs" in job.error_message()


def test_the_low_level_client_sees_the_same_jobs(sw: Any, bell: Any) -> None:
    client = StrangeworksRuntimeClient("ibm_cloud", runtime=sw.runtime)
    session = client.create_session("ideal_5", max_time="5m")

    job = client.program_run("sampler", "ideal_5", params(bell), None, None, session["id"])

    assert sw.job(job["slug"]).result(timeout=SECONDS)[0].data.meas.num_shots == 16
    assert [one["id"] for one in client.jobs_get(session_id=session["id"])["jobs"]] == [job["id"]]
    client.close_session(session["id"])
    assert StrangeworksSession.from_id(session["id"], sw).status() == "Closed"


PROGRAM = """
def main(backend, user_messenger, steps=3, fail=False):
    for step in range(steps):
        user_messenger.publish({"step": step})
    if fail:
        raise ValueError("it went wrong")
    return steps
"""


def upload(service: Any) -> str:
    uploaded: str = service.upload_program(PROGRAM, {"name": "steps", "max_execution_time": 60})
    return uploaded


@pytest.fixture(scope="module")
def in_process() -> Iterator[tuple[StrangeworksQiskitRuntimeService, str]]:
    url = "memory://?seed=7&workers=1&programs=limits"
    with StrangeworksQiskitRuntimeService(transport=url) as made:
        yield made, upload(made)


@pytest.fixture(scope="module")
def beside_ibm(
    platform: str, over_platform: StrangeworksQiskitRuntimeService
) -> tuple[StrangeworksQiskitRuntimeService, str]:
    """The platform, whose program came over the other interface of its server."""
    url = f"ibm://?url={platform}/api/v1&token_env=SWQR_TEST_KEY"
    with QiskitRuntimeService(transport=url) as service:
        return over_platform, upload(service)


@pytest.fixture(params=["in_process", "beside_ibm"])
def uploaded(request: pytest.FixtureRequest) -> tuple[StrangeworksQiskitRuntimeService, str]:
    made: tuple[StrangeworksQiskitRuntimeService, str] = request.getfixturevalue(request.param)
    return made


class TestProgramsOfUsers:
    def test_interim_results_come_in_order_and_to_the_callback(self, uploaded: Any) -> None:
        service, program = uploaded
        told: queue.Queue[tuple[str, Any]] = queue.Queue()

        with StrangeworksSession(service, "ideal_5") as session:
            job = session.run(program, {"steps": 2}, callback=lambda *what: told.put(what))

        assert job.result(timeout=SECONDS) == 2
        assert job.interim_results() == [{"step": 0}, {"step": 1}]
        assert service.job(job.job_slug).interim_results() == [{"step": 0}, {"step": 1}]
        assert [told.get(timeout=SECONDS) for _ in range(3)] == [
            (job.job_slug, {"step": 0}),
            (job.job_slug, {"step": 1}),
            (job.job_slug, 2),
        ]

    def test_a_failed_program_says_why_and_its_stream_what_came_before(self, uploaded: Any) -> None:
        service, program = uploaded
        job = service.run(program, {"steps": 1, "fail": True}, {"backend": "ideal_5"})

        with pytest.raises(RuntimeJobFailureError, match="it went wrong"):
            job.result(timeout=SECONDS)
        with pytest.raises(RuntimeJobFailureError, match="it went wrong"):
            job.interim_results()
        assert list(job.stream()) == [{"step": 0}]

    def test_a_primitive_publishes_nothing(self, over_platform: Any, bell: Any) -> None:
        job = over_platform.run("sampler", params(bell), {"backend": "ideal_5"})
        job.result(timeout=SECONDS)

        assert job.interim_results() == []


class SdkClient:
    """What a client of the SDK keeps after ``authenticate()``."""

    def __init__(self, key: str, url: str) -> None:
        self._key, self._url = key, url


def test_two_clients_of_the_sdk_are_two_accounts(platform: str, bell: Any) -> None:
    ada, bob = (
        StrangeworksRuntimeClient("ibm_cloud", sdk_client=SdkClient(key, platform))
        for key in (ADA, BOB)
    )

    with closing(ada), closing(bob):
        job = bob.program_run("sampler", "ideal_5", params(bell), None, None, None)

        assert [one["id"] for one in bob.jobs_get()["jobs"]] == [job["id"]]
        assert job["id"] not in [one["id"] for one in ada.jobs_get()["jobs"]]
        with pytest.raises(RuntimeJobNotFound):
            ada.job_get(job["id"])


def test_a_client_of_the_sdk_tells_its_key_nowhere(platform: str) -> None:
    client = StrangeworksRuntimeClient("ibm_cloud", sdk_client=SdkClient(ADA, platform))

    with closing(client):
        assert client.list_backends()
        assert ADA not in f"{client!r} {vars(client)!r} {client.runtime!r}"
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(client)


def test_the_channels_are_two_resources_and_a_resource_is_one_of_them(platform: str) -> None:
    def service(**named: Any) -> StrangeworksRuntimeClient:
        return StrangeworksRuntimeClient(
            sdk_client=SdkClient(ADA, platform), **{"channel": "ibm_cloud", **named}
        )

    with closing(service()) as cloud, closing(service(channel="ibm_quantum")) as quantum:
        assert cloud.instance != quantum.instance
        with closing(service(rsc=quantum.instance)) as named:
            assert named.instance == quantum.instance


@pytest.fixture
def real_sdk(platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The published client, logged in."""
    monkeypatch.setenv("STRANGEWORKS_CONFIG_PATH", str(tmp_path / "cfg.toml"))
    client = pytest.importorskip("strangeworks.sw_client")
    config = pytest.importorskip("strangeworks.core.config.config")
    sdk = client.SWClient(config.Config())
    sdk.authenticate(api_key=ADA, url=platform, store_credentials=False)
    return sdk


class TestRecordsOfTheSdk:
    def test_the_resource_is_the_one_that_the_sdk_lists_and_its_functions_take_it(
        self, platform: str, real_sdk: Any
    ) -> None:
        with closing(StrangeworksRuntimeClient("ibm_cloud", sdk_client=real_sdk)) as client:
            resource = client.rsc

            assert resource in real_sdk.resources()
            answer = real_sdk.execute(resource, {"name": "ideal_5"}, "runtime_backend_config")
            assert answer["n_qubits"] == 5
            with closing(StrangeworksRuntimeClient("ibm_cloud", resource, real_sdk)) as again:
                assert again.rsc == resource

    def test_a_job_is_the_one_that_the_sdk_lists(
        self, over_platform: Any, real_sdk: Any, bell: Any
    ) -> None:
        job = over_platform.run(
            "sampler", params(bell), {"backend": "ideal_5", "job_tags": ["x", "y"]}
        )
        job.result(timeout=SECONDS)

        record = job.sdk_job()

        assert [record] == real_sdk.jobs(slug=job.job_slug)
        assert (record.status.value, sorted(record.tags)) == ("COMPLETED", ["x", "y"])
        assert len(real_sdk.download_job_files([file.url for file in record.files])) >= 2

    def test_an_unknown_job_is_not_found(self, over_platform: Any) -> None:
        with pytest.raises(RuntimeJobNotFound, match="'nobody'"):
            StrangeworksRuntimeJob("nobody", over_platform).sdk_job()

    def test_wrappers_are_seen_through(
        self, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("strangeworks_core")
        monkeypatch.setenv("SWQR_TEST_KEY", ADA)
        url = f"strangeworks://?url={platform}&api_key_env=SWQR_TEST_KEY"
        wraps = f"&wrap=record&record.file={tmp_path / 'run.json'}"

        client = StrangeworksRuntimeClient("ibm_cloud", transport=url + wraps)

        with closing(client):
            assert client.rsc.slug == client.instance

    def test_another_transport_has_none(self, service: Any, bell: Any) -> None:
        sw = StrangeworksQiskitRuntimeService(runtime=service.runtime)
        job = sw.run("sampler", params(bell), {"backend": "ideal_5"})
        client = StrangeworksRuntimeClient("ibm_cloud", runtime=service.runtime)

        for ask in (job.sdk_job, lambda: client.rsc):
            with pytest.raises(IBMRuntimeError, match=r"'memory'.*records of the Strangeworks SDK"):
                ask()


def test_an_unknown_resource_is_named_with_those_there_are(platform: str) -> None:
    account = SdkClient(ADA, platform)
    client = StrangeworksRuntimeClient("ibm_cloud", "nothing", account)

    with closing(client), pytest.raises(IBMInputValueError, match=r"'nothing' not found.*there is"):
        client.list_backends()


def test_the_address_is_needed_at_the_first_question_only() -> None:
    client = StrangeworksRuntimeClient(
        "ibm_cloud", sdk_client=SdkClient("key", "http://127.0.0.1:9")
    )

    with closing(client), pytest.raises(IBMRuntimeError, match=r"127\.0\.0\.1:9"):
        client.list_backends()
