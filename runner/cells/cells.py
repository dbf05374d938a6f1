"""Tries whether this host's containers can serve many runs, each in a cell of its own."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from loguru import logger

from pool import (
    BackOff,
    ContainerEngine,
    ContainerSpec,
    Delivery,
    EngineError,
    ImageEngine,
    ImageMissingError,
    Started,
    Supervisor,
    Tasks,
)
from runner.cells.lockdown import LAUNCHER_FOLDER, cell_spec_of
from runner.cells.remedies import with_remedy
from runner.configuration.containers import UNCONFINED
from runner.container.hand_over import READY_MARK
from runner.container.lockdown import spec_for
from runner.container.profile import Home, ImageProfile
from runner.settings import Reuse

ENGINE_AGAIN_S = 60.0
# The profile in deploy/apparmor. A host that has no AppArmor, or has not loaded it, needs none.
APPARMOR_PROFILE = "dojo-runner-cells"
# The pause after the end of a trial's container that had worked: the engine may be stopping.
TRY_AGAIN_S = 1.0
# The pauses after trials that failed, because the engine may have stumbled. On a host where trials
# always fail, each costs a start and a line in the log; the last pause bounds them to one each ten
# minutes.
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 600.0

# A program in the launcher's image. It prints its argument and waits for the end of its stdin.
_WAITS = "/waits"


@dataclass(frozen=True)
class CellsStatus:
    """The kind of containers that was wanted, the kind there is, and why there are no cells.

    `failed_trials` counts the trials that have failed since one has worked.
    """

    wanted: str
    kind: str
    why_no_cells: str
    failed_trials: int


class Cells:
    """Knows whether cells can be had, and keeps the trial's container. Make it in a running loop.

    As long as cells can be had, the trial's container waits for a run that never comes. It keeps
    the launcher's volume in use, so that no `docker volume prune` can remove the volume before
    other containers need it. And when that container ends, the engine may have gone away.
    """

    def __init__(
        self,
        containers: ContainerEngine,
        images: ImageEngine,
        *,
        wanted: Reuse,
        delivery: Delivery,
        runtime: str,
        launcher_image: str,
        most_runs: int,
        apparmor: str,
        labels: Mapping[str, str],
        decided: Callable[[], None],
        supervisor: Supervisor,
    ) -> None:
        self.is_decided = False
        self._containers = containers
        self._images = images
        self._wanted = wanted
        self._runtime = runtime
        self._launcher_image = launcher_image
        self._most_runs = most_runs
        self._profiles = (apparmor,) if apparmor else ("", APPARMOR_PROFILE)
        self._profile = ""  # AppArmor's, with which cells can be had; empty: the engine's own
        self._labels = dict(labels)
        self._tell = decided
        self._volume: str | None = None
        self._why_not = "not tried yet"
        self._tried: str | None = None  # the id of the launcher's image that did not work
        self._again_s = 0.0  # when that image may be tried again, by the loop's clock
        self._pauses = BackOff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._failed_trials = 0
        self._waiting: str | None = None  # the container that waits here
        self._look_again = asyncio.Event()
        self._tasks = Tasks(supervisor)
        if wanted is Reuse.NEVER or delivery is not Delivery.ATTACH:
            self._why_not = (
                "not wanted" if wanted is Reuse.NEVER else "cells are for attach delivery only"
            )
            self.is_decided = True

    def start(self) -> None:
        """Begin to try, in the background; `decided` is called after each verdict."""
        if self.is_decided:
            self._tell()
        else:
            self._tasks.loop(self._try_for_ever, "cells")

    def look_again(self, *, whatever_was_tried: bool = False) -> None:
        """Try again, because images have changed or the engine is back.

        An image that did not work is tried again only if `whatever_was_tried`.
        """
        if whatever_was_tried:
            self._tried = None
        self._look_again.set()

    async def close(self) -> None:
        """End the trial, and with it the container that waits in a cell."""
        await self._tasks.cancel()

    def holds(self, container_id: str) -> bool:
        """Whether this is the trial's container."""
        return container_id == self._waiting

    def spec_of(
        self, spec: ContainerSpec, overlays: Sequence[str], there: Collection[str]
    ) -> ContainerSpec:
        """The reusable container for the same image if cells can be had; otherwise `spec` itself.

        `overlays` are the image's folders that must be writable in each cell. `there` are those
        folders of the image on which a tmpfs is mounted.
        """
        if self._volume is None:
            return spec
        in_cells = cell_spec_of(spec, self._volume, *overlays, there=there, apparmor=self._profile)
        return replace(in_cells, most_runs=self._most_runs)

    @property
    def decided(self) -> tuple[str | None, str]:
        """The volume and the AppArmor profile of cells: `spec_of` depends on no other verdict."""
        return self._volume, self._profile

    @property
    def status(self) -> CellsStatus:
        """The state of cells, for operators."""
        kind = "single use" if self._volume is None else "cells"
        return CellsStatus(self._wanted.value, kind, self._why_not, self._failed_trials)

    async def _try_for_ever(self) -> None:
        now_s = asyncio.get_running_loop().time
        while True:
            self._look_again.clear()
            pause_s: float | None = None
            try:
                image_id = (await self._images.image(self._launcher_image)).image_id
                if image_id != self._tried or now_s() >= self._again_s:
                    await self._try(image_id)
                if self._tried is None:  # the trial has worked, and its container has ended
                    await asyncio.sleep(TRY_AGAIN_S)
                    continue
                pause_s = self._again_s - now_s()
            except ImageMissingError:
                self._decide(None, f"{self._launcher_image} is not on this node")
            except EngineError:  # reported; without an answer of the engine nothing is decided
                pause_s = ENGINE_AGAIN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._look_again.wait()

    async def _try(self, image_id: str) -> None:
        """Try as long as it works. An image that did not work is tried again after a pause."""
        volume = f"dojo-runner-launcher-{image_id.removeprefix('sha256:')[:16]}"
        started = None
        try:
            await self._images.fill_volume(volume, image_id, LAUNCHER_FOLDER)
            started, profile = await self._start_trial(image_id, volume)
            self._waiting = started.container_id
            self._succeeded(volume, profile)
            await _end_of(started)
        except EngineError as error:
            self._tried = image_id
            self._failed_trials += 1
            self._again_s = asyncio.get_running_loop().time() + self._pauses.failed()
            # Cells that have worked with this volume will work again once the engine is back.
            if error.may_pass and volume == self._volume:
                bound = logger.bind(reason=error.message)
                bound.warning("a trial of cells failed: runs still get cells")
            else:
                await self._decide_against(volume, error)
        finally:
            if started is not None:
                await started.stream.close()
                with suppress(EngineError):  # reported; the sweep will remove the container
                    await self._containers.remove(started.container_id)
                self._waiting = None

    async def _start_trial(self, image_id: str, volume: str) -> tuple[Started, str]:
        """A cell that waits, and the AppArmor profile that it needs. Raises EngineError."""
        errors: dict[str, EngineError] = {}
        for profile in self._profiles:
            try:
                spec = self._trial_spec(image_id, volume, profile)
                return await self._containers.start(spec), profile
            except EngineError as error:
                errors[profile] = error
        raise _what_refused(errors)

    def _succeeded(self, volume: str, profile: str) -> None:
        self._profile = profile
        self._tried = None
        self._failed_trials = 0
        self._pauses.succeeded()
        self._decide(volume, "")

    async def _decide_against(self, volume: str, error: EngineError) -> None:
        with suppress(EngineError):  # reported
            # A volume whose filling was interrupted would lack files for ever, so it is removed.
            await self._images.remove_volume(volume)
        self._decide(None, with_remedy(error.message))

    def _trial_spec(self, image_id: str, volume: str, apparmor: str) -> ContainerSpec:
        """The trial's container: the launcher's own image, with a home that needs an overlay."""
        profile = ImageProfile(image_id, Home.COPIED, None)
        spec = spec_for(self._launcher_image, profile, Delivery.ATTACH, self._labels)
        command = (_WAITS, READY_MARK.decode())
        spec = replace(spec, command=command, prelude=b"", runtime=self._runtime)
        return cell_spec_of(spec, volume, apparmor=apparmor)

    def _decide(self, volume: str | None, why_not: str) -> None:
        if (volume, why_not) == (self._volume, self._why_not):
            return
        self._volume, self._why_not = volume, why_not
        if volume is not None:
            logger.info("each run gets a cell of its own in a container that serves many")
            if self._profile == UNCONFINED:
                logger.warning(
                    "AppArmor is off for cells, because CYBER_DOJO_RUNNER_APPARMOR is unconfined"
                )
        else:
            level = "ERROR" if self._wanted is Reuse.CELLS else "WARNING"
            logger.bind(reason=why_not).log(
                level, "cells cannot be had: each run gets a container of its own"
            )
        self.is_decided = True
        self._tell()


def _what_refused(errors: Mapping[str, EngineError]) -> EngineError:
    """The first error, which tells of the host; with the last one's words if they say more.

    When the engine refuses the last profile, its words say only that the profile is not loaded, or
    that the host has no AppArmor. When the profile is loaded, the launcher itself gives a reason.
    """
    first, (profile, last) = next(iter(errors.values())), list(errors.items())[-1]
    if last.status or last.message == first.message:
        return first
    message = f"{first.message}; under the AppArmor profile {profile}: {last.message}"
    return EngineError(first.operation, message, status=first.status, image=first.image)


async def _end_of(started: Started) -> None:
    ended = asyncio.Event()
    started.stream.on_end(ended.set)
    await ended.wait()
