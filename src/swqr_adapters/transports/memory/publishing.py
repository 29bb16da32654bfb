"""From a running program to those who read its interim results."""

import asyncio
from contextlib import suppress

from swqr_core.engine.facts import InterimPublished
from swqr_core.engine.inputs import PublishInterim
from swqr_core.errors import ClosedError
from swqr_core.model.ids import JobId

from .machine import Machine
from .payloads import Payloads

__all__ = ["Publisher"]

_AT_ONCE = 200  # results in one record of the log


class Publisher:
    """Takes what one job publishes, stores it, and feeds it to the engine a few at a time.

    A job that runs again after the cloud was down publishes again what it had published before:
    that is passed over, so that readers get everything once.

    Args:
        job_id: The job.
        machine: Where it runs.
        payloads: Where results are kept.
    """

    def __init__(
        self,
        job_id: JobId,
        machine: Machine,
        payloads: Payloads,
    ) -> None:
        self._job_id = job_id
        self._machine = machine
        self._payloads = payloads
        self._known = len(machine.view.interim(job_id))
        self._left: list[bytes] = []
        self._writing: asyncio.Task[None] | None = None

    def publish(self, result: bytes) -> None:
        """Take the JSON text of an interim result."""
        if self._known:
            self._known -= 1
            return
        self._left.append(result)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write())

    async def done(self) -> None:
        """Return when everything that was published can be read."""
        while self._writing is not None and not self._writing.done():
            await self._writing

    def give_up(self) -> None:
        """Publish nothing more."""
        self._left.clear()

    async def _write(self) -> None:
        with suppress(ClosedError):  # nobody is left who could read it
            while self._left:
                some, self._left = self._left[:_AT_ONCE], self._left[_AT_ONCE:]
                stored = tuple([await self._payloads.keep(result) for result in some])
                input = PublishInterim(job_id=self._job_id, results=stored)
                step = await self._machine.insist(input)
                if not any(isinstance(fact, InterimPublished) for fact in step.facts):
                    for payload in stored:  # the job has ended meanwhile
                        self._payloads.release(payload.digest)
