"""The holder of networks in memory: the program of a container that lends them."""

from pool import ContainerSpec
from tests.fakes.stream import FakeStream


class FakeNetworks:
    """Makes networks, which are numbered from 1."""

    def __init__(self) -> None:
        self.newest = 0

    async def __call__(self, spec: ContainerSpec, stream: FakeStream) -> None:
        """One network for each byte, until the daemon goes away."""
        stream.say(spec.ready_mark)
        while await stream.stdin.read(1):
            self.newest += 1
            stream.say(f"{self.newest}\n".encode())
