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
# Whatever a line may end in or be continued in; text in quotation marks and comments as a whole.
_marks: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\]|\\.)*+"'
    r"|'[^']*+'|#[^\n]*+|[\[\]{}\n]",
    re.DOTALL,
).finditer


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
    except RecursionError:
        raise _too_deep(path) from None
    lines: dict[tuple[str, ...], int] = {}
    try:
        for keys, number in _lines(text):
            lines.setdefault(keys, number)
    except RecursionError:
        raise _too_deep(path) from None
    return SettingsFile(path=str(path), folder=str(path.parent), content=content, lines=lines)


def _too_deep(path: Path) -> ConfigurationError:
    return ConfigurationError(str(path), "is nested too deeply")


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path of each key with its line, for text that is TOML.

    The parser tells no lines, so it is given one statement after the other.
    """
    table: tuple[str, ...] = ()
    start = 1
    for statement in _statements(text):
        found = tomllib.loads(statement)
        is_header = statement.lstrip().startswith("[")
        for path in _paths(found):
            yield (path if is_header else table + path), start
            if is_header:
                table = path
        start += statement.count("\n")


def _statements(text: str) -> Iterator[str]:
    """Cut TOML at the ends of lines that are not inside of brackets or quotation marks."""
    begin = depth = 0
    for mark in _marks(text):
        word = mark[0]
        if word == "\n" and not depth:
            yield text[begin : mark.end()]
            begin = mark.end()
        elif word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
    yield text[begin:]


def _paths(content: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in content.items():
        yield (key,)
        inner = value[-1] if isinstance(value, list) and value else value
        if isinstance(inner, Mapping):
            yield from ((key, *rest) for rest in _paths(inner))
