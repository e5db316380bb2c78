"""Takes from the process it runs in what decoding does not need; knows neither files nor FFmpeg.

The kernel's interfaces are called directly: no library for them was found that is kept up and needs no other.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys

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

_SYSCALLS = {
    # socket, connect, bind, listen, fork, vfork, execve, execveat, ptrace, process_vm_readv and _writev,
    # bpf, io_uring_setup
    "x86_64": (0xC000003E, (41, 42, 49, 50, 57, 58, 59, 322, 101, 310, 311, 321, 425)),
    "aarch64": (0xC00000B7, (198, 203, 200, 201, 221, 281, 117, 270, 271, 280, 425)),
}
"""The audit number of an architecture, and its numbers of the system calls that are refused."""
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/filter.h
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # refused with EPERM
_X32 = 0x40000000


def confine(*, writes: bool) -> None:
    """Limit memory, and forbid new files, the network, other programs and other processes.

    What the system does not offer is left out. It holds for threads that start later, and cannot be undone.

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
    """Refuse the system calls that decoding never makes: sockets, other programs, other processes' memory."""
    if os.uname().machine not in _SYSCALLS or struct.calcsize("P") != 8:
        return
    architecture, refused = _SYSCALLS[os.uname().machine]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    program.append((_AT_LEAST, len(refused), 0, _X32))
    for number, syscall in enumerate(refused):
        program.append((_EQUAL, len(refused) - 1 - number, 0, syscall))
    program[-1] = (_EQUAL, 0, 1, refused[-1])
    program += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    filters = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(filters), 0, 0)
