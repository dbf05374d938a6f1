"""Runs a kata: wait for a place, lease a container, converse with it, judge the answer."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from pool import (
    ContainerEngine,
    ContainerSpec,
    EngineError,
    ImageMissingError,
    Lease,
    PoolRetiredError,
    Pools,
)
from runner.colour.questions import BadPatternError
from runner.container.images import Images
from runner.container.profile import ImageProfile
from runner.container.roots import Roots
from runner.container.warm_up import WarmUps
from runner.engine.words import words_for_clients
from runner.kata import Code, Kata, Outcome, RunResult, Timings
from runner.run.admission import Admission
from runner.run.again import Again, RequestBounds
from runner.run.budget import LATEST_S, deadline_before_stop, needed_s
from runner.run.conversation import conversation
from runner.run.judge import Judge, machinery_failed, reason_of
from runner.run.patience import Patience
from runner.run.record import ABANDONED, RunRecord
from runner.run.specs import Specs
from runner.run.story import Story
from runner.run.usual import UsualTimes

NOTABLE_QUEUE_S = 1.0
# The number of answers of over 4 MiB: each takes up to 150 MiB until it is judged.
LARGE_AT_ONCE = 1

# How many new images are looked into at the same time because a pull, a notice or a setting names
# them. A run looks into its image while it holds a place, so its number is bounded already.
LOOKS_AT_ONCE = 2
STOPPED = "the service was stopped before the run had ended"


class KataRunner:
    """Runs katas. `budget_s` is what a request may take in all, from its arrival.

    `specs` decides which container a run gets. `roots` tells whether an image may have a writable
    root. `warm_ups` hears how each warm-up of an image ends. `ended` is called with the record of
    every run.
    """

    def __init__(
        self,
        *,
        engine: ContainerEngine,
        images: Images,
        pools: Pools,
        admission: Admission,
        judge: Judge,
        specs: Specs,
        roots: Roots,
        warm_ups: WarmUps,
        budget_s: float,
        ended: Callable[[RunRecord], None],
    ) -> None:
        self._engine = engine
        self._images = images
        self._pools = pools
        self._admission = admission
        self._judge = judge
        self._specs = specs
        self._budget_s = budget_s
        self._ended = ended
        self._usual = UsualTimes()
        self._warm_ups = warm_ups
        self._again = Again(engine, pools, judge, roots)
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._large_answers = asyncio.Semaphore(LARGE_AT_ONCE)
        self._limits: set[asyncio.Timeout] = set()  # of the runs that are under way
        self._last_s = math.inf  # no run goes on after this time of the loop's clock

    def end_by(self, until_s: float) -> None:
        """No run, under way or yet to come, goes on after that time of the loop's clock.

        A run that has no result by then gets an answer that says so.
        """
        self._last_s = until_s
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(min(until_s, limit.when() or until_s))

    async def run(self, kata: Kata, patience: Patience) -> RunResult:
        """The result of a run, never later than the budget and a second, whatever stalls.

        The caller must have entered `patience`, which is told when a container begins to work.
        Raises BusyError, PullsBusyError, and BadPatternError: only Ruby, which is asked after the
        run, can tell that one of `hidden_filenames` is no pattern.
        """
        story = Story(asyncio.get_running_loop().time())
        deadline_s = story.began_s + self._budget_s
        try:
            async with self._limited(deadline_s + LATEST_S):
                result = await self._run(kata, deadline_s, story, patience)
        except asyncio.CancelledError:
            why = "client gone" if patience.is_gone else "stopping"
            self._ended(story.ended(kata, ABANDONED, "", why))
            raise
        except BadPatternError as error:
            why = f"hidden_filenames.{error.index}: {error.message}"
            self._ended(story.ended(kata, Outcome.FAULTY.value, "", why))
            raise
        except ImageMissingError:
            result = self._pulling(kata)
        except EngineError as error:
            result = machinery_failed(words_for_clients(error))
        except TimeoutError:
            is_stopping = asyncio.get_running_loop().time() >= self._last_s
            result = machinery_failed(STOPPED if is_stopping else story.late)
        story.used = result.used
        record = story.ended(kata, result.outcome.value, result.status, reason_of(result))
        self._ended(record)
        timings = Timings(record.took_s, record.phases_s, record.hit, record.used)
        queued_s = story.phases_s.get("queue", 0.0)
        if queued_s < NOTABLE_QUEUE_S:
            return replace(result, timings=timings)
        return replace(result, log={**result.log, "queued_s": round(queued_s, 3)}, timings=timings)

    @asynccontextmanager
    async def _limited(self, until_s: float) -> AsyncIterator[None]:
        """Raises TimeoutError at that time, or when `end_by` says so."""
        async with asyncio.timeout_at(min(until_s, self._last_s)) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    async def spec_of(self, image_name: str) -> ContainerSpec | None:
        """The container for an image; None when that is not on this node. Raises EngineError."""
        async with self._looks:
            profile = await self._images.profile(image_name)
        if profile is None:
            return None
        return self._specs.of(image_name, profile)

    async def _run(
        self, kata: Kata, deadline_s: float, story: Story, patience: Patience
    ) -> RunResult:
        """Raises EngineError, TimeoutError."""
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout_at(deadline_s):
            image_id = await self._images.image_id(kata.image_name)
        if image_id is None:
            return self._pulling(kata)
        story.is_here, story.before_s = True, clock() - story.began_s

        def queues_until_s() -> float:
            usual_s = self._usual.of(image_id).whole_s
            return deadline_s - needed_s(kata.max_seconds, usual_s, self._budget_s)

        async with AsyncExitStack() as stack:
            turn = self._admission.turn(queues_until_s)
            story.phases_s["queue"] = await stack.enter_async_context(turn)
            admitted_s = clock()
            story.late = "the engine did not say in time what the image is like"
            async with asyncio.timeout_at(deadline_s):
                # A run looks only once it has its place. Otherwise fifty new images would be looked
                # into at once, and none of them would be known in time.
                profile = await self._images.profile(kata.image_name)
            if profile is None:
                return self._pulling(kata)
            patience.runs()
            story.late = "no container was ready in time"
            async with asyncio.timeout_at(deadline_s):
                leased = await self._lease(kata.image_name, profile, stack)
            if leased is None:
                return self._pulling(kata)
            profile, spec, lease = leased
            leased_s = clock()
            story.hit, story.container = lease.hit, lease.name
            story.kind = "cells" if spec.reusable else "single use"
            story.phases_s["lease"] = leased_s - admitted_s
            story.late = "no answer within the time for a request"
            talk = conversation(spec, lease, self._engine)

            async def may_be_large() -> None:
                await stack.enter_async_context(self._large_answers)

            usual_s = self._usual.of(image_id).run_s
            ends_s = deadline_before_stop(deadline_s, self._last_s, leased_s, usual_s)
            answer = await talk.answer(kata, ends_s, may_be_large, usual_s=usual_s)
            answered_s = clock()
            if spec.warm_up:
                # The warm-up's word comes over stderr, which may be later than the ready mark on
                # stdout. By the time of the answer it has come.
                self._met_warm_up(spec, lease)
            story.phases_s["run"] = answered_s - leased_s
            story.bytes_in, story.bytes_out = answer.sent_bytes, len(answer.archives)
            story.late = "the answer was not judged in time"
            # The answer is judged before the lease ends. The end of the lease makes the engine
            # remove a container and start another, and the CPU of that would make the learner wait
            # longer for this result.
            result = await self._judge.result(kata, profile, answer, deadline_s, story.harvested)
            judged_s = clock()
            story.judged(answered_s, judged_s)
            if answer.has_ended_by_itself:
                self._usual.ended(profile.image_id, answered_s - leased_s, judged_s - admitted_s)
            took_s, left_s = judged_s - leased_s, deadline_s - judged_s
            if self._again.is_due(spec, answer, result, took_s, left_s):
                single = self._specs.single_use(kata.image_name, profile)
                bounds = RequestBounds(deadline_s, may_be_large)
                result = await self._again.result(kata, profile, single, result, bounds)
                story.phases_s["again"] = clock() - judged_s
            return result

    async def _lease(
        self, image_name: str, profile: ImageProfile | None, stack: AsyncExitStack
    ) -> tuple[ImageProfile, ContainerSpec, Lease] | None:
        """A container, with its image's profile, once one is free; None: the image has gone.

        While the run waits, the name may come to mean another image, which has another pool. Then
        the run waits on in that pool. Raises EngineError.
        """
        while profile is not None:
            spec = self._specs.of(image_name, profile)
            try:
                lease = await stack.enter_async_context(self._pools.lease(spec))
            except PoolRetiredError:
                profile = await self._images.profile(image_name)
            except ImageMissingError:
                self._images.forget(image_name)
                if await self._images.image_id(image_name) == profile.image_id:
                    raise
                profile = await self._images.profile(image_name)
            else:
                return profile, spec, lease
        return None

    def _met_warm_up(self, spec: ContainerSpec, lease: Lease) -> None:
        pool = self._pools.get(spec.image)
        no_warm_up = pool.no_warm_up if pool else ""
        self._warm_ups.met(spec.image, spec.image_id, lease.stream.complaints, no_warm_up)

    def _pulling(self, kata: Kata) -> RunResult:
        self._images.pull(kata.image_name)
        return RunResult(Outcome.PULLING, Code.PULLING)
