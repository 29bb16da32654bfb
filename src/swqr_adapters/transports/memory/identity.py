"""What makes two requests the same one."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from attrs import asdict

from swqr_core.errors import InvalidInputError
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.program import ProgramSpec, ProgramUpdate
from swqr_core.model.session import SessionSpec

__all__ = ["digest_of"]


def digest_of(
    spec: JobSpec | SessionSpec | ProgramSpec | ProgramUpdate, content: Payload | None = None
) -> str:
    """Return a digest of all that makes two requests the same one.

    Raises:
        InvalidInputError: The spec holds something that is no JSON, so that no log could keep it.
    """
    try:
        values = [asdict(spec), content.digest if content is not None else None]
        text = json.dumps(values, sort_keys=True, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError("spec", f"must hold plain JSON values: {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is none")
