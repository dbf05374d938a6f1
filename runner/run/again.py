"""A run that failed on a read-only root is made again at once, on a writable root."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, replace

from loguru import logger

from pool import ContainerEngine, ContainerSpec, PoolClosedError, PoolError, Pools
from runner.container.answer import LARGE_ANSWER_BYTES
from runner.container.profile import ImageProfile
from runner.container.roots import Roots
from runner.kata import Kata, Outcome, RunResult
from runner.run.budget import may_run_again
from runner.run.conversation import Answer, MayBeLarge, conversation
from runner.run.judge import Judge

# The kernel's error EROFS: in the words of the C library, which most programs print, and by its
# name, which Node prints.
_READ_ONLY = re.compile(r"read-only file ?system|\bEROFS\b", re.IGNORECASE)


@dataclass(frozen=True)
class RequestBounds:
    """What bounds a request's second run as it bounded the first.

    `deadline_s` is the end of the request's time. `may_be_large` waits until the daemon may read a
    large answer.
    """

    deadline_s: float
    may_be_large: MayBeLarge


class Again:
    """Makes runs again on a writable root.

    `roots` tells whether an image may have such a root, and remembers whether it made a difference.
    """

    def __init__(self, engine: ContainerEngine, pools: Pools, judge: Judge, roots: Roots) -> None:
        self._engine = engine
        self._pools = pools
        self._judge = judge
        self._roots = roots

    def is_due(
        self, spec: ContainerSpec, answer: Answer, result: RunResult, took_s: float, left_s: float
    ) -> bool:
        """Whether the run of that container should be made again.

        `took_s` is what it took, and `left_s` what is left of the request's time. A run with a
        large answer is not made again, because it holds one of the few places for large answers.
        """
        return (
            spec.read_only
            and blames_read_only(result)
            and len(answer.archives) <= LARGE_ANSWER_BYTES
            and may_run_again(took_s, left_s)
            and self._roots.may_try(spec.image, spec.image_id)
        )

    async def result(
        self,
        kata: Kata,
        profile: ImageProfile,
        spec: ContainerSpec,
        first: RunResult,
        bounds: RequestBounds,
    ) -> RunResult:
        """The result on a writable root, if it differs from the first; otherwise the first.

        `spec` is that of a container for a single run.
        """
        spec = replace(spec, read_only=False)
        try:
            async with asyncio.timeout_at(bounds.deadline_s), self._pools.lease_new(spec) as lease:
                talk = conversation(spec, lease, self._engine)
                answer = await talk.answer(kata, bounds.deadline_s, bounds.may_be_large)
                second = await self._judge.result(kata, profile, answer, bounds.deadline_s)
        except (PoolError, TimeoutError):  # the engine's errors are reported where they come up
            self._roots.tried(spec.image, profile, changed=False)
            return first
        is_an_answer = answer.failure is None and not answer.timed_out
        changed = is_an_answer and differs(first, second)
        self._roots.tried(spec.image, profile, changed=changed)
        if changed:
            with suppress(PoolClosedError):
                self._pools.warm_up(spec)  # the new pool takes the place of the read-only one
        bound = logger.bind(kata_id=kata.id, image=spec.image, changed=changed)
        bound.debug("run again on a writable root")
        return second if changed else first


def blames_read_only(result: RunResult) -> bool:
    """Whether a run that ended badly says that a file system is read-only.

    A faulty run with status 0 is none of them: its program has ended well, and only its colour
    could not be told.
    """
    ended_well = result.status == "0" and result.outcome in {Outcome.GREEN, Outcome.FAULTY}
    return not ended_well and _says_read_only(result)


def differs(first: RunResult, second: RunResult) -> bool:
    """Whether the writable root made a difference: another colour, status, or other complaints."""
    return (first.outcome, first.status) != (second.outcome, second.status) or (
        not _says_read_only(second)
    )


def _says_read_only(result: RunResult) -> bool:
    return any(_READ_ONLY.search(text.content) for text in (result.stdout, result.stderr))
