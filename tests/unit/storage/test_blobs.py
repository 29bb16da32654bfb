"""The blob store: bytes by digest, in memory up to a limit and in files beyond it."""

import asyncio
import gc
import hashlib
import os
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.storage import SpillingBlobStore
from swqr_adapters.storage.packs import Pack, PackFolder
from swqr_core.errors import (
    ClosedError,
    ConfigurationError,
    InvalidInputError,
    LimitExceededError,
    UnreachableError,
)
from swqr_core.model.payload import Payload

LIMITS = [0, 100, 2**20]
KIB = 1024


@pytest.fixture(params=LIMITS, ids=lambda limit: f"limit={limit}")
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpillingBlobStore]:
    store = SpillingBlobStore(request.param, tmp_path)
    yield store
    await store.aclose()


async def pieces(store: SpillingBlobStore, digest: str) -> list[bytes]:
    return [piece async for piece in store.open(digest)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def inside(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def remove_packs(folder: Path) -> None:
    for path in folder.rglob("*.pack"):
        path.unlink()


async def test_bytes_come_back_under_their_digest(store: SpillingBlobStore) -> None:
    payload = await store.put(b"some bytes")

    assert payload == Payload.of(b"some bytes")
    assert await store.get(payload.digest) == b"some bytes"


@pytest.mark.parametrize("size", [0, 1, 256 * KIB, 256 * KIB + 1, 1_000_000])
async def test_streamed_pieces_join_to_the_blob_and_are_256_kib_at_most(
    store: SpillingBlobStore, size: int
) -> None:
    data = os.urandom(size)
    payload = await store.put(data)

    found = await pieces(store, payload.digest)

    assert b"".join(found) == data
    assert max(map(len, found), default=0) <= 256 * KIB
    assert len(found) == -(-size // (256 * KIB))


async def test_an_unknown_digest_is_a_key_error(store: SpillingBlobStore) -> None:
    with pytest.raises(KeyError):
        await store.get("sha256:nothing")
    with pytest.raises(KeyError):
        store.open("sha256:nothing")


async def test_releasing_an_unknown_digest_is_no_error(store: SpillingBlobStore) -> None:
    await store.release("sha256:nothing")


async def test_bytes_stay_until_every_put_is_released(store: SpillingBlobStore) -> None:
    payload = await store.put(b"shared")
    await store.put(b"shared")
    await store.release(payload.digest)

    assert await store.get(payload.digest) == b"shared"

    await store.release(payload.digest)

    with pytest.raises(KeyError):
        await store.get(payload.digest)


async def test_the_same_bytes_twice_take_room_once() -> None:
    store = SpillingBlobStore(1000)
    await store.put(b"a" * 600)
    await store.put(b"a" * 600)

    assert (len(store), store.bytes_in_memory, store.directory) == (1, 600, None)


async def test_memory_stays_within_the_limit(tmp_path: Path) -> None:
    store = SpillingBlobStore(10_000, tmp_path)

    held = []
    for number in range(100):
        await store.put(bytes([number]) * 999)
        held.append(store.bytes_in_memory)

    assert max(held) <= 10_000
    assert len(files(tmp_path)) > 0
    await store.aclose()


async def test_large_blobs_leave_memory_before_small_ones(tmp_path: Path) -> None:
    store = SpillingBlobStore(10_000, tmp_path)
    for number in range(50):
        await store.put(bytes([number]) * 10)

    await store.put(b"x" * 9_990)

    assert store.bytes_in_memory == 500
    await store.aclose()


async def test_small_blobs_share_a_file(tmp_path: Path) -> None:
    store = SpillingBlobStore(80_000, tmp_path)

    for number in range(1_000):
        await store.put(number.to_bytes(100, "big"))

    assert 1 <= len(files(tmp_path)) <= 3
    await store.aclose()


async def test_below_the_limit_there_is_no_directory(tmp_path: Path) -> None:
    store = SpillingBlobStore(100, tmp_path)

    await store.put(b"x" * 100)

    assert inside(tmp_path) == []
    assert store.directory is None


async def test_nobody_else_can_enter_the_directory(tmp_path: Path) -> None:
    store = SpillingBlobStore(0, tmp_path)
    await store.put(b"secret")

    assert store.directory is not None
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    await store.aclose()


async def test_a_file_goes_with_the_last_blob_in_it(tmp_path: Path) -> None:
    store = SpillingBlobStore(0, tmp_path)
    payload = await store.put(b"x")

    assert len(files(tmp_path)) == 1

    await store.release(payload.digest)

    assert files(tmp_path) == []
    await store.aclose()


async def test_closing_removes_the_directory(tmp_path: Path) -> None:
    store = SpillingBlobStore(0, tmp_path)
    await store.put(b"x")

    await store.aclose()

    assert inside(tmp_path) == []
    assert store.directory is None


async def test_a_store_that_is_forgotten_removes_its_directory(tmp_path: Path) -> None:
    store = SpillingBlobStore(0, tmp_path)
    await store.put(b"x")
    await asyncio.get_running_loop().shutdown_default_executor()  # its threads hold on to it

    del store
    gc.collect()

    assert inside(tmp_path) == []


def test_the_directory_goes_when_the_interpreter_exits_and_nothing_is_said(
    tmp_path: Path,
) -> None:
    program = f"""
import asyncio
from swqr_adapters.storage import SpillingBlobStore

async def main():
    await store.put(b"x" * 10)
    print(store.directory)

store = SpillingBlobStore(0, {str(tmp_path)!r})
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert Path(done.stdout.strip()).parent == tmp_path
    assert inside(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_leaves_the_directory_alone(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, sys
from swqr_adapters.storage import SpillingBlobStore

async def put():
    return await store.put(b"x")

store = SpillingBlobStore(0, {str(tmp_path)!r})
payload = asyncio.run(put())
if not (child := os.fork()):
    sys.exit(0)
os.waitpid(child, 0)
print(asyncio.run(store.get(payload.digest)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("b'x'", "")


async def test_a_closed_store_refuses_everything_but_release() -> None:
    store = SpillingBlobStore()
    payload = await store.put(b"x")
    await store.aclose()

    with pytest.raises(ClosedError):
        await store.put(b"x")
    with pytest.raises(ClosedError):
        await store.get(payload.digest)
    with pytest.raises(ClosedError):
        store.open(payload.digest)
    await store.release(payload.digest)


async def test_closing_twice_is_no_error_even_at_once() -> None:
    store = SpillingBlobStore(0)
    await store.put(b"x")

    await asyncio.gather(store.aclose(), store.aclose())
    await store.aclose()


async def test_closing_while_in_use_ends_every_call_with_its_bytes_or_closed_error(
    tmp_path: Path,
) -> None:
    store = SpillingBlobStore(1000, tmp_path)
    kept = [await store.put(bytes([n]) * 900) for n in range(10)]
    big = os.urandom(600_000)
    calls = [
        *(asyncio.ensure_future(store.get(p.digest)) for p in kept),
        *(asyncio.ensure_future(store.put(big + bytes([n]))) for n in range(10)),
    ]
    await asyncio.sleep(0)

    await store.aclose()

    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, bytes | Payload | ClosedError) for end in ends)
    assert len(store) == 0
    assert inside(tmp_path) == []


@pytest.mark.parametrize("limit", [0, 2**20])
async def test_a_stream_ends_with_closed_error_when_the_store_is_closed(
    tmp_path: Path, limit: int
) -> None:
    store = SpillingBlobStore(limit, tmp_path)
    payload = await store.put(os.urandom(600 * KIB))
    stream = store.open(payload.digest)
    await anext(stream)
    await store.aclose()

    with pytest.raises(ClosedError):
        await anext(stream)


async def test_a_release_does_not_disturb_a_stream(store: SpillingBlobStore) -> None:
    data = os.urandom(600 * KIB)
    payload = await store.put(data)
    stream = store.open(payload.digest)
    first = await anext(stream)
    await store.release(payload.digest)

    rest = [piece async for piece in stream]

    assert b"".join([first, *rest]) == data


async def test_the_file_of_a_released_blob_goes_when_its_stream_has_ended(tmp_path: Path) -> None:
    store = SpillingBlobStore(0, tmp_path)
    payload = await store.put(b"x" * 1000)
    stream = store.open(payload.digest)
    await anext(stream)
    await store.release(payload.digest)
    before = files(tmp_path)

    async for _ in stream:
        pass

    assert (len(before), files(tmp_path)) == (1, [])
    await store.aclose()


async def test_a_stream_that_begins_after_the_release_is_a_key_error(
    store: SpillingBlobStore,
) -> None:
    payload = await store.put(b"x")
    stream = store.open(payload.digest)
    await store.release(payload.digest)

    with pytest.raises(KeyError):
        await anext(stream)


async def test_a_disk_that_takes_nothing_refuses_the_blob_and_keeps_the_others(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    store = SpillingBlobStore(100, folder)
    payload = await store.put(b"x" * 100)
    folder.rmdir()

    with pytest.raises(LimitExceededError, match="limit_bytes"):
        await store.put(b"y" * 100)

    assert await store.get(payload.digest) == b"x" * 100
    assert (len(store), store.bytes_in_memory) == (1, 100)


async def test_after_a_full_disk_is_mended_the_store_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    store = SpillingBlobStore(100, folder)
    await store.put(b"x" * 100)
    folder.rmdir()
    with pytest.raises(LimitExceededError):
        await store.put(b"y" * 100)
    folder.mkdir()

    payload = await store.put(b"y" * 100)

    assert await store.get(payload.digest) == b"y" * 100
    await store.aclose()


async def test_a_blob_whose_file_somebody_removed_is_a_key_error(tmp_path: Path) -> None:
    store = SpillingBlobStore(0, tmp_path)
    payload = await store.put(b"x")
    remove_packs(tmp_path)

    with pytest.raises(KeyError):
        await store.get(payload.digest)
    await store.aclose()


async def test_a_blob_whose_file_cannot_be_opened_now_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    store = SpillingBlobStore(0, tmp_path)
    payload = await store.put(b"x")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreachableError, match="Too many open files"):
        await store.get(payload.digest)
    monkeypatch.undo()

    assert await store.get(payload.digest) == b"x"
    await store.aclose()


async def test_a_cancelled_put_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SpillingBlobStore(0, tmp_path)
    writing, go_on = threading.Event(), threading.Event()
    write = PackFolder.write

    def slow(folder: PackFolder, parts: list[bytes]) -> Pack:
        writing.set()
        go_on.wait()
        return write(folder, parts)

    monkeypatch.setattr(PackFolder, "write", slow)
    putting = asyncio.ensure_future(store.put(b"x"))
    await asyncio.to_thread(writing.wait)
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    go_on.set()
    await store.put(b"y")

    assert putting.cancelled()
    assert len(store) == 1
    with pytest.raises(KeyError):
        await store.get(Payload.of(b"x").digest)
    await store.aclose()


async def test_the_event_loop_goes_round_while_a_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SpillingBlobStore(0, tmp_path)
    go_on = threading.Event()
    write = PackFolder.write

    def slow(folder: PackFolder, parts: list[bytes]) -> Pack:
        go_on.wait()  # set by the loop below, which therefore runs
        return write(folder, parts)

    monkeypatch.setattr(PackFolder, "write", slow)
    putting = asyncio.ensure_future(store.put(b"x"))
    await asyncio.sleep(0)
    go_on.set()

    assert await putting == Payload.of(b"x")
    await store.aclose()


@pytest.mark.parametrize(("size", "on_the_loop"), [(256 * KIB, True), (256 * KIB + 1, False)])
async def test_only_small_blobs_are_hashed_on_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, size: int, on_the_loop: bool
) -> None:
    store = SpillingBlobStore()
    threads: list[int] = []
    sha256 = hashlib.sha256

    def noted(data: bytes) -> object:
        threads.append(threading.get_ident())
        return sha256(data)

    monkeypatch.setattr(hashlib, "sha256", noted)

    await store.put(bytes(size))

    assert [thread == threading.get_ident() for thread in threads] == [on_the_loop]


async def test_many_tasks_at_once_get_what_they_put(store: SpillingBlobStore) -> None:
    async def life(number: int) -> bool:
        data = bytes([number % 7]) * (number % 50)
        payload = await store.put(data)
        found = await store.get(payload.digest)
        streamed = b"".join(await pieces(store, payload.digest))
        await store.release(payload.digest)
        return found == streamed == data

    right = await asyncio.gather(*(life(number) for number in range(200)))

    assert all(right)
    assert (len(store), store.bytes_in_memory) == (0, 0)


@pytest.mark.parametrize("limit", [-1, -(2**40)])
def test_a_negative_limit_is_refused(limit: int) -> None:
    with pytest.raises(InvalidInputError, match="limit_bytes"):
        SpillingBlobStore(limit)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make it first"):
        SpillingBlobStore(folder=tmp_path / "nowhere")


Operation = tuple[str, bytes]
BLOBS = [b"", b"a", b"bb", b"c" * 40, b"d" * 41, b"e" * 200]
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "get", "open", "release"]), st.sampled_from(BLOBS)),
    max_size=30,
)


@given(st.sampled_from([0, 45, 1000]), st.lists(OPERATIONS, min_size=1, max_size=4))
def test_the_store_is_a_dict_with_counts(limit: int, rounds: list[list[Operation]]) -> None:
    asyncio.run(follow(limit, rounds))


async def follow(limit: int, rounds: list[list[Operation]]) -> None:
    """Do each round's operations one by one, and compare with a counter of bytes."""
    store = SpillingBlobStore(limit)
    model: Counter[bytes] = Counter()
    for operation, data in (step for steps in rounds for step in steps):
        digest = Payload.of(data).digest
        match operation:
            case "put":
                assert await store.put(data) == Payload.of(data)
                model[data] += 1
            case "release":
                await store.release(digest)
                model[data] = max(0, model[data] - 1)
            case "get" if model[data]:
                assert await store.get(digest) == data
            case "open" if model[data]:
                assert b"".join(await pieces(store, digest)) == data
            case _:
                with pytest.raises(KeyError):
                    await store.get(digest)
        kept = [blob for blob, count in model.items() if count]
        assert len(store) == len(kept)
        assert store.bytes_in_memory <= min(limit, sum(map(len, kept)))
    await store.aclose()


@given(st.sampled_from([0, 45, 1000]), st.lists(st.sampled_from(BLOBS), max_size=20), st.data())
def test_puts_and_releases_at_once_leave_the_counts_of_one_after_the_other(
    limit: int, puts: list[bytes], data: st.DataObject
) -> None:
    released = data.draw(st.permutations(puts))[: data.draw(st.integers(0, len(puts)))]
    kept = Counter(puts)

    async def main() -> None:
        store = SpillingBlobStore(limit)
        await asyncio.gather(*(store.put(blob) for blob in puts))
        await asyncio.gather(
            *(store.release(Payload.of(blob).digest) for blob in released),
            *(store.put(blob) for blob in puts),
        )
        final = kept + kept - Counter(released)

        found = {blob: await store.get(Payload.of(blob).digest) for blob in final}

        assert found == {blob: blob for blob in final}
        assert len(store) == len(final)
        await store.aclose()

    asyncio.run(main())
