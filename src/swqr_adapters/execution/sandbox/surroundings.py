"""The process of a sandbox as it is made: its command line, its environment, its folder."""

import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import evolve, frozen

from swqr_adapters.execution.supervisor import WorkerSettings

from .isolation import bubblewrap
from .limits import SandboxLimits

__all__ = ["SandboxSettings", "surroundings"]

_HEADER_LIMIT = 65_536
_LINGER = 1.0
_THREADS = (
    "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS",
    "QISKIT_NUM_PROCS",
)  # fmt: skip
_PATHS = ("stdlib", "platstdlib", "purelib", "platlib")


@frozen(kw_only=True)
class SandboxSettings(WorkerSettings):
    """How the process of a sandbox is made.

    Attributes:
        before: The command line before the interpreter's.
        folder: Where it works; the one place that it may write to.
        ahead: Whether it imports what programs need before it is told anything.
    """

    before: Sequence[str] = ()
    folder: str = "/work"
    ahead: bool = False

    def command(self, *arguments: int) -> list[str]:
        """Return the command line: nothing of the caller's settings is read, nothing written."""
        python = self.python or sys.executable
        module = ["-m", "swqr_adapters.execution.sandbox.child"]
        told = [*map(str, arguments), self.folder, "ahead" if self.ahead else "now"]
        return [*self.before, python, "-P", "-s", "-B", *module, *told]

    def environment(self, threads: int) -> dict[str, str]:
        """Return an environment in which nothing of this process's is."""
        env = dict.fromkeys(_THREADS, str(threads)) | {
            "HOME": self.folder,
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "QISKIT_PARALLEL": "FALSE",
            "QISKIT_SETTINGS": os.devnull,
            "TMPDIR": self.folder,
        }
        roots = self.roots()
        return env | ({"PYTHONPATH": os.pathsep.join(roots)} if roots else {})


@contextmanager
def surroundings(limits: SandboxLimits, *, namespaces: bool) -> Iterator[SandboxSettings]:
    """Make the surroundings of one sandbox, and tidy up behind it.

    Args:
        limits: What it may use.
        namespaces: Whether it gets a file system of its own; else it works in a new folder of
            this machine's.
    """
    settings = SandboxSettings(
        result_limit=limits.result_bytes,
        header_limit=_HEADER_LIMIT,
        output_limit=limits.output_bytes,
        start_limit=limits.start_seconds,
        linger=_LINGER,
    )
    if namespaces:
        libraries = [sys.prefix, sys.base_prefix, *map(sysconfig.get_path, _PATHS)]
        before = bubblewrap(limits, _outermost([*libraries, *settings.roots()]))
        yield evolve(settings, before=before or ())
        return
    folder = tempfile.mkdtemp(prefix="swqr-program-")
    try:
        yield evolve(settings, folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _outermost(paths: Sequence[str]) -> list[str]:
    """Return the folders that are in no other one of them, nor in the system's own.

    A folder that is reached over a link is there under both of its names.
    """
    kept: list[str] = []
    for path in sorted({*paths, *map(os.path.realpath, paths)}):
        inside = path.startswith("/usr/") or any(path.startswith(f"{outer}/") for outer in kept)
        if not inside and path != "/usr":
            kept.append(path)
    return kept
