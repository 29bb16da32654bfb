"""Services of one process, and what belongs to which."""

import asyncio
import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from qiskit_ibm_runtime.exceptions import IBMRuntimeError, RuntimeJobNotFound

from swqr_adapters.facade import QiskitRuntimeService, SamplerV2, Session
from swqr_core.errors import ConfigurationError

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class:DeprecationWarning")

URL = "memory://?seed=11&noise=off&workers=1"


def test_equal_urls_are_one_cloud(bell: Any) -> None:
    with (
        QiskitRuntimeService(transport=URL) as first,
        QiskitRuntimeService(transport=URL) as second,
    ):
        job = SamplerV2(mode=first.backend("ideal_5")).run([bell], shots=8)

        again = second.job(job.job_id())

        assert again.result()[0].data.meas.num_shots == 8
        assert first.runtime is second.runtime


def test_a_service_without_arguments_takes_the_active_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "transport = 'memory'\nseed = 11\nnoise = false\nworkers = 1\n"
    (tmp_path / "swqr.toml").write_text(f"profile = 'dev'\n[profiles.dev]\n{table}")
    monkeypatch.chdir(tmp_path)
    with (
        QiskitRuntimeService() as active,
        QiskitRuntimeService(transport="dev") as named,
        QiskitRuntimeService(transport=URL) as same,
    ):
        assert active.runtime is named.runtime is same.runtime


def test_different_urls_are_different_clouds(bell: Any) -> None:
    other = URL.replace("11", "12")
    with (
        QiskitRuntimeService(transport=URL) as first,
        QiskitRuntimeService(transport=other) as second,
    ):
        job = SamplerV2(mode=first.backend("ideal_5")).run([bell], shots=8)

        with pytest.raises(RuntimeJobNotFound):
            second.job(job.job_id())


def test_different_instances_share_nothing(bell: Any) -> None:
    with (
        QiskitRuntimeService(transport=URL, instance="crn:one") as first,
        QiskitRuntimeService(transport=URL, instance="crn:two") as second,
    ):
        job = SamplerV2(mode=first.backend("ideal_5")).run([bell], shots=8)

        with pytest.raises(RuntimeJobNotFound):
            second.job(job.job_id())

        assert (first.active_instance(), second.active_instance()) == ("crn:one", "crn:two")
        assert [one["crn"] for one in first.instances()] == ["crn:one"]


def test_the_last_one_closes_the_cloud() -> None:
    first, second = QiskitRuntimeService(transport=URL), QiskitRuntimeService(transport=URL)
    first.close()
    first.close()
    still = second.usage()

    second.close()

    assert still["usage_consumed_seconds"] == 0.0
    with pytest.raises(IBMRuntimeError, match="closed"):
        second.usage()


def test_a_closed_cloud_is_replaced_by_a_new_one() -> None:
    QiskitRuntimeService(transport=URL).close()

    with QiskitRuntimeService(transport=URL) as service:
        assert service.jobs() == []


def test_a_cloud_that_was_closed_by_hand_is_replaced_too() -> None:
    first = QiskitRuntimeService(transport=URL)
    first.runtime.close()

    with QiskitRuntimeService(transport=URL) as second:
        first.close()

        assert second.backend("ideal_5").num_qubits == 5
        with QiskitRuntimeService(transport=URL) as third:
            assert third.runtime is second.runtime


@pytest.mark.parametrize(
    "url", ["memory://?sede=7", "memory://?seed=x", "memory://there", "nowhere"]
)
def test_a_url_that_cannot_be_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        QiskitRuntimeService(transport=url)


def test_a_pickled_service_finds_the_same_cloud(bell: Any) -> None:
    with QiskitRuntimeService(transport=URL) as service:
        job = SamplerV2(mode=service.backend("ideal_5")).run([bell], shots=8)

        with pickle.loads(pickle.dumps(service)) as twin:
            assert twin.job(job.job_id()).result()[0].data.meas.num_shots == 8


def test_a_pickled_backend_and_job_work(bell: Any) -> None:
    with QiskitRuntimeService(transport=URL) as service:
        backend = service.backend("ideal_5")
        job = SamplerV2(mode=backend).run([bell], shots=8)

        again, same = pickle.loads(pickle.dumps((backend, job)))

        assert again.target.num_qubits == 5
        assert same.result()[0].data.meas.num_shots == 8
        again.service.close()


def test_a_backend_of_a_twin_service_may_be_used_in_a_session(bell: Any) -> None:
    with (
        QiskitRuntimeService(transport=URL) as first,
        QiskitRuntimeService(transport=URL) as second,
    ):
        with Session(second, first.backend("ideal_5")) as session:
            job = SamplerV2(mode=session).run([bell], shots=8)

        assert job.session_id == session.session_id


def test_it_may_be_used_inside_a_running_event_loop(ideal: Any, bell: Any) -> None:
    async def cell() -> int:
        result = SamplerV2(mode=ideal).run([bell], shots=8).result()
        return int(result[0].data.meas.num_shots)

    assert asyncio.run(cell()) == 8


def test_many_threads_may_submit_and_wait_at_once(ideal: Any, bell: Any) -> None:
    with Session(ideal) as session, ThreadPoolExecutor(8) as threads:
        sampler = SamplerV2(mode=session)

        def one(shots: int) -> int:
            result = sampler.run([bell], shots=shots).result()
            return int(result[0].data.meas.num_shots)

        assert list(threads.map(one, range(1, 33))) == list(range(1, 33))


def test_a_program_that_closes_nothing_ends_quietly() -> None:
    code = (
        "from swqr_adapters.facade import QiskitRuntimeService, Session\n"
        "service = QiskitRuntimeService(transport='memory://?workers=1')\n"
        "session = Session(service.backend('ideal_2'))\n"
        "print(session.status())\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("Pending\n", "")


def test_copies_of_a_service_are_the_service(service: Any) -> None:
    assert copy.deepcopy(service) is service
