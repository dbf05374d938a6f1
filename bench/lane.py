"""lane ROOT UID GID: runs kata in a chroot, one at a time, for limit.py. Standard library only.

It is the first process of a pid and a mount namespace of its own: what main.sh kills is what ran
here, and the mounts go with it. Requests on stdin and answers on stdout are a length and bytes; a
request is the number of arguments, each with its length, and then a tgz.
"""

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

LENGTH = struct.Struct("!Q")

# A waiting container does at least this: it unpacks the files, and runs the same main.sh.
_SCRIPT = 'tar -xzf - -C / && cd /sandbox && . /.dojo/main.sh "$@"'
_WRITABLE = ("sandbox", "tmp", "home/sandbox", ".dojo")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/home/sandbox",
    "CYBER_DOJO_SANDBOX": "/sandbox",
}


def main(root: Path, uid: int, gid: int) -> None:
    """Serve runs until stdin ends."""
    _mount_all(root, uid, gid)
    # With this the kernel reaps the processes that main.sh has killed, as a container's init does.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    write_block(answers, b"ready")
    with contextlib.suppress(EOFError):
        while True:
            count = LENGTH.unpack(_exactly(requests, LENGTH.size))[0]
            arguments = [read_block(requests).decode() for _ in range(count)]
            write_block(answers, _run(root, uid, gid, arguments, read_block(requests)))
            _clear(root)


def _run(root: Path, uid: int, gid: int, arguments: list[str], tgz: bytes) -> bytes:
    def enter() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)

    with subprocess.Popen(
        ["/bin/bash", "-c", _SCRIPT, "main.sh", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_ENVIRONMENT,
        preexec_fn=enter,  # noqa: PLW1509 - there are no threads here
    ) as process:
        return process.communicate(tgz)[0]


def _mount_all(root: Path, uid: int, gid: int) -> None:
    """Make the image read-only, as in a container."""
    for name in (*_WRITABLE, "dev", "proc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    _mount("--bind", root, root)
    _mount("-o", "remount,bind,ro", root)
    _mount("--bind", "/dev", root / "dev")
    _mount("-t", "proc", "proc", root / "proc")
    for name in _WRITABLE:
        _mount("-t", "tmpfs", "-o", f"mode=1777,uid={uid},gid={gid}", "tmpfs", root / name)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _clear(root: Path) -> None:
    """Remove the files of a run after its answer, as a pool discards its containers."""
    for name in _WRITABLE:
        for path in (root / name).iterdir():
            is_folder = path.is_dir() and not path.is_symlink()
            shutil.rmtree(path) if is_folder else path.unlink()


def read_block(stream: BinaryIO) -> bytes:
    """Read a message. Raises EOFError."""
    return _exactly(stream, LENGTH.unpack(_exactly(stream, LENGTH.size))[0])


def write_block(stream: BinaryIO, data: bytes) -> None:
    """Write a message, and flush it."""
    stream.write(block(data))
    stream.flush()


def block(data: bytes) -> bytes:
    """A message: its length, and its bytes."""
    return LENGTH.pack(len(data)) + data


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
