"""The blob store on a disk: the bytes that were put, or none."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.storage import Store, open_store
from swqr_core.errors import UnreachableError
from swqr_core.model.payload import Payload

SMALL, LARGE = b"small", bytes(range(256)) * 2_000
SIZES = pytest.mark.parametrize("data", [SMALL, LARGE], ids=["inside", "outside"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = open_store(path)
    yield store
    await store.aclose()


def files(path: Path, folder: str = "blobs") -> list[Path]:
    return [file for file in path.with_name(f"{path.name}.{folder}").rglob("*") if file.is_file()]


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM blobs").fetchone()[0]
        return count


def spoil(path: Path, payload: Payload) -> None:
    for file in files(path):
        with file.open("r+b") as out:
            out.seek(1_000)
            out.write(b"?")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE blobs SET data = x'00' WHERE digest = ?", (payload.digest,))


def remove(path: Path) -> None:
    for file in files(path):
        file.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM blobs")


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 262_144, 262_145, 1_000_000])
async def test_bytes_come_back(store: Store, size: int) -> None:
    data = os.urandom(size)
    payload = await store.blobs.put(data)
    pieces = [piece async for piece in store.blobs.open(payload.digest)]

    assert payload == Payload.of(data)
    assert await store.blobs.get(payload.digest) == data
    assert b"".join(pieces) == data
    assert max(map(len, pieces), default=0) <= 262_144


@SIZES
async def test_bytes_are_there_for_the_next_process(path: Path, data: bytes) -> None:
    first = open_store(path)
    payload = await first.blobs.put(data)
    await first.aclose()
    second = open_store(path)
    await second.blobs.adopt([payload.digest])

    assert await second.blobs.get(payload.digest) == data
    await second.aclose()


@SIZES
async def test_bytes_stay_until_every_put_is_released(
    store: Store, path: Path, data: bytes
) -> None:
    payload, again = await asyncio.gather(store.blobs.put(data), store.blobs.put(data))
    await store.blobs.release(payload.digest)
    kept = await store.blobs.get(payload.digest)
    await store.blobs.release(payload.digest)
    with pytest.raises(KeyError):
        await store.blobs.get(payload.digest)

    assert (payload, kept) == (again, data)
    assert (files(path), rows(path)) == ([], 0)


@SIZES
async def test_released_and_put_again_at_once_it_is_there(store: Store, data: bytes) -> None:
    payload = await store.blobs.put(data)
    both = store.blobs.release, store.blobs.put
    for _ in range(20):
        await asyncio.gather(both[0](payload.digest), both[1](data))

    assert await store.blobs.get(payload.digest) == data


@SIZES
@pytest.mark.parametrize("again", [True, False], ids=["put again", "gone"])
async def test_what_is_let_go_of_while_it_is_read_is_no_damage(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
    again: bool,
) -> None:
    blobs = store.blobs
    payload = await blobs.put(data)
    look = blobs._look  # noqa: SLF001 - the race is in there

    async def look_late(digest: str) -> Any:
        monkeypatch.undo()
        await blobs.release(digest)
        found = await look(digest)
        if again:
            await blobs.put(data)
        return found

    monkeypatch.setattr(blobs, "_look", look_late)
    with suppress(KeyError):
        await blobs.get(payload.digest)

    assert caplog.messages == []
    if again:
        assert await blobs.get(payload.digest) == data


@SIZES
async def test_a_put_that_is_given_up_harms_no_other(store: Store, data: bytes) -> None:
    hurried = asyncio.ensure_future(store.blobs.put(data))
    await asyncio.sleep(0)
    patient = asyncio.ensure_future(store.blobs.put(data))
    await asyncio.sleep(0)
    hurried.cancel()
    payload = await patient

    assert await store.blobs.get(payload.digest) == data


@SIZES
async def test_what_no_job_needs_goes_when_the_store_is_taken_over(path: Path, data: bytes) -> None:
    first = open_store(path)
    kept = await first.blobs.put(data + b"kept")
    await first.blobs.put(data)
    await first.aclose()
    second = open_store(path)
    await second.blobs.adopt([kept.digest])
    await second.aclose()

    assert len(files(path)) + rows(path) == 1


async def test_a_file_that_was_never_finished_goes(path: Path) -> None:
    first = open_store(path)
    await first.blobs.put(LARGE)
    await first.aclose()
    half = files(path)[0].with_name("abc.1.part")
    half.write_bytes(b"half")
    second = open_store(path)
    await second.blobs.adopt([Payload.of(LARGE).digest])
    await second.aclose()

    assert not half.exists()
    assert len(files(path)) == 1


@SIZES
async def test_damaged_bytes_are_set_aside_and_never_given(
    store: Store, path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    payload = await store.blobs.put(data)
    sound = await store.blobs.put(data + b"sound")
    spoil_only = payload if data is SMALL else None
    if spoil_only is not None:
        spoil(path, payload)
    else:
        name = payload.digest.removeprefix("sha256:")
        with next(file for file in files(path) if file.name == name).open("r+b") as out:
            out.write(b"?")
    for _ in range(2):
        with pytest.raises(KeyError):
            await store.blobs.get(payload.digest)

    assert [file.name for file in files(path, "quarantine")] == [payload.digest[7:]]
    assert payload.digest in caplog.text
    assert await store.blobs.get(sound.digest) == data + b"sound"


@SIZES
async def test_missing_bytes_are_reported(
    store: Store, path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    payload = await store.blobs.put(data)
    remove(path)

    with pytest.raises(KeyError):
        await store.blobs.get(payload.digest)
    assert "missing" in caplog.text


async def test_what_cannot_be_read_now_is_not_missing(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Path) -> bytes:
        raise OSError(24, "Too many open files")

    payload = await store.blobs.put(LARGE)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UnreachableError, match="Too many open files"):
        await store.blobs.get(payload.digest)
    monkeypatch.undo()

    assert await store.blobs.get(payload.digest) == LARGE
    assert caplog.text == ""


@SIZES
async def test_the_same_bytes_put_again_mend_what_was_damaged(
    store: Store, path: Path, data: bytes
) -> None:
    payload = await store.blobs.put(data)
    spoil(path, payload)
    with pytest.raises(KeyError):
        await store.blobs.get(payload.digest)
    await store.blobs.put(data)

    assert await store.blobs.get(payload.digest) == data


async def test_a_file_that_cannot_be_written_leaves_nothing_and_the_next_try_succeeds(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnreachableError, match="No space left on device"):
        await store.blobs.put(LARGE)
    monkeypatch.undo()
    left = files(path)
    payload = await store.blobs.put(LARGE)

    assert left == []
    assert await store.blobs.get(payload.digest) == LARGE


async def test_only_its_owner_can_look_into_the_folder(store: Store, path: Path) -> None:
    await store.blobs.put(LARGE)

    assert path.with_name("store.db.blobs").stat().st_mode & 0o077 == 0
