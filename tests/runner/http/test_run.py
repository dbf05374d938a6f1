"""The contract of a run: its seven keys, and what its program finds around it."""

import json
from typing import Any

import pytest

from tests.runner.http.support import RUN, Events, text
from tests.serving import Served


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, "green"), (1, "red"), (3, "amber"), (255, "amber")]
)
async def test_a_run_says_all_of_its_seven_keys(http: Served, status: int, outcome: str) -> None:
    """A run answers what was printed, its status and colour, and empty values for all else."""
    result = await http.run(f"echo out; echo err >&2; exit {status}")

    assert result == {
        "stdout": text("out\n"),
        "stderr": text("err\n"),
        "status": str(status),
        "outcome": outcome,
        "log": {},
        "created": {},
        "changed": {},
    }


async def test_a_program_that_is_killed_has_a_shells_status(http: Served) -> None:
    """The status of a killed program is 128 and the signal's number."""
    result = await http.run("kill -KILL $$")

    assert (result["status"], result["outcome"]) == ("137", "amber")


@pytest.mark.docker
async def test_a_forged_status_does_not_count(docker_http: Served) -> None:
    """A status that the program writes into our file is written over by the real one."""
    result = await docker_http.run("printf 0123456789 >/.dojo/status; exit 1")

    assert (result["status"], result["outcome"]) == ("1", "red")


@pytest.mark.docker
async def test_a_program_may_tidy_up_all_that_it_can_see(docker_http: Served) -> None:
    """A program that empties /tmp and /sandbox has its output and its status all the same."""
    result = await docker_http.run("echo out; rm -rf /tmp/* /sandbox/*; exit 1")

    assert (result["status"], result["outcome"]) == ("1", "red")
    assert result["stdout"]["content"] == "out\n"


@pytest.mark.docker
async def test_a_program_may_leave_no_place_for_its_status(docker_http: Served) -> None:
    """A run that lost its status has status 145, and its lambda is asked all the same."""
    result = await docker_http.run("rm /.dojo/status; mkdir /.dojo/status")

    assert (result["status"], result["outcome"]) == ("145", "amber")


@pytest.fixture(params=["docker_http", "cells_http"])
def real_http(request: pytest.FixtureRequest) -> Served:
    """Two services on the real engine: one runs each kata in a container, the other in a cell."""
    served: Served = request.getfixturevalue(request.param)
    return served


@pytest.mark.docker
async def test_a_place_has_one_file_system(real_http: Served) -> None:
    """The list of file systems names each place that a program may write to once."""
    result = await real_http.run("while read -r _ place _; do echo $place; done </proc/mounts")
    places = result["stdout"]["content"].splitlines()

    assert [places.count(one) for one in ("/sandbox", "/tmp", "/home/sandbox")] == [1, 1, 1]


async def test_the_script_need_not_be_executable(http: Served) -> None:
    """Bash runs the script in the folder of its files, which have mode 0644."""
    result = await http.run('stat -c "%a %n" *; [ "$(basename "$PWD")" = sandbox ]')

    assert result["stdout"] == text("644 cyber-dojo.sh\n")
    assert result["status"] == "0"


async def test_a_run_without_its_script_is_bashs_affair(http: Served) -> None:
    """A run without cyber-dojo.sh has bash's status and words."""
    result = await http.send({**http.kata(), "files": {}})

    assert result["status"] == "127"
    assert "cyber-dojo.sh" in result["stderr"]["content"]


async def test_the_program_has_no_input(http: Served) -> None:
    """A program that reads its stdin finds its end at once."""
    assert (await http.run("cat; echo read"))["stdout"] == text("read\n")


async def test_the_program_sees_its_variables(http: Served) -> None:
    """The only variables of ours in a program's environment are image name, id, folder and HOME."""
    result = await http.run(
        'printf "%s\\n" "$CYBER_DOJO_IMAGE_NAME" "$CYBER_DOJO_ID" "$CYBER_DOJO_SANDBOX"\n'
        "compgen -e | grep -E 'HOME|ID|SANDBOX|IMAGE_NAME' | sort"
    )

    assert result["stdout"]["content"].split("\n") == [
        http.image,
        "aBc123",
        "/sandbox",
        "CYBER_DOJO_ID",
        "CYBER_DOJO_IMAGE_NAME",
        "CYBER_DOJO_SANDBOX",
        "HOME",
        "",
    ]


@pytest.mark.parametrize(
    ("kata_id", "seen"),
    [
        (42, "42"),
        (None, "null"),
        ("", ""),
        ('it\'s "quoted" $(id) `id` \\n %s', 'it\'s "quoted" $(id) `id` \\n %s'),
        ("two\nlines\t日本", "two\nlines\t日本"),
        ({"a": ["é"]}, '{"a": ["é"]}'),
        ("x" * 10_000, "x" * 4096),
        ("nul\0byte", "nulbyte"),
    ],
)
async def test_an_id_is_only_a_text(fake_http: Served, kata_id: Any, seen: str) -> None:
    """A program can read any id, and nothing interprets it."""
    kata = fake_http.kata('printf %s "$CYBER_DOJO_ID"')
    result = await fake_http.send({**kata, "id": kata_id})

    assert result["stdout"] == text(seen)


@pytest.mark.docker
async def test_an_odd_id_reaches_a_real_program(docker_http: Served) -> None:
    """Quotes, backslashes, percent signs and new lines of an id reach the program."""
    kata_id = 'it\'s "quoted" $(id) `id` \\n %s \\0000 \n日本\n'
    kata = docker_http.kata('printf "%s." "$CYBER_DOJO_ID"')
    result = await docker_http.send({**kata, "id": kata_id})

    assert result["stdout"] == text(kata_id + ".")


async def test_the_cleaners_can_be_sourced(http: Served) -> None:
    """The three functions that half of all start points call can be sourced."""
    result = await http.run(
        "set -e\nsource ~/cyber_dojo_fs_cleaners.sh\n"
        "cyber_dojo_delete_dirs gone none\ncyber_dojo_delete_files a.txt none\n"
        "cyber_dojo_reset_dirs again\nls -A again\nls",
        {"gone/x": "", "a.txt": "", "again/y": ""},
    )

    assert result["stdout"] == text("again\ncyber-dojo.sh\n")
    assert result["stderr"] == text()


@pytest.mark.parametrize(
    ("max_seconds", "limit_s"),
    [
        (10, 10), (1.5, 1.5), ("10", 10), (" 2.5 ", 2.5), ("1e1", 10), (0, 1), (-1, 1), ("-5", 1),
        (21, 20), (10**9, 20), (10**400, 20), (-(10**400), 1), ("1e999", 20), (0.001, 1),
    ],
)  # fmt: skip
async def test_max_seconds_is_clamped(fake_http: Served, max_seconds: Any, limit_s: float) -> None:
    """A number, or a numeric string, becomes at least 1 and at most the cap."""
    assert fake_http.fake is not None
    body = json.dumps(fake_http.kata(max_seconds=max_seconds)).encode()
    answer = await fake_http.ask(RUN, body)

    assert answer.status == 200
    assert fake_http.fake.kata.seen[-1].limit_s == limit_s


async def test_real_manifests_hold_more(fake_http: Served) -> None:
    """Fields of a manifest that are not ours are ignored."""
    result = await fake_http.run(display_name="C, assert", visible_files={}, tab_size=4)

    assert result["outcome"] == "green"


async def test_a_good_run_logs_one_line(http: Served, logs: Events) -> None:
    """A good run leaves one line at INFO, and nothing above."""
    await http.run()

    of_run = [event for event in logs if event.get("kata_id") == "aBc123"]
    assert [(event["level"], event["message"]) for event in of_run] == [("INFO", "run ended")]
    assert not [event for event in logs if event["level"] in ("WARNING", "ERROR")]
