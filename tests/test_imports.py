"""Who may import what; pyproject.toml has the layers, for import-linter."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKER_PARTS = ("client", "containers", "images", "pull", "stream")
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
MODULES = [str(path.relative_to(ROOT)) for path in SOURCES]


@cache
def nodes_of(module: str) -> list[ast.AST]:
    """Everything that a module imports, and the attributes that it uses."""
    tree = ast.parse((ROOT / module).read_text())
    kinds = (ast.Import, ast.ImportFrom, ast.Attribute)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def imports_of(module: str) -> Iterator[str]:
    """The dotted names that a module imports; `from a import b` is `a.b`."""
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "no relative imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    layers = [
        name.strip()
        for contract in tools["importlinter"]["contracts"]
        for layer in contract.get("layers", ())
        for name in layer.split("|")
    ]

    names = [module.removesuffix(".py").replace("/", ".") for module in MODULES]
    assert sorted(layers) == [name for name in names if not name.endswith("__init__")]


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
    modules = [module.removesuffix(".py").replace("/", ".") for module in MODULES]
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
