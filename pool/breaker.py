"""Decides whether an image may be started now; after each failure it has to wait longer."""

from dataclasses import dataclass, field

from pool.back_off import BackOff
from pool.errors import EngineError

DIED = "warm"  # the operation of a container that ended right after it had got ready
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
FORGIVEN_AFTER_S = 120.0
# After a failure that may have been the engine's own, a start is tried so soon, if a learner waits
# or the engine has started another image. A start that fails every two seconds costs little beside
# the runs that it may save.
SOON_S = 2.0
# After so many failures in a row nothing is started unless a caller asks. A fault of the image
# lasts until the image changes. An engine that stumbles is tried for some five minutes. A container
# that died young may have been ended by somebody.
_TRIES_OF_THE_ENGINE = 10
_TRIES_AFTER_DEATHS = 4


@dataclass
class Breaker:
    """Closed until a start fails, then open for 1, 2, 4, ... 60 seconds; clock-free.

    Without it an image that cannot start would be started for ever, and each try costs a container.

    - While the breaker is open, callers get the last error at once. After the pause the image is on
      trial until a start succeeds.
    - Failures less than two minutes apart add up, even if there were successes between them. A
      container that dies right after its ready mark counts as a failure, although it has started.
    - After some failures the image is started only if a caller asks for it: once for all callers
      who ask before the pause is over, and never in advance of callers.
    - If the failure may have been the engine's own, a start is tried after two seconds in two
      cases: a learner waits, or a container of another image was started.
    """

    last_error: EngineError | None = None
    _back_off: BackOff = field(default_factory=lambda: BackOff(FIRST_PAUSE_S, LONGEST_PAUSE_S))
    _counted_at_s: float = 0.0  # the last failure outside of a pause
    _failed_at_s: float = 0.0
    _closed_at_s: float = 0.0
    _is_wanted: bool = False  # since the last failure

    def failed(self, error: EngineError, now_s: float) -> None:
        """A start failed."""
        self.last_error = error
        self._failed_at_s = now_s
        self._is_wanted = False
        if self.pause_s(now_s):
            return  # the start began before the pause: starts that fail together count as one
        if now_s - self._counted_at_s > FORGIVEN_AFTER_S:
            self._back_off.succeeded()
        self._counted_at_s = now_s
        self._closed_at_s = now_s + self._back_off.failed()

    def succeeded(self) -> None:
        """A start succeeded, so the next one may begin at once."""
        self.last_error = None
        self._closed_at_s = 0.0

    def wanted(self) -> None:
        """A client of ours asks for the image, so one more start in advance may be tried."""
        self._is_wanted = True

    @property
    def waits_for_callers(self) -> bool:
        """Whether so many starts have failed that only a caller may cause the next one."""
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
        """A container of another image was started, so the engine may have recovered."""
        if self.last_error is not None and self.last_error.may_pass:
            self._closed_at_s = min(self._closed_at_s, self._failed_at_s + SOON_S)

    @property
    def on_trial(self) -> bool:
        """Whether no start has succeeded since the last failure; then one is tried at a time."""
        return self.last_error is not None

    def pause_s(self, now_s: float) -> float:
        """The seconds until a start may be tried; 0 if it may be tried now."""
        return max(0.0, self._closed_at_s - now_s)

    def refuses(self, now_s: float) -> EngineError | None:
        """The error that a waiting learner gets; None if a start may be tried for the learner."""
        pause_s = self.pause_s(now_s)
        if self.last_error is not None and self.last_error.may_pass:
            pause_s = min(pause_s, self._failed_at_s + SOON_S - now_s)
        return self.last_error if pause_s > 0 else None
