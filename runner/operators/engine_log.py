"""What the log says of the engine: that it was lost, that it is back, and each call that failed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from pool import EngineError
from runner.latest import Latest
from runner.operators.logs import report_engine_error

_MOST_WAITING = 100  # lines, for the few seconds that a look at the engine takes
_STARTS = frozenset(("create", "attach", "start", "exec", "ready"))
_MOST_IMAGES = 1000


@dataclass
class _CannotStart:
    """An image whose starts fail. `is_said`: the log has a line for it since the images changed."""

    failed_starts: int = 0
    is_said: bool = False


class EngineLog:
    """One line when the engine is lost, one when it is back, and none in between.

    An image that cannot start has one line, too, when that begins, and one when it can start again;
    further failures are told at DEBUG, until images change.

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
        self._cannot_start: Latest[str, _CannotStart] = Latest(_MOST_IMAGES)

    @property
    def may_be_away(self) -> bool:
        """Whether the engine is lost, or in doubt."""
        return self._lost_since_s is not None or bool(self._waiting)

    def failed(self, error: EngineError) -> None:
        """A call of the engine has failed."""
        if self._lost_since_s is not None:
            self._unsaid += 1
        elif self._is_closed or not error.may_pass:
            self._say(error)
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

    def started(self, image: str) -> None:
        """A container of that image was started."""
        trouble = self._cannot_start.pop(image, None)
        if trouble is not None:
            words = logger.bind(image=image, failed_starts=trouble.failed_starts)
            words.info("the image can be started again")

    def images_changed(self) -> None:
        """A failure from now on may be that of another image of the same name: that is news."""
        for trouble in self._cannot_start.values():
            trouble.is_said = False

    def close(self) -> None:
        """Nobody looks any more: each call that fails has its line, unless the engine is lost."""
        self._is_closed = True
        self._say_waiting()

    def _say_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for error in waiting:
            self._say(error)

    def _say(self, error: EngineError) -> None:
        is_news = True
        if error.operation in _STARTS and error.image:
            trouble = self._cannot_start.get(error.image) or _CannotStart()
            self._cannot_start[error.image] = trouble
            is_news, trouble.is_said = not trouble.is_said, True
            trouble.failed_starts += 1
        report_engine_error(error, is_news=is_news)
