"""Whether an image may be started now: after failures, later and later."""

from dataclasses import dataclass, field

from pool.back_off import BackOff
from pool.errors import EngineError

DIED = "warm"  # the operation of a container that ended right after it had got ready
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
FORGIVEN_AFTER_S = 120.0
# After trouble that may have been the engine's own: for those who wait, or when the engine works
# for others. A start that fails every two seconds is little beside the runs that it may save.
SOON_S = 2.0
# Failures in a row after which nothing is started unasked. A fault of the image lasts until the
# image changes. An engine that stumbles is tried for some five minutes. A container that died
# young may have been ended by somebody.
_TRIES_OF_THE_ENGINE = 10
_TRIES_AFTER_DEATHS = 4


@dataclass
class Breaker:
    """Closed until a start fails, then open for 1, 2, 4, ... 60 seconds; clock-free.

    An image that cannot start would otherwise be started for ever, each time at the price of a
    container. While it is open the last error answers for all; then it is on trial until a start
    succeeds. Failures less than two minutes apart add up, successes between them or not: a
    container that dies right after its ready mark has been started well each time.

    An image that cannot start is tried again when somebody asks for it, once for all who ask before
    the pause is over, and not for ever in advance of callers.

    Where the trouble may have been the engine's own, a learner who waits is a reason to try two
    seconds after the last failure, and so is a container of another image that was started.
    """

    last_error: EngineError | None = None
    _back_off: BackOff = field(default_factory=lambda: BackOff(FIRST_PAUSE_S, LONGEST_PAUSE_S))
    _counted_at_s: float = 0.0  # the last failure that was not begun before a pause
    _failed_at_s: float = 0.0
    _closed_at_s: float = 0.0
    _is_wanted: bool = False  # since the last failure

    def failed(self, error: EngineError, now_s: float) -> None:
        """A start failed."""
        self.last_error = error
        self._failed_at_s = now_s
        self._is_wanted = False
        if self.pause_s(now_s):
            return  # begun before the pause: starts that fail together are one failure
        if now_s - self._counted_at_s > FORGIVEN_AFTER_S:
            self._back_off.succeeded()
        self._counted_at_s = now_s
        self._closed_at_s = now_s + self._back_off.failed()

    def succeeded(self) -> None:
        """A start succeeded: the next may be begun at once."""
        self.last_error = None
        self._closed_at_s = 0.0

    def wanted(self) -> None:
        """A client of ours asks for the image: one more start in advance may be tried."""
        self._is_wanted = True

    @property
    def gives_up(self) -> bool:
        """Whether no start is to be tried in advance of those who ask."""
        if self.last_error is None or self._is_wanted:
            return False
        tries = 0
        if self.last_error.may_pass:
            tries = _TRIES_OF_THE_ENGINE
        elif self.last_error.operation == DIED:
            tries = _TRIES_AFTER_DEATHS
        return self._back_off.failures >= tries

    def forgive(self) -> None:
        """Forget that starts failed: it was not the image's fault."""
        self.succeeded()
        self._back_off.succeeded()

    def engine_works(self) -> None:
        """A container of another image was started: what may have been the engine's may be over."""
        if self.last_error is not None and self.last_error.may_pass:
            self._closed_at_s = min(self._closed_at_s, self._failed_at_s + SOON_S)

    @property
    def on_trial(self) -> bool:
        """Whether nothing has succeeded since the last failure: one start at a time, then."""
        return self.last_error is not None

    def pause_s(self, now_s: float) -> float:
        """How long until a start may be tried; 0 when it may be now."""
        return max(0.0, self._closed_at_s - now_s)

    def refuses(self, now_s: float) -> EngineError | None:
        """The error for a learner who waits, if no start may be tried for that learner now."""
        pause_s = self.pause_s(now_s)
        if self.last_error is not None and self.last_error.may_pass:
            pause_s = min(pause_s, self._failed_at_s + SOON_S - now_s)
        return self.last_error if pause_s > 0 else None
