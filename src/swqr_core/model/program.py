"""Programs: what a job runs, and what it publishes while it does."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import evolve, field, fields, frozen

from swqr_core.errors import InvalidInputError, PayloadTooLargeError

from .ids import ProgramId
from .validators import (
    aware_utc,
    flag,
    integer,
    json_object,
    optional,
    text,
    texts,
    tuple_of_text,
)

__all__ = [
    "MAX_SOURCE_BYTES",
    "InterimResults",
    "Program",
    "ProgramSpec",
    "ProgramUpdate",
    "check_source",
]

MAX_SOURCE_BYTES = 2**20
"""The longest source that a program may have."""

_NAME = text(at_most=52)
_DESCRIPTION = text(at_least=0, at_most=10_000)
_COST = integer(at_least=1, unit="seconds")
_TAGS = tuple_of_text(most=5, longest=24)


def _texts_or_none(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else texts(value)


def check_source(source: bytes) -> None:
    """Check a program's source.

    Raises:
        InvalidInputError: It is empty or no UTF-8.
        PayloadTooLargeError: It is over 1 MiB.
    """
    if len(source) > MAX_SOURCE_BYTES:
        raise PayloadTooLargeError("data", len(source), MAX_SOURCE_BYTES)
    if not source.strip():
        raise InvalidInputError("data", "must be Python source with a function main, not nothing")
    try:
        source.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("data", f"must be UTF-8 text: {error.reason}") from None


@frozen(kw_only=True)
class ProgramSpec:
    """What a program is uploaded with, but for its source (REST: body of ``POST /programs``).

    Attributes:
        name: 1 to 52 characters.
        description: Up to 10,000 characters.
        cost: Seconds that a run may take: the time limit of its jobs.
        backend_requirements: What a backend must have, for example ``min_num_qubits``.
        parameters: JSON Schema of its parameters.
        return_values: JSON Schema of its result.
        interim_results: JSON Schema of what it publishes while it runs.
        tags: Up to 5 texts of up to 24 characters each.
        is_public: Whether other users may run it.
    """

    name: str = field(validator=_NAME)
    description: str = field(default="", validator=_DESCRIPTION)
    cost: int = field(default=600, validator=_COST)
    backend_requirements: Mapping[str, object] = field(factory=dict, validator=json_object)
    parameters: Mapping[str, object] = field(factory=dict, validator=json_object)
    return_values: Mapping[str, object] = field(factory=dict, validator=json_object)
    interim_results: Mapping[str, object] = field(factory=dict, validator=json_object)
    tags: tuple[str, ...] = field(default=(), converter=texts, validator=_TAGS)
    is_public: bool = field(default=False, validator=flag)


@frozen(kw_only=True)
class ProgramUpdate:
    """What changes of a program's metadata (REST: body of ``PATCH /programs/{id}``).

    Attributes:
        name: Its new name; None leaves it, as for all others.
        description: Its new description.
        cost: Its new cost, for jobs that are submitted from now on.
        backend_requirements: What stands there from now on.
        parameters: Its new JSON Schema of parameters.
        return_values: Its new JSON Schema of results.
        interim_results: Its new JSON Schema of interim results.
        tags: All of its new tags.
    """

    name: str | None = field(default=None, validator=optional(_NAME))
    description: str | None = field(default=None, validator=optional(_DESCRIPTION))
    cost: int | None = field(default=None, validator=optional(_COST))
    backend_requirements: Mapping[str, object] | None = field(
        default=None, validator=optional(json_object)
    )
    parameters: Mapping[str, object] | None = field(default=None, validator=optional(json_object))
    return_values: Mapping[str, object] | None = field(
        default=None, validator=optional(json_object)
    )
    interim_results: Mapping[str, object] | None = field(
        default=None, validator=optional(json_object)
    )
    tags: tuple[str, ...] | None = field(
        default=None, converter=_texts_or_none, validator=optional(_TAGS)
    )

    def of(self, spec: ProgramSpec) -> ProgramSpec:
        """Return what *spec* is after this."""
        changes = {each.name: getattr(self, each.name) for each in fields(ProgramUpdate)}
        return evolve(spec, **{name: new for name, new in changes.items() if new is not None})


@frozen(kw_only=True)
class Program:
    """A program as it was at one moment.

    Attributes:
        id: Its id, which jobs name.
        spec: What it was uploaded with, as last updated.
        created_at: When it was uploaded, UTC; None for a built-in one.
        updated_at: When it last changed, UTC; None for a built-in one.
        owner: The user who uploaded it; None for a built-in one.
    """

    id: ProgramId
    spec: ProgramSpec
    created_at: datetime | None = field(default=None, validator=optional(aware_utc))
    updated_at: datetime | None = field(default=None, validator=optional(aware_utc))
    owner: str | None = None


@frozen(kw_only=True)
class InterimResults:
    """Some of what a job has published while it ran, in order.

    Attributes:
        start: The position of the first of *results*, counted from 0 over the whole job.
        results: The exact UTF-8 JSON text of each.
        complete: Whether the job has ended and nothing comes behind these.
    """

    start: int = field(default=0, validator=integer(at_least=0))
    results: tuple[bytes, ...] = field(default=(), repr=False)
    complete: bool = False

    @property
    def next(self) -> int:
        """The position behind the last of them: where to go on."""
        return self.start + len(self.results)
