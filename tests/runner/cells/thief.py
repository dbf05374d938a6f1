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

FORGED = b"A\0\0\0\6forgedD\0\0\0\0R\0\0\0\0X\0\0\0\0"
LIBC = ctypes.CDLL(None, use_errno=True)
MOST = 32  # descriptors that are tried
PIDFD_GETFD, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE = 438, 16, 17, 0x4206


def checked(result):
    """What a C function returned. Raises OSError for -1."""
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def forge(descriptor):
    """Writes to it, if it can be written to, and closes it."""
    try:
        os.set_blocking(descriptor, False)
        os.write(descriptor, FORGED)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def one_of(take):
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


def open_fd(pid):
    one_of(lambda number: os.open(f"/proc/{pid}/fd/{number}", os.O_WRONLY | os.O_NONBLOCK))


def open_task_fd(pid):
    path = f"/proc/{pid}/task/{pid}/fd"
    one_of(lambda number: os.open(f"{path}/{number}", os.O_WRONLY | os.O_NONBLOCK))


def pidfd_getfd(pid):
    pidfd = os.pidfd_open(pid)
    one_of(lambda number: checked(LIBC.syscall(PIDFD_GETFD, pidfd, number, 0)))


def list_fd(pid):
    os.listdir(f"/proc/{pid}/fd")


def list_fdinfo(pid):
    os.listdir(f"/proc/{pid}/fdinfo")


def read_links(pid):
    for name in ("exe", "cwd", "root"):
        os.readlink(f"/proc/{pid}/{name}")


def read_environ(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        file.read()


def open_mem(pid):
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def read_memory(pid):
    byte = ctypes.create_string_buffer(1)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(byte), 1)
    try:
        checked(LIBC.process_vm_readv(pid, vector, 1, vector, 1, 0))
    except OSError as error:
        if error.errno != errno.EFAULT:  # the address is of our own memory: it is asked in vain
            raise


def ptrace_attach(pid):
    checked(LIBC.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, 0)
    LIBC.ptrace(PTRACE_DETACH, pid, None, None)


def ptrace_seize(pid):
    checked(LIBC.ptrace(PTRACE_SEIZE, pid, None, None))


TRICKS = (
    *(open_fd, open_task_fd, pidfd_getfd, list_fd, list_fdinfo, read_links, read_environ),
    *(open_mem, read_memory, ptrace_attach, ptrace_seize),
)


def tried(trick, pid):
    """In a word."""
    try:
        trick(pid)
    except OSError:
        return "refused"
    return "reached"


def main():
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
