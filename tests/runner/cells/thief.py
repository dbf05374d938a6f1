"""A hostile program: tries to lay hands on another process's descriptors.

`python3 thief.py PID` tries every trick on that process, and on a child of its own for comparison,
and prints one line for each: its name, and `refused` or `reached` for PID and for the child. To all
that can be written to it writes an end of an answer, and records in the launcher's name.
"""

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Callable

FORGED = b"A\0\0\0\6forgedD\0\0\0\0R\0\0\0\0X\0\0\0\0"
LIBC = ctypes.CDLL(None, use_errno=True)
MOST = 32  # descriptors that are tried
PIDFD_GETFD, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE = 438, 16, 17, 0x4206


def checked(result: int) -> int:
    """What a C function returned. Raises OSError for -1."""
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def forge(descriptor: int) -> None:
    """Writes to it, if it can be written to, and closes it."""
    try:
        os.set_blocking(descriptor, False)
        os.write(descriptor, FORGED)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def one_of(take: Callable[[int], int]) -> None:
    """Takes each descriptor that can be had by its number, and forges. Raises OSError for none."""
    taken = 0
    for number in range(MOST):
        try:
            forge(take(number))
            taken += 1
        except OSError:
            pass
    if not taken:
        raise OSError(errno.EBADF, "none")


def open_fd(pid: int) -> None:
    """Open each of its descriptors for writing, by its link in /proc."""
    one_of(lambda number: os.open(f"/proc/{pid}/fd/{number}", os.O_WRONLY | os.O_NONBLOCK))


def open_task_fd(pid: int) -> None:
    """The same by way of its first thread's folder."""
    path = f"/proc/{pid}/task/{pid}/fd"
    one_of(lambda number: os.open(f"{path}/{number}", os.O_WRONLY | os.O_NONBLOCK))


def pidfd_getfd(pid: int) -> None:
    """Take each of its descriptors by the system call that is made for this."""
    pidfd = os.pidfd_open(pid)
    one_of(lambda number: checked(LIBC.syscall(PIDFD_GETFD, pidfd, number, 0)))


def list_fd(pid: int) -> None:
    """List its descriptors."""
    os.listdir(f"/proc/{pid}/fd")


def list_fdinfo(pid: int) -> None:
    """List what /proc says of its descriptors."""
    os.listdir(f"/proc/{pid}/fdinfo")


def read_links(pid: int) -> None:
    """Read where its links lead."""
    for name in ("exe", "cwd", "root"):
        os.readlink(f"/proc/{pid}/{name}")


def read_environ(pid: int) -> None:
    """Read its environment."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        file.read()


def open_mem(pid: int) -> None:
    """Open its memory as a file."""
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def read_memory(pid: int) -> None:
    """Read a byte of its memory by the system call for this."""
    byte = ctypes.create_string_buffer(1)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(byte), 1)
    try:
        checked(LIBC.process_vm_readv(pid, vector, 1, vector, 1, 0))
    except OSError as error:
        if error.errno != errno.EFAULT:  # the address is of our own memory: it is asked in vain
            raise


def ptrace_attach(pid: int) -> None:
    """Become its tracer, and stop it."""
    checked(LIBC.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, 0)
    LIBC.ptrace(PTRACE_DETACH, pid, None, None)


def ptrace_seize(pid: int) -> None:
    """Become its tracer without stopping it."""
    checked(LIBC.ptrace(PTRACE_SEIZE, pid, None, None))


TRICKS = (
    *(open_fd, open_task_fd, pidfd_getfd, list_fd, list_fdinfo, read_links, read_environ),
    *(open_mem, read_memory, ptrace_attach, ptrace_seize),
)


def tried(trick: Callable[[int], None], pid: int) -> str:
    """Whether the trick has reached the process, in a word."""
    try:
        trick(pid)
    except OSError:
        return "refused"
    return "reached"


def main() -> None:
    """Try each trick on the process that is named, and print what came of it."""
    pid = int(sys.argv[1])
    for trick in TRICKS:
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        with subprocess.Popen(
            ["/bin/sleep", "60"], stdin=nothing, stdout=pipe, stderr=pipe
        ) as child:
            sys.stdout.write(f"{trick.__name__} {tried(trick, pid)} {tried(trick, child.pid)}\n")
            child.kill()


if __name__ == "__main__":
    main()
