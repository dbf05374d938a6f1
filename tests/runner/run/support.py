"""A runner of kata on a fake engine, with nothing of the service around it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from pool import ContainerSpec, Delivery, Pools, PoolSettings, Sizes, Supervisor
from runner.container.images import Images
from runner.container.roots import Roots
from runner.container.warm_up import WarmUps
from runner.kata import Kata, Outcome, RunResult
from runner.run.admission import Admission
from runner.run.judge import Judge
from runner.run.patience import Patience
from runner.run.record import RunRecord
from runner.run.run import KataRunner
from runner.run.specs import Specs
from tests.conftest import FAKE_IMAGE
from tests.fakes import FakeEngine
from tests.fakes.kind import FakeKind
from tests.reports import Reports


class ScriptedJudge(Judge):
    """Judges when the test says so; counts how many it is asked to judge at once."""

    def __init__(self) -> None:
        self.may_judge = asyncio.Event()
        self.at_work = 0
        self.most_at_work = 0

    async def result(self, *_parts: Any) -> RunResult:
        """A green result for any answer."""
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        await self.may_judge.wait()
        self.at_work -= 1
        return RunResult(Outcome.GREEN, "0")


class Stage:
    """A runner on a fake engine, and the parts of it that tests look at."""

    def __init__(self, runner: KataRunner, judge: ScriptedJudge, admission: Admission) -> None:
        self.runner = runner
        self.judge = judge
        self.admission = admission
        self.ended: list[RunRecord] = []

    async def run(self, patience: Patience | None = None) -> RunResult:
        """One run, by default of a client that waits for the answer."""
        async with patience or Patience() as its_patience:
            return await self.runner.run(
                Kata("id", FAKE_IMAGE, 1.0, {"cyber-dojo.sh": "true"}), its_patience
            )


@asynccontextmanager
async def stage(
    engine: FakeEngine,
    *,
    budget_s: float,
    places: int = 4,
    queue: int = 10,
    judge: Judge | None = None,
    spec_of_kind: Callable[[ContainerSpec], ContainerSpec] = lambda spec: spec,
) -> AsyncIterator[Stage]:
    """Everything that a runner needs, and nothing of the service around it.

    Its judge is scripted, unless the test has one.
    """
    reports = Reports()
    supervisor = Supervisor(reports)
    engine.images.add(FAKE_IMAGE)
    images = Images(
        engine.images,
        changed=lambda: None,
        pulled=lambda name: None,
        listening=lambda is_there: None,
        supervisor=supervisor,
    )
    settings = PoolSettings(sizes=Sizes(minimum=0, maximum=0, spare=0))
    now_s = asyncio.get_running_loop().time
    pools = Pools(engine.containers, settings, supervisor=supervisor, now_s=now_s)
    scripted, admission = ScriptedJudge(), Admission(places=places, queue=queue)

    def ended(run: RunRecord) -> None:
        on_stage.ended.append(run)

    roots = Roots()
    runner = KataRunner(
        engine=engine.containers,
        images=images,
        pools=pools,
        admission=admission,
        judge=judge or scripted,
        specs=Specs(
            delivery=Delivery.ATTACH,
            runtime="",
            labels={"key": "value"},
            roots=roots,
            kind=FakeKind(spec_of_kind),
        ),
        roots=roots,
        warm_ups=WarmUps(),
        budget_s=budget_s,
        ended=ended,
    )
    on_stage = Stage(runner, scripted, admission)
    try:
        yield on_stage
    finally:
        await images.close()
        await pools.close()
    assert reports.errors == []
