"""The facts of a run while it goes on, of which its record is made at the end."""

import asyncio
import time
from dataclasses import dataclass, field

from pool import usual_name
from runner.kata import NOTHING_KNOWN, Kata, Used
from runner.run.record import RunRecord
from runner.tracing import current_trace


@dataclass
class Story:
    """The facts of a run so far; see RunRecord.

    `late` is the reason that the run's answer gives if the time is over in the present step.
    """

    began_s: float
    late: str = "the engine did not say in time whether the image is on this node"
    is_here: bool = False
    before_s: float = 0.0
    phases_s: dict[str, float] = field(default_factory=dict)
    harvested_s: float | None = None
    hit: bool | None = None
    kind: str = ""
    container: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    used: Used = NOTHING_KNOWN

    def harvested(self) -> None:
        """The files are known now, and a colour was asked for meanwhile."""
        self.harvested_s = asyncio.get_running_loop().time()

    def judged(self, answered_s: float, judged_s: float) -> None:
        """The answer that came at `answered_s` has been judged, by the loop's clock.

        The colour's phase is only the time that it took longer than the files.
        """
        if self.harvested_s is None:
            self.phases_s["harvest"] = judged_s - answered_s
        else:
            self.phases_s["harvest"] = self.harvested_s - answered_s
            self.phases_s["colour"] = judged_s - self.harvested_s

    def ended(self, kata: Kata, outcome: str, status: str, reason: str) -> RunRecord:
        """The record of the run, which has ended now."""
        took_s = asyncio.get_running_loop().time() - self.began_s
        return RunRecord(
            kata_id=kata.id,
            image=usual_name(kata.image_name),
            is_here=self.is_here,
            outcome=outcome,
            status=status,
            reason=reason,
            took_s=took_s,
            phases_s=self.phases_s,
            hit=self.hit,
            kind=self.kind,
            container=self.container,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            used=self.used,
            before_s=self.before_s,
            ended_at_s=time.time(),
            trace=current_trace(),
        )
