"""Backends and their documents."""

import difflib
from datetime import datetime
from typing import Final

from swqr_adapters.http import Response
from swqr_adapters.remote.bound import NO_CONTENT, NOT_FOUND
from swqr_adapters.remote.calls import segment
from swqr_adapters.wire.ibm import load, parse_backend_listing, timestamp
from swqr_core.errors import BackendNotFoundError, InvalidInputError, ProtocolError
from swqr_core.model.backend import Backend

from .bound import IbmBound
from .refusals import NAME, refused

__all__ = ["BackendCalls"]

_DOCUMENT_LIMIT: Final = 64 * 2**20


class BackendCalls(IbmBound):
    """The port ``BackendCatalog``."""

    async def backends(self) -> tuple[Backend, ...]:
        """Return every backend, by name."""
        response = await self._api.call(
            "GET",
            "/backends",
            self._errand("list backends"),
            query=[("include_mocks", "true")],
        )
        return parse_backend_listing(load(response.body, "backend list"))

    async def backend(self, name: str) -> Backend:
        """Return one backend."""
        backends = {str(backend.name): backend for backend in await self.backends()}
        if name not in backends:
            raise BackendNotFoundError(name, difflib.get_close_matches(name, backends))
        return backends[name]

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return its configuration as JSON text."""
        found = await self._document(name, "configuration", calibration_id=calibration_id)
        if found is None:
            raise ProtocolError(NAME, f"backend {name!r} has no configuration")
        return found

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        """Return its properties as JSON text, or None."""
        return await self._document(
            name,
            "properties",
            calibration_id=calibration_id,
            updated_before=timestamp(updated_before),
        )

    async def backend_defaults(self, name: str) -> bytes | None:
        """Return its pulse defaults as JSON text, or None."""
        return await self._document(name, "defaults")

    async def _document(
        self,
        name: str,
        kind: str,
        *,
        calibration_id: str | None = None,
        updated_before: str | None = None,
    ) -> bytes | None:
        self._api.check()
        if calibration_id is not None:
            self._need("calibrations", "calibrations")
        pairs = {"calibration_id": calibration_id, "updated_before": updated_before}
        response = await self._api.call(
            "GET",
            f"/backends/{segment(name, BackendNotFoundError)}/{kind}",
            self._errand(f"read the {kind} of a backend", backend=name),
            query=[(key, value) for key, value in pairs.items() if value is not None],
            max_bytes=_DOCUMENT_LIMIT,
            accept=[NOT_FOUND],
        )
        if response.status == NOT_FOUND:
            await self._explain_missing_document(response, name, calibration_id)
        empty = response.status == NO_CONTENT or response.body.strip() in {b"", b"null", b"{}"}
        return None if empty else response.body

    async def _explain_missing_document(
        self, response: Response, name: str, calibration_id: str | None
    ) -> None:
        """Raise what a 404 means: no such backend, or no such calibration of it."""
        await self.backend(name)
        if calibration_id is not None:
            raise InvalidInputError(
                "calibration_id", f"backend {name!r} has no calibration {calibration_id!r}"
            )
        raise refused(response, self._errand("read a backend", backend=name), self._api.clock)
