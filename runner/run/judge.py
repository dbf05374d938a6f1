"""What a container's answer means: stdout, stderr, status, changed files and the colour."""

import asyncio
from collections.abc import Mapping
from typing import Any

from loguru import logger

from runner.colour.known import KnownColours, question_of
from runner.colour.questions import Colour, ColourFault, NoAnswerError
from runner.colour.traffic_light import TrafficLight
from runner.container.answer import Harvest, UnreadableError, unpack
from runner.container.images import RED_AMBER_GREEN, ImageProfile
from runner.kata import Code, Kata, Outcome, RunResult, Text
from runner.run.conversation import Answer
from runner.run.delta import created_and_changed, touched
from runner.run.texts import is_text, text_of

# As many as some thirty files take: half a millisecond.
_UNPACK_IN_THREAD_BYTES = 32 * 1024

_NO_LAMBDA = f"image_name must have {RED_AMBER_GREEN} file"


class Judge:
    """Turns answers into results, and remembers the colours that it was told."""

    def __init__(self, traffic_light: TrafficLight) -> None:
        self._traffic_light = traffic_light
        self._known_colours = KnownColours()

    async def result(self, kata: Kata, profile: ImageProfile, answer: Answer) -> RunResult:
        """Raises BadPatternError when one of the kata's hidden_filenames is no pattern."""
        if answer.failure is not None:
            timed_out = answer.failure is Code.TIMED_OUT
            outcome = Outcome.TIMED_OUT if timed_out else Outcome.FAULTY
            return RunResult(outcome, answer.failure, log={"reason": answer.reason})
        try:
            harvest = await _unpacked(answer)
        except UnreadableError as error:
            return RunResult(Outcome.FAULTY, Code.OUTPUT_UNREADABLE, log={"reason": str(error)})
        stdout, stderr = text_of(harvest.stdout), text_of(harvest.stderr)
        if answer.timed_out:
            log = {"reason": f"stopped after {kata.max_seconds:g} s"}
            return RunResult(Outcome.TIMED_OUT, Code.TIMED_OUT, stdout, stderr, log=log)
        status = harvest.status or Code.NO_STATUS.value
        (created, changed, hiding), (outcome, judging) = await asyncio.gather(
            self._delta(kata, harvest), self._colour(kata, profile, stdout, stderr, status)
        )
        log = {**hiding, **judging}
        if not harvest.is_whole:
            log["harvest"] = "too large: created and changed are not complete"
        return RunResult(outcome, status, stdout, stderr, created, changed, log)

    async def _delta(
        self, kata: Kata, harvest: Harvest
    ) -> tuple[Mapping[str, Text], Mapping[str, Text], Mapping[str, Any]]:
        files = touched(kata.files, harvest.files, harvest.cut)
        if not files:
            return {}, {}, {}
        if kata.hidden_filenames:
            try:
                hidden = await self._traffic_light.hidden(kata.hidden_filenames, tuple(files))
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


def machinery_failed(reason: str) -> RunResult:
    """What a run answers that no container could serve."""
    return RunResult(Outcome.FAULTY, Code.MACHINERY_FAILED, log={"reason": reason})


def log_result(kata: Kata, result: RunResult) -> None:
    """A time-out and a faulty run leave one line; a good run leaves none above DEBUG."""
    words = result.log.get("reason") or result.log.get("exception") or ""
    bound = logger.bind(
        kata_id=kata.id, image=kata.image_name, outcome=result.outcome.value, status=result.status
    )
    if result.outcome in (Outcome.TIMED_OUT, Outcome.FAULTY):
        bound.bind(reason=words).warning("run ended badly")
    else:
        bound.debug("run ended")


def log_abandoned(kata: Kata, why: str, phases_s: Mapping[str, float]) -> None:
    """A run that ends without an answer leaves one line, with the phases that it got through."""
    bound = logger.bind(kata_id=kata.id, image=kata.image_name, reason=why, phases=list(phases_s))
    bound.info("run abandoned")


async def _unpacked(answer: Answer) -> Harvest:
    """Raises UnreadableError."""
    if len(answer.archives) > _UNPACK_IN_THREAD_BYTES:
        return await asyncio.to_thread(unpack, answer.archives, is_cut=answer.is_cut)
    return unpack(answer.archives, is_cut=answer.is_cut)


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
