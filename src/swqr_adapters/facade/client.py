"""What official objects take for their HTTP client, over our runtime.

Sessions, batches, backends and jobs of the official client hold such an object and ask it for
dictionaries. Nothing checks its type, so nothing is inherited: only the methods that those objects
reach are here. Each takes and ignores further keywords, which releases add.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Self

from swqr_adapters.codec.official import decode_inputs
from swqr_adapters.wire import ibm
from swqr_core.errors import ProtocolError, SwqrError, TransportError
from swqr_core.model.duration import parse_seconds
from swqr_core.model.ids import BackendName
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.runtime.blocking import Runtime

from .connection import Connection
from .errors import IBMInputValueError, official_errors

__all__ = ["PortClient", "closed_if_unused", "in_utc"]


def in_utc(name: str, at: datetime | str | None) -> datetime | None:
    """Return a time in UTC; one without a zone is local time, as in the official client.

    Args:
        name: What the caller calls it.
        at: The time; the official client takes text such as ``2026-01-31 12:00`` for it, too.

    Raises:
        IBMInputValueError: It is no time.
    """
    if at is None:
        return None
    if isinstance(at, str):
        from dateutil import parser  # type: ignore[import-untyped] # the official client has it

        try:
            at = parser.parse(at)
        except (ValueError, OverflowError) as error:
            msg = f"{name}: must be a time such as '2026-01-31 12:00', not {at!r}"
            raise IBMInputValueError(msg, 400) from error
    if not isinstance(at, datetime):
        msg = f"{name}: must be a datetime, not {at!r}"
        raise IBMInputValueError(msg, 400)
    return at.astimezone(UTC)


@contextmanager
def closed_if_unused(runtime: Runtime, session_id: str | None) -> Iterator[None]:
    """Close a session that was opened for a job, if there will certainly be no job.

    Args:
        runtime: Whose session it is.
        session_id: The session, which nobody else knows; None if none was opened.
    """
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, SwqrError) else error.__cause__
        if session_id is not None and not isinstance(cause, TransportError):
            with suppress(SwqrError):
                if runtime.capabilities.cancel_sessions:
                    runtime.cancel_session(session_id)
                else:
                    runtime.drain_session(session_id)
        raise


class PortClient:
    """The official client's view of one instance.

    Configurations and properties are kept as text and parsed for every caller, because official
    code changes the dictionaries that it is given.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._configurations: dict[tuple[str, str | None], bytes] = {}
        self._properties: dict[tuple[str, str | None], bytes | None] = {}

    @property
    def runtime(self) -> Runtime:
        """The runtime underneath."""
        return self._connection.runtime

    @property
    def instance(self) -> str:
        """The CRN or name of the instance."""
        with official_errors():
            return str(self.runtime.principal.instance)

    @property
    def _instance(self) -> str:
        """What official code reads."""
        return self.instance

    def __deepcopy__(self, memo: object) -> Self:
        return self  # a copied backend asks the same cloud

    # --- sessions ------------------------------------------------------------------------------

    def create_session(
        self,
        backend: str,
        instance: str | None = None,  # noqa: ARG002 - the runtime is bound to one
        max_time: int | str | None = None,
        mode: str = "dedicated",
        **extra: Any,
    ) -> dict[str, Any]:
        """Open a session or batch; further keywords are fields of the request."""
        known = {key: extra.pop(key) for key in ("interactive_ttl", "active_ttl") if key in extra}
        with official_errors():
            spec = SessionSpec(
                backend=BackendName(backend),
                mode=SessionMode(mode),
                max_ttl=None if max_time is None else parse_seconds(max_time),
                extra=extra,
                **known,
            )
            return ibm.session_document(self.runtime.open_session(spec=spec).snapshot)

    def session_details(self, session_id: str, **_: Any) -> dict[str, Any]:
        """Return a session's document."""
        with official_errors():
            return ibm.session_document(self.runtime.session(session_id))

    def close_session(self, session_id: str, **_: Any) -> None:
        """Let a session take no new jobs."""
        with official_errors():
            self.runtime.drain_session(session_id)

    def cancel_session(self, session_id: str, **_: Any) -> None:
        """Close a session now."""
        with official_errors():
            self.runtime.cancel_session(session_id)

    # --- backends ------------------------------------------------------------------------------

    def backend_configuration(
        self,
        backend_name: str,
        refresh: bool = False,
        calibration_id: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """Return a backend's configuration, which the caller may change."""
        key = (backend_name, calibration_id)
        if refresh or key not in self._configurations:
            with official_errors():
                self._configurations[key] = self.runtime.backend_configuration(
                    backend_name, calibration_id=calibration_id
                )
        return self._document(self._configurations[key], backend_name, "configuration")

    def backend_properties(
        self,
        backend_name: str,
        datetime: datetime | None = None,
        calibration_id: str | None = None,
        **_: Any,
    ) -> dict[str, Any] | None:
        """Return a backend's properties, which the caller may change, or None."""
        if datetime is not None:
            updated_before = in_utc("datetime", datetime)
            with official_errors():
                text = self.runtime.backend_properties(
                    backend_name, calibration_id=calibration_id, updated_before=updated_before
                )
            return None if text is None else self._document(text, backend_name, "properties")
        key = (backend_name, calibration_id)
        if key not in self._properties:
            with official_errors():
                self._properties[key] = self.runtime.backend_properties(
                    backend_name, calibration_id=calibration_id
                )
        text = self._properties[key]
        return None if text is None else self._document(text, backend_name, "properties")

    def _document(self, text: bytes, backend_name: str, kind: str) -> dict[str, Any]:
        with official_errors():
            try:
                return dict(ibm.load(text, f"{kind} of backend {backend_name!r}"))
            except ProtocolError as error:
                transport = self.runtime.capabilities.transport
                raise ProtocolError(transport, error.problem, after=error.after) from None

    def forget_properties(self, backend_name: str) -> None:
        """Ask again when the properties are wanted next."""
        for key in [key for key in self._properties if key[0] == backend_name]:
            self._properties.pop(key, None)

    def backend_status(self, backend_name: str, **_: Any) -> dict[str, Any]:
        """Return a backend's status in the official client's own words."""
        with official_errors():
            document = ibm.backend_status_document(self.runtime.backend(backend_name))
        return {
            "backend_name": backend_name,
            "backend_version": document["backend_version"],
            "operational": document["state"],
            "status_msg": document["status"],
            "pending_jobs": document["length_queue"],
        }

    # --- jobs ----------------------------------------------------------------------------------

    def job_get(self, job_id: str, exclude_params: bool = True, **_: Any) -> dict[str, Any]:
        """Return a job's document, with decoded parameters if they are wanted."""
        with official_errors():
            job = self.runtime.job(job_id)
            document = ibm.job_document(job)
            if not exclude_params:
                params = self.runtime.params(job_id)
                document["params"] = decode_inputs(job.spec.program_id, params)
        return document

    def job_results(self, job_id: str, **_: Any) -> str:
        """Return the text of a job's result, empty if there is none."""
        with official_errors():
            return (self.runtime.result(job_id) or b"").decode()

    def job_cancel(self, job_id: str, **_: Any) -> None:
        """Stop a job."""
        with official_errors():
            self.runtime.cancel_job(job_id)

    def job_metadata(self, job_id: str, **_: Any) -> dict[str, Any]:
        """Return a job's metrics."""
        with official_errors():
            return ibm.metrics_document(self.runtime.metrics(job_id))

    def job_logs(self, job_id: str, **_: Any) -> str:
        """Return a job's log."""
        with official_errors():
            return self.runtime.logs(job_id)

    def update_tags(self, job_id: str, tags: list[str], **_: Any) -> SimpleNamespace:
        """Replace a job's tags; official code looks for an HTTP status."""
        with official_errors():
            self.runtime.set_tags(job_id, tuple(tags))
        return SimpleNamespace(status_code=204)
