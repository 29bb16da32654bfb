"""The official client in the same worlds: its own code, on a faster clock."""

import asyncio
import warnings
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from reliability._tally import Ending
from reliability._time import hurried
from reliability._weather import SHORTEST, Kind
from reliability._worlds import KEY, World

__all__ = ["ask_for_all_officially"]

_THREADS: Final = 32
_CONNECT: Final = 5.0  # real seconds: the machine is no faster than it is
_BACKEND: Final = "ideal_5"


def _submit(service: Any, backend: Any, mark: str) -> str:
    """Submit one job as all primitives of the official client do."""
    inputs = {"pubs": [], "mark": mark, "version": 2}
    job = service._run(  # noqa: SLF001 - where every primitive submits
        program_id="sampler",
        inputs=inputs,
        options={"backend": backend, "job_tags": [mark]},
    )
    return str(job.job_id())


def _open(backend: Any, mark: str) -> str:
    """Open one session."""
    from qiskit_ibm_runtime import Session

    session = Session(backend, max_time=SHORTEST + int(mark.partition("-")[2]))
    return str(session.session_id)


async def ask_for_all_officially(world: World, marks: Iterable[str]) -> Mapping[str, Ending]:
    """Submit a job or open a session for each mark, many side by side.

    The official client never says that an outcome is unknown: each of its errors means that.
    """

    def ask_for_all() -> dict[str, Ending]:
        with _pointed_at(world) as (service, backend), ThreadPoolExecutor(_THREADS) as pool:

            def ask(mark: str) -> tuple[str, Ending]:
                try:
                    job = mark.startswith(Kind.JOB)
                    id = _submit(service, backend, mark) if job else _open(backend, mark)
                except Exception as error:  # noqa: BLE001 - whatever its user would have to read
                    return mark, Ending(None, unknown=True, error=type(error).__name__)
                return mark, Ending(id)

            world.network.weather = world.weather
            return dict(pool.map(ask, marks))

    endings = await asyncio.to_thread(ask_for_all)
    await world.network.calm()
    return endings


@contextmanager
def _pointed_at(world: World) -> Iterator[tuple[Any, Any]]:
    from unittest.mock import patch

    variables = {
        "IAM_URL": f"{world.url}/iam",
        "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
        "USAGE_DATA_OPT_OUT": "True",
    }
    with patch.dict("os.environ", variables), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit_ibm_runtime import QiskitRuntimeService

        service = QiskitRuntimeService(
            channel="ibm_quantum_platform",
            token=KEY,
            instance=world.crn,
            url=f"{world.url}/experimental/api/v1",
        )
        backend = service.backend(_BACKEND)
        for client in service._api_clients.values():  # noqa: SLF001 - there its clock is
            for adapter in set(client._session.adapters.values()):  # noqa: SLF001
                _hurry(adapter, world.speed)
        yield service, backend


def _hurry(adapter: Any, speed: float) -> None:
    """Let an adapter of its HTTP library wait less, and change nothing else."""
    adapter.max_retries = adapter.max_retries.new(
        backoff_factor=adapter.max_retries.backoff_factor / speed
    )
    send = adapter.send

    def send_and_wait_less(request: Any, *, timeout: Any = None, **options: Any) -> Any:
        # A submission has 900 s; a query waits for its answer for ever.
        read = timeout[1] if isinstance(timeout, tuple) else timeout
        seconds = None if read is None else hurried(read, speed)
        return send(request, timeout=(_CONNECT, seconds), **options)

    adapter.send = send_and_wait_less
