"""What clients send: queries and bodies, checked field by field."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.model.session import SessionMode, SessionSpec

from .extension import KEY_QUERY
from .values import Document, parse_time

__all__ = [
    "REQUEST_REFUSED",
    "JobListing",
    "Query",
    "parse_accepting",
    "parse_job_query",
    "parse_job_submission",
    "parse_session_opening",
    "parse_tags_body",
]

REQUEST_REFUSED: Final = 1208
"""The registry's code of a request that failed validation."""

_JOB_FIELDS: Final = frozenset(
    {
        "backend", "calibration_id", "cost", "log_level", "params", "private", "program_id",
        "runtime", "session_id", "session_time", "start_session", "tags",
    }
)  # fmt: skip
_SESSION_FIELDS: Final = frozenset(
    {
        "active_ttl", "backend", "backend_name", "instance", "interactive_ttl", "max_session_ttl",
        "max_ttl", "mode",
    }
)  # fmt: skip
_PENDING: Final = frozenset({JobState.QUEUED, JobState.RUNNING})
_ENDED: Final = frozenset(JobState) - _PENDING
_MAX_PROGRAM: Final = 10_000
_MAX_NAME: Final = 255
_MAX_SESSION_ID: Final = 64
_MAX_CALIBRATION: Final = 100
_MAX_IMAGE: Final = 1024
_MAX_BEYOND: Final = 16_384  # bytes; they are kept in memory, and told in listings


def _refuse(field: str, problem: str) -> InvalidInputError:
    return InvalidInputError(field, problem, REQUEST_REFUSED)


# --- bodies ------------------------------------------------------------------------------------


class _Body:
    """Reads fields of a body that a client sent."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def text(self, field: str, longest: int) -> str | None:
        """Return text that is not empty; None where there is none."""
        value = self.document.get(field)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise _refuse(field, f"must be text, not {value!r:.100}")
        if len(value) > longest:
            raise _refuse(field, f"must have at most {longest} characters, not {len(value)}")
        return value

    def needed(self, field: str, longest: int) -> str:
        value = self.text(field, longest)
        if value is None:
            raise _refuse(field, "is required")
        return value

    def integer(self, field: str, at_least: int) -> int | None:
        value = self.document.get(field)
        if value is None:
            return None
        whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
        if isinstance(value, bool) or not (isinstance(value, int) or whole):
            raise _refuse(field, f"must be a whole number, not {value!r:.100}")
        if value < at_least:
            raise _refuse(field, f"must be at least {at_least}, not {value!r:.100}")
        return int(value)

    def flag(self, field: str) -> bool | None:
        value = self.document.get(field)
        if value is None or isinstance(value, bool):
            return value
        raise _refuse(field, f"must be true or false, not {value!r:.100}")

    def texts(self, field: str) -> tuple[str, ...]:
        value = self.document.get(field)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _refuse(field, "must be a list of texts")
        return tuple(value)

    def beyond(self, known: frozenset[str]) -> dict[str, Any]:
        found = {name: value for name, value in self.document.items() if name not in known}
        size = len(json.dumps(found)) if found else 0
        if size > _MAX_BEYOND:
            raise _refuse(
                "body",
                f"has {size} bytes in fields such as {next(iter(found))!r:.100} that nobody here "
                f"reads: at most {_MAX_BEYOND} are kept",
            )
        return found


def parse_job_submission(document: Document) -> JobSpec:
    """Read the body of ``POST /jobs`` but for ``params``. Unknown fields go to ``extra``.

    Raises:
        InvalidInputError: A field is missing, or its value cannot be used.
    """
    read = _Body(document)
    if read.flag("start_session"):
        raise _refuse("start_session", "no job starts a session any more: use POST /sessions")
    session_id = read.text("session_id", _MAX_SESSION_ID)
    return JobSpec(
        program_id=ProgramId(read.needed("program_id", _MAX_PROGRAM)),
        backend=BackendName(read.needed("backend", _MAX_NAME)),
        session_id=None if session_id is None else SessionId(session_id),
        tags=read.texts("tags"),
        max_execution_time=read.integer("cost", 0) or None,
        log_level=read.text("log_level", 8) or "warning",
        private=bool(read.flag("private")),
        image=read.text("runtime", _MAX_IMAGE),
        calibration_id=read.text("calibration_id", _MAX_CALIBRATION),
        extra=read.beyond(_JOB_FIELDS),
    )


def parse_session_opening(document: Document, *, mode: SessionMode | None = None) -> SessionSpec:
    """Read the body of ``POST /sessions``. Unknown fields go to ``extra``.

    Args:
        document: The body. Both names of the backend and of the longest time are understood.
        mode: The mode where the body names none; None if it must.

    Raises:
        InvalidInputError: A field is missing, or its value cannot be used.
    """
    read = _Body(document)
    word = read.text("mode", 20)
    if word is not None and word not in set(SessionMode):
        raise _refuse("mode", f"must be dedicated or batch, not {word!r}")
    if word is None and mode is None:
        raise _refuse("mode", "is required: dedicated or batch")
    backend = read.text("backend", _MAX_NAME) or read.needed("backend_name", _MAX_NAME)
    return SessionSpec(
        backend=BackendName(backend),
        mode=SessionMode(word) if word is not None else mode or SessionMode.DEDICATED,
        max_ttl=read.integer("max_ttl", 1) or read.integer("max_session_ttl", 1),
        interactive_ttl=read.integer("interactive_ttl", 0),
        active_ttl=read.integer("active_ttl", 1),
        extra=read.beyond(_SESSION_FIELDS),
    )


def parse_accepting(document: Document) -> bool:
    """Read the body of ``PATCH /sessions/{id}``.

    Raises:
        InvalidInputError: It does not say whether jobs are accepted.
    """
    accepting = _Body(document).flag("accepting_jobs")
    if accepting is None:
        raise _refuse("accepting_jobs", "is required: true or false")
    return accepting


def parse_tags_body(document: Document) -> tuple[str, ...]:
    """Read the body of ``PUT /jobs/{id}/tags``.

    Raises:
        InvalidInputError: There is no list of texts in it.
    """
    if document.get("tags") is None:
        raise _refuse("tags", "is required: a list of texts, empty to remove all")
    return _Body(document).texts("tags")


# --- queries -----------------------------------------------------------------------------------


class Query:
    """The query of a request; unknown parameters are ignored, as IBM does.

    Args:
        pairs: The names and values, in order.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def text(self, name: str, longest: int = _MAX_NAME) -> str | None:
        """Return a value, or None where there is none or an empty one.

        Raises:
            InvalidInputError: It is too long, or stands there twice with different values.
        """
        values = self._values.get(name)
        if not values or not values[0]:
            return None
        if len(set(values)) > 1:
            raise _refuse(name, "stands there with different values")
        if len(values[0]) > longest:
            raise _refuse(name, f"must have at most {longest} characters")
        return values[0]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a name that may be repeated."""
        return tuple(self._values.get(name, ()))

    def flag(self, name: str, *, default: bool | None) -> bool | None:
        """Return a truth value; clients write it in any case.

        Raises:
            InvalidInputError: It is neither true nor false.
        """
        word = self.text(name)
        if word is None:
            return default
        if word.lower() not in {"true", "false"}:
            raise _refuse(name, f"must be true or false, not {word!r}")
        return word.lower() == "true"

    def number(self, name: str, *, default: int, at_least: int, at_most: int | None = None) -> int:
        """Return a whole number; the default for what is none or out of range, as IBM does."""
        values = self._values.get(name) or [""]
        if not (values[0].isascii() and values[0].isdigit()) or len(values[0]) > 18:  # noqa: PLR2004 - more is out of any range
            return default
        value = int(values[0])
        return default if value < at_least or (at_most is not None and value > at_most) else value

    def time(self, name: str) -> datetime | None:
        """Return a UTC time.

        Raises:
            InvalidInputError: It is no ISO 8601 time.
        """
        text = self.text(name, 64)
        if text is None:
            return None
        try:
            # An unescaped plus sign has arrived as a blank.
            return parse_time(text.strip().replace(" ", "+") if "T" in text else text)
        except (ValueError, OverflowError):
            raise _refuse(name, f"must be a time like 2026-01-31T09:15:02Z, not {text!r}") from None

    def word(self, name: str, words: Mapping[str, Any]) -> Any:
        """Return what a word stands for, in any case; None where there is none.

        Raises:
            InvalidInputError: It is none of the words.
        """
        found = self.text(name)
        if found is None:
            return None
        for word, meaning in words.items():
            if word.lower() == found.lower():
                return meaning
        raise _refuse(name, f"must be one of {', '.join(words)}, not {found!r}")


@frozen(kw_only=True)
class JobListing:
    """What ``GET /jobs`` asks for.

    Attributes:
        query: Which jobs.
        exclude_params: Whether their parameters stay away.
    """

    query: JobQuery
    exclude_params: bool


def parse_job_query(query: Query) -> JobListing:
    """Read the query of ``GET /jobs``.

    Raises:
        InvalidInputError: A value cannot be used.
    """
    pending = query.flag("pending", default=None)
    states: Any = ()
    if pending is not None:
        states = _PENDING if pending else _ENDED
    program, backend = query.text("program", _MAX_NAME), query.text("backend", _MAX_NAME)
    session_id = query.text("session_id", _MAX_SESSION_ID)
    return JobListing(
        query=JobQuery(
            states=states,
            program_id=None if program is None else ProgramId(program),
            backend=None if backend is None else BackendName(backend),
            session_id=None if session_id is None else SessionId(session_id),
            tags=query.texts("tags"),
            key=query.text(KEY_QUERY, _MAX_SESSION_ID),
            created_after=query.time("created_after"),
            created_before=query.time("created_before"),
            newest_first=query.word("sort", {"ASC": False, "DESC": True}) is not False,
            limit=query.number("limit", default=MAX_PAGE, at_least=1, at_most=MAX_PAGE),
            offset=query.number("offset", default=0, at_least=0),
        ),
        exclude_params=query.flag("exclude_params", default=True) is not False,
    )
