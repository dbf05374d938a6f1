"""Turns a container's answer into a result: stdout, stderr, status, changed files and colour."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from runner.colour.known import KnownColours, question_of
from runner.colour.questions import Colour, ColourFault, NoAnswerError
from runner.colour.traffic_light import TrafficLight
from runner.container.answer import Harvest, unpack
from runner.container.profile import RED_AMBER_GREEN, ImageProfile
from runner.container.untar import UnreadableError
from runner.kata import Code, Kata, Outcome, RunResult, Text
from runner.run.budget import JUDGE_S, LAST_MOMENT_S, had_words
from runner.run.conversation import Answer
from runner.run.delta import LARGEST_DELTA_BYTES, Delta, created_and_changed, touched
from runner.run.texts import cost_of, is_text, text_of
from runner.threads import beside, in_turn

# Reading the archives of some thirty files, which is so much, takes a third of a millisecond.
_READ_IN_THREAD_BYTES = 32 * 1024
# For all files of an answer. libmagic takes some 5 ms for a MiB, and 5 us for a short file.
_FILES_S = 2.0
# The thread ends its work so long before the daemon stops waiting for it. The thread looks at the
# clock only between two files, and a file of many megabytes takes that long.
_THREAD_ENDS_S = 0.2

_CALLING = "exception when calling lambda source"
_NO_LAMBDA = f"image_name must have {RED_AMBER_GREEN} file"


_A = TypeVar("_A")
_B = TypeVar("_B")


@dataclass(frozen=True)
class ColoursStatus:
    """How colours fare, for operators.

    `known` counts the colours that were told from memory, and `asked` those that Ruby was asked
    for. `faulty` counts the runs that got no colour, whether or not Ruby was asked. `last_error` is
    the reason why colours cannot be told now.
    """

    can_be_told: bool
    known: int
    asked: int
    faulty: int
    evaluator_restarts: int
    last_error: str


class Judge:
    """Turns answers into results, and remembers the colours that it was told."""

    def __init__(self, traffic_light: TrafficLight) -> None:
        self._traffic_light = traffic_light
        self._known_colours = KnownColours()
        self._known = self._asked = self._faulty = 0

    @property
    def colours(self) -> ColoursStatus:
        """How many colours were told so far, and whether they can be told now."""
        light = self._traffic_light
        return ColoursStatus(
            not light.trouble, self._known, self._asked, self._faulty, light.restarts, light.trouble
        )

    async def result(
        self,
        kata: Kata,
        profile: ImageProfile,
        answer: Answer,
        deadline_s: float,
        harvested: Callable[[], None] = lambda: None,
    ) -> RunResult:
        """The result, at the latest LAST_MOMENT_S after that time of the loop's clock.

        `harvested` is called when the files are known, if a colour is asked for beside them.
        If the files or the colour are not known by then, they are left out, and the log says so.
        Raises TimeoutError if the answer could not even be read by then, and BadPatternError when
        one of the kata's hidden_filenames is no pattern.
        """
        if answer.failure is not None:
            timed_out = answer.failure is Code.TIMED_OUT
            outcome = Outcome.TIMED_OUT if timed_out else Outcome.FAULTY
            is_machinery = answer.failure is Code.MACHINERY_FAILED
            log = _of_machinery(answer.reason) if is_machinery else {"reason": answer.reason}
            return RunResult(outcome, answer.failure, log=log)
        now_s = asyncio.get_running_loop().time()
        until_s = min(now_s + JUDGE_S, deadline_s + LAST_MOMENT_S)
        try:
            async with asyncio.timeout_at(until_s):
                harvest, files = await _read(kata, answer)
        except UnreadableError as error:
            return RunResult(Outcome.FAULTY, Code.OUTPUT_UNREADABLE, log={"reason": str(error)})
        stdout, stderr = text_of(harvest.stdout), text_of(harvest.stderr)
        if answer.timed_out:
            reason = f"stopped after {had_words(answer.limit_s, kata.max_seconds)}"
            log = {"reason": reason, **_no_room(harvest)}
            return RunResult(
                Outcome.TIMED_OUT, Code.TIMED_OUT, stdout, stderr, log=log, used=harvest.used
            )
        status = harvest.status or Code.NO_STATUS.value
        source = profile.rag_lambda if kata.rag_lambda is None else kata.rag_lambda
        (delta, hiding), (outcome, judging) = await _both(
            self._harvest(kata, files, until_s, harvested),
            self._colour(source, stdout, stderr, status, until_s),
        )
        log = {**hiding, **judging, **_no_room(harvest)}
        if harvest.left_out:
            log["too_many"] = f"{harvest.left_out} files of over 64 KiB: too many to be read"
        if not harvest.is_whole:
            log["harvest"] = "too large, or too late: created and changed are not complete"
        return RunResult(
            outcome,
            status,
            stdout,
            stderr,
            delta.created,
            delta.changed,
            log,
            used=harvest.used,
        )

    async def _harvest(
        self,
        kata: Kata,
        files: dict[str, bytes],
        until_s: float,
        harvested: Callable[[], None],
    ) -> tuple[Delta, Mapping[str, Any]]:
        found = await self._delta(kata, files, until_s)
        harvested()
        return found

    async def _delta(
        self, kata: Kata, files: dict[str, bytes], until_s: float
    ) -> tuple[Delta, Mapping[str, Any]]:
        if not files:
            return Delta(), {}
        try:
            async with asyncio.timeout_at(until_s):
                if kata.hidden_filenames:
                    names = tuple(files)
                    hidden = await self._traffic_light.hidden(kata.hidden_filenames, names)
                    files = {name: content for name, content in files.items() if name not in hidden}
                delta = await _judged(kata, files, until_s)
        except NoAnswerError as error:
            # Ruby did not say which files are to be hidden, so no file is returned.
            return Delta(), {"hidden_filenames": f"no files are returned: {error.message}"}
        except TimeoutError:
            delta = Delta(unjudged=len(files))
        return delta, _what_is_missing(delta)

    async def _colour(
        self, source: str | None, stdout: Text, stderr: Text, status: str, until_s: float
    ) -> tuple[Outcome, Mapping[str, Any]]:
        if source is None:
            self._faulty += 1
            return _colour_fault(stdout, stderr, status, {"context": _NO_LAMBDA})
        arguments = (source, stdout.content, stderr.content, status)
        question = question_of(*arguments)
        verdict: Colour | ColourFault | None = self._known_colours.get(question)
        if verdict is None:
            self._asked += 1
            try:
                async with asyncio.timeout_at(until_s):
                    verdict = await self._traffic_light.colour(*arguments)
            except TimeoutError:
                verdict = ColourFault(_CALLING, "Timeout", "no answer within the run's time")
        else:
            self._known += 1
        if isinstance(verdict, Colour):
            self._known_colours.put(question, verdict)
            return Outcome(verdict.value), {}
        self._faulty += 1
        return _colour_fault(stdout, stderr, status, _as_log(verdict))


def machinery_failed(reason: str) -> RunResult:
    """The result of a run that no container could serve."""
    return RunResult(Outcome.FAULTY, Code.MACHINERY_FAILED, log=_of_machinery(reason))


def reason_of(result: RunResult) -> str:
    """Why a run ended badly, in words for operators; empty when it ended well."""
    exception = result.log.get("exception", {})
    words = (exception[part] for part in ("context", "message") if exception.get(part))
    return str(result.log.get("reason") or ": ".join(words))


async def _both(one: Coroutine[Any, Any, _A], other: Coroutine[Any, Any, _B]) -> tuple[_A, _B]:
    """What both return, done at the same time. When one fails, the other is cancelled first."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(one), group.create_task(other)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tasks[0].result(), tasks[1].result()


async def _read(kata: Kata, answer: Answer) -> tuple[Harvest, dict[str, bytes]]:
    """The harvest of an answer, and its files that were touched. Raises UnreadableError."""
    if len(answer.archives) > _READ_IN_THREAD_BYTES:
        return await in_turn(_read_now, kata, answer)
    return _read_now(kata, answer)


def _read_now(kata: Kata, answer: Answer) -> tuple[Harvest, dict[str, bytes]]:
    harvest = unpack(answer.archives, is_cut=answer.is_cut)
    return harvest, touched(kata.files, harvest.files, harvest.cut)


async def _judged(kata: Kata, files: Mapping[str, bytes], until_s: float) -> Delta:
    """Judge the files in a thread, which looks at the clock itself, as nobody can end a thread."""
    left_s = min(until_s - asyncio.get_running_loop().time() - _THREAD_ENDS_S, _FILES_S)
    over_s = time.monotonic() + left_s
    return await beside(
        created_and_changed,
        kata.files,
        files,
        is_text=is_text,
        text_of=text_of,
        cost_of=cost_of,
        is_over=lambda: time.monotonic() >= over_s,
    )


def _what_is_missing(delta: Delta) -> dict[str, Any]:
    reasons = []
    if delta.left_out:
        reasons.append(f"{delta.left_out} texts: over {LARGEST_DELTA_BYTES} bytes in all")
    if delta.unjudged:
        reasons.append(f"{delta.unjudged} files: not looked at within the run's time")
    return {"left_out": "; ".join(reasons)} if reasons else {}


def _of_machinery(reason: str) -> dict[str, str]:
    """The log of a run that the machinery failed.

    Old clients look under `stderr` for the words of the engine, or of the container's init.
    """
    return {"reason": reason, "stderr": reason}


def _no_room(harvest: Harvest) -> Mapping[str, str]:
    """What the log says when a file system was full, because the program itself may not say it."""
    if not harvest.full:
        return {}
    return {"full": f"no room was left at the end in {', '.join(harvest.full)}"}


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
