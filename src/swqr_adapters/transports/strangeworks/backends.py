"""Backends and their documents."""

import asyncio
import difflib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from swqr_adapters.remote.bound import remember
from swqr_adapters.wire import ibm
from swqr_adapters.wire.strangeworks import (
    CONFIGURATION,
    DEFAULTS,
    GET_BACKENDS,
    PROPERTIES,
    BackendRecord,
    configuration_request,
    defaults_request,
    load,
    parse_backend_nodes,
    properties_request,
)
from swqr_adapters.wire.strangeworks.values import borrowed
from swqr_core.errors import (
    BackendNotFoundError,
    InstanceNotFoundError,
    InvalidInputError,
    NotFoundError,
    ProtocolError,
)
from swqr_core.model.backend import Backend
from swqr_core.model.ids import BackendName

from .bound import ResourceBound
from .refusals import NAME

__all__ = ["BackendCalls"]

_DOCUMENT_LIMIT: Final = 64 * 2**20
_AT_ONCE: Final = 8


class BackendCalls(ResourceBound):
    """The port ``BackendCatalog``.

    The platform's list tells names and little more; how many qubits each has is read from its
    configuration, once.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._qubits: OrderedDict[str, int] = OrderedDict()

    async def backends(self) -> tuple[Backend, ...]:
        """Return every backend of the resource's product, by name."""
        records, told = await self._listed()
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(record: BackendRecord) -> Backend:
            async with room:
                return await self._described(record, told.get(record.slug))

        return tuple(await asyncio.gather(*map(one, records)))

    async def backend(self, name: str) -> Backend:
        """Return one backend."""
        records, told = await self._listed()
        found = {record.name: record for record in records}
        if name not in found:
            raise BackendNotFoundError(name, difflib.get_close_matches(name, found))
        return await self._described(found[name], told.get(found[name].slug))

    async def _listed(self) -> tuple[list[BackendRecord], Mapping[str, object]]:
        """Return what the list tells, by name, and what a server of ours tells besides."""
        answer = await self._api.query(
            GET_BACKENDS,
            self._errand("list backends"),
            variables={"product_slugs": [self._resource.product]},
        )
        records = {record.name: record for record in parse_backend_nodes(answer.data)}
        return [records[name] for name in sorted(records)], answer.documents("backends")

    async def _described(self, record: BackendRecord, told: object) -> Backend:
        if told is not None:
            return borrowed(ibm.parse_backend)(told)
        qubits = self._qubits.get(record.name)
        if qubits is None:
            document = load(await self._configuration(record.name), "backend configuration")
            qubits = document.get("n_qubits")
            if not isinstance(qubits, int) or isinstance(qubits, bool) or qubits < 1:
                told = f"its configuration has 'n_qubits' {repr(qubits)[:40]}"
                raise ProtocolError(NAME, f"backend {record.name!r}: {told}")
            remember(self._qubits, record.name, qubits)
        return Backend(
            name=BackendName(record.name),
            num_qubits=qubits,
            status=record.state,
            status_reason=record.status or "",
            extra=record.extra,
        )

    # --- documents -----------------------------------------------------------------------------

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return its configuration as JSON text."""
        self._check_calibration(calibration_id)
        return await self._configuration(name)

    async def _configuration(self, name: str) -> bytes:
        payload = configuration_request(name, channel=self._channel)
        found = await self._document(CONFIGURATION, "configuration", name, payload)
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
        self._check_calibration(calibration_id)
        payload = properties_request(name, updated_before=updated_before)
        return await self._document(PROPERTIES, "properties", name, payload)

    async def backend_defaults(self, name: str) -> bytes | None:
        """Return its pulse defaults as JSON text, or None."""
        return await self._document(DEFAULTS, "defaults", name, defaults_request(name))

    def _check_calibration(self, calibration_id: str | None) -> None:
        self._api.check()
        if calibration_id is not None:
            self._need("calibrations", "calibrations")

    async def _document(
        self, operation: str, kind: str, name: str, payload: Mapping[str, Any]
    ) -> bytes | None:
        errand = self._errand(f"read the {kind} of a backend", backend=name)
        try:
            response = await self._api.operate(
                operation, errand, payload, idempotent=True, max_bytes=_DOCUMENT_LIMIT
            )
        except BackendNotFoundError as error:
            if not error.known:
                await self.backend(name)  # which knows near names
            raise
        except InstanceNotFoundError:
            raise
        except NotFoundError as error:
            await self.backend(name)
            raise InvalidInputError(kind, f"backend {name!r}: {error}") from error
        body = response.body.strip()
        if body in {b"", b"null", b"{}"}:
            return None
        if not body.startswith(b"{"):
            raise ProtocolError(NAME, f"backend {name!r}: its {kind} is no JSON object")
        return response.body
