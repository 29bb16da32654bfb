"""Frames survive every way of being cut into chunks."""

import io
from itertools import pairwise
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.execution.frames import Frame, FrameError, FrameReader, frame_head, read_frame

FRAMES = [Frame({"a": 1}, b"body"), Frame({}), Frame({"text": "ψ \ud800"}, b"\x00" * 1000)]
STREAM = b"".join(frame_head(frame.header, len(frame.body)) + frame.body for frame in FRAMES)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_frames_are_found_whatever_the_chunks_are(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = FrameReader(body_limit=1000)
    found = [frame for start, end in pairwise(edges) for frame in reader.feed(STREAM[start:end])]

    assert found == FRAMES


def test_a_blocking_reader_finds_the_same_frames_and_the_end() -> None:
    stream = io.BytesIO(STREAM)
    found = [read_frame(stream) for _ in range(4)]

    assert found == [*FRAMES, None]


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    reader = FrameReader(body_limit=10)
    with pytest.raises(FrameError, match="over the limit"):
        reader.feed(frame_head({}, 11))


@pytest.mark.parametrize("header", [b"no json", b"[1]", b"\xff", b'{"a":' + b"[" * 60_000])
def test_a_header_that_is_no_json_object_is_refused(header: bytes) -> None:
    data = len(header).to_bytes(4, "big") + bytes(8) + header
    with pytest.raises(FrameError, match="header"):
        FrameReader(body_limit=0).feed(data)


@pytest.mark.parametrize("size", [5, 14, 20])
def test_a_stream_that_ends_in_a_frame_is_an_error(size: int) -> None:
    with pytest.raises(FrameError, match="ended inside"):
        read_frame(io.BytesIO(STREAM[:size]))


def test_a_header_may_have_numpy_numbers_and_any_mapping() -> None:
    numpy = pytest.importorskip("numpy")
    reader = FrameReader(body_limit=0)
    (frame,) = reader.feed(
        frame_head({"depth": numpy.int64(3), "more": MappingProxyType({"x": 1})})
    )

    assert frame.header == {"depth": 3, "more": {"x": 1}}
