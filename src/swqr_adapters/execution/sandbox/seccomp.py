"""The system calls that an uploaded program is denied, as a filter that its process loads.

The filter is made here, by libseccomp, and loaded there without it. It is a list of what nobody
needs to compute: the walls are namespaces and limits, and this closes what they leave open.
"""

import ctypes
import platform
import tempfile
from functools import cache
from typing import Final

__all__ = ["load_filter", "make_filter"]

_CLONE_THREAD: Final = 0x10000
_EPERM, _ENOSYS = 1, 38
# New processes and programs, sockets, other processes, the kernel's own matters, and who may use a
# file: devices are the machine's own, and a program of root's owns them. A lock on a library would
# be felt by everybody who reads it.
_DENIED: Final = (
    "fork", "vfork", "execve", "execveat",
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "name_to_handle_at",
    "open_by_handle_at", "quotactl", "quotactl_fd", "fanotify_init", "swapon", "swapoff",
    "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create", "memfd_secret",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "syslog", "acct", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl",
    "ioperm", "personality", "lookup_dcookie", "vhangup", "sethostname", "setdomainname",
    "mknod", "mknodat", "setpriority", "sched_setscheduler", "sched_setattr", "setrlimit",
    "semget", "shmget", "msgget", "mq_open", "vmsplice", "chmod", "fchmod", "fchmodat",
    "fchmodat2", "flock", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
)  # fmt: skip
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_NO_NEW_PRIVILEGES: Final = 38
_INSTRUCTION: Final = 8


@cache
def make_filter() -> bytes | None:
    """Return the filter as the kernel takes it; None where it cannot be made."""
    if platform.system() != "Linux" or platform.machine() not in _SECCOMP:
        return None
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError):  # the library under it may be missing too
        return None
    denied = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse, absent = pyseccomp.ERRNO(_EPERM), pyseccomp.ERRNO(_ENOSYS)
    for name in _DENIED:
        try:
            denied.add_rule(refuse, name)
        except (OSError, ValueError):  # this library or machine has no such call
            continue
    # What asks for a thread gets it; a new process is refused. The newer call hides which it is.
    thread = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0)
    denied.add_rule(refuse, "clone", thread)
    denied.add_rule(absent, "clone3")
    with tempfile.TemporaryFile() as file:
        denied.export_bpf(file)
        file.seek(0)
        return file.read()


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def load_filter(code: bytes) -> None:
    """Put this process, with all its threads, under a filter for ever.

    Raises:
        OSError: The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // _INSTRUCTION, code)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    number = _SECCOMP[platform.machine()]
    if libc.syscall(number, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")
