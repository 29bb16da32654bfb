"""What makes two requests the same one."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from attrs import asdict

from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.program import ProgramSpec
from swqr_core.model.session import SessionSpec

__all__ = ["digest_of"]


def digest_of(spec: JobSpec | SessionSpec | ProgramSpec, content: Payload | None = None) -> str:
    """Return a digest of all that makes two requests the same one."""
    values = [asdict(spec), content.digest if content is not None else None]
    text = json.dumps(values, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
