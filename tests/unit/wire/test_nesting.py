"""Text that was put into a JSON string comes out byte for byte, whoever wrote the string."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.wire import nesting
from swqr_adapters.wire.nesting import quote, quote_async, unquote, unquote_async
from swqr_core.errors import InvalidInputError

ODD = st.sampled_from(["\\", '"', "\n", "\u00e9", "\u20ac", "\U0001f600", "\\u0041", "\x00", "ab"])
TEXTS = st.lists(ODD | st.text(max_size=3), max_size=30).map("".join)


@pytest.fixture(params=[13, 14, 17, 262_144])
def any_window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Cut at every place that a text of a few characters has."""
    monkeypatch.setattr(nesting, "_WINDOW", request.param)
    return int(request.param)


@pytest.mark.parametrize("ascii", [True, False])
def test_what_any_client_quotes_comes_out_as_it_was(any_window: int, ascii: bool) -> None:
    @given(TEXTS)
    def check(text: str) -> None:
        assert unquote(json.dumps(text, ensure_ascii=ascii).encode()) == text.encode()

    check()


def test_every_character_may_be_written_as_an_escape(any_window: int) -> None:
    @given(TEXTS)
    def check(text: str) -> None:
        units = text.encode("utf-16-be")
        escapes = [f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2)]

        assert unquote(f'"{"".join(escapes)}"'.encode()) == text.encode()

    check()


def test_what_is_quoted_is_what_any_client_reads(any_window: int) -> None:
    @given(TEXTS)
    def check(text: str) -> None:
        assert json.loads(quote(text.encode())) == text
        assert unquote(quote(text.encode())) == text.encode()

    check()


@given(st.binary(max_size=40))
def test_no_bytes_at_all_break_anything_else_than_themselves(data: bytes) -> None:
    try:
        expected: Any = json.loads(data)
    except ValueError:
        expected = None
    try:
        found = unquote(data)
    except InvalidInputError:
        assert not isinstance(expected, str) or data != data.strip() or not _is_text(expected)
    else:
        assert found == expected.encode()


def _is_text(text: str) -> bool:
    return not any(0xD800 <= ord(char) < 0xE000 for char in text)


@pytest.mark.parametrize(
    "literal",
    [
        b"",
        b'"',
        b"7",
        b"{}",
        b'"a"b"',
        b'"a\\"',
        b'"\\x"',
        b'"\\u12g4"',
        b'"\n"',
        b'"\xff"',
        b'"\\ud800"',
        b'"\\udc00"',
    ],
)
def test_what_is_no_text_is_refused(any_window: int, literal: bytes) -> None:
    with pytest.raises(InvalidInputError):
        unquote(literal)


def test_what_is_not_utf_8_is_not_quoted() -> None:
    with pytest.raises(InvalidInputError, match="byte 2"):
        quote(b"ab\xff")


async def test_long_text_lets_others_run(turns: Callable[[], int]) -> None:
    data = ("\u20ac" + "x" * 99).encode() * 40_000
    before = turns()

    literal = await quote_async(data)
    quoted = turns()
    text = await unquote_async(literal)

    assert text == data
    assert quoted - before > 10
    assert turns() - quoted > 10
