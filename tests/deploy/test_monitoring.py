"""Rules and dashboard for Prometheus and Grafana: checked by promtool, and by a real Prometheus."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.conftest import ServeFake
from tests.daemon_process import free_port
from tests.deploy.commands import ROOT, run
from tests.serving import Served
from tests.waiting import eventually

FOLDER = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dojo-runner.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

needs_tools = pytest.mark.tools


@pytest.fixture(scope="session")
async def tools() -> Path:
    """The folder of prometheus and promtool."""
    return Path(await run(str(ROOT / "scripts" / "prometheus")))


def expressions() -> Iterator[str]:
    """All that the rules and the dashboard ask Prometheus."""
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])


@needs_tools
@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("check", "config", "compose.yml"),
        ("test", "rules", "rules.test.yml"),
    ],
    ids=" ".join,
)
async def test_promtool_finds_nothing(tools: Path, words: tuple[str, ...]) -> None:
    """The files are well-formed, and each alert fires in its case and not when all is well."""
    assert "SUCCESS" in await run(str(tools / "promtool"), *words[:2], str(FOLDER / words[2]))


def test_each_alert_has_a_case_and_an_entry() -> None:
    """Each alert is tested, and docs/operations.md tells what it means and what to do."""
    tested = yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
    cases = {case["alertname"] for test in tested for case in test.get("alert_rule_test", [])}
    _, alerts = OPERATIONS.split("\n## Alerts\n")
    sections = {section.partition("\n")[0]: section for section in alerts.split("\n### ")[1:]}

    assert cases == set(ALERTS) == set(sections)
    for name, section in sections.items():
        assert [word for word in ("Means", "See more", "Do") if f"**{word}:**" not in section] == []
        assert ALERTS[name]["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"


async def test_every_metric_that_is_asked_for_is_there(serve_fake: ServeFake) -> None:
    """No rule and no panel asks for a metric that the daemon does not have."""
    async with serve_fake(siblings=("127.0.0.1:9",)) as served:
        await served.until_ready()
        await served.run("exit 0")
        async with served.session.get(f"{served.url}/metrics") as response:
            text = await response.text()
    # A family may have no series yet: nothing has been asked of a real engine here.
    families = re.findall("^# TYPE ([a-z_]+) ([a-z]+)$", text, re.MULTILINE)
    there = {name for name, _ in families} | {
        f"{name}_bucket" for name, kind in families if kind == "histogram"
    }
    asked = {
        name
        for expression in expressions()
        for name in re.findall(r"\b(?:runner|process)_[a-z_]+", expression)
    }

    assert asked - there == set()
    assert len(asked) > 10


@asynccontextmanager
async def prometheus(tools: Path, target: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a Prometheus that scrapes `target` each second, with the project's rules."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / "rules.yml")]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        str(tools / "prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={url}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{url}"
    finally:
        process.terminate()
        await process.wait()


@needs_tools
@pytest.mark.docker
async def test_a_real_one_scrapes_a_real_run(
    tools: Path, docker_http: Served, tmp_path: Path
) -> None:
    """Prometheus takes every series in, counts a run, and no alert fires."""
    before = (await docker_http.run("exit 1"))["outcome"]
    async with prometheus(tools, docker_http.url.removeprefix("http://"), tmp_path) as url:

        async def found(query: str) -> list[Any]:
            try:
                async with docker_http.session.get(
                    f"{url}/api/v1/query", params={"query": query}
                ) as response:
                    return list((await response.json())["data"]["result"])
            except (aiohttp.ClientError, OSError, KeyError):
                return []

        (runs,) = await eventually(lambda: found('sum(runner_runs_total{outcome="red"})'))
        (engine,) = await eventually(lambda: found("runner_engine_up"))
        alerts = await found('ALERTS{alertstate="firing"}')

    assert before == "red"
    assert float(runs["value"][1]) >= 1
    assert engine["value"][1] == "1"
    assert alerts == []
