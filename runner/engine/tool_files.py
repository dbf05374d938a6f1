"""The programs that the service brings along, and how their files are packed for an engine.

There are two: the launcher with the programs beside it, and Ruby. The service's image holds both at
its root. The package holds the launcher alone, where a compiler was at hand when it was built.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# The service's image has its tools at the root, and the build of the package puts the launcher into
# the other folder: see hatch_build.py.
ROOTS = (Path("/"), Path(__file__).resolve().parents[1] / "launcher")
_PIECE_BYTES = 256 * 1024
_FINGERPRINT_DIGITS = 12


class PackError(Exception):
    """The files of a tool cannot be packed."""


@dataclass(frozen=True)
class Tool:
    """A program that the service needs in an image of its own.

    `paths` are its files and folders below a root; those that are not there are passed over. The
    file `program` is always there. `left_out` are patterns of files in those folders that belong to
    other programs. An image that is made of the files gets a name in `repository`. An image in
    which one of `folders` holds something has the program, too. If `folders` is empty, the daemon
    searches for no such image.
    """

    repository: str
    program: str
    paths: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


LAUNCHER = Tool(
    "dojo-runner/launcher",
    ".dojo/cells",
    (".dojo", "waits", "networks", "home/sandbox"),
)
# Ruby's own files are among all libraries of the system, and lambdas may use any of them.
RUBY = Tool(
    "dojo-runner/ruby",
    "usr/bin/ruby",
    (
        *("bin", "lib", "lib64", "usr/bin", "usr/lib", "usr/lib64"),
        *("usr/share/rubygems-integration", "usr/share/zoneinfo", "var/lib/gems"),
    ),
    left_out=("usr/lib/python3*",),
    # One of them is in every image that has Debian's, Alpine's or Docker's own Ruby.
    folders=("/usr/lib/ruby", "/usr/local/lib/ruby"),
)


@dataclass(frozen=True)
class ToolFiles:
    """The files of a tool below a root of this machine."""

    tool: Tool
    root: Path

    def fingerprint(self) -> str:
        """A few hexadecimal digits, which are others if the files are others. Reads all of them."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(f"{path.relative_to(self.root)}\0".encode("utf-8", "surrogateescape"))
            digest.update(_digest_of(path))
        return digest.hexdigest()[:_FINGERPRINT_DIGITS]

    @asynccontextmanager
    async def packed(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of a tar of the files, which belong to root there, and are never set-uid.

        Its reader gets PackError if they cannot be packed.
        """
        try:
            # Nobody reads what tar complains of, so it must not fill a pipe.
            tar = await asyncio.create_subprocess_exec(
                *self._command(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise PackError(f"tar: {error.strerror}") from error
        try:
            async with aclosing(_pieces(tar)) as pieces:
                yield pieces
        finally:
            with suppress(ProcessLookupError):
                tar.kill()
            await tar.wait()

    def _command(self) -> list[str]:
        there = [path for path in self.tool.paths if os.path.lexists(self.root / path)]
        return [
            *("tar", "--create", "--directory", str(self.root), "--mode=a-s"),
            *("--owner=0", "--group=0", "--numeric-owner"),
            *(f"--exclude={pattern}" for pattern in self.tool.left_out),
            *there,
        ]

    def _files(self) -> Iterator[Path]:
        for start in self.tool.paths:
            path = self.root / start
            if path.is_symlink() or path.is_file():
                yield path
            for folder, folders, names in os.walk(path) if not path.is_symlink() else ():
                folders.sort()
                yield from (Path(folder, name) for name in sorted(names))


def files_of(tool: Tool, roots: Sequence[Path] = ROOTS) -> ToolFiles | None:
    """Where this machine has the tool's files; None if it does not have them.

    A root that has no launcher is not that of the service's image, so its Ruby is somebody else's.
    """
    ours = (root for root in roots if (root / LAUNCHER.program).is_file())
    return next((ToolFiles(tool, root) for root in ours if (root / tool.program).is_file()), None)


def _digest_of(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


async def _pieces(tar: asyncio.subprocess.Process) -> AsyncGenerator[bytes, None]:
    while piece := await tar.stdout.read(_PIECE_BYTES) if tar.stdout else b"":
        yield piece
    if status := await tar.wait():
        raise PackError(f"tar ended with status {status}")
