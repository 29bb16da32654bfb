"""The client's journal: what it submitted, one line each, in a file that survives its crash.

Every client writes a file of its own in the user's state directory and holds a lock on it as long
as it lives; a file that nobody locks is what a client that is gone has left. A line is a checksum
and a JSON object; one that was torn by a crash is not read. After 30 days a file is removed.
"""

import asyncio
import errno
import json
import logging
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, frozen

from swqr_adapters.clock import SystemClock
from swqr_adapters.ids import RandomIds
from swqr_core.errors import ConfigurationError
from swqr_core.model.principal import Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.journal import Noted

__all__ = ["FileJournal", "JournalFile", "journal_folder", "open_journal", "read_journals"]

logger = logging.getLogger(__name__)

VERSION: Final = 1
_VARIABLE: Final = "SWQR_JOURNAL"
_ENDING: Final = ".jsonl"
_KEPT: Final = timedelta(days=30)
_TRIES: Final = 1_000


def journal_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where journals are; None if there are to be none.

    The variable ``SWQR_JOURNAL`` says ``off``, ``on``, or another folder.

    Raises:
        ConfigurationError: It says something else.
    """
    told = environment.get(_VARIABLE, "on")
    if told == "off":
        return None
    if told != "on":
        folder = Path(told).expanduser()
        if not folder.is_absolute():
            raise ConfigurationError(
                f"the variable {_VARIABLE}", f"must be on, off or an absolute path, not {told!r}"
            )
        return folder
    try:
        from platformdirs import user_state_path
    except ImportError:  # the core alone is installed
        return None
    return user_state_path("swqr", appauthor=False) / "journal"


def open_journal(
    *, transport: str, principal: Principal, choice: str | None
) -> "FileJournal | None":
    """Return the journal of a transport (entry point ``journal``)."""
    folder = journal_folder(os.environ)
    if folder is None:
        return None
    return FileJournal(folder, transport=transport, principal=principal, choice=choice)


class FileJournal:
    """The ``Journal`` port on a file, which is made when there is something to note.

    Args:
        folder: Where the files are.
        transport: The transport's name.
        principal: Whom it acts for.
        choice: The profile or URL that leads there again.
        clock: For dates; the system's if None.
    """

    def __init__(
        self,
        folder: Path,
        *,
        transport: str,
        principal: Principal,
        choice: str | None,
        clock: Clock | None = None,
    ) -> None:
        self._folder = folder
        self._head = {
            "swqr-journal": VERSION,
            "transport": transport,
            "instance": principal.instance,
            "user": principal.user,
            "choice": choice,
        }
        self._clock = clock or SystemClock()
        self._path: Path | None = None
        self._file: int | None = None
        self._broken = False
        self._written = self._synced = 0
        self._syncing = asyncio.Lock()

    async def begin(self, noun: str, key: str, about: Mapping[str, str]) -> None:
        """Note that something is about to be sent; it is on the disk when this returns."""
        at = self._clock.now().isoformat()
        self._write({"begin": noun, "key": key, "at": at, "about": dict(about)})
        mine = self._written
        async with self._syncing:  # what came meanwhile is synced together
            if self._file is None or self._synced >= mine:
                return
            until = self._written
            try:
                await asyncio.to_thread(os.fsync, self._file)
            except OSError as error:
                self._give_up(error)
            else:
                self._synced = until

    def made(self, key: str, id: str) -> None:
        """Note the platform's id."""
        self._write({"made": key, "id": id})

    def refused(self, key: str) -> None:
        """Note that it certainly did not happen."""
        self._write({"refused": key})

    def closed(self, session_id: str) -> None:
        """Note that the client closed a session."""
        self._write({"closed": session_id})

    def past(self) -> tuple[Noted, ...]:
        """Return what was noted for this transport and instance; see ``Journal.past``."""
        found: list[Noted] = []
        for one in read_journals(self._folder):
            mine = one.path == self._path
            if one.leads_to(self._head) and (mine or not one.alive):
                found += [evolve(noted, orphan=not mine) for noted in one.work]
        return tuple(sorted(found, key=lambda noted: noted.at))

    def close(self) -> None:
        """Write everything. Closing twice is fine."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            os.fsync(file)
        except OSError as error:
            self._give_up(error)
        finally:
            os.close(file)

    def _write(self, entry: Mapping[str, Any]) -> None:
        if self._broken:
            return
        try:
            if self._file is None:
                self._file = self._made_file()
            # One call for one line, so that a crash tears the last one at most.
            line = _line(entry)
            if os.write(self._file, line) < len(line):  # what came next would be part of it
                self._give_up(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            self._written += 1
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Say once that nothing more can be noted; the work goes on."""
        if not self._broken:
            self._broken = True
            logger.warning("the journal in %s cannot be written: %s", self._folder, error)

    def _made_file(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(self._folder, self._clock.now())
        if self._path is None:
            name = f"{self._clock.now():%Y%m%dT%H%M%S}-{os.getpid()}-{RandomIds().key()[:8]}"
            self._path = self._folder / f"{name}{_ENDING}"
        new = not self._path.exists()
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for _ in range(_TRIES):  # somebody may be looking whether it is locked: that takes no time
            if _lock(file, shared=False):
                break
        if new:
            os.write(file, _line(self._head))
        return file


@frozen(kw_only=True)
class JournalFile:
    """A journal that was read.

    Attributes:
        path: The file.
        alive: Whether the client that writes it lives; where locks cannot tell, it is taken to.
        head: Which transport and instance it is about.
        work: What it notes.
    """

    path: Path
    alive: bool
    head: Mapping[str, Any] = field(factory=dict)
    work: tuple[Noted, ...] = ()

    def leads_to(self, head: Mapping[str, Any]) -> bool:
        """Return whether it is about the same transport and instance."""
        return all(self.head.get(name) == head[name] for name in ("transport", "instance"))


def read_journals(folder: Path) -> Iterator[JournalFile]:
    """Yield the journals of a folder, the oldest first; what cannot be read is left out."""
    for path in sorted(folder.glob(f"*{_ENDING}")):
        try:
            # Before reading: a client that ends meanwhile has written everything by then.
            alive = _is_locked(path)
            lines = [entry for line in path.read_bytes().splitlines() if (entry := _entry(line))]
        except OSError:
            continue
        if lines and lines[0].get("swqr-journal") == VERSION:
            yield JournalFile(path=path, alive=alive, head=lines[0], work=tuple(_work(lines[1:])))


def _work(lines: list[dict[str, Any]]) -> Iterator[Noted]:
    noted: dict[str, Noted] = {}
    unsure: set[str] = set()  # keys that came again before anybody knew of the first time
    closed = {line["closed"] for line in lines if "closed" in line}
    for line in lines:
        match line:
            case {"begin": noun, "key": key, "at": at, "about": about}:
                before = noted.get(key)
                if before is None or before.refused:
                    when = datetime.fromisoformat(at).astimezone(UTC)
                    noted[key] = Noted(noun=noun, key=key, at=when, about=about)
                elif before.id is None:
                    unsure.add(key)
            case {"made": key, "id": id} if key in noted:
                noted[key] = evolve(noted[key], id=id, closed=id in closed, refused=False)
            case {"refused": key} if key in noted and key not in unsure:
                noted[key] = evolve(noted[key], refused=noted[key].id is None)
    yield from noted.values()


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return what a line says; None if it was torn."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    entry: dict[str, Any] = json.loads(text)
    return entry


def _lock(file: int, *, shared: bool) -> bool:
    """Lock a file without waiting, and return whether that went; False where there are no locks."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    file = os.open(path, os.O_RDONLY)
    try:
        return not _lock(file, shared=True)
    finally:
        os.close(file)


def _tidy(folder: Path, now: datetime) -> None:
    """Remove what is too old to be of use."""
    for path in folder.glob(f"*{_ENDING}"):
        try:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if now - changed > _KEPT and (sys.platform == "win32" or not _is_locked(path)):
                path.unlink()
        except OSError:
            continue
