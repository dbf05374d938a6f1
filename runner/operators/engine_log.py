"""What the log says of the engine: that it was lost, that it is back, and each call that failed."""

import time
from collections.abc import Callable

from loguru import logger

from pool import EngineError
from runner.operators.logs import report_engine_error

_MOST_WAITING = 100  # lines, for the few seconds that a look at the engine takes


class EngineLog:
    """One line when the engine is lost, one when it is back, and none in between.

    A call that may have failed because the engine is away raises a doubt, and its own line waits
    for the look that settles the doubt. `doubted` is called to have the engine looked at.
    """

    def __init__(self, address: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self.doubted: Callable[[], None] = lambda: None
        self._address = address
        self._now_s = now_s
        self._waiting: list[EngineError] = []
        self._lost_since_s: float | None = None
        self._unsaid = 0  # failed calls since then
        self._is_closed = False

    @property
    def may_be_away(self) -> bool:
        """Whether the engine is lost, or in doubt."""
        return self._lost_since_s is not None or bool(self._waiting)

    def failed(self, error: EngineError) -> None:
        """A call of the engine has failed."""
        if self._lost_since_s is not None:
            self._unsaid += 1
        elif self._is_closed or not error.may_pass:
            report_engine_error(error)
        else:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append(error)
            self.doubted()

    def answers(self) -> None:
        """The engine was looked at, and is there."""
        self._say_waiting()
        if self._lost_since_s is not None:
            away_s = round(self._now_s() - self._lost_since_s, 1)
            words = logger.bind(engine=self._address, away_s=away_s, failed_calls=self._unsaid)
            words.info("engine back")
            self._lost_since_s = None

    def lost(self, reason: str, advice: str) -> None:
        """The engine was looked at, and cannot be reached."""
        if self._lost_since_s is None:
            self._lost_since_s = self._now_s()
            self._unsaid = len(self._waiting)
            self._waiting.clear()
            words = logger.bind(engine=self._address, reason=reason, advice=advice)
            words.error("engine lost")

    def close(self) -> None:
        """Nobody looks any more: each call that fails has its line, unless the engine is lost."""
        self._is_closed = True
        self._say_waiting()

    def _say_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for error in waiting:
            report_engine_error(error)
