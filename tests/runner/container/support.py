"""Containers of the lockdown on the real engine, and what a probe prints in them."""

import uuid

from pool import ContainerSpec, Delivery, DockerContainers, EngineError
from runner.container.lockdown import HOME, SANDBOX, TMP, spec_for
from runner.container.profile import Home, ImageProfile
from tests.runner.katas import THIS_PROCESS, harvest_of, kata

PYTHON = "dojo-runner/python-pytest:latest"
NO_USER = "dojo-runner/no-user:latest"
TOOLED = "dojo-runner/tooled-home:latest"
ODD = f"dojo-runner-test/lockdown:{THIS_PROCESS}"
CLANG = (
    f"cyberdojofoundation/clang_of_a_test:{THIS_PROCESS}",
    f"ghcr.io/cyber-dojo-languages/clang-t:{THIS_PROCESS}",
)

TMPFS = (SANDBOX, TMP, HOME)
LABELS = {"dojo-runner.test": f"lockdown-{uuid.uuid4().hex}"}
NO_ANSWER = "no answer"


def spec_of(
    image: str = PYTHON, home: Home = Home.TMPFS, delivery: Delivery = Delivery.ATTACH
) -> ContainerSpec:
    """The container that a kata of this image gets."""
    return spec_for(image, ImageProfile(image, home, None), delivery, LABELS)


async def verdict(engine: DockerContainers, spec: ContainerSpec, probe: str) -> str:
    """What the probe prints in such a container; NO_ANSWER when it cannot even be run."""
    try:
        harvest = await harvest_of(engine, spec, kata(spec.image, probe, seconds=20.0))
    except EngineError:
        return NO_ANSWER
    return harvest.stdout.decode().strip()


MAP_5_GIB = """python3 - <<'END'
import mmap
MAP_NORESERVE = 0x4000
try:
    mmap.mmap(-1, 5 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    print("mapped")
except OSError as error:
    print(error.strerror)
END"""
