"""The findings of an examination: one for each thing that was looked at."""

import asyncio
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
