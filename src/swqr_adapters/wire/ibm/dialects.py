"""API versions: what a client that asks for an older one gets instead."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Final

from swqr_core.errors import InvalidInputError

from .requests import REQUEST_REFUSED

__all__ = [
    "API_VERSIONS",
    "VERSION_HEADER",
    "job_for",
    "listing_for",
    "metrics_for",
    "parse_version",
    "versions_document",
]

VERSION_HEADER: Final = "IBM-API-Version"

API_VERSIONS: Final = (
    "2024-01-01",
    "2025-01-01",
    "2025-05-01",
    "2026-02-01",
    "2026-02-15",
    "2026-03-15",
    "2026-04-15",
)
"""Every version that changed something, oldest first."""

_SUNSETS: Final = {
    "2024-01-01": "2027-01-01",
    "2025-01-01": "2027-01-01",
    "2025-05-01": "2027-01-01",
    "2026-02-01": "2027-02-01",
    "2026-02-15": "2027-02-15",
    "2026-03-15": "2027-03-15",
}
_DATE: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", re.ASCII)
_OBJECT_LISTING: Final = "2025-01-01"
_CHARGE_TIME: Final = "2026-03-15"
_TIME_AT_ROOT: Final = "2026-04-15"
_EXECUTION_TIME: Final = "circuits_execution_time_ns"
_QUANTUM_SECONDS: Final = ("quantum_seconds", "seconds")


def parse_version(header: str | None) -> str:
    """Return the version whose behaviour a request gets.

    No header means the oldest; a date between two versions means the older one.

    Raises:
        InvalidInputError: It is no date.
    """
    if header is None:
        return API_VERSIONS[0]
    if not _DATE.fullmatch(header):
        raise InvalidInputError(
            VERSION_HEADER,
            f"must be a date like {API_VERSIONS[-1]}, not {header!r:.60}",
            REQUEST_REFUSED,
        )
    return API_VERSIONS[max(bisect_right(API_VERSIONS, header) - 1, 0)]


def versions_document() -> dict[str, Any]:
    """Return the versions and their status (REST: ``GET /versions``)."""
    return {
        "versions": [
            {"version": version, "status": "deprecated", "sunset_date": _SUNSETS[version]}
            if version in _SUNSETS
            else {"version": version, "status": "live"}
            for version in API_VERSIONS
        ]
    }


def listing_for(document: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return ``GET /backends`` in a version: before 2025 it lists names alone."""
    if version >= _OBJECT_LISTING:
        return dict(document)
    return {**document, "devices": [device["name"] for device in document["devices"]]}


def job_for(document: dict[str, Any], version: str) -> dict[str, Any]:
    """Return a job in a version: from 2026-03-15 on, usage has no ``seconds``."""
    if version >= _CHARGE_TIME:
        document["usage"] = _without(document["usage"], *_QUANTUM_SECONDS)
    return document


def metrics_for(document: dict[str, Any], version: str) -> dict[str, Any]:
    """Return a job's metrics in a version.

    Until 2026-03-15 they have ``bss`` and ``quantum_seconds``; the execution time of the circuits
    moved out of ``usage`` with 2026-04-15.
    """
    if isinstance(document.get(_EXECUTION_TIME), list):  # one for each circuit
        document[_EXECUTION_TIME] = sum(document[_EXECUTION_TIME])
    if version >= _CHARGE_TIME:
        document["usage"] = _without(document["usage"], *_QUANTUM_SECONDS)
        document.pop("bss", None)
    if version < _TIME_AT_ROOT and _EXECUTION_TIME in document:
        document["usage"] = {
            **document["usage"], _EXECUTION_TIME: document.pop(_EXECUTION_TIME)
        }  # fmt: skip
    return document


def _without(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}
