"""Recordings in files: the wrapper ``record`` and the transport ``replay``."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from swqr_core.config.effective import reads
from swqr_core.config.reading import read_settings, setting, switch
from swqr_core.errors import ConfigurationError
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers.recording import RecordingTransport, ReplayTransport
from swqr_core.wrappers.tape import Tape

__all__ = ["FileRecorder", "record", "replay"]

_SOURCE: Final = "wrapper record"


@frozen(kw_only=True)
class _RecordSettings:
    """What the wrapper ``record`` can be told.

    Attributes:
        file: Where the recording goes.
        payloads: ``off`` to leave parameters, results and documents of backends out.
    """

    file: str = setting(str, "swqr-recording.json")
    payloads: bool = setting(switch, default=True)


class FileRecorder(RecordingTransport):
    """A ``RecordingTransport`` that writes what it recorded to a file when it is closed.

    Args:
        inner: The transport underneath.
        path: The file; only its owner can read it.
        keep_payloads: Whether parameters, results and documents of backends are kept.
    """

    def __init__(self, inner: RuntimeTransport, path: Path, *, keep_payloads: bool = True) -> None:
        super().__init__(inner, keep_payloads=keep_payloads)
        self._path = path
        self._written = False

    async def aclose(self) -> None:
        """Close the transport underneath and write the file. Closing twice is fine."""
        try:
            await super().aclose()
        finally:
            if not self._written:
                self._written = True
                _write(self._path, self.tape.dumps())


def _write(path: Path, text: str) -> None:
    # Whoever reads meanwhile must see the old file or the new one.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    part.replace(path)


@reads(_RecordSettings)
async def record(inner: RuntimeTransport, settings: Mapping[str, str]) -> RuntimeTransport:
    """Record what goes over a transport (entry point ``record``).

    Raises:
        ConfigurationError: A setting is unknown, or the file cannot be written.
    """
    chosen = read_settings(_RecordSettings, settings, source=_SOURCE)
    return FileRecorder(inner, _writable(chosen.file), keep_payloads=chosen.payloads)


def _writable(name: str) -> Path:
    """Try a file now, and not when everything was done in vain."""
    path = Path(name).expanduser().absolute()
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            _SOURCE, f"file {str(path)!r}: {error.strerror}", "file"
        ) from error
    return path


async def replay(location: str, settings: Mapping[str, str]) -> RuntimeTransport:
    """Play a recording (entry point ``replay``): ``replay://run.json``.

    Raises:
        ConfigurationError: There is a setting, or the file holds no recording.
    """
    for name in settings:
        raise ConfigurationError("replay transport", f"there is no setting {name!r}", name)
    return ReplayTransport(_tape(location))


def _tape(name: str) -> Tape:
    path = Path(name).expanduser()
    try:
        return Tape.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(
            "replay transport", f"{str(path)!r} holds no recording: {error}"
        ) from error
