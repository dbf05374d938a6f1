"""Asks the engine for a list every 1.5 s, so that the service knows whether it answers."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from pool import ContainerEngine, EngineError, Supervisor, Tasks, UnansweredError
from runner.engine.log import EngineLog

# Pause and look together take less than 5 s, so an engine that hangs is known to be lost within
# that time.
EVERY_S = 1.5
LOOK_S = 3.0  # a list of our own containers takes 1 ms, and 10 ms on a busy engine
AGAIN_S = 0.25  # a single call may fail, so the engine is lost only when two in a row have failed
WHILE_AWAY_S = 0.5
# A look that is so much longer than LOOK_S tells of this process, which did not get to run.
LATE_S = 0.5

_ADVICE = "the engine hangs, or its machine is overloaded: see whether `docker ps` answers"


class EngineWatch:
    """Whether the engine answers. Must be made in a running loop.

    The engine is asked for the containers with the label `label`, which are few. `came` is called
    when it answers for the first time, and when it answers again.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        label: str,
        log: EngineLog,
        supervisor: Supervisor,
        came: Callable[[], None],
    ) -> None:
        self.answers = False
        self._engine = engine
        self._label = label
        self._log = log
        self._came = came
        self._doubt = asyncio.Event()
        self._tasks = Tasks(supervisor)
        log.doubted = self.look_now

    def start(self) -> None:
        """Begin to look, in the background, for ever."""
        self._tasks.loop(self._watch, "engine watch")

    async def close(self) -> None:
        """Look no more. Twice is harmless."""
        await self._tasks.cancel()
        self._log.close()

    def look_now(self) -> None:
        """Ask the engine at once, because something failed as if the engine were away."""
        self._doubt.set()

    async def _watch(self) -> None:
        while True:
            self._heed(await self._trouble())
            self._doubt.clear()  # calls that failed during the look need no further look
            if not self.answers:
                await asyncio.sleep(WHILE_AWAY_S)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._doubt.wait()

    def _heed(self, trouble: EngineError | None) -> None:
        answered, self.answers = self.answers, trouble is None
        if trouble is None:
            self._log.answers()
            if not answered:
                self._came()
        else:
            self._log.lost(
                trouble.message, trouble.advice if isinstance(trouble, UnansweredError) else ""
            )

    async def _trouble(self) -> EngineError | None:
        """Why the engine does not answer; None if it does.

        It takes LOOK_S at most. On a machine so busy that this process does not run, the answer may
        have come without being read. So a look that ended late is made once more.
        """
        loop = asyncio.get_running_loop()
        late_s = loop.time() + LOOK_S + LATE_S
        trouble = await self._look()
        return await self._look() if trouble and loop.time() > late_s else trouble

    async def _look(self) -> EngineError | None:
        silence = f"no answer within {LOOK_S:g} s"
        trouble: EngineError = UnansweredError("list", silence, advice=_ADVICE)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                for pause_s in (AGAIN_S, 0.0):
                    try:
                        await self._engine.list_containers(self._label)
                    except EngineError as error:  # reported
                        trouble = error
                        await asyncio.sleep(pause_s)
                    else:
                        return None
        return trouble
