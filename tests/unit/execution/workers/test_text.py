"""Text of programs is shown safely, and bounded."""

import pytest

from swqr_adapters.execution.text import BoundedLog, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("bell\x07 \x9b31m \x7f", "bell\\x07 \\x9b31m \\x7f"),
        ("to \u202eleft", "to \\u202eleft"),
        ("half a pair \ud800", "half a pair \\ud800"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        ("ψ is fine", "ψ is fine"),
    ],
)
def test_nothing_that_a_terminal_obeys_passes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = printable("a" * 100 + "b" * 1000 + "c" * 100, limit=80)

    assert text == "a" * 20 + "\n[... 1120 characters left out ...]\n" + "c" * 60


def test_a_reason_is_one_short_line() -> None:
    line = one_line("first\nsecond   " + "x" * 1000, limit=20)

    assert line == "first second xxxx..."


def test_a_log_keeps_both_ends_within_its_limit() -> None:
    log = BoundedLog(10)
    for part in (b"abc", b"defgh", b"ijklmnop"):
        log.add(part)

    assert log.take() == "abcde\n[... 6 bytes left out ...]\nlmnop"


def test_a_log_that_was_taken_begins_anew() -> None:
    log = BoundedLog(4)
    log.add(b"abcdefgh")
    log.take()

    assert log.take() == ""


def test_bytes_that_are_no_text_do_not_break_a_log() -> None:
    log = BoundedLog(100)
    log.add(b"\xff\x1b")

    assert log.take() == "\ufffd\\x1b"
