"""Strategies of hypothesis for what goes over a transport."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import LOG_LEVELS, JobSpec
from swqr_core.model.session import SessionMode, SessionSpec

__all__ = ["device_seconds", "job_specs", "json_texts", "keys", "session_specs", "tags", "ttls"]

_LONGEST_KEY = 64
_LONGEST_TAG = 86


def keys() -> st.SearchStrategy[str]:
    """Return idempotency keys: 1 to 64 printable ASCII characters."""
    return st.text(
        st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=_LONGEST_KEY
    )


def tags() -> st.SearchStrategy[tuple[str, ...]]:
    """Return tags of a job: up to 8, of up to 86 characters each."""
    one = st.text(st.characters(codec="utf-8"), min_size=1, max_size=_LONGEST_TAG)
    return st.lists(one, max_size=8, unique=True).map(tuple)


def json_texts() -> st.SearchStrategy[bytes]:
    """Return JSON objects as UTF-8 text, in forms that an encoder would choose and in others."""
    values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
    return st.builds(
        _written,
        st.dictionaries(st.text(), values, max_size=4),
        indent=st.sampled_from([None, 0, 3]),
        ensure_ascii=st.booleans(),
    )


def _written(value: dict[str, Any], *, indent: int | None, ensure_ascii: bool) -> bytes:
    text = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8


def device_seconds(longest: float = 300.0) -> st.SearchStrategy[float]:
    """Return device times of jobs, above zero, in quarters of a second: sums of them are exact."""
    return st.integers(1, max(1, int(longest * 4))).map(lambda quarters: quarters / 4)


def ttls() -> st.SearchStrategy[dict[str, int]]:
    """Return TTLs of a session that agree with each other, as fields of ``SessionSpec``."""
    return st.sampled_from(
        [
            {},
            {},
            {"max_ttl": 90},
            {"max_ttl": 600},
            {"interactive_ttl": 1},
            {"interactive_ttl": 15},
            {"active_ttl": 70},
            {"max_ttl": 300, "active_ttl": 100, "interactive_ttl": 40},
        ]
    )


def session_specs(
    backends: Sequence[str], *, modes: Sequence[SessionMode] = tuple(SessionMode)
) -> st.SearchStrategy[SessionSpec]:
    """Return what sessions and batches on these backends are opened with."""

    def build(backend: str, mode: SessionMode, chosen: dict[str, int]) -> SessionSpec:
        fields: dict[str, Any] = {"backend": BackendName(backend), "mode": mode, **chosen}
        return SessionSpec(**fields)

    return st.builds(build, st.sampled_from(backends), st.sampled_from(modes), ttls())


def job_specs(
    backends: Sequence[str], *, program_id: str = "sampler", session_id: str | None = None
) -> st.SearchStrategy[JobSpec]:
    """Return what jobs on these backends are submitted with."""
    return st.builds(
        JobSpec,
        program_id=st.just(ProgramId(program_id)),
        backend=st.sampled_from([BackendName(name) for name in backends]),
        session_id=st.just(None if session_id is None else SessionId(session_id)),
        tags=tags(),
        max_execution_time=st.none() | st.integers(1, 20_000),
        log_level=st.sampled_from(LOG_LEVELS),
        private=st.booleans(),
    )
