"""The story of one run: take a warm container, hand over, read the answer, judge it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from loguru import logger

from pool import (
    ContainerEngine,
    ContainerSpec,
    Delivery,
    EngineError,
    ImageMissingError,
    Lease,
    Pools,
)
from runner.admission import Admission
from runner.answer import Frame, Harvest, UnreadableError, unpack
from runner.cell_stream import CellStream
from runner.delta import created_and_changed, touched
from runner.errors import RequestError
from runner.hand_over import hand_over, hand_over_to_cell
from runner.images import RED_AMBER_GREEN, ImageProfile, Images
from runner.kata import Code, Kata, Outcome, RunResult, Text
from runner.known_colours import KnownColours, question_of
from runner.lockdown import spec_for
from runner.texts import is_text, text_of
from runner.traffic_light import BadPatternError, Colour, ColourFault, NoAnswerError, TrafficLight

# After the learner's limit: a second between TERM and KILL, then the harvest.
GRACE_S = 1.0
HARVEST_S = 4.0

# A kata that may take the whole budget queues for a moment all the same: most end far sooner.
SHORTEST_QUEUE_S = 3.0
NOTABLE_QUEUE_S = 1.0

# Packing this much takes 5 ms: below, a thread costs more than it gives.
_PACK_IN_THREAD_BYTES = 128 * 1024
# As many as some thirty files take: half a millisecond.
_UNPACK_IN_THREAD_BYTES = 32 * 1024

_NO_LAMBDA = f"image_name must have {RED_AMBER_GREEN} file"


@dataclass(frozen=True)
class _Answer:
    """How the container's part ended: a frame, or the reason why there is none."""

    frame: Frame | None
    code: Code | None = None
    reason: str = ""

    @property
    def is_broken_off(self) -> bool:
        """Whether the container ended before it had answered."""
        return self.code is Code.MACHINERY_FAILED


class KataRunner:
    """Runs kata. `budget_s` is what a request may take in all, from its arrival.

    `kind_of_use` makes the container for one run one for many, where that can be had.
    `ended` is told of every run: its image, its result, and the seconds of its phases.
    """

    def __init__(
        self,
        *,
        engine: ContainerEngine,
        images: Images,
        pools: Pools,
        admission: Admission,
        traffic_light: TrafficLight,
        delivery: Delivery,
        runtime: str,
        kind_of_use: Callable[[ContainerSpec], ContainerSpec],
        labels: Mapping[str, str],
        budget_s: float,
        ended: Callable[[str, RunResult, Mapping[str, float]], None],
    ) -> None:
        self._engine = engine
        self._images = images
        self._pools = pools
        self._admission = admission
        self._traffic_light = traffic_light
        self._known_colours = KnownColours()
        self._delivery = delivery
        self._runtime = runtime
        self._kind_of_use = kind_of_use
        self._labels = dict(labels)
        self._budget_s = budget_s
        self._ended = ended

    async def run(self, kata: Kata) -> RunResult:
        """Raises BusyError; RequestError for what only the run shows to be wrong."""
        phases_s: dict[str, float] = {}
        result = await self._run(kata, phases_s)
        self._ended(kata.image_name, result, phases_s)
        if phases_s.get("queue", 0.0) < NOTABLE_QUEUE_S:
            return result
        return replace(result, log={**result.log, "queued_s": round(phases_s["queue"], 3)})

    async def _run(self, kata: Kata, phases_s: dict[str, float]) -> RunResult:
        clock = asyncio.get_running_loop().time
        now_s = clock()
        deadline_s = now_s + self._budget_s
        try:
            profile = await self._images.profile(kata.image_name)
            if profile is None:
                return self._pulling(kata)
            spec = self._spec(kata.image_name, profile)
            async with AsyncExitStack() as stack:
                until_s = max(deadline_s - _worst_s(kata), now_s + SHORTEST_QUEUE_S)
                turn = self._admission.turn(until_s)
                phases_s["queue"] = await stack.enter_async_context(turn)
                admitted_s = clock()
                async with asyncio.timeout_at(deadline_s):
                    lease = await stack.enter_async_context(self._pools.lease(spec))
                leased_s = clock()
                phases_s["acquire"] = leased_s - admitted_s
                if spec.uses > 1:
                    answer = await self._converse_with_cell(kata, lease, deadline_s)
                else:
                    read = lease.stream.read
                    answer = await self._converse(kata, lease, hand_over, read, deadline_s)
                    if answer.is_broken_off:
                        answer = replace(answer, reason=await self._last_words(lease))
                answered_s = clock()
                phases_s["run"] = answered_s - leased_s
                # Inside the lease: the engine's work on the removal and the refill, 300 ms of
                # CPU, would otherwise compete with what the learner still waits for.
                result = await self._judge(kata, profile, answer)
                phases_s["judge"] = clock() - answered_s
                return result
        except ImageMissingError:
            return self._pulling(kata)
        except EngineError as error:
            return _machinery_failed(kata, error.message)
        except TimeoutError:
            return _machinery_failed(kata, "no container was ready in time")

    async def spec_of(self, image_name: str) -> ContainerSpec | None:
        """How its containers are made; None when it is not on this node. Raises EngineError."""
        profile = await self._images.profile(image_name)
        if profile is None:
            return None
        return self._spec(image_name, profile)

    def _spec(self, image_name: str, profile: ImageProfile) -> ContainerSpec:
        spec = spec_for(image_name, profile, self._delivery, self._labels)
        return self._kind_of_use(replace(spec, runtime=self._runtime))

    def _pulling(self, kata: Kata) -> RunResult:
        self._images.pull(kata.image_name)
        return RunResult(Outcome.PULLING, Code.PULLING)

    async def _converse_with_cell(self, kata: Kata, lease: Lease, deadline_s: float) -> _Answer:
        """The container can be used again once its next cell waits, which is seen to later.

        What it complained of may be of an earlier run: only the launcher's own words are told.
        """
        cell = CellStream(lease.stream)
        answer = await self._converse(kata, lease, hand_over_to_cell, cell.read, deadline_s)
        if answer.is_broken_off:
            answer = replace(answer, reason=f"no answer: {cell.unfit or 'the cell ended'}")
        if cell.unfit or (answer.frame is not None and answer.frame.is_complete):
            lease.again = cell.next_cell
        return answer

    async def _converse(
        self,
        kata: Kata,
        lease: Lease,
        packed_for: Callable[[Kata, str], bytes],
        read: Callable[[], Awaitable[bytes]],
        deadline_s: float,
    ) -> _Answer:
        """Hand over, and read until the answer is there, no more will come or the time is up."""
        nonce = secrets.token_hex(16)
        if sum(map(len, kata.files.values())) > _PACK_IN_THREAD_BYTES:
            packed = await asyncio.to_thread(packed_for, kata, nonce)
        else:
            packed = packed_for(kata, nonce)
        await lease.stream.write(packed)
        frame = Frame(nonce)
        answer_by_s = asyncio.get_running_loop().time() + _worst_s(kata)
        try:
            async with asyncio.timeout_at(min(answer_by_s, deadline_s)):
                while not frame.is_complete and not frame.is_too_large:
                    data = await read()
                    if not data:
                        return _Answer(None, Code.MACHINERY_FAILED)
                    frame.feed(data)
        except TimeoutError:
            reason = f"no answer soon after {kata.max_seconds:g} s; the container was killed"
            return _Answer(None, Code.TIMED_OUT, reason)
        except UnreadableError as error:
            return _Answer(None, Code.OUTPUT_UNREADABLE, str(error))
        return _Answer(frame)

    async def _last_words(self, lease: Lease) -> str:
        try:
            ended = await self._engine.last_words(lease.container_id)
        except EngineError as error:
            ended = error.message
        words = (lease.stream.complaints, f"no answer; the container is {ended}")
        return "; ".join(word for word in words if word)

    async def _judge(self, kata: Kata, profile: ImageProfile, answer: _Answer) -> RunResult:
        if answer.frame is None:
            assert answer.code is not None
            timed_out = answer.code is Code.TIMED_OUT
            outcome = Outcome.TIMED_OUT if timed_out else Outcome.FAULTY
            return _logged(kata, RunResult(outcome, answer.code, log={"reason": answer.reason}))
        archives = answer.frame.archives()
        is_cut = not answer.frame.is_complete
        try:
            if len(archives) > _UNPACK_IN_THREAD_BYTES:
                harvest = await asyncio.to_thread(unpack, archives, is_cut=is_cut)
            else:
                harvest = unpack(archives, is_cut=is_cut)
        except UnreadableError as error:
            return _logged(
                kata,
                RunResult(Outcome.FAULTY, Code.OUTPUT_UNREADABLE, log={"reason": str(error)}),
            )
        stdout, stderr = text_of(harvest.stdout), text_of(harvest.stderr)
        if answer.frame.timed_out:
            reason = f"stopped after {kata.max_seconds:g} s"
            return _logged(
                kata,
                RunResult(
                    Outcome.TIMED_OUT, Code.TIMED_OUT, stdout, stderr, log={"reason": reason}
                ),
            )
        status = harvest.status or Code.NO_STATUS.value
        (created, changed, hiding), (outcome, judging) = await asyncio.gather(
            self._delta(kata, harvest), self._colour(kata, profile, stdout, stderr, status)
        )
        log = {**hiding, **judging}
        if not harvest.is_whole:
            log["harvest"] = "too large: created and changed are not complete"
        return _logged(kata, RunResult(outcome, status, stdout, stderr, created, changed, log))

    async def _delta(
        self, kata: Kata, harvest: Harvest
    ) -> tuple[Mapping[str, Text], Mapping[str, Text], Mapping[str, Any]]:
        files = touched(kata.files, harvest.files, harvest.cut)
        if not files:
            return {}, {}, {}
        if kata.hidden_filenames:
            try:
                hidden = await self._traffic_light.hidden(kata.hidden_filenames, tuple(files))
            except BadPatternError as error:
                where = f"manifest.hidden_filenames.{error.index}"
                raise RequestError(500, f"{where}: {error.message}") from error
            except NoAnswerError as error:
                # Which files are to be hidden cannot be told: none is shown.
                return {}, {}, {"hidden_filenames": f"no files are returned: {error.message}"}
            files = {name: content for name, content in files.items() if name not in hidden}
        created, changed = await asyncio.to_thread(
            created_and_changed, kata.files, files, is_text=is_text, text_of=text_of
        )
        return created, changed, {}

    async def _colour(
        self, kata: Kata, profile: ImageProfile, stdout: Text, stderr: Text, status: str
    ) -> tuple[Outcome, Mapping[str, Any]]:
        source = profile.rag_lambda if kata.rag_lambda is None else kata.rag_lambda
        if source is None:
            return _colour_fault(stdout, stderr, status, {"context": _NO_LAMBDA})
        arguments = (source, stdout.content, stderr.content, status)
        question = question_of(*arguments)
        verdict = self._known_colours.get(question) or await self._traffic_light.colour(*arguments)
        if isinstance(verdict, Colour):
            self._known_colours.put(question, verdict)
            return Outcome(verdict.value), {}
        return _colour_fault(stdout, stderr, status, _as_log(verdict))


def _worst_s(kata: Kata) -> float:
    """From hand-over to the answer, if the program uses all of its time."""
    return kata.max_seconds + GRACE_S + HARVEST_S


def _colour_fault(
    stdout: Text, stderr: Text, status: str, exception: Mapping[str, Any]
) -> tuple[Outcome, Mapping[str, Any]]:
    return Outcome.FAULTY, {
        "call": "colour(rag_lambda, stdout, stderr, status)",
        "args": {"stdout": stdout.content, "stderr": stderr.content, "status": status},
        "exception": exception,
    }


def _as_log(fault: ColourFault) -> Mapping[str, Any]:
    return {"context": fault.context, "class": fault.class_, "message": fault.message}


def _machinery_failed(kata: Kata, reason: str) -> RunResult:
    return _logged(kata, RunResult(Outcome.FAULTY, Code.MACHINERY_FAILED, log={"reason": reason}))


def _logged(kata: Kata, result: RunResult) -> RunResult:
    """A time-out and a faulty run leave one line; others none that anybody sees by default."""
    words = result.log.get("reason") or result.log.get("exception") or ""
    bound = logger.bind(
        kata_id=kata.id, image=kata.image_name, outcome=result.outcome.value, status=result.status
    )
    if result.outcome in (Outcome.TIMED_OUT, Outcome.FAULTY):
        bound.bind(reason=words).warning("run ended badly")
    else:
        bound.debug("run ended")
    return result
