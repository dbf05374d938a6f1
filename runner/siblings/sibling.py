"""One sibling replica, as seen by the replica that tells it of takes."""

import random
import socket
from dataclasses import dataclass, field

from pool import BackOff
from runner.siblings.notice import PATH
from runner.threads import aside

POSTS_AT_ONCE = 4  # to one sibling; a slow sibling holds up only itself

Address = tuple[str, int]


@dataclass(frozen=True)
class SiblingStatus:
    """For operators: how a sibling has answered, and for how long it is left alone now."""

    address: str
    sent: int
    failed: int
    paused_s: float
    last_error: str


@dataclass
class Sibling:
    """One address, and how it has answered."""

    address: Address
    under_way: int = 0
    sent: int = 0
    failed: int = 0
    paused_until_s: float = 0.0
    last_error: str = ""
    is_self: bool = False
    back_off: BackOff = field(default_factory=BackOff)

    @property
    def url(self) -> str:
        """The URL at which the sibling takes notices."""
        host, port = self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"

    def may_be_told(self, now_s: float) -> bool:
        """Whether to tell this sibling of takes now.

        Not if it is this replica itself, if it has failed just now, or if it takes too long to
        answer earlier notices.
        """
        return not self.is_self and now_s >= self.paused_until_s and self.under_way < POSTS_AT_ONCE

    @property
    def is_lost(self) -> bool:
        """Whether the last notice to the sibling failed."""
        return self.back_off.failures > 0

    def status(self, now_s: float) -> SiblingStatus:
        """The sibling's status, for operators."""
        paused_s = round(max(0.0, self.paused_until_s - now_s), 3)
        host, port = self.address
        return SiblingStatus(f"{host}:{port}", self.sent, self.failed, paused_s, self.last_error)

    def answered(self) -> None:
        """Note that the sibling took a notice."""
        self.sent += 1
        self.last_error = ""
        self.back_off.succeeded()

    def missed(self, error: str, now_s: float) -> None:
        """Note a failure: tell the sibling nothing for 1, 2, 4 ... 60 seconds, less some chance."""
        self.failed += 1
        pause_s = self.back_off.failed()
        # By chance, so that replicas which lost the same sibling do not try it at the same moment.
        self.paused_until_s = now_s + pause_s * (1 - random.random() / 2)  # noqa: S311
        self.last_error = error


async def addresses_of(name: str) -> set[Address]:
    """The addresses of a name now. Raises OSError or UnicodeError when it has none."""
    host, _, port = name.rpartition(":")
    # Aside, because asyncio's own look-up keeps the loop from its end until a resolver gives up.
    found = await aside(
        lambda: socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    )
    return {(str(address[0]), int(address[1])) for *_, address in found}
