"""What the tests of the HTTP contract share."""

import asyncio
from collections.abc import Callable
from typing import Any

RUN, PULL = "/run_cyber_dojo_sh", "/pull_image"
KIB, MIB = 1024, 1024 * 1024
ABSENT = "localhost:1/not/here:1"  # nothing listens there: its pull fails at once

Events = list[dict[str, Any]]


def text(content: str = "", *, truncated: bool = False) -> dict[str, Any]:
    """A text in the form in which a run answers it."""
    return {"content": content, "truncated": truncated}


def faulty(status: str, reason: str) -> dict[str, Any]:
    """What a run answers when its container did not do its part."""
    return {
        "stdout": text(),
        "stderr": text(),
        "status": status,
        "outcome": "faulty",
        "log": {"reason": reason, **({"stderr": reason} if status == "143" else {})},
        "created": {},
        "changed": {},
    }


async def until(is_so: Callable[[], bool]) -> None:
    """Give the background its turns until something is so."""
    while not is_so():  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
        await asyncio.sleep(0)
