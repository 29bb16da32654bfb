"""What must not be in a recording, and what stands there instead."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

__all__ = ["REMOVED", "Scrubber"]

REMOVED: Final = "[removed]"

_TELLTALE: Final = re.compile(
    r"authorization|cookie|credential|password|passwd|secret|token|api_?-?key|private_?-?key",
    re.IGNORECASE,
)
_PEOPLE: Final = frozenset({"owner", "user"})
_LONG_ENOUGH: Final = 8
"""Names that are shorter are replaced where they stand alone, and not in the middle of a text."""


class Scrubber:
    """Removes secrets from encoded values.

    Users and instances get stand-ins, the same one each time, so that a recording still tells who
    is who. Members whose name tells a secret are removed, and so is each of *secrets*, wherever it
    stands.

    Args:
        secrets: Texts that must not be in the recording.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._secrets = sorted(forms, key=len, reverse=True)
        self._count = len(set(secrets))
        self._people: dict[str, str] = {}
        self._instances: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Scrubber of {self._count} secrets>"

    def scrub(self, value: Any) -> Any:
        """Return an encoded value without what must not be in it."""
        self._learn(value)
        return self._clean(value)

    def scrub_bytes(self, data: bytes) -> bytes:
        """Return a payload without the secrets; without any, it is the same byte by byte."""
        for secret in self._secrets:
            data = data.replace(secret.encode(), REMOVED.encode())
        return data

    def _learn(self, value: Any) -> None:
        """Give everybody a stand-in who is named in *value*."""
        if isinstance(value, list):
            for item in value:
                self._learn(item)
        if not isinstance(value, Mapping):
            return
        for name, item in value.items():
            if isinstance(item, str) and item:
                if name in _PEOPLE:
                    self._people.setdefault(item, f"user-{len(self._people) + 1}")
                elif name == "instance" or (name == "id" and value.get("is") == "instance"):
                    self._instances.setdefault(item, f"instance-{len(self._instances) + 1}")
            else:
                self._learn(item)

    def _clean(self, value: Any, name: str = "") -> Any:
        if isinstance(value, list):
            return [self._clean(item, name) for item in value]
        if isinstance(value, Mapping):
            is_open = value.get("is") == "map"
            return {
                key: self._clean(item, key if not is_open else "") for key, item in value.items()
            } | ({"items": self._members(value["items"])} if is_open else {})
        if not isinstance(value, str):
            return value
        if name in _PEOPLE and value in self._people:
            return self._people[value]
        if name in {"id", "instance"} and value in self._instances:
            return self._instances[value]
        return self._text(value)

    def _members(self, members: Mapping[str, Any]) -> dict[str, Any]:
        return {
            self._text(name): REMOVED if _TELLTALE.search(name) else self._clean(item, name)
            for name, item in members.items()
        }

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        for known in (self._instances, self._people):
            for real, stand_in in known.items():
                if len(real) >= _LONG_ENOUGH:
                    text = text.replace(real, stand_in)
        return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as it stands in JSON text."""
    yield secret
    for ensure_ascii in (True, False):
        yield json.dumps(secret, ensure_ascii=ensure_ascii)[1:-1]
