"""Programs: what a job runs."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from attrs import field, frozen

from .ids import ProgramId
from .validators import aware_utc, integer, optional, text, texts, tuple_of_text

__all__ = ["Program", "ProgramSpec"]

_NOTHING: Mapping[str, object] = MappingProxyType({})


@frozen(kw_only=True)
class ProgramSpec:
    """What a program is uploaded with, but for its source (REST: body of ``POST /programs``).

    Attributes:
        name: 1 to 52 characters.
        description: Up to 10,000 characters.
        cost: Seconds that a run may take.
        backend_requirements: What a backend must have, for example ``min_num_qubits``.
        parameters: JSON Schema of its parameters.
        return_values: JSON Schema of its result.
        interim_results: JSON Schema of what it publishes while it runs.
        tags: Up to 5 texts of up to 24 characters each.
        is_public: Whether other users may run it.
    """

    name: str = field(validator=text(at_most=52))
    description: str = field(default="", validator=text(at_least=0, at_most=10_000))
    cost: int = field(default=600, validator=integer(at_least=1, unit="seconds"))
    backend_requirements: Mapping[str, object] = _NOTHING
    parameters: Mapping[str, object] = _NOTHING
    return_values: Mapping[str, object] = _NOTHING
    interim_results: Mapping[str, object] = _NOTHING
    tags: tuple[str, ...] = field(
        default=(), converter=texts, validator=tuple_of_text(most=5, longest=24)
    )
    is_public: bool = False


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
