"""What all clients of a simulated world know together, and how it is held to what there is."""

import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from attrs import define, field

from swqr_core.clock import VirtualClock
from swqr_core.errors import SwqrError, TransportError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers import Call, TransportWrapper

__all__ = ["REASON_CODE", "Ledger", "Noted", "result_of"]

T = TypeVar("T")

REASON_CODE: Final = 1517
"""The code of jobs that fail because the world says so."""

_REQUESTS: Final = 4
"""How many requests one call may take."""

_BAD_LUCK: Final = 1e-6
"""What is less probable did not happen by chance."""


@define(eq=False)
class Ledger:
    """What all clients know together.

    Attributes:
        clock: The platform's time.
        calls: How many calls the clients made.
        lost: How many of them were lost.
        asked: The parameters of each submission that was tried, by its key.
        accepted: The job of each key that the platform has confirmed.
        refused: The keys of submissions that certainly made no job.
        tried: How often each method was called.
        answered: The methods that were answered at least once, be it with a refusal.
    """

    clock: VirtualClock
    calls: int = 0
    lost: int = 0
    asked: dict[str, bytes] = field(factory=dict)
    accepted: dict[str, str] = field(factory=dict)
    refused: set[str] = field(factory=set)
    tried: Counter[str] = field(factory=Counter)
    answered: set[str] = field(factory=set)
    _digest: "hashlib._Hash" = field(factory=hashlib.sha256)

    def tell(self, *what: object) -> None:
        """Add to what the fingerprint is made of."""
        self._digest.update(f"{self.clock.monotonic():.6f} {what}\n".encode())

    @property
    def fingerprint(self) -> str:
        """A digest of all that was told, in order."""
        return self._digest.hexdigest()

    def check(self, jobs: Mapping[str, Job], *, loss: float) -> None:
        """Compare what clients were told with what there is.

        Args:
            jobs: All that there are.
            loss: The probability that a request was lost.

        Raises:
            AssertionError: Something was accepted and is gone, was refused and is there, or is
                there twice; or a call was never answered, however often it was made.
        """
        lost = 1 - (1 - loss) ** _REQUESTS
        for method, many in self.tried.items():
            as_usual = method in self.answered or lost**many > _BAD_LUCK
            assert as_usual, f"of {many} calls of {method} none was answered"
        for key, job_id in self.accepted.items():
            assert job_id in jobs, f"{job_id} was accepted under {key}, and is gone"
        made = Counter(job.params.digest for job in jobs.values() if job.params is not None)
        if made:  # the platform tells digests, and each submission has parameters of its own
            for key, params in self.asked.items():
                many = made[_digest(params)]
                if key in self.accepted:
                    assert many == 1, f"{key} was accepted once, and made {many} jobs"
                elif key in self.refused:
                    assert many == 0, f"{key} was refused, and made {many} jobs"
                else:
                    assert many < 2, f"{key} made {many} jobs"  # noqa: PLR2004
        for job in jobs.values():
            failed = job.state is JobState.FAILED and job.running_at is not None
            assert not failed or job.reason_code == REASON_CODE, (
                f"{job.id} failed by itself: {job.reason}"
            )


def _digest(params: bytes) -> str:
    return f"sha256:{hashlib.sha256(params).hexdigest()}"


def result_of(params: bytes) -> bytes:
    """Return the result of the job that has these parameters."""
    return json.dumps({"of": _digest(params)}).encode()


class Noted(TransportWrapper):
    """Counts what a client asks, and notes how it ends."""

    def __init__(self, inner: RuntimeTransport, ledger: Ledger) -> None:
        super().__init__(inner)
        self._ledger = ledger

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        ledger = self._ledger
        ledger.calls += 1
        ledger.tried[call.method] += 1
        try:
            answer = await act()
        except SwqrError as error:
            if isinstance(error, TransportError):
                ledger.lost += 1
            else:
                ledger.answered.add(call.method)
            ledger.tell(call.method, call.handle, type(error).__name__)
            raise
        ledger.answered.add(call.method)
        ledger.tell(call.method, call.handle)
        return answer
