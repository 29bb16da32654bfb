"""Operations on a resource: their addresses, what clients send, and the short answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen

from swqr_adapters.wire import ibm
from swqr_adapters.wire.ibm import programs as ibm_programs
from swqr_adapters.wire.ibm.extension import MEMBER
from swqr_adapters.wire.values import Document, timestamp
from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE

from .jobs import JOB_STATUSES, STATES
from .values import Reader, borrowed

__all__ = [
    "CANCEL_JOB",
    "CANCEL_SESSION",
    "CLOSE_SESSION",
    "CONFIGURATION",
    "CREATE_JOB",
    "CREATE_SESSION",
    "DEFAULTS",
    "INTERIM_RESULTS",
    "JOB_STATUS",
    "PROGRAM_OPTIONS",
    "PROPERTIES",
    "SESSION_DETAILS",
    "InterimRequest",
    "JobStatus",
    "configuration_request",
    "defaults_request",
    "interim_document",
    "interim_request",
    "job_request",
    "operation_path",
    "parse_backend_name",
    "parse_interim",
    "parse_interim_request",
    "parse_job_slug",
    "parse_job_status",
    "parse_session_id",
    "properties_request",
    "session_request",
    "status_answer",
]

CREATE_JOB: Final = "create_runtime_job"
JOB_STATUS: Final = "runtime_status"
CANCEL_JOB: Final = "runtime_cancel"
CONFIGURATION: Final = "runtime_backend_config"
PROPERTIES: Final = "runtime_backend_properties"
DEFAULTS: Final = "runtime_backend_pulse_defaults"
PROGRAM_OPTIONS: Final = "runtime_backends"
CREATE_SESSION: Final = "create_session"
SESSION_DETAILS: Final = "session_details"
CLOSE_SESSION: Final = "close_session"
# Of servers of ours; the platform has no such operations.
CANCEL_SESSION: Final = "cancel_session"
INTERIM_RESULTS: Final = "interim_results"

_REFUSED: Final = 1208
_LONGEST: Final = 255
_MOST: Final = 10**9


def operation_path(product: str, resource: str, operation: str) -> str:
    """Return the path of an operation below the platform's address."""
    names = (quote(name, safe="") for name in (product, resource))
    return "/products/{}/resource/{}/".format(*names) + operation.strip("/")


# --- what clients send -------------------------------------------------------------------------


def job_request(slug: str, *, channel: str) -> dict[str, Any]:
    """Return the payload of ``runtime_status`` and ``runtime_cancel``."""
    return {"runtime": True, "channel": channel, "job_slug": slug}


def configuration_request(name: str, *, channel: str) -> dict[str, Any]:
    """Return the payload of ``runtime_backend_config``."""
    return {"runtime": True, "channel": channel, "name": name}


def properties_request(name: str, *, updated_before: datetime | None = None) -> dict[str, Any]:
    """Return the payload of ``runtime_backend_properties``."""
    return {"backend_name": name, "datetime": timestamp(updated_before)}


def defaults_request(name: str) -> dict[str, Any]:
    """Return the payload of ``runtime_backend_pulse_defaults``."""
    return {"backend_name": name}


def interim_request(
    slug: str, *, channel: str, start: int, limit: int, wait: float
) -> dict[str, Any]:
    """Return the payload of ``interim_results``."""
    return {**job_request(slug, channel=channel), "start": start, "limit": limit, "wait": wait}


def session_request(session_id: str) -> dict[str, Any]:
    """Return the payload of ``session_details``, ``close_session`` and ``cancel_session``."""
    return {"session_id": session_id}


# --- what a server reads of it -----------------------------------------------------------------


def parse_job_slug(payload: Document) -> str:
    """Read which job is meant.

    Raises:
        InvalidInputError: It is not said.
    """
    return _needed(payload, "job_slug")


def parse_session_id(payload: Document) -> str:
    """Read which session is meant.

    Raises:
        InvalidInputError: It is not said.
    """
    return _needed(payload, "session_id")


def parse_backend_name(payload: Document) -> str:
    """Read which backend is meant, in either spelling.

    Raises:
        InvalidInputError: It is not said.
    """
    return _needed(payload, "backend_name" if payload.get("name") is None else "name")


@frozen(kw_only=True)
class InterimRequest:
    """Which of a job's interim results are wanted; see ``JobPort.interim_results``.

    Attributes:
        slug: The job.
        start: The first position.
        limit: The most results.
        wait: Seconds to wait for a first one.
    """

    slug: str
    start: int
    limit: int
    wait: float


def parse_interim_request(payload: Document) -> InterimRequest:
    """Read which interim results are meant: without more than a job, all so far.

    Raises:
        InvalidInputError: A member is missing, or cannot be.
    """
    return InterimRequest(
        slug=parse_job_slug(payload),
        start=int(_number(payload, "start", 0, _MOST, default=0)),
        limit=int(_number(payload, "limit", 1, MAX_PAGE, default=MAX_PAGE)),
        wait=_number(payload, "wait", 0.0, ibm_programs.LONGEST_WAIT, default=0.0),
    )


def _number(payload: Document, field: str, least: float, most: float, *, default: float) -> float:
    """Read a number from *least* to *most*, a whole one if *least* is whole."""
    value = payload.get(field)
    if value is None:
        return default
    kind = int if isinstance(least, int) else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
        problem = f"must be a number from {least:g} to {most:g}, not {value!r:.100}"
        raise InvalidInputError(field, problem, _REFUSED)
    return value


def _needed(payload: Document, field: str) -> str:
    value = payload.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(field, f"must be text, not {value!r:.100}", _REFUSED)
    if len(value) > _LONGEST:
        raise InvalidInputError(field, f"must have at most {_LONGEST} characters", _REFUSED)
    return value


interim_document = ibm_programs.interim_document
parse_interim = borrowed(ibm_programs.parse_interim)
"""Read the answer of ``interim_results``, which is the same document as IBM's."""


# --- the status of a job -----------------------------------------------------------------------


@frozen(kw_only=True)
class JobStatus:
    """An answer of ``runtime_status`` or ``runtime_cancel``.

    Attributes:
        word: The platform's word; None where a cancellation tells none.
        job: The whole job, where a server of ours tells it.
    """

    word: str | None
    job: Job | None = None

    @property
    def state(self) -> JobState | None:
        """The state that the word means; a word that no source names means not ended."""
        return None if self.word is None else STATES.get(self.word.upper(), JobState.QUEUED)


def status_answer(job: Job, *, extended: bool = False) -> dict[str, Any]:
    """Return a job's status, and the whole job if a client of ours asks."""
    status: dict[str, Any] = {"status": JOB_STATUSES[job.state]}
    if extended:
        status[MEMBER] = ibm.job_document(job, extended=True)
    return status


def parse_job_status(document: object, *, needed: bool = True) -> JobStatus:
    """Read a job's status.

    Args:
        document: The answer.
        needed: Whether a status must be there; after a cancellation it need not.

    Raises:
        ProtocolError: It is none.
    """
    read = Reader(document, "job status")
    told = read.document.get(MEMBER)
    return JobStatus(
        word=read.text("status") if needed else read.text_or_none("status"),
        job=borrowed(ibm.parse_job)(told) if isinstance(told, Mapping) else None,
    )
