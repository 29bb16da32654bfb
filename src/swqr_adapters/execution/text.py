"""Text that came from a program, made safe to show and bounded in size.

A job's input chooses part of what its failure says and logs. A terminal that shows it must not
obey it, so control characters, bidirectional overrides and lone surrogates come out escaped.
"""

import re
from typing import Final

__all__ = ["BoundedLog", "one_line", "printable"]

# Everything of C0 but tab and newline, C1, and what reorders or breaks lines.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MARK: Final = "[... {} characters left out ...]"


def printable(text: str, *, limit: int | None = None) -> str:
    """Return *text* with everything escaped that a terminal would obey.

    Args:
        text: Any text.
        limit: At most about so many characters are kept: the first quarter and the rest from the
            end, where tracebacks and logs say most. None keeps all.

    Returns:
        Text of printable characters, tabs and newlines that encodes to UTF-8.
    """
    if limit is not None and len(text) > limit:
        head, tail = limit // 4, limit - limit // 4
        mark = _MARK.format(len(text) - limit)
        text = f"{text[:head]}\n{mark}\n{text[len(text) - tail :]}"
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    return _UNSAFE.sub(_escape, text)


def one_line(text: str, *, limit: int = 600) -> str:
    """Return *text* as one printable line of at most about *limit* characters."""
    line = " ".join(text[: 2 * limit].split())
    if len(line) > limit:
        line = line[: limit - 3] + "..."
    return printable(line)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004  # Latin-1


class BoundedLog:
    """Bytes that a program wrote: the first half and the last half of a limit are kept.

    Args:
        limit: Bytes.
    """

    __slots__ = ("_dropped", "_half", "_head", "_tail")

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._head)

    def add(self, data: bytes) -> None:
        """Append *data*."""
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data
            extra = len(self._tail) - self._half
            if extra > 0:
                del self._tail[:extra]
                self._dropped += extra

    def take(self) -> str:
        """Return what was kept, as printable text, and begin anew."""
        if not self._head:
            return ""
        text = self._head.decode("utf-8", "replace")
        if self._dropped:
            text += f"\n[... {self._dropped} bytes left out ...]\n"
        text += self._tail.decode("utf-8", "replace")
        self._head.clear()
        self._tail.clear()
        self._dropped = 0
        return printable(text)
