"""Tells the log when the engine is lost, when it is back, and of each call that fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from pool import EngineError
from runner.latest import Latest

_MOST_WAITING = 100  # lines that wait, for some seconds, until the engine was looked at
_STARTS = frozenset(("create", "attach", "start", "exec", "ready"))
_MOST_IMAGES = 1000
# Listening for the engine's events is tried again every second while the engine is down. The
# listener says so once, in its own words.
_SAID_ELSEWHERE = {"events"}
_MOST_WARNINGS = 100  # different ones, as long as the daemon lives


@dataclass
class _CannotStart:
    """An image whose starts fail. `is_said`: the log has a line for it since the images changed."""

    failed_starts: int = 0
    is_said: bool = False


class EngineLog:
    """One line when the engine is lost, one when it is back, and none in between.

    An image whose starts fail has one line as well, and one when it can be started again. Its
    further failures are lines at DEBUG until images change. So are all failures of the image
    `on_trial`, because the part that starts that image logs itself why it cannot be started.

    When a call fails, the engine may be away. Then `doubted` is called, to have the engine looked
    at, and the line about the call waits until the look has shown whether the engine is there.
    """

    def __init__(self, address: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self.doubted: Callable[[], None] = lambda: None
        self.on_trial = ""
        self._address = address
        self._now_s = now_s
        self._waiting: list[EngineError] = []
        self._lost_since_s: float | None = None
        self._unsaid = 0  # failed calls since then
        self._is_closed = False
        self._cannot_start: Latest[str, _CannotStart] = Latest(_MOST_IMAGES)
        self._warnings: set[str] = set()

    @property
    def may_be_away(self) -> bool:
        """Whether the engine is lost, or may be: a call has failed, and nobody has looked since."""
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

    def warned(self, text: str) -> None:
        """The engine has made a container, and warns of something. Each text has one line."""
        if text not in self._warnings and len(self._warnings) < _MOST_WARNINGS:
            self._warnings.add(text)
            logger.bind(reason=text).warning("the engine warns")

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
        """Images have changed, so the next failure of a name may be another image's: it is news."""
        for trouble in self._cannot_start.values():
            trouble.is_said = False

    def close(self) -> None:
        """Wait for no more looks at the engine: from now on each failed call has its line at once,
        unless the engine is lost.
        """
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
            is_news, trouble.is_said = not trouble.is_said and error.image != self.on_trial, True
            trouble.failed_starts += 1
        _report(error, is_news=is_news)


def _report(error: EngineError, *, is_news: bool = True) -> None:
    """Log one line for a failed engine call, with the engine's message.

    The line is at DEBUG if the log has told of the same trouble before.
    """
    if error.operation in _SAID_ELSEWHERE:
        return
    logger.bind(
        operation=error.operation,
        image=error.image,
        container=error.container,
        status=error.status,
        engine_message=error.message,
    ).log("ERROR" if is_news else "DEBUG", "engine call failed")
