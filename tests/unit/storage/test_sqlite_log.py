"""The event log on a disk: what it has confirmed is there after whatever happens."""

import asyncio
import errno
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.storage import Store, open_store, store_path
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core import JobQuery, VirtualClock
from swqr_core.errors import (
    ClosedError,
    ConfigurationError,
    InvalidInputError,
    UnreachableError,
)
from swqr_core.ports.storage import Document, EventLog, LogRecord
from swqr_core.testing import SequentialIds, StubExecutor


def record(number: int, size: int = 0) -> LogRecord:
    fact: dict[str, object] = {"n": number, "text": "x" * size}
    return LogRecord(version=1, at="2026-01-01T00:00:00Z", input={"n": number}, facts=(fact,))


async def read(log: EventLog, after: int = 0) -> list[tuple[int, LogRecord]]:
    return [entry async for entry in log.read(after)]


async def filled(path: Path, records: int) -> None:
    store = open_store(path)
    for number in range(1, records + 1):
        await store.log.append(record(number))
    await store.aclose()


def execute(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, values)


def kept_aside(path: Path) -> list[str]:
    folder = path.with_name(f"{path.name}.quarantine")
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def test_records_are_there_for_the_next_process(path: Path) -> None:
    store = open_store(path)
    numbers = await asyncio.gather(*(store.log.append(record(n)) for n in (10, 20, 30)))
    await store.aclose()
    again = open_store(path)
    found = await read(again.log)
    more = await again.log.append(record(40))
    await again.aclose()

    assert numbers == [1, 2, 3]
    assert found == [(1, record(10)), (2, record(20)), (3, record(30))]
    assert more == 4


async def test_a_record_is_on_the_disk_before_append_returns(path: Path) -> None:
    store = open_store(path)
    await store.log.append(record(1))
    copied = path.with_name("copy.db")
    shutil.copy(path, copied)
    shutil.copy(f"{path}-wal", f"{copied}-wal")
    await store.aclose()
    copy = open_store(copied)

    assert await read(copy.log) == [(1, record(1))]
    await copy.aclose()


async def test_many_records_share_a_commit(path: Path) -> None:
    store = open_store(path)
    await asyncio.gather(*(store.log.append(record(n)) for n in range(1_000)))
    commits = store.commits
    await store.aclose()

    assert commits < 50


async def test_reading_goes_piece_by_piece_from_where_it_is_told_to(path: Path) -> None:
    store = open_store(path)
    await asyncio.gather(*(store.log.append(record(n)) for n in range(1, 1_203)))
    found = [number async for number, _ in store.log.read(100)]
    await store.aclose()

    assert found == list(range(101, 1_203))


async def test_a_negative_number_is_refused(path: Path) -> None:
    store = open_store(path)
    with pytest.raises(InvalidInputError, match="after"):
        await read(store.log, -1)
    await store.aclose()


async def test_a_closed_store_takes_and_gives_nothing(path: Path) -> None:
    store = open_store(path)
    await store.log.append(record(1))
    await store.aclose()
    await store.aclose()

    with pytest.raises(ClosedError):
        await store.log.append(record(2))
    with pytest.raises(ClosedError):
        await read(store.log)
    with pytest.raises(ClosedError):
        await store.blobs.put(b"x")


async def test_what_was_given_before_the_end_is_written(path: Path) -> None:
    store = open_store(path)
    appending = [asyncio.ensure_future(store.log.append(record(n))) for n in range(100)]
    await asyncio.sleep(0)
    await store.aclose()

    assert await asyncio.gather(*appending) == list(range(1, 101))


async def test_after_a_failure_no_record_is_taken_until_the_log_is_mended(path: Path) -> None:
    store = open_store(path)
    await store.log.append(record(1))
    bad = LogRecord(version=1, at="", input={"n": object()}, facts=())
    with pytest.raises(TypeError):
        await store.log.append(bad)
    refused = await asyncio.gather(store.log.append(record(2)), return_exceptions=True)
    await store.log.mend()
    number = await store.log.append(record(3))
    found = await read(store.log)
    await store.aclose()

    assert isinstance(refused[0], TypeError)
    assert (number, found) == (2, [(1, record(1)), (2, record(3))])


# --- a full disk -------------------------------------------------------------------------------


async def test_a_full_disk_takes_nothing_and_says_so_and_later_goes_on(path: Path) -> None:
    store = open_store(path)
    await store.log.append(record(1))
    full = await _fill(store)
    results = await asyncio.gather(
        *(store.log.append(record(n, size=100_000)) for n in range(20)), return_exceptions=True
    )
    with pytest.raises(UnreachableError):
        await store.log.mend()
    full(False)
    await store.log.mend()
    number = await store.log.append(record(2))
    found = await read(store.log)
    await store.aclose()

    assert all(isinstance(result, UnreachableError) for result in results)
    assert "full" in str(results[0])
    assert found == [(1, record(1)), (number, record(2))]


async def _fill(store: Store) -> Callable[[bool], None]:
    """Let the writer find the database full, until it is told otherwise."""
    writer, connect = store._writer, store._writer._connect  # noqa: SLF001
    state = {"full": True}

    def limit(connection: sqlite3.Connection) -> sqlite3.Connection:
        if state["full"]:
            connection.execute("PRAGMA max_page_count = 1")  # it stays at what there is
        return connection

    writer._connect = lambda: limit(connect())  # noqa: SLF001
    await writer.do(limit)
    return lambda full: state.update(full=full)


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs a file system of its own")
def test_on_a_disk_that_is_really_full_nothing_is_half_there(tmp_path: Path) -> None:
    program = """
        import asyncio, os, sys
        from pathlib import Path
        from swqr_adapters.storage import open_store
        from swqr_core.errors import UnreachableError
        from swqr_core.ports.storage import LogRecord

        async def main(folder):
            store = open_store(Path(folder, "store.db"))
            ballast = Path(folder, "ballast")
            ballast.write_bytes(bytes(1_500_000))
            taken = []
            for number in range(1000):
                facts = ({"t": "x" * 5000},)
                record = LogRecord(version=1, at="", input={"n": number}, facts=facts)
                try:
                    await store.log.append(record)
                except UnreachableError:
                    break
                taken.append(number)
            else:
                sys.exit("the disk never was full")
            try:
                await store.blobs.put(os.urandom(2_000_000))
            except UnreachableError:
                pass
            else:
                sys.exit("a blob found room on a full disk")
            if [p for p in Path(folder).rglob("*.part")]:
                sys.exit("half a blob was left")
            ballast.unlink()
            await store.log.mend()
            await store.log.append(LogRecord(version=1, at="", input={"n": -1}, facts=()))
            taken.append(-1)
            await store.blobs.put(bytes(200_000))
            found = [record.input["n"] async for _, record in store.log.read()]
            await store.aclose()
            assert found == taken, (found, taken)

        asyncio.run(main(sys.argv[1]))
        print("done")
    """
    on_a_small_disk(tmp_path, program)


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs a file system of its own")
@pytest.mark.parametrize("end", ["await store.aclose()", "os._exit(0)"], ids=["closed", "killed"])
def test_a_store_that_cannot_be_opened_without_room_says_so(tmp_path: Path, end: str) -> None:
    program = """
        import asyncio, os, sys
        from contextlib import suppress
        from pathlib import Path
        from swqr_adapters.storage import open_store
        from swqr_core.errors import ConfigurationError
        from swqr_core.ports.storage import LogRecord

        async def before(path):
            store = open_store(path)
            await store.log.append(LogRecord(version=1, at="", input={}, facts=()))
            END

        async def main(folder):
            path = Path(folder, "store.db")
            with suppress(OSError), Path(folder, "ballast").open("wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(4096))
            try:
                open_store(path)
            except ConfigurationError as error:
                assert "room" in str(error), error
                print("done")

        if os.fork() == 0:
            asyncio.run(before(Path(sys.argv[1], "store.db")))
            os._exit(0)
        os.wait()
        asyncio.run(main(sys.argv[1]))
    """
    on_a_small_disk(tmp_path, program.replace("END", end))


def on_a_small_disk(tmp_path: Path, program: str) -> None:
    """Run a program that prints "done" on a real file system of 4 MB."""
    program = textwrap.dedent(program)
    folder = tmp_path / "small"
    folder.mkdir()
    script = f'mount -t tmpfs -o size=4m none {folder} && exec {sys.executable} -c "$0" {folder}'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, program],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no file system of its own here: {done.stderr.strip()}")

    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


# --- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE records SET body = replace(body, 'n', 'm') WHERE number = 3",
        "UPDATE records SET sum = sum + 1 WHERE number = 3",
        "UPDATE records SET body = x'ff00' WHERE number = 3",
        "DELETE FROM records WHERE number = 3",
    ],
)
async def test_damage_in_the_middle_is_never_read_past(path: Path, damage: str) -> None:
    await filled(path, 5)
    execute(path, damage)
    store = open_store(path)
    reading = store.log.read()
    seen = [(await anext(reading))[0], (await anext(reading))[0]]
    with pytest.raises(ConfigurationError, match="record 3"):
        await anext(reading)
    await store.aclose()

    assert seen == [1, 2]


async def test_a_log_that_cannot_be_read_now_is_not_told_as_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(path)
    await store.log.append(record(1))

    def refuse(_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(store.log._reader, "_work", refuse)  # noqa: SLF001
    for reading in (store.log.read(), store.log.documents("job")):
        with pytest.raises(UnreachableError, match="unable to open"):
            await anext(reading)
    monkeypatch.undo()

    assert [number async for number, _ in store.log.read()] == [1]
    await store.aclose()


async def test_records_that_changed_places_are_damaged(path: Path) -> None:
    await filled(path, 3)
    for change in ("2 -> 9", "3 -> 2", "9 -> 3"):
        old, new = change.split(" -> ")
        execute(path, "UPDATE records SET number = ? WHERE number = ?", int(new), int(old))
    store = open_store(path)

    with pytest.raises(ConfigurationError, match="record 2"):
        await read(store.log)
    await store.aclose()


async def test_with_quarantine_the_log_goes_on_from_before_the_damage(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(path, 5)
    execute(path, "UPDATE records SET sum = 0 WHERE number = 3")
    store = open_store(path, quarantine=True)
    found = await read(store.log)
    number = await store.log.append(record(6))
    await store.aclose()
    aside = path.with_name("store.db.quarantine") / "records-3.jsonl"
    lines = [json.loads(line) for line in aside.read_text().splitlines()]

    assert [number for number, _ in found] == [1, 2]
    assert number == 3
    assert [line[0] for line in lines] == [3, 4, 5]
    assert "record 3" in caplog.text
    assert "records-3.jsonl" in caplog.text


async def test_quarantine_changes_nothing_in_a_sound_store(path: Path) -> None:
    await filled(path, 3)
    store = open_store(path, quarantine=True)

    assert len(await read(store.log)) == 3
    await store.aclose()
    assert kept_aside(path) == []


async def crashed(path: Path, records: int) -> Path:
    """Return a store as a crash leaves it: its last records are in the write-ahead log."""
    store = open_store(path)
    for number in range(1, records + 1):
        await store.log.append(record(number))
    left = path.with_name("left.db")
    shutil.copy(path, left)
    shutil.copy(f"{path}-wal", f"{left}-wal")
    await store.aclose()
    return left


async def test_a_record_that_was_cut_off_is_dropped_and_reported(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = await crashed(path, 5)
    wal = left.with_name(f"{left.name}-wal")
    os.truncate(wal, wal.stat().st_size - 100)
    store = open_store(left)
    found = await read(store.log)
    await store.aclose()

    assert [number for number, _ in found] == [1, 2, 3, 4]
    assert "cut off" in caplog.text


async def test_a_store_that_was_not_closed_is_no_torn_one(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = await crashed(path, 5)
    caplog.set_level(logging.DEBUG)
    store = open_store(left)

    assert len(await read(store.log)) == 5
    assert "cut off" not in caplog.text
    await store.aclose()


async def test_damage_that_hides_confirmed_records_is_not_passed_over(path: Path) -> None:
    left = await crashed(path, 9)
    wal = left.with_name(f"{left.name}-wal")
    with wal.open("r+b") as file:
        file.seek(wal.stat().st_size // 2)
        file.write(b"\xff" * 64)
    with pytest.raises(ConfigurationError, match="damaged in the middle"):
        open_store(left)
    store = open_store(left, quarantine=True)
    found = await read(store.log)
    await store.aclose()

    assert 0 < len(found) < 9
    assert kept_aside(left) == ["left.db-wal"]


def document(id: str, value: object, kind: str = "job") -> Document:
    return Document(kind=kind, id=id, body=None if value is None else {"value": value})


async def documents(log: EventLog, kind: str = "job") -> list[Document]:
    return [each async for each in log.documents(kind)]


async def compacted(path: Path) -> None:
    store = open_store(path)
    for number in range(1, 6):
        await store.log.append(record(number))
    await store.log.compact(3, [document("a", 1), document("b", 2), document("c", 3)])
    await store.log.compact(3, [document("b", None), document("a", 4), document("d", 5)])
    await store.aclose()


async def test_documents_take_the_place_of_records(path: Path) -> None:
    await compacted(path)
    store = open_store(path)
    found = await documents(store.log)
    left = [number for number, _ in await read(store.log)]
    await store.log.compact(5, [])
    number = await store.log.append(record(6))
    await store.aclose()
    again = open_store(path)

    assert found == [document("a", 4), document("c", 3), document("d", 5)]
    assert (left, number) == ([4, 5], 6)
    assert [number for number, _ in await read(again.log)] == [6]
    await again.aclose()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE documents SET body = replace(body, '3', '4') WHERE id = 'c'",
        "UPDATE documents SET id = 'x' WHERE id = 'c'",
        "UPDATE documents SET sum = 0 WHERE id = 'c'",
    ],
)
async def test_a_damaged_document_is_never_read(path: Path, damage: str) -> None:
    await compacted(path)
    execute(path, damage)
    store = open_store(path)
    with pytest.raises(ConfigurationError, match=r"job '[cx]' is damaged"):
        await documents(store.log)
    await store.aclose()
    store = open_store(path, quarantine=True)

    assert await documents(store.log) == [document("a", 4), document("d", 5)]
    assert len(kept_aside(path)) == 1
    await store.aclose()


async def test_a_missing_document_is_noticed(path: Path) -> None:
    await compacted(path)
    execute(path, "DELETE FROM documents WHERE id = 'c'")
    with pytest.raises(ConfigurationError, match="missing"):
        open_store(path)

    await open_store(path, quarantine=True).aclose()


# --- older formats -----------------------------------------------------------------------------

FORMATS = Path(__file__).parent / "formats"


async def test_a_store_of_the_first_format_is_taken_over(tmp_path: Path) -> None:
    """``1.db`` was written by the release that had it, with one thing of each kind."""
    path = tmp_path / "store.db"
    shutil.copy(FORMATS / "1.db", path)
    for _ in range(2):
        stub = StubExecutor(manual=True)
        store = open_store(path)
        cloud = MemoryCloud(
            clock=VirtualClock(), ids=SequentialIds(), executor=stub, runner=stub,
            blobs=store.blobs, log=store.log, close=store.aclose, compact_every=1,
        )  # fmt: skip
        await cloud.recover()
        transport = cloud.transport()
        jobs = {str(job.id): job for job in (await transport.jobs(JobQuery())).items}
        session = await transport.session("session-1")
        result = await transport.result("job-1")
        program = await transport.program_source("mine-job-6")
        same = await transport.submit(jobs["job-1"].spec, b'{"n": 1}', key="done")
        await transport.set_tags("job-2", ("seen",))  # a record more, so the log is compacted
        await stub.started("job-4")
        await cloud.aclose()

        assert {id: job.state.value for id, job in jobs.items()} == {
            "job-1": "completed",
            "job-2": "failed",
            "job-4": "running",
            "job-5": "queued",
        }
        assert (session.state.value, result) == ("idle", b'{"answer": 42}')
        assert program.startswith(b"def main")
        assert same.id == "job-1"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone()[0] > 10


# --- who may open it ---------------------------------------------------------------------------


async def test_a_second_process_is_told_who_has_the_store(path: Path) -> None:
    store = open_store(path)
    program = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from swqr_adapters.storage import open_store\n"
        "async def main():\n    open_store(Path(sys.argv[1]))\n"
        "try:\n    asyncio.run(main())\nexcept Exception as error:\n    print(error)"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    await store.aclose()

    assert f"in use by process {os.getpid()}:" in done.stdout


async def test_a_folder_on_which_nothing_can_be_locked_is_told_as_that(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ConfigurationError, match="cannot be locked"):
        open_store(path)


async def test_a_store_is_free_once_it_is_closed(path: Path) -> None:
    first = open_store(path)
    with pytest.raises(ConfigurationError, match="in use"):
        open_store(path)
    await first.aclose()

    await open_store(path).aclose()


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder"):
        open_store(tmp_path)


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make it first"):
        open_store(tmp_path / "nowhere" / "store.db")


def test_garbage_is_refused_and_stays_as_it_is(path: Path) -> None:
    path.write_bytes(b"these are my notes\n" * 100)
    with pytest.raises(ConfigurationError, match="no database"):
        open_store(path)

    assert path.read_bytes() == b"these are my notes\n" * 100


async def test_another_programs_database_is_refused(path: Path) -> None:
    execute(path, "CREATE TABLE notes (text)")

    with pytest.raises(ConfigurationError, match="another program"):
        open_store(path)


async def test_a_newer_format_is_refused(path: Path) -> None:
    await filled(path, 1)
    execute(path, "PRAGMA user_version = 99")

    with pytest.raises(ConfigurationError, match=r"newer swqr \(format 99"):
        open_store(path)


async def test_a_damaged_database_is_refused(path: Path) -> None:
    await filled(path, 2_000)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3_900)

    with pytest.raises(ConfigurationError, match="damaged"):
        open_store(path)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_folder_that_cannot_be_written_is_refused() -> None:
    program = textwrap.dedent("""
        import asyncio, os, sys
        from pathlib import Path
        from swqr_adapters.storage import open_store

        async def main():
            open_store(Path(sys.argv[1], "store.db"))

        if os.getuid() == 0:
            os.setuid(65534)  # root may write everywhere
        try:
            asyncio.run(main())
        except Exception as error:
            print(error)
    """)
    # Not below pytest's folder, which another run that begins meanwhile shuts to everybody else.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", program, folder], capture_output=True, text=True, check=False
        )

    assert "cannot be written" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///store.db", "store.db"),
        ("sqlite:////var/lib/swqr.db", "/var/lib/swqr.db"),
        ("stores/store.db", "stores/store.db"),
    ],
)
def test_a_store_is_named_by_a_url_or_a_path(text: str, expected: str) -> None:
    assert store_path(text) == Path(expected)


@pytest.mark.parametrize("text", ["", "sqlite:///", "postgres://host/db", "sqlite://x"])
def test_what_names_no_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="store"):
        store_path(text)


async def test_what_a_store_was_told_to_remember_stays(path: Path) -> None:
    first = open_store(path, remember={"seed": "7"})
    await first.aclose()
    second = open_store(path, remember={"seed": "8"})
    await second.aclose()

    assert (first.known["seed"], second.known["seed"]) == ("7", "7")
