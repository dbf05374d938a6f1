"""The launcher of cells in memory: the program of a container that serves run after run."""

import asyncio

from pool import ContainerSpec
from tests.fakes.containers import Program
from tests.fakes.stream import FakeStream


def record(kind: bytes, data: bytes = b"") -> bytes:
    """A record of the launcher, as images/launcher/records.c writes it."""
    return kind + len(data).to_bytes(4, "big") + data


class _Cell(FakeStream):
    """What a cell's program has of the container's stream: its mark, and then its answer."""

    def __init__(self, outer: FakeStream) -> None:
        super().__init__(outer.name)
        self.stdin = outer.stdin
        self.said = b""
        self._outer = outer
        self._is_ready = False

    def say(self, data: bytes) -> None:
        if self._is_ready:
            self.said += data
            self._outer.say(data)
        else:
            self._is_ready = True
            self._outer.say(record(b"R"))


class FakeLauncher:
    """Runs `program` once for each run, as an ordinary container would run it just once.

    `unfit`, when set, is what the launcher says at the end of the next run.
    """

    def __init__(self, program: Program) -> None:
        self.unfit = ""
        self._program = program

    async def __call__(self, spec: ContainerSpec, stream: FakeStream) -> None:
        """Serve runs until one of them ends badly, or the daemon goes away."""
        while True:
            cell = _Cell(stream)
            await self._program(spec, cell)
            if stream.stdin.at_eof():
                return
            unfit, self.unfit = self.unfit or _unfit(cell.said), ""
            if unfit:
                stream.say(record(b"X", unfit.encode()))
                return
            await asyncio.sleep(0)


def _unfit(said: bytes) -> str:
    if said.endswith(record(b"T")):
        return "the run timed out"
    return "" if said.endswith(record(b"D")) else "the answer has no end (1)"
