"""The client's journal: what survives a crash, and what is not in it."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from swqr_adapters.storage.journal import FileJournal, journal_folder, read_journals
from swqr_core.clock import VirtualClock
from swqr_core.errors import ConfigurationError
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Principal
from swqr_core.ports.journal import Noted

ADA = Principal(user="ada", instance=InstanceId("crn:one"))
Make = Callable[..., FileJournal]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def journal(transport: str = "ibm", principal: Principal = ADA) -> FileJournal:
        return FileJournal(
            tmp_path / "journal", transport=transport, principal=principal, choice="prod"
        )

    return journal


async def fill(journal: FileJournal) -> None:
    about = {"program": "sampler", "backend": "ibm_fez"}
    for key in ("answered", "silent", "refused"):
        await journal.begin("job", key, about)
    await journal.begin("session", "open", {"backend": "ibm_fez"})
    await journal.begin("session", "closed", {"backend": "ibm_fez"})
    journal.made("answered", "job-1")
    journal.refused("refused")
    journal.made("open", "session-1")
    journal.made("closed", "session-2")
    journal.closed("session-2")


def facts(noted: Noted) -> tuple[str, str, str | None, bool, bool]:
    return noted.noun, noted.key, noted.id, noted.refused, noted.closed


FACTS = [
    ("job", "answered", "job-1", False, False),
    ("job", "silent", None, False, False),
    ("job", "refused", None, True, False),
    ("session", "open", "session-1", False, False),
    ("session", "closed", "session-2", False, True),
]


async def test_the_next_client_reads_what_the_last_one_noted(make: Make) -> None:
    first = make()
    await fill(first)
    own = first.past()
    first.close()
    found = make().past()

    assert [facts(noted) for noted in found] == FACTS
    assert {noted.orphan for noted in found} == {True}
    assert {noted.orphan for noted in own} == {False}
    assert found[0].about == {"program": "sampler", "backend": "ibm_fez"}


@pytest.mark.parametrize(
    ("first", "id", "refused"),
    [("made", "job-1", False), ("silent", None, False), ("refused", None, True)],
)
async def test_a_repetition_that_is_refused_does_not_hide_the_first_time(
    make: Make, first: str, id: str | None, refused: bool
) -> None:
    journal = make()
    await journal.begin("job", "k", {})
    if first == "made":
        journal.made("k", "job-1")
    elif first == "refused":
        journal.refused("k")
    await journal.begin("job", "k", {})
    journal.refused("k")

    assert [facts(noted) for noted in journal.past()] == [("job", "k", id, refused, False)]


async def test_a_repetition_that_was_answered_is_found(make: Make) -> None:
    journal = make()
    for came in (journal.refused, lambda key: journal.made(key, "job-1")):
        await journal.begin("job", "k", {})
        came("k")

    assert [facts(noted) for noted in journal.past()] == [("job", "k", "job-1", False, False)]


async def test_what_a_living_client_does_is_its_own(make: Make) -> None:
    living = make()
    await fill(living)

    assert make().past() == ()
    living.close()
    assert len(make().past()) == len(FACTS)


async def test_a_client_is_known_to_live_although_somebody_looked_when_it_began(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    lock, looked = fcntl.flock, list[int]()

    def lock_late(file: int, how: int) -> None:
        if how & fcntl.LOCK_EX and len(looked) < 2:
            looked.append(file)
            raise BlockingIOError
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    living = make()
    await fill(living)

    assert make().past() == ()
    living.close()
    assert len(make().past()) == len(FACTS)


async def test_other_transports_and_instances_have_their_own(make: Make) -> None:
    journal = make()
    await fill(journal)
    journal.close()

    assert make("strangeworks").past() == ()
    assert make("ibm", Principal(user="ada", instance=InstanceId("crn:two"))).past() == ()


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_line_that_a_crash_tore_is_not_read_and_costs_no_other(
    make: Make, tmp_path: Path, cut: int
) -> None:
    journal = make()
    await fill(journal)
    journal.close()
    (file,) = (tmp_path / "journal").iterdir()
    file.write_bytes(file.read_bytes()[:-cut])

    noted = [facts(one) for one in make().past()]

    assert noted[:4] == FACTS[:4]
    assert noted[4][:3] in {("session", "closed", "session-2"), ("session", "closed", None)}


async def test_a_line_that_rotted_is_not_read(make: Make, tmp_path: Path) -> None:
    journal = make()
    await fill(journal)
    journal.close()
    (file,) = (tmp_path / "journal").iterdir()
    file.write_bytes(file.read_bytes().replace(b"job-1", b"job-2"))

    assert facts(make().past()[0]) == ("job", "answered", None, False, False)


async def test_only_its_owner_can_read_it(make: Make, tmp_path: Path) -> None:
    journal = make()
    await fill(journal)
    journal.close()
    (file,) = (tmp_path / "journal").iterdir()

    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_client_that_was_killed_is_gone_whatever_it_held(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, signal, sys, pathlib\n"
        "from swqr_adapters.storage.journal import FileJournal\n"
        "from swqr_core.model.principal import Principal\n"
        "journal = FileJournal(pathlib.Path(sys.argv[1]), transport='ibm',\n"
        "    principal=Principal(user='ada', instance='crn:one'), choice=None)\n"
        "asyncio.run(journal.begin('session', 'k', {}))\n"
        "journal.made('k', 'session-1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    (left,) = FileJournal(tmp_path, transport="ibm", principal=ADA, choice=None).past()

    assert (left.id, left.orphan) == ("session-1", True)


async def test_what_is_older_than_a_month_is_removed_and_what_lives_is_not(tmp_path: Path) -> None:
    def journal(clock: VirtualClock | None) -> FileJournal:
        return FileJournal(tmp_path, transport="ibm", principal=ADA, choice=None, clock=clock)

    dead, living = journal(None), journal(None)
    for one in (dead, living):
        await one.begin("job", "old", {})
    dead.close()
    later = VirtualClock(start=VirtualClock().now() + timedelta(days=36_500))
    await journal(later).begin("job", "new", {})
    living.close()

    keys = sorted(noted.key for one in read_journals(tmp_path) for noted in one.work)
    assert keys == ["new", "old"]


async def test_losing_the_journal_does_not_lose_the_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = FileJournal(tmp_path / "file", transport="ibm", principal=ADA, choice=None)
    with caplog.at_level(logging.WARNING):
        await fill(journal)
    journal.close()

    assert len(caplog.records) == 1


def test_the_variable_says_whether_and_where(tmp_path: Path) -> None:
    assert journal_folder({"SWQR_JOURNAL": "off"}) is None
    assert journal_folder({"SWQR_JOURNAL": str(tmp_path)}) == tmp_path
    assert str(journal_folder({})).endswith("journal")
    with pytest.raises(ConfigurationError, match="SWQR_JOURNAL"):
        journal_folder({"SWQR_JOURNAL": "of"})


async def test_a_disk_that_does_not_sync_is_told_once_and_hinders_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: int) -> None:
        raise OSError("input/output error")

    monkeypatch.setattr("os.fsync", broken)
    journal = make()
    await fill(journal)
    journal.close()

    assert caplog.text.count("cannot be written") == 1


async def test_a_line_for_which_there_was_no_room_is_told_and_spoils_no_other(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = os.write
    journal = make()
    await journal.begin("job", "noted", {})
    monkeypatch.setattr("os.write", lambda file, data: write(file, data[:5]))
    await journal.begin("job", "cut off", {})
    monkeypatch.undo()
    await journal.begin("job", "later", {})

    assert [noted.key for noted in journal.past()] == ["noted"]
    assert caplog.text.count("cannot be written") == 1
