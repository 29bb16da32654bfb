"""Configuration files, with the line of each key."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from swqr_core.errors import ConfigurationError
from swqr_core.ports.settings import SettingsFile

__all__ = ["read_settings_file"]

_WHERE: Final = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")


def read_settings_file(path: Path) -> SettingsFile:
    """Read a TOML file.

    Raises:
        ConfigurationError: It cannot be read, or it is no TOML; with the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read: {error}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _WHERE.search(str(error))
        line = f":{found[1]}" if found and found[1] else ""
        # Not the cause: in newer Pythons it carries the whole text.
        raise ConfigurationError(f"{path}{line}", _WHERE.sub("", str(error))) from None
    lines: dict[tuple[str, ...], int] = {}
    for keys, number in _lines(text):
        lines.setdefault(keys, number)
    return SettingsFile(path=str(path), folder=str(path.parent), content=content, lines=lines)


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path of each key with its line, for text that is TOML.

    The parser tells no lines, so it is given one statement after the other: what is no TOML yet
    goes on in the next line.
    """
    table: tuple[str, ...] = ()
    statement, start = "", 1
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not statement:
            start = number
        statement += line
        try:
            found = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        is_header = statement.lstrip().startswith("[")
        for path in _paths(found):
            yield (path if is_header else table + path), start
            if is_header:
                table = path
        statement = ""


def _paths(content: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in content.items():
        yield (key,)
        inner = value[-1] if isinstance(value, list) and value else value
        if isinstance(inner, Mapping):
            yield from ((key, *rest) for rest in _paths(inner))
