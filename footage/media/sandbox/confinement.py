"""Takes from the process it runs in what decoding does not need; knows neither files nor FFmpeg.

The kernel's interfaces are called directly: no library for them was found that is kept up and needs no other.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from dataclasses import dataclass

MEMORY_BYTES = 4 << 30
"""Most memory of a process that decodes, beside the code of its libraries: 8K takes 2 GiB."""

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same number on every architecture
_LANDLOCK_VERSION = 1
_FILE_RIGHTS = ((1, 0b1_1111_1111_0011), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Landlock's rights by the version that brought them (linux/landlock.h): all but reading."""
_NETWORK_RIGHTS = 0b11
_SCOPES = 0b11
"""Abstract Unix sockets of other processes, and signals to them."""


@dataclass(frozen=True)
class _Calls:
    """Numbers of system calls on one architecture."""

    architecture: int
    """Its audit number."""
    refused: tuple[int, ...]
    """Refused whatever their arguments."""
    opening: tuple[tuple[int, int], ...]
    """Those that open files, and which of their arguments are flags: refused where they would write."""
    signalling: tuple[int, ...]
    """Allowed on this process, refused on others."""
    clone: int
    """Allowed for threads, refused for processes."""
    prlimit: int
    """Allowed on this process, which is its 0, refused on others."""


_CALLS = {
    "x86_64": _Calls(
        0xC000003E,
        (
            *(41, 42, 49, 50),  # socket, connect, bind, listen
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(101, 310, 311, 438, 440, 448),  # ptrace, process_vm_*, pidfd_getfd, process_madvise, _mrelease
            *(200, 129, 297, 424),  # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal
            *(141, 251, 142, 144, 203, 314),  # setpriority, ioprio_set, sched_set*
            *(29, 31, 64, 68, 240, 241),  # shmget, shmctl, semget, msgget, mq_open, mq_unlink
            *(321, 425, 298, 248, 249, 250),  # bpf, io_uring_setup, perf_event_open, keys
            *(85, 76, 133, 259, 304),  # creat, truncate, mknod, mknodat, open_by_handle_at
            *(82, 264, 316, 87, 263),  # rename, renameat, renameat2, unlink, unlinkat
            *(83, 258, 84, 86, 265, 88, 266),  # mkdir, mkdirat, rmdir, link, linkat, symlink, symlinkat
            *(90, 91, 268, 452),  # chmod, fchmod, fchmodat, fchmodat2
            *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
            *(188, 189, 190, 463),  # setxattr, lsetxattr, fsetxattr, setxattrat
            *(197, 198, 199, 466, 469),  # *removexattr*, file_setattr
            *(155, 161, 165, 166, 272, 308, 428, 429, 430),  # pivot_root, chroot, mounts, namespaces
            *(164, 227, 170, 171, 169, 167, 168),  # clocks, host names, reboot, swap
            *(175, 176, 313, 246, 320),  # init_module, delete_module, finit_module, kexec
        ),
        opening=((2, 1), (257, 2)),  # open, openat
        signalling=(62, 234),  # kill, tgkill
        clone=56,
        prlimit=302,
    ),
    "aarch64": _Calls(
        0xC00000B7,
        (
            *(198, 203, 200, 201),  # the same, without those that ARM64 never had
            *(221, 281),
            *(117, 270, 271, 438, 440, 448),
            *(130, 138, 240, 424),
            *(140, 30, 118, 119, 122, 274),
            *(194, 195, 190, 186, 180, 181),
            *(280, 425, 241, 217, 218, 219),
            *(45, 33, 265),
            *(38, 276, 35),
            *(34, 37, 36),
            *(52, 53, 452),
            *(55, 54),
            *(88,),
            *(5, 6, 7, 463),
            *(14, 15, 16, 466, 469),
            *(41, 51, 40, 39, 97, 268, 428, 429, 430),
            *(170, 112, 161, 162, 142, 224, 225),
            *(105, 106, 273, 104, 294),
        ),
        opening=((56, 2),),
        signalling=(129, 131),
        clone=220,
        prlimit=261,
    ),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_UNREADABLE = (435, 437)
"""clone3 and openat2, whose flags lie where a filter cannot read them: they are said not to exist, and the C
library uses the others."""
_CLONE_THREAD = 0x10000  # linux/sched.h
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/filter.h
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # where they are in struct seccomp_data; 8 bytes each argument
_ALLOW, _REFUSE, _MISSING, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38, 0x80000000  # EPERM, ENOSYS
_X32 = 0x40000000


def confine(*, writes: bool) -> None:
    """Limit memory, and forbid new files, the network, other programs and other processes.

    What the system does not offer is left out. It holds for this thread and those that it starts later, and
    cannot be undone: call it while there is no other thread.

    Args:
        writes: Whether files that are open already, or are handed over later, may be written to.
    """
    _limit(writes=writes)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            _landlock(libc)
            _seccomp(libc)


def _limit(*, writes: bool) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, MEMORY_BYTES)]
    if not writes:
        limits.append((resource.RLIMIT_FSIZE, 0))
    for limit, most in limits:
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def _landlock(libc: ctypes.CDLL) -> None:
    """Forbid to write, make, remove and run files, TCP, and signals to other processes (Linux 5.13 on)."""
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return
    rights = sum(some for since, some in _FILE_RIGHTS if version >= since)
    network, scopes = _NETWORK_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0
    attributes = struct.pack("=QQQ", rights, network, scopes)[
        : 24 if version >= 6 else 16 if version >= 4 else 8
    ]
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules >= 0:
        libc.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0)
        os.close(rules)


def _seccomp(libc: ctypes.CDLL) -> None:
    """Refuse the system calls that decoding never makes: sockets, other programs, changes of other things."""
    calls = _CALLS.get(os.uname().machine)
    if calls is None or struct.calcsize("P") != 8:
        return
    program = _program(calls)
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    filters = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(filters), 0, 0)


def _program(calls: _Calls) -> list[tuple[int, int, int, int]]:
    """The filter: operation, steps to skip where it is true and where it is false, operand."""
    allow, refuse = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, calls.architecture), (_RETURN, 0, 0, _KILL)]
    program += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), refuse]
    for number in calls.refused:
        program += [(_EQUAL, 0, 1, number), refuse]
    for number in _UNREADABLE:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _MISSING)]
    for number, flags in calls.opening:
        program += [(_EQUAL, 0, 4, number), _argument(flags), (_HAS_BITS, 1, 0, _WRITING), allow, refuse]
    for number in calls.signalling:
        program += [(_EQUAL, 0, 4, number), _argument(0), (_EQUAL, 0, 1, os.getpid()), allow, refuse]
    program += [(_EQUAL, 0, 4, calls.clone), _argument(0), (_HAS_BITS, 0, 1, _CLONE_THREAD), allow, refuse]
    program += [(_EQUAL, 0, 4, calls.prlimit), _argument(0), (_EQUAL, 0, 1, 0), allow, refuse]
    return [*program, allow]


def _argument(number: int) -> tuple[int, int, int, int]:
    """Load the lower half of an argument."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * number
