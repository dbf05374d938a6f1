"""Answers an address later and later if its notices are refused again and again.

A refused notice costs a quarter of a millisecond of CPU, nearly all of it for HTTP. Runs would feel
a thousand of them a second. A sender that waits for each answer sends less if the answers are late.

The tarpit tells senders apart by their address alone. The name in a notice is no help: a sender
that does not sign may take any name. A good signature is no help either, because a sender that has
one may have a fault and send too much.

Behind a NAT, or on loopback, an honest sibling may have the same address as a sender that floods
us. Two rules keep the honest one unharmed:

- Only refusals wait. A notice that counts is answered at once, and so is one whose image is not
  here.
- What an address did before is no reason to refuse a notice. It only delays the answer to a notice
  that is refused for another reason.

An honest sibling's notices are hardly ever refused. Those of a sibling with a wrong secret are, 20
times a second at most; that is too few for a delay.
"""

import asyncio
import math
import time

from runner.latest import Latest

# Refusals to one address: they take some 5 % of a processor. A thousand at once do no harm.
REFUSALS_PER_S = 250.0
BURST = 1000
# The longest time that a refusal waits. Siblings wait as long for an answer, so none of them gives
# up earlier, and sends at full speed.
LONGEST_S = 1.0
# Of all addresses together. One address has at most REFUSALS_PER_S * LONGEST_S.
MOST_HELD = 500
MOST_ADDRESSES = 1000


class Tarpit:
    """Holds refusals back, and decides for how long."""

    def __init__(self) -> None:
        # For each address, when its next refusal may leave. A time in the past is an allowance.
        self._next_s: Latest[str, float] = Latest(MOST_ADDRESSES)
        self._held: set[asyncio.Future[None]] = set()
        self._is_closed = False

    @property
    def held(self) -> int:
        """How many refusals wait now."""
        return len(self._held)

    def wait_s(self, address: str, now_s: float) -> float:
        """The seconds that a refusal to that address would wait now; inf if it has no place."""
        next_s = self._next_s.get(address, -math.inf)
        wait_s = max(0.0, next_s - now_s)
        is_full = wait_s > LONGEST_S or (wait_s and self.held >= MOST_HELD)
        return math.inf if is_full else wait_s

    def refused(self, address: str, now_s: float) -> float:
        """The same for a refusal that is made now, and so takes its place."""
        wait_s = self.wait_s(address, now_s)
        if wait_s <= LONGEST_S:
            saved_up_s = now_s - (BURST - 1) / REFUSALS_PER_S
            next_s = max(self._next_s.get(address, -math.inf), saved_up_s)
            self._next_s[address] = next_s + 1 / REFUSALS_PER_S
        return wait_s

    async def hold(self, address: str) -> bool:
        """Wait for as long as a refusal should. Returns whether there was a place to wait in."""
        wait_s = self.refused(address, time.monotonic())
        if wait_s == math.inf:
            return False
        if wait_s and not self._is_closed:
            loop = asyncio.get_running_loop()
            waiter = loop.create_future()
            timer = loop.call_later(wait_s, _release, waiter)
            self._held.add(waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._held.discard(waiter)
        return True

    def close(self) -> None:
        """Let all refusals leave, and hold none back any more, so that a stop waits for none."""
        self._is_closed = True
        for waiter in self._held:
            _release(waiter)


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
