"""What is made of an image: of its files, of a run in it, and of what a daemon says of it."""

from typing import Any

import pytest

from pool import Folder, Found
from runner.client import Result, Text
from runner.container.profile import RED_AMBER_GREEN
from runner.doctor.findings import Finding, Level
from runner.doctor.image import Pool, look_into, of_pool, of_run
from tests.fakes import FakeEngine

GOOD: dict[str, Found] = {
    "/etc/passwd": b"root:x:0:0::/root:/bin/sh\nsandbox:x:41966:51966::/home/sandbox:/bin/bash\n",
    "/etc/group": b"root:x:0:\nsandbox:x:51966:\n",
    RED_AMBER_GREEN: b"lambda { |o, e, s| :red }",
    "/bin/bash": b"\x7fELF",
    "/usr/bin/tar": b"\x7fELF",
    "/bin/gzip": b"\x7fELF",
    "/usr/local/bin/find": b"\x7fELF",
}


async def problems_of(changes: dict[str, Found | None]) -> dict[str, str]:
    """What is found wrong with the files of an image that is good but for these changes."""
    fake = FakeEngine()
    files = {path: found for path, found in {**GOOD, **changes}.items() if found is not None}
    fake.images.add("kata:1", files)
    image_id = (await fake.images.image("kata:1")).image_id
    found = await look_into(fake.images, image_id)
    assert len(found) == 7
    return {one.name: one.found for one in found if one.level is Level.PROBLEM}


async def test_a_good_image_has_all() -> None:
    """`image check` finds nothing wrong with a good image, wherever on the path its
    programs are.
    """
    assert await problems_of({}) == {}
    assert await problems_of({"/home/sandbox": Folder.FILLED}) == {}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"/bin/bash": None}, "bash"),
        ({"/usr/bin/tar": None}, "tar"),
        ({"/bin/gzip": None}, "gzip"),
        ({"/usr/local/bin/find": None}, "find"),
        ({"/etc/passwd": None}, "user and group"),
        ({"/etc/passwd": b"sandbox:x:1000:51966::/:/bin/sh\n"}, "user and group"),
        ({"/etc/group": b"sandbox:x:1000:\n"}, "user and group"),
        ({"/etc/group": b"sand\xff\nbox"}, "user and group"),
        ({RED_AMBER_GREEN: None}, "lambda's file"),
        ({"/home/sandbox": b"x"}, "home"),
    ],
)
async def test_what_an_image_lacks_is_named(changes: dict[str, Found | None], name: str) -> None:
    """The requirement that it does not meet is a problem, and no other is."""
    assert list(await problems_of(changes)) == [name]


def ran(stdout: str = "", **changes: Any) -> Result:
    """What came of a run that printed this."""
    fields: dict[str, Any] = {"status": "0", "outcome": "red", **changes}
    return Result(stdout=Text(stdout, False), stderr=Text("", False), **fields)


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    """The findings by their names."""
    return {one.name: one for one in findings}


USER = "user\t41966\t51966\nhome\t/home/sandbox\tyes\n"


def test_a_run_that_is_well() -> None:
    """The run of `image check` was made as the learner's user, and Ruby told its
    colour by the image's lambda.
    """
    found = by_name(of_run(ran(USER)))

    assert {one.level for one in found.values()} == {Level.OK}
    assert found["a run"].found.startswith("as 41966:51966")
    assert found["lambda"].found.endswith("red")


def test_a_lambda_that_does_not_load() -> None:
    """The finding has Ruby's own words."""
    exception = {"context": "exception when eval'ing lambda source", "message": "syntax error"}
    found = by_name(of_run(ran(USER, outcome="faulty", log={"exception": exception})))

    assert found["lambda"].level is Level.PROBLEM
    assert found["lambda"].found.endswith("source: syntax error")


def test_a_lambda_that_is_missing_is_told_once() -> None:
    """A missing lambda makes no second finding, as the files have told it already."""
    exception = {"context": f"image_name must have {RED_AMBER_GREEN} file"}

    assert "lambda" not in by_name(
        of_run(ran(USER, outcome="faulty", log={"exception": exception}))
    )


def test_places_that_a_run_cannot_write_to() -> None:
    """What the image's permissions allow, and a run does not, is a warning that names it."""
    places = "place\t/opt/cache\tno\nplace\t/var/cache\tyes\nplace\t/var/tmp\tno\n"
    found = by_name(of_run(ran(USER + places)))["writable places"]

    assert found.level is Level.WARNING
    assert found.found.endswith(": /opt/cache")


def test_places_are_listed_up_to_a_limit() -> None:
    """An image with hundreds of them does not fill the screen."""
    places = "".join(f"place\t/opt/{number}\tno\n" for number in range(100))
    found = by_name(of_run(ran(USER + places)))["writable places"]

    assert found.found.endswith("/opt/19 and 80 more")


@pytest.mark.parametrize("status", ["141", "142", "143", "144"])
def test_a_run_that_did_not_come_about(status: str) -> None:
    """A run that did not come about is told in the engine's own words."""
    [found] = of_run(ran(status=status, outcome="faulty", log={"reason": "exec bash\nfailed"}))

    assert (found.level, found.found) == (Level.PROBLEM, "exec bash failed")


def test_a_run_that_printed_nothing() -> None:
    """An image whose bash does nothing is a problem, too."""
    assert by_name(of_run(ran("")))["a run"].level is Level.PROBLEM


@pytest.mark.parametrize(
    ("mode", "why_not", "level"),
    [
        ("cells", "", Level.OK),
        ("read-only", "no cell: Permission denied", Level.WARNING),
        ("copied home", "", Level.WARNING),
    ],
)
def test_cells(mode: str, why_not: str, level: Level) -> None:
    """Whether the image can have them, and else why not: because of the host, or of itself."""
    found = by_name(of_pool(Pool(mode, 250.0, why_not), ["/data"]))

    assert found["cells"].level is level
    assert found["warming"].found.startswith("250 ms")
    assert found["volumes"].found == "/data"


def test_an_image_that_never_got_warm() -> None:
    """`image check` says nothing of the time to warm an image that never got warm."""
    health = {"images": {}, "reuse": {"why_no_cells": ""}}

    assert list(by_name(of_pool(Pool.of(health, "kata:1"), []))) == ["volumes"]


def test_what_a_daemon_tells() -> None:
    """The first start of the image is what warming it costs when nothing is cached."""
    pool = {"mode": "read-only", "fill_seconds": [0.3, 0.2]}
    health = {"images": {"kata:1": pool}, "reuse": {"why_no_cells": "not wanted"}}

    assert Pool.of(health, "kata:1") == Pool("read-only", 300.0, "not wanted")


def test_a_root_that_must_be_writable() -> None:
    """A root that must be writable is a warning with the daemon's reason; the usual
    root is read-only.
    """
    usual = by_name(of_pool(Pool("read-only", 250.0, "not wanted"), []))
    odd = by_name(of_pool(Pool("writable root", 250.0, "not wanted", "EROFS in a run"), []))

    assert usual["read-only"].level is Level.OK
    assert odd["read-only"].level is Level.WARNING
    assert odd["read-only"].found == "not possible: EROFS in a run"


def test_the_profile_names_what_is_writable() -> None:
    """Places of the image that are had anew for each run are part of its profile."""
    pool = {"mode": "read-only", "fill_seconds": [0.3], "profile": {"places": {"/go": "copied"}}}
    health = {"images": {"kata:1": pool}, "reuse": {"why_no_cells": "not wanted"}}

    found = by_name(of_pool(Pool.of(health, "kata:1"), []))

    assert found["profile"].found == "read-only; writable for each run anew: /go"
