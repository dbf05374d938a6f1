"""Who may import what; pyproject.toml has the layers, for import-linter."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import groupby, pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKER_PARTS = ("client", "containers", "images", "pull", "stream", "steps")
SOURCES = sorted((*ROOT.glob("pool/*.py"), *ROOT.glob("runner/**/*.py")))
WEB = {
    "runner/app.py",
    *(
        f"runner/http/{name}.py"
        for name in (
            "acts", "bodies", "documents", "keys", "live", "malformed", "origin", "problems",
            "refusals", "routes",
        )
    ),
}  # fmt: skip
_COMMAND = re.compile(r"(runner[.\w]+):\w+")
_MERMAID = re.compile(r"^```mermaid\n(flowchart.*?)^```$", re.MULTILINE | re.DOTALL)
MODULES = [str(path.relative_to(ROOT)) for path in SOURCES]


def dotted(module: str) -> str:
    """The dotted name of a module, by its path."""
    return module.removesuffix(".py").replace("/", ".")


@cache
def nodes_of(module: str) -> list[ast.AST]:
    """Everything that a module imports, and the attributes and constants that it uses."""
    tree = ast.parse((ROOT / module).read_text())
    kinds = (ast.Import, ast.ImportFrom, ast.Attribute, ast.Constant)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def imports_of(module: str) -> Iterator[str]:
    """The dotted names that a module imports; `from a import b` is `a.b`."""
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "no relative imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def commands_of(module: str) -> Iterator[str]:
    """The modules with the commands that a module names, each as `module:function`.

    The command line imports such a module when somebody types its command.
    """
    for node in nodes_of(module):
        if isinstance(node, ast.Constant) and (found := _COMMAND.fullmatch(str(node.value))):
            yield found[1]


def room_of(name: str) -> str:
    """The room of a module or of something in it; a module of `runner/` itself is by itself."""
    return name.split(".")[1]


@cache
def arrows_of_rooms() -> Mapping[tuple[str, str], set[str]]:
    """For each room and each other room that it needs, the modules that need it.

    Every import counts, be it within a function or for the types alone. So do the commands, which
    the command line imports by their names.
    """
    arrows = defaultdict(set)
    for module in MODULES:
        name = dotted(module)
        for needed in (*imports_of(module), *commands_of(module)):
            if name.startswith("runner.") and needed.startswith("runner."):
                arrows[room_of(name), room_of(needed)].add(name)
    return {(room, other): modules for (room, other), modules in arrows.items() if room != other}


def below(room: str) -> set[str]:
    """All rooms that a room needs, by itself or by way of others."""
    found: set[str] = set()
    to_look_at = [room]
    while to_look_at:
        looked_at = to_look_at.pop()
        needed = {other for one, other in arrows_of_rooms() if one == looked_at} - found
        found |= needed
        to_look_at += needed
    return found


def layered() -> list[str]:
    """The modules in the layers of pyproject.toml, from the top."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return [
        name.strip()
        for contract in tools["importlinter"]["contracts"]
        for layer in contract.get("layers", ())
        for name in layer.split("|")
    ]


def importers_of(name: str) -> set[str]:
    """Those of our modules that import a module, or something in it."""
    return {
        module
        for module in MODULES
        if any(f"{found}.".startswith(f"{name}.") for found in imports_of(module))
    }


def test_all_sources_are_looked_at() -> None:
    """There are files to look at, as a rule over no files would hold."""
    assert len(MODULES) > 30
    assert importers_of("asyncio")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("aiohttp.web", WEB),
        ("aiodocker", {f"pool/docker_{part}.py" for part in DOCKER_PARTS}),
        ("jinja2", {"runner/http/docs_page.py"}),
        ("asyncio_pool", {"pool/workers.py"}),
        ("pydantic_settings", {"runner/settings.py", "runner/configuration/lists.py"}),
        ("magic", {"runner/run/texts.py"}),
    ],
)  # fmt: skip
def test_what_is_outside_has_its_adapters(name: str, allowed: set[str]) -> None:
    """Each outside library is imported by its adapters, and by nothing else."""
    assert importers_of(name) == allowed


def test_the_service_sees_only_the_pools_shop_window() -> None:
    """`runner` imports from `pool`, never from a module in it."""
    for module in MODULES:
        if module.startswith("runner/"):
            ours = {name for name in imports_of(module) if name.split(".")[0] == "pool"}
            assert all(name.count(".") == 1 for name in ours), module
            assert not any((ROOT / f"{name.replace('.', '/')}.py").exists() for name in ours), (
                module
            )


def test_the_rooms_form_no_circle() -> None:
    """No room needs itself by way of others, so a reader of one need know only those below it."""
    arrows = arrows_of_rooms()
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for room, needed in arrows:
        sorter.add(room, needed)

    try:
        sorter.prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        words = (
            f"{room} needs {needed} in {', '.join(sorted(arrows[room, needed]))}"
            for room, needed in pairwise(circle)
        )
        pytest.fail("\n".join((" > ".join(circle), *words)))


def test_only_the_console_script_needs_the_commands() -> None:
    """`commands` is the topmost room: what authors and the doctor share with it is in `cli`."""
    arrows = arrows_of_rooms()

    assert {room for room, needed in arrows if needed == "commands"} == {"__main__"}
    assert ("commands", "doctor") in arrows, "a command counts, which is imported by its name"


def test_the_picture_shows_every_room_and_what_it_needs() -> None:
    """The architecture's picture has each room, and an arrow for each need that does not follow
    from other arrows.
    """
    (picture,) = _MERMAID.findall((ROOT / "docs" / "architecture.md").read_text())
    shown = set(re.findall(r"\b(\w+)\b", picture)) - {"flowchart", "TD"}
    told = {
        (room, needed)
        for room, others in re.findall(r"(\w+) --> ([\w& ]+)", picture)
        for needed in others.split(" & ")
    }

    arrows = {arrow for arrow in arrows_of_rooms() if shown.issuperset(arrow)}
    assert told == {
        (room, needed)
        for room, needed in arrows
        if not any(one == room and needed in below(other) for one, other in arrows)
    }
    assert shown.issuperset(path.parent.name for path in ROOT.glob("runner/*/__init__.py"))


def test_the_environment_is_used_in_three_places() -> None:
    """Only the reader of settings uses `os.environ` and `os.getenv`, health checks' client, and the
    console script.

    That client does without the settings, whose import would take ten times the CPU of a check. The
    script gives a process a home before it imports a library that asks for one.
    """
    readers = {module for module in MODULES if {"environ", "getenv"} & names_in(module)}

    assert readers == {"runner/environment.py", "runner/http/probe.py", "runner/__main__.py"}


def test_every_module_has_a_layer() -> None:
    """The layers of pyproject.toml, which import-linter checks, name each module exactly once."""
    names = [dotted(module) for module in MODULES]
    assert sorted(layered()) == [name for name in names if not name.endswith("__init__")]


def test_the_layers_go_from_room_to_room() -> None:
    """All modules of a room are together in the layers, so import-linter's order is one of rooms,
    too.
    """
    ours = (room_of(name) for name in layered() if name.startswith("runner."))
    times = Counter(room for room, _ in groupby(ours))

    assert times["http"] == 1
    assert [room for room, count in times.items() if count > 1] == []


@pytest.mark.parametrize("module", [name for name in MODULES if "__init__" not in name])
def test_the_architecture_names_every_module(module: str) -> None:
    """The page of rooms tells of each module what it is for."""
    page = (ROOT / "docs" / "architecture.md").read_text()

    assert re.search(rf"\b{Path(module).stem}\b", page)


def names_in(module: str) -> set[str]:
    """All attributes that a module uses, and what it imports from elsewhere."""
    attributes = {node.attr for node in nodes_of(module) if isinstance(node, ast.Attribute)}
    return attributes | {name.rpartition(".")[2] for name in imports_of(module)}


def test_importing_does_nothing() -> None:
    """An import prints, logs and starts nothing, and reads no setting, even of a broken
    environment.
    """
    modules = [dotted(module) for module in MODULES]
    code = (
        f"import {', '.join(modules)}, logging, threading\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not logging.root.handlers"
    )
    environment = {"CYBER_DOJO_RUNNER_PORT": "not a port", "PATH": "/usr/bin"}
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, env=environment, capture_output=True,
        check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
