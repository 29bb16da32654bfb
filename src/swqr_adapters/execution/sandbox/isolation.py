"""What this machine offers to keep an uploaded program away from everything else."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from attrs import frozen

from .limits import SandboxLimits, Trust
from .seccomp import make_filter

__all__ = ["Isolation", "bubblewrap", "probe_isolation"]

_PROBE_SECONDS = 10.0
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")
# Root's own program could else set the kernel's parameters, and any program could write code into
# the memory of process 1, which has no filter.
_READ_ONLY = ("/proc", "/dev", "/")
# Where memory runs out, these go first. It is said outside: inside, /proc is read-only. What the
# shell adds to the environment tells where the server works, and that of process 1 can be read.
_GO_FIRST = 'unset PWD OLDPWD; echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$@"'


@frozen(kw_only=True)
class Isolation:
    """What holds for an uploaded program on this machine.

    Attributes:
        namespaces: It has a file system, process ids, a network without any interface and a user
            id of its own: it sees the interpreter and its libraries, read-only, and no other file.
        system_calls: Those that make processes and sockets, and those that nobody needs to
            compute, are refused.
        limits: CPU time, memory, file sizes and open files are limited by the system.
    """

    namespaces: bool
    system_calls: bool
    limits: bool

    @property
    def lacking(self) -> tuple[str, ...]:
        """What is missing for ``Trust.ISOLATED``, and how to get it; empty if nothing is."""
        if not sys.platform.startswith("linux"):
            return ("Linux: other systems have no isolation that needs no privileges",)
        found = []
        if not self.namespaces:
            found.append(
                "namespaces: install bubblewrap (Debian's package bubblewrap) where user "
                "namespaces are allowed"
            )
        if not self.system_calls:
            found.append(
                "a filter of system calls: pip install 'swqr[programs]', beside libseccomp"
            )
        return tuple(found)

    def enough_for(self, trust: Trust) -> bool:
        """Return whether that much trust is enough here."""
        return self.limits if trust is Trust.LIMITS else self.limits and not self.lacking

    def __str__(self) -> str:
        words = {True: "yes", False: "no"}
        return (
            f"{platform.system()}: namespaces {words[self.namespaces]}, filter of system calls "
            f"{words[self.system_calls]}, limits {words[self.limits]}"
        )


def bubblewrap(limits: SandboxLimits, visible: Sequence[str]) -> list[str] | None:
    """Return the command line before that of a program; None where there is no bubblewrap.

    Args:
        limits: How large its file system may be.
        visible: The folders that it sees besides the system's own, all read-only.
    """
    tool = shutil.which("bwrap")
    if tool is None or not sys.platform.startswith("linux"):
        return None
    command = [
        "/bin/sh", "-c", _GO_FIRST, "sh", tool, "--unshare-all", "--unshare-user",
        "--disable-userns", "--uid", "65534", "--gid", "65534", "--die-with-parent",
        "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
    ]  # fmt: skip
    for path in _SYSTEM:
        if Path(path).is_symlink():
            command += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            command += ["--ro-bind", path, path]
    for path in (*_FILES, *visible):
        if Path(path).exists():
            command += ["--ro-bind", path, path]
    for settings in (Path(path, "pip.conf") for path in visible):
        if settings.exists():  # it may hold passwords of package indexes
            command += ["--ro-bind", "/dev/null", str(settings)]
    command += [
        "--proc", "/proc", "--dev", "/dev", "--size", str(limits.disk_bytes), "--tmpfs", "/work",
    ]  # fmt: skip
    for path in _READ_ONLY:
        command += ["--remount-ro", path]
    return [*command, "--chdir", "/work", "--"]


@cache
def _namespaces() -> bool:
    """Try it: a machine may have the tool and forbid what it does."""
    command = bubblewrap(SandboxLimits(), ())
    if command is None:
        return False
    try:
        done = subprocess.run(
            [*command, "/bin/true"], check=False, capture_output=True, timeout=_PROBE_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


@cache
def probe_isolation() -> Isolation:
    """Return what holds here; it tries once, which takes some milliseconds."""
    return Isolation(
        namespaces=_namespaces(),
        system_calls=make_filter() is not None,
        limits=os.name == "posix",
    )
