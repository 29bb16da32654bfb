"""What was asked for, as far as an error needs it, and what an error's words tell of it."""

import re
from typing import Final

from attrs import frozen

from swqr_core.errors import (
    BackendNotFoundError,
    ClosedError,
    InstanceNotFoundError,
    JobNotFoundError,
    NotFoundError,
    OutcomeUnknownError,
    ProgramNotFoundError,
    SessionNotFoundError,
    SwqrError,
    TransportError,
    UnreachableError,
    UnsupportedOperation,
)
from swqr_core.model.job import JobSpec

__all__ = [
    "Errand",
    "is_passing",
    "missing",
    "number_in",
    "seen_from",
    "submission_errand",
    "unknown",
]

_SERVER: Final = 500
_DIGITS: Final = 15  # so many a float tells apart


@frozen(kw_only=True)
class Errand:
    """What was asked for, as far as an error needs it.

    Attributes:
        action: In words, for example ``submit``.
        query: Whether it changes nothing.
        key: The key, or else the id, under which to look whether it happened.
        job: The job it is about.
        session: The session it is about.
        backend: The backend it is about.
        program: The program it is about.
        instance: The instance it is done in.
        size: The size of what was sent, in bytes.
    """

    action: str
    query: bool = True
    key: str = ""
    job: str | None = None
    session: str | None = None
    backend: str | None = None
    program: str | None = None
    instance: str = ""
    size: int = 0


def submission_errand(spec: JobSpec, *, key: str, instance: str, size: int) -> Errand:
    """Return what a submission is about.

    Args:
        spec: What is submitted.
        key: Under which key.
        instance: Where.
        size: The size of its parameters, in bytes.
    """
    return Errand(
        action="submit",
        query=False,
        key=key,
        session=spec.session_id,
        backend=spec.backend,
        program=spec.program_id,
        instance=instance,
        size=size,
    )


def is_passing(status: int) -> bool:
    """Return whether an answer with that status says nothing about what was asked."""
    return status >= _SERVER


def unknown(name: str, errand: Errand, problem: str) -> OutcomeUnknownError:
    """Return the error for a command that may have been done, with what the platform said of it.

    Args:
        name: The transport's name.
        errand: The command.
        problem: What was answered.
    """
    error = OutcomeUnknownError(name, errand.action, errand.key)
    error.__cause__ = TransportError(name, problem)
    return error


def seen_from(name: str, error: SwqrError, message: str) -> SwqrError:
    """Return an error that a server of ours has told as the error of the transport that asked it.

    Args:
        name: The transport's name.
        error: The error.
        message: The server's words for it.
    """
    match error:
        case ClosedError():  # a server that is closing is none that this client could make anew
            return UnreachableError(name, message)
        case UnsupportedOperation():  # whatever is behind the server, its client cannot do it
            return UnsupportedOperation(name, error.operation)
        case _:
            return error


def missing(message: str, errand: Errand) -> NotFoundError:
    """Guess what was not found from the words, where several things could be meant."""
    kinds: list[tuple[str, type[NotFoundError], str | None]] = [
        ("session", SessionNotFoundError, errand.session),
        ("program", ProgramNotFoundError, errand.program),
        ("backend", BackendNotFoundError, errand.backend),
        ("device", BackendNotFoundError, errand.backend),
        ("job", JobNotFoundError, errand.job),
    ]
    possible = [(word, kind, id) for word, kind, id in kinds if id is not None]
    for word, kind, id in possible:
        if word in message.lower():
            return kind(id)
    if possible and not (errand.instance and errand.instance in message):
        _, kind, id = possible[-1] if errand.job is not None else possible[0]
        return kind(id)
    return InstanceNotFoundError(errand.instance)


def number_in(text: str) -> float:
    """Return the first number that stands in a text, or zero if it is none of sensible size."""
    found = re.search(r"[0-9]+", text)
    return float(found[0]) if found and len(found[0]) <= _DIGITS else 0.0
