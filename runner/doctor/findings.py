"""The findings of an examination: one for each thing that was looked at."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_T = TypeVar("_T")


class Level(StrEnum):
    """How bad a finding is: with a warning katas run, with a problem they do not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found, and what to do about it."""

    name: str
    level: Level
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Finding:
    """A finding that all is well."""
    return Finding(name, Level.OK, found)


def warning(name: str, found: str, advice: str) -> Finding:
    """A finding that katas run, but slower, or with less, than they could."""
    return Finding(name, Level.WARNING, found, advice)


def problem(name: str, found: str, advice: str) -> Finding:
    """A finding that keeps katas from running."""
    return Finding(name, Level.PROBLEM, found, advice)


async def within(
    limit_s: float,
    name: str,
    check: Callable[[], Awaitable[Finding]],
    doing: Callable[[], str] = lambda: "",
) -> Finding:
    """The finding of a check; if the check stalls or has a bug, that is a problem, too.

    `doing` tells the step that a check of several steps is at.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await check()
    except TimeoutError:
        words = [f"no answer within {limit_s:g} s"]
        if step := doing():
            words.append(step)
        return problem(name, ": ".join(words), "see what hangs, and try again")
    except Exception as error:
        return problem(name, f"cannot be looked at: {error!r}", "please report it")


async def aside(check: Callable[[], _T]) -> _T:
    """Do a check in a thread that holds up neither the loop nor the process's end.

    A disk may never answer.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # of the check's own type

    def work() -> None:
        result, failure = None, None
        try:
            result = check()
        except Exception as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, daemon=True, name="doctor").start()
    return await answer
