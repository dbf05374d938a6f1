"""Images that let the learner's user write in odd places, in either kind of container."""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from pool import DockerClient
from tests.daemon_process import Daemon, daemon
from tests.runner.katas import building, built

pytestmark = pytest.mark.docker

BUSYBOX = "dojo-runner/busybox-bash:latest"
OWN = "41966:51966"
CACHE = "mkdir -p /cache/deep && echo old >/cache/deep/trim.txt && chmod -R 777 /cache"

# By what is odd about them: the base, and the commands that make them so.
_SKELETON = "mkdir -p /etc/skel && echo 'alias l=ls' >/etc/skel/.bashrc"
MADE = {
    "cache": (BUSYBOX, CACHE),
    "group": (BUSYBOX, f"{CACHE} && chmod -R 775 /cache && chown -R 0:51966 /cache"),
    "below-etc": (
        BUSYBOX,
        f"mkdir -p /etc/kata/modules/one && echo 1 >/etc/kata/modules/one/file"
        f" && chown -R {OWN} /etc/kata/modules",
    ),
    "half-ours": (
        BUSYBOX,
        "mkdir -p /opt/it/sub && echo 1 >/opt/it/file"
        f" && chown -R {OWN} /opt/it && chown 0 /opt/it/file",
    ),
    "file": (BUSYBOX, "echo old >/etc/notes && chmod 666 /etc/notes"),
    "empty": (
        BUSYBOX,
        f"mkdir -p /var/tmp /srv/own /srv/open && chmod 1777 /var/tmp && chmod 777 /srv/open"
        f" && chown {OWN} /srv/own",
    ),
    "skeleton": (
        BUSYBOX,
        f"{_SKELETON} && cp -r /etc/skel/. /home/sandbox/ && chown -R {OWN} /home/sandbox",
    ),
    "changed-skeleton": (
        BUSYBOX,
        f"{_SKELETON} && echo 'export TOOL=1' >/home/sandbox/.bashrc"
        f" && chown -R {OWN} /home/sandbox",
    ),
    "home-of-two": (
        BUSYBOX,
        "mkdir /home/sandbox/tools && echo 1 >/home/sandbox/tools/one"
        " && chown -R 41966:0 /home/sandbox/tools && chmod -R 775 /home/sandbox/tools",
    ),
    "mail": (
        BUSYBOX,
        f"mkdir -p /var/mail && touch /var/mail/sandbox && chown {OWN} /var/mail/sandbox",
    ),
}  # fmt: skip

# What a program does there, and what the kinds of container are called that it then gets.
DOES = {
    "cache": "echo new >/cache/deep/trim.txt && mkdir /cache/more && rm -r /cache/deep",
    "group": "echo new >/cache/deep/trim.txt && mkdir /cache/more",
    "below-etc": "cd /etc/kata/modules && echo 2 >one/file && mkdir .new && rm -r one && mv .new c",
    "half-ours": "cat /opt/it/file && echo 2 >/opt/it/sub/new && rm -f /opt/it/file",
    "file": "echo new >>/etc/notes && [[ $(</etc/notes) == old$'\\n'new ]]",
    "empty": "for d in /var/tmp /srv/own /srv/open; do echo x >$d/new || exit 2; done",
    "skeleton": "echo x >~/new && mkdir ~/.cache",
    "changed-skeleton": ". ~/.bashrc && [[ $TOOL == 1 ]] && echo x >>~/.bashrc",
    "home-of-two": "echo 2 >~/tools/one && mkdir ~/tools/deep ~/more",
    "mail": "! echo x >/x",
}
AGAIN = "run-again"
MODES = {
    "cache": ("writable root", "writable root"),
    "group": ("writable root", "writable root"),
    "below-etc": ("writable root", "cells"),
    "half-ours": ("writable root", "writable root"),
    "file": ("writable root", "writable root"),
    "empty": ("read-only", "cells"),
    "skeleton": ("read-only", "cells"),
    "changed-skeleton": ("copied home", "cells"),
    "home-of-two": ("copied home", "copied home"),
    "mail": ("read-only", "cells"),
}


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[DockerClient]:
    """A client of the engine."""
    async with building() as client:
        yield client


@pytest_asyncio.fixture(scope="module")
async def images(client: DockerClient) -> AsyncIterator[Mapping[str, str]]:
    """The images' names, by what is odd about them."""
    contexts = {
        what: {"Dockerfile": f"FROM {base}\nRUN {run}\n"} for what, (base, run) in MADE.items()
    }
    # That image is remembered as one that needs a writable root, so no other test may use it.
    contexts[AGAIN] = {"Dockerfile": f"FROM {BUSYBOX}\nRUN mkdir /{AGAIN}\n"}
    async with built(client, "places", contexts) as names:
        yield names


@pytest_asyncio.fixture(scope="module", params=["never", "cells"])
async def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    images: Mapping[str, str],
) -> AsyncIterator[Daemon]:
    """A daemon of each kind, gone before the images are."""
    folder = tmp_path_factory.mktemp(f"places-{request.param}")
    async with daemon(folder, reuse=request.param, warm="1") as running:
        yield running


# Where no cell can be had both kinds give a container of the same sort.
@pytest.mark.long_with("cells-group", "cells-half-ours", "cells-file", "cells-home-of-two")
@pytest.mark.parametrize("what", MADE)
async def test_a_program_writes_where_the_image_lets_it(
    running: Daemon, images: Mapping[str, str], what: str
) -> None:
    """Each run finds the place as the image has it, and what it needs decides the container."""
    results = [await running.run(images[what], f"set -e; {DOES[what]}") for _ in range(2)]

    assert [result["status"] for result in results] == ["0"] * 2, results
    health = await running.health()
    image = health["images"][images[what]]
    assert image["mode"] == MODES[what][health["reuse"]["kind"] == "cells"], image
    assert image["profile"]["surveyed"]
    assert (image["profile"]["user"], image["profile"]["group"]) == ("sandbox", "sandbox")
    assert image["profile"]["architecture"]
    assert bool(image["why"]) == ("writable" in MODES[what][0] or what == "home-of-two"), image


# It copes with a folder that it may not write to, and not with a read-only file system.
INTOLERANT = """mkdir /bin/cache 2>words && exit 3
[[ $(<words) != *Read-only* ]] && exit
cat words >&2
exit 1"""


async def test_a_run_that_fails_for_the_root_is_made_again(
    running: Daemon, images: Mapping[str, str]
) -> None:
    """A run that fails on a read-only root gets its result on a writable one.

    The image is remembered, and once logged.
    """
    image = images[AGAIN]

    results = [await running.run(image, INTOLERANT, files={"words": ""}) for _ in range(3)]

    assert [result["status"] for result in results] == ["0"] * 3, results
    shown = (await running.health())["images"][image]
    assert (shown["mode"], shown["why"]) == (
        "writable root",
        "a run failed on a read-only root, and not on a writable one",
    )
    [event] = await running.logged("an image needs containers of its own kind", image=image)
    assert event["reason"] == shown["why"]


async def test_words_alone_change_nothing(running: Daemon, images: Mapping[str, str]) -> None:
    """A program that only prints the kernel's words gets its result, and leaves no mark."""
    image = images["empty"]

    results = [await running.run(image, "echo Read-only file system; exit 1") for _ in range(3)]

    assert {result["status"] for result in results} == {"1"}
    assert not (await running.health())["images"][image]["why"]


async def test_settings_decide_before_the_profile(
    tmp_path_factory: pytest.TempPathFactory, images: Mapping[str, str]
) -> None:
    """An image that is pinned to a kind of root has that one, whatever it needs."""
    folder = tmp_path_factory.mktemp("places-pinned")
    async with daemon(
        folder,
        warm="0",
        read_only_root_images=images["cache"],
        writable_root_images=images["empty"],
    ) as pinned:
        denied = await pinned.run(images["cache"], "echo x >/cache/new")
        await pinned.run(images["empty"], "true")
        shown = (await pinned.health())["images"]

    assert denied["status"] == "1"
    assert "Read-only file system" in denied["stderr"]["content"]
    assert shown[images["cache"]]["mode"] == "read-only"
    assert shown[images["empty"]]["mode"] == "writable root"


async def test_an_overlay_is_for_images_that_have_the_folder(
    tmp_path_factory: pytest.TempPathFactory, images: Mapping[str, str]
) -> None:
    """REUSE_OVERLAYS may name a folder that only some images have."""
    folder = tmp_path_factory.mktemp("places-overlays")
    async with daemon(
        folder, warm="0", reuse="cells", reuse_overlays="/nowhere,/etc/kata"
    ) as running:
        results = [
            await running.run(images["empty"], "echo x >/etc/kata/x"),
            await running.run(images["below-etc"], "echo x >/etc/kata/modules/x"),
        ]

    assert [result["status"] for result in results] == ["1", "0"], results
