"""A kata container without a container: entry.sh and main.sh in Python, the program run locally.

It shows what the service makes of a run, not that a program is locked in: only programs that the
tests trust are run here.
"""

import asyncio
import gzip
import io
import os
import re
import select
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pool import ContainerSpec
from tests.fakes.launcher import record
from tests.fakes.stream import FakeStream

_READY_MARK = b"dojo-runner: ready\n"
_ESCAPED = re.compile(rb"\\(\\|0000)")
_SIZE_TEST = re.compile(r"-size (\d+)c")
_WHOLE_BYTES = 64 * 1024
_CUT_BYTES = 51201
_GRACE_S = 1.0
_PIECE = 64 * 1024


@dataclass(frozen=True)
class Kata:
    """A hand-over, as a container reads it. `whole` are sizes of files that are returned whole.

    `nonce` is empty in a cell.
    """

    nonce: str
    limit_s: float
    whole: frozenset[int]
    kata_id: str
    image_name: str
    tgz: bytes

    def unpack_into(self, root: Path) -> None:
        """Unpack the files, as the container does with `tar -xzf - -C /`."""
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.tgz))) as tar:
            tar.extractall(root, filter="data")


async def read_kata(stdin: asyncio.StreamReader, *, in_cell: bool = False) -> Kata:
    """Read a hand-over. Raises IncompleteReadError when stdin ends before it is whole."""

    async def field() -> str:
        return (await stdin.readuntil(b"\0"))[:-1].decode()

    nonce = "" if in_cell else await field()
    limit_s, whole, kata_id, image_name, length = [await field() for _ in range(5)]
    payload = await stdin.readexactly(int(length))
    if not in_cell:
        payload = _ESCAPED.sub(lambda match: b"\\" if match[1] == b"\\" else b"\0", payload)
    sizes = frozenset(int(size) for size in _SIZE_TEST.findall(whole))
    return Kata(nonce, float(limit_s), sizes, kata_id, image_name, payload)


class LocalKata:
    """The program of a kata container.

    `answer`, when set, is called instead of running anything: what it returns is said, and the
    container waits to be removed; after None it ends.
    """

    def __init__(self) -> None:
        self.answer: Callable[[Kata], bytes | None] | None = None
        self.seen: list[Kata] = []

    async def __call__(self, spec: ContainerSpec, stream: FakeStream) -> None:
        """Waits for one kata, and answers as main.sh, or as a cell's first process."""
        await stream.stdin.readexactly(len(spec.prelude))
        stream.say(_READY_MARK)
        try:
            kata = await read_kata(stream.stdin, in_cell=spec.command[0] != "bash")
        except asyncio.IncompleteReadError:
            return
        self.seen.append(kata)
        if self.answer is not None:
            answer = self.answer(kata)
            if answer is not None:
                stream.say(answer)
                await stream.stdin.read()
            return
        with tempfile.TemporaryDirectory(prefix="fake-kata-") as folder:
            root = Path(folder)
            (root / "sandbox").mkdir()
            kata.unpack_into(root)
            in_time = await _run(kata, spec, root)
            archives = _tar(root, kata, with_files=in_time)
        stream.say(framed(kata, archives, "done" if in_time else "timed_out"))


async def _run(kata: Kata, spec: ContainerSpec, root: Path) -> bool:
    """Whether the program ended within its time; nothing of its session runs on."""
    program = _begin(kata, spec, root)
    try:
        in_time = await _has_ended(program, kata.limit_s)
        if not in_time:
            os.killpg(program.pid, signal.SIGTERM)
            await _has_ended(program, _GRACE_S)
    finally:
        # Not yet waited for, so that the group's number is still its own.
        os.killpg(program.pid, signal.SIGKILL)
        status = program.wait()
    if in_time:
        (root / ".dojo/status").write_text(str(status if status >= 0 else 128 - status))
    (root / ".dojo/used").write_text("memory 9437184\nstarted 1\ncpu 0m0.002s\n")
    return in_time


def _begin(kata: Kata, spec: ContainerSpec, root: Path) -> subprocess.Popen[bytes]:
    ours = {"CYBER_DOJO_ID": kata.kata_id, "CYBER_DOJO_IMAGE_NAME": kata.image_name}
    home = str(root / "home/sandbox")
    printed = root / ".dojo"
    with (printed / "stdout").open("wb") as stdout, (printed / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            ["/bin/bash", "./cyber-dojo.sh"],
            cwd=root / "sandbox",
            env={"PATH": os.environ["PATH"], **spec.env, **ours, "HOME": home},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )


async def _has_ended(program: subprocess.Popen[bytes], limit_s: float) -> bool:
    """Whether it ended within the time; it stays a zombie."""
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(program.pid)
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(limit_s):
            await ended.wait()
    except TimeoutError:
        return bool(select.select([descriptor], [], [], 0)[0])
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return True


def _tar(root: Path, kata: Kata, *, with_files: bool) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in (".dojo", "sandbox") if with_files else (".dojo",):
            for at, _, names in os.walk(root / folder):
                for path in sorted(Path(at) / name for name in names):
                    if path.is_file() and not path.is_symlink():
                        _pack(tar, path, str(path.relative_to(root)), kata.whole)
    return packed.getvalue()


def _pack(tar: tarfile.TarFile, path: Path, name: str, whole: frozenset[int]) -> None:
    size = path.stat().st_size
    if size <= _WHOLE_BYTES or size in whole:
        tar.add(path, name)
        return
    with path.open("rb") as file:
        beginning = file.read(_CUT_BYTES)
    if name in (".dojo/stdout", ".dojo/stderr"):
        _add(tar, name, beginning)
        return
    cut = f".dojo/cut/1.{len(tar.getmembers())}"
    _add(tar, cut, beginning)
    _add(tar, f"{cut}.name", os.fsencode(name))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def archive(members: dict[str, bytes]) -> bytes:
    """A tar archive of files, for answers that are made up."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in members.items():
            _add(tar, name, content)
    return packed.getvalue()


def framed(kata: Kata, archives: bytes, last_word: str = "done") -> bytes:
    """An answer as main.sh would give it, or a cell's first process."""
    if not kata.nonce:
        pieces = (archives[start : start + _PIECE] for start in range(0, len(archives), _PIECE))
        end = record(b"D" if last_word == "done" else b"T")
        return b"".join(record(b"A", piece) for piece in pieces) + end
    return f"{kata.nonce}\n".encode() + archives + f"{kata.nonce} {last_word}\n".encode()
