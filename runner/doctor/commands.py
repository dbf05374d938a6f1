"""`dojo-runner doctor`: looks at everything that katas need, one line for each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from pool import Delivery, DockerClient, DockerHost, DockerImages, EngineError, EngineFacts
from runner.app import OTHER_DESCRIPTORS
from runner.cli.output import FAILED
from runner.cli.terminal import told
from runner.doctor import engine, host, trial
from runner.doctor.findings import Finding, Level, ok, problem, within
from runner.doctor.show import tell
from runner.engine.own_image import read_own_container_id
from runner.engine.tool_files import files_of
from runner.engine.tool_images import ToolImages, tools_named
from runner.environment import SettingsError, read_settings
from runner.settings import Settings
from runner.threads import aside

LOOK_S = 5.0  # for what is read on this host
ASK_S = 10.0  # for a question to the engine
RUN_S = 60.0  # for a run, with the start and the end of a daemon


def examine(
    *,
    image: Annotated[str | None, Parameter(help="run this one, instead of any kata's")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print JSON, for programs")
    ] = False,
) -> int:
    """Look whether this machine can run katas; where it cannot, say what to do.

    The settings are those of the environment. The exit status is 0 if there is no problem, else 1.
    """
    return told(_examine(image, as_json=as_json))


async def _examine(image: str | None, *, as_json: bool) -> int:
    worst = await tell(_findings(image), as_json=as_json)
    return FAILED if worst is Level.PROBLEM else 0


async def _findings(image: str | None) -> AsyncIterator[Finding]:
    try:
        settings = read_settings()
    except SettingsError as error:
        yield problem("settings", str(error), "correct it; the rest is looked at with the defaults")
        settings = Settings.model_construct()
    else:
        yield ok("settings", "each variable is a setting, and has a possible value")
    async for finding in _of_host(settings):
        yield finding
    client = DockerClient(settings.docker_host, lambda _error: None)
    try:
        async for finding in _of_engine(settings, client, image):
            yield finding
    finally:
        await client.close()


async def _of_host(settings: Settings) -> AsyncIterator[Finding]:
    files = settings.connections + settings.host_containers + OTHER_DESCRIPTORS
    looks: dict[str, Callable[[], Finding]] = {
        "socket": lambda: host.engine_socket(settings.docker_host),
        "port": lambda: host.port(settings.host, settings.port),
        "open files": lambda: host.open_files(files),
        "user namespaces": lambda: host.user_namespaces(_profile(settings)),
    }
    for name, look in looks.items():
        yield await within(LOOK_S, name, _aside(look))


async def _of_engine(
    settings: Settings, client: DockerClient, image: str | None
) -> AsyncIterator[Finding]:
    facts: list[EngineFacts] = []
    asked = await within(ASK_S, "engine", lambda: _ask(DockerHost(client), facts))
    yield asked
    if not facts:
        return
    known = facts[0]
    yield await within(LOOK_S, "disk", _aside(lambda: host.disk(known.root)))
    yield engine.cgroups(known)
    yield engine.seccomp(known)
    yield engine.apparmor(known, host.apparmor_profiles(), _profile(settings))
    tools = tools_named(ruby_image=settings.ruby_image, launcher_image=settings.launcher_image)
    # It looks for images without roots, so it loads none.
    images = ToolImages(DockerImages(client, {}), read_own_container_id(), tools, roots=())
    for what, name, is_needed in (
        ("image with Ruby", settings.ruby_image, True),
        ("launcher's image", settings.launcher_image, False),
    ):
        brings = files_of(tools[name]) is not None
        look = partial(
            engine.tool_image, images, name, what=what, is_needed=is_needed, brings=brings
        )
        yield await within(ASK_S, what, look)
    async for finding in _of_runs(image or await _kata_image(settings, client)):
        yield finding


def _profile(settings: Settings) -> str:
    """The AppArmor profile that containers of cells need where the engine's own forbids cells."""
    return settings.apparmor or engine.APPARMOR_PROFILE


async def _kata_image(settings: Settings, client: DockerClient) -> str:
    try:
        async with asyncio.timeout(ASK_S):
            names = await DockerImages(client, {}).names()
    except (EngineError, TimeoutError):  # the runs will say what is wrong
        names = []
    return trial.kata_image(names, settings.warm_images, settings.ruby_image)


async def _of_runs(image: str) -> AsyncIterator[Finding]:
    cells = None
    for delivery in (Delivery.ATTACH, Delivery.EXEC):
        tried = trial.Trial(image, delivery)
        yield await tried.within(RUN_S)
        cells = cells or tried.cells
    yield trial.cells(cells)


async def _ask(docker: DockerHost, facts: list[EngineFacts]) -> Finding:
    try:
        facts.append(await docker.facts())
    except EngineError as error:
        return problem("engine", error.message, engine.advice_of(error))
    return engine.engine(facts[0])


def _aside(look: Callable[[], Finding]) -> Callable[[], Awaitable[Finding]]:
    return lambda: aside(look)
