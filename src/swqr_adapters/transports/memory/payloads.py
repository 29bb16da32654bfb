"""The bytes of a cloud's jobs and programs: kept, read, and let go of when nobody needs them."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from swqr_core.engine.facts import Fact, JobDeleted, ResultTaken
from swqr_core.engine.view import View
from swqr_core.errors import LimitExceededError, PayloadLostError, UnreachableError
from swqr_core.model.payload import Payload
from swqr_core.ports.storage import BlobStore

from .sources import Sources

__all__ = ["Payloads"]

_TRIES: Final = 30


class Payloads:
    """Keeps bytes as long as a fact says that somebody needs them.

    Args:
        blobs: Where they are.
        view: The cloud as it was before each fact.
        retry: After how many seconds a store that had no room, or gave nothing, is tried again.
    """

    def __init__(self, blobs: BlobStore, view: View, *, retry: float) -> None:
        self._blobs = blobs
        self._view = view
        self._retry = retry
        self._sources = Sources(view, self.release)
        self._chores: set[asyncio.Task[None]] = set()

    async def restore(self, held: Iterable[str]) -> None:
        """Let go of what neither the view needs nor is held besides, for example after a crash."""
        wanted = [payload.digest for payload in self._view.payloads()]
        await self._blobs.adopt([*wanted, *held, *self._sources.restore()])

    def see(self, fact: Fact) -> None:
        """Let go of what nobody needs after a fact, before the view takes it in."""
        self._sources.see(fact)
        view = self._view
        if isinstance(fact, JobDeleted):
            for payload in view.payloads_of(fact.job_id):
                self.release(payload.digest)
        elif isinstance(fact, ResultTaken):
            for taken in (view.by_id(fact.job_id).result, *view.interim(fact.job_id)):
                if taken is not None:
                    self.release(taken.digest)

    async def keep(self, data: bytes) -> Payload:
        """Store bytes that nobody can send again: as soon as there is room for them."""
        while True:
            try:
                return await self._blobs.put(data)
            except (LimitExceededError, UnreachableError):
                await asyncio.sleep(self._retry)

    async def read(
        self, id: str, what: str, address: Callable[[], Payload | None], *, noun: str = "job"
    ) -> bytes | None:
        """Return bytes of a job or program, if it has them.

        Args:
            id: The job's or program's id.
            what: ``params``, ``result``, ``logs``, ...
            address: Returns where they are now, or raises what a reader is told if there is no
                such job or program any more.
            noun: What the id is of.

        Raises:
            PayloadLostError: They are damaged or gone.
            UnreachableError: They cannot be read now.
        """
        while (payload := address()) is not None:
            try:
                return await self._blobs.get(payload.digest)
            except KeyError as error:
                if address() == payload:  # else they were let go of meanwhile
                    raise PayloadLostError(noun, id, what) from error
        return None

    async def need(self, id: str, what: str, address: Callable[[], Payload | None]) -> bytes | None:
        """Return what a job needs to run, like ``read``; wait for a store that cannot be read now.

        Raises:
            PayloadLostError: They are damaged or gone.
            UnreachableError: They could not be read in a good while.
        """
        for _ in range(_TRIES):
            with suppress(UnreachableError):
                return await self.read(id, what, address)
            await asyncio.sleep(self._retry)
        return await self.read(id, what, address)

    def release(self, digest: str) -> None:
        """Undo one ``put`` of the store, soon."""
        chore = asyncio.ensure_future(self._blobs.release(digest))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def tidied(self) -> None:
        """Return when the bytes that were let go of are gone."""
        if self._chores:
            await asyncio.wait(set(self._chores))

    async def aclose(self) -> None:
        """Stop tidying: what is left goes with the store, or when that is next opened."""
        chores = list(self._chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
