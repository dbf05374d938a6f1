"""The profile "monitoring" of compose.yaml: Prometheus on the engine, and the files of Grafana.

Neither image can be pulled by a test. Prometheus is the distribution's, in an image that looks from
outside like the official one. Grafana is not started: its files are compared with each other.
"""

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.daemon_process import free_port
from tests.deploy.commands import ROOT, CommandError, outcome_at, run
from tests.deploy.test_compose import REPLICAS, UP_WITHIN_S, replicas_of, up
from tests.deploy.test_monitoring import ALERTS, DASHBOARD
from tests.documentation.claims import claimed_by
from tests.waiting import eventually

[UP] = claimed_by(__file__)
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
MONITORING = {
    name: service
    for name, service in COMPOSE["services"].items()
    if "monitoring" in service.get("profiles", ())
}
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
[SOURCE] = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())[
    "datasources"
]
[PROVIDER] = yaml.safe_load((PROVISIONING / "dashboards" / "dojo-runner.yml").read_text())[
    "providers"
]
# As the official image is made: its entry point, its folder, and its user, who is nobody.
DOCKERFILE = """
FROM dojo-runner/base:latest
COPY prometheus /bin/prometheus
RUN mkdir /prometheus && chown nobody:nogroup /prometheus
USER nobody
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
"""
# Two scrapes, and time for a machine that is busy.
SCRAPED_WITHIN_S = 60.0


def mounts(service: str) -> dict[str, Path]:
    """What a service finds of the project, by the path inside."""
    parts = (volume.split(":") for volume in MONITORING[service]["volumes"])
    return {inside: ROOT / outside for outside, inside, *_ in parts if outside.startswith("./")}


def test_it_is_asked_for() -> None:
    """Only the profile starts Prometheus and Grafana.

    Their images have versions, and may be replaced.
    """
    assert set(MONITORING) == {"prometheus", "grafana"}
    for name, service in MONITORING.items():
        variable, _, default = service["image"].removeprefix("${").removesuffix("}").partition(":-")
        repository, _, version = default.partition(":")
        assert variable == f"{name.upper()}_IMAGE"
        assert repository.count("/") == 1
        assert version not in ("", "latest")


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_it_is_locked_down(name: str) -> None:
    """Prometheus and Grafana write only where they must, and listen on loopback only."""
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", sorted(MONITORING))
def test_what_is_mounted_is_there(name: str) -> None:
    """Each file or folder that the profile mounts is in the project, and is
    read-only in the container.
    """
    found = mounts(name)

    assert found
    assert [path for path in found.values() if not path.exists()] == []
    assert all(volume.endswith(":ro") for volume in MONITORING[name]["volumes"] if volume[0] == ".")


def test_prometheus_asks_each_replica() -> None:
    """Prometheus' targets are the replicas of compose.yaml, under the job that the alerts mean."""
    read = yaml.safe_load((ROOT / "deploy" / "prometheus" / "compose.yml").read_text())
    [scraped] = read["scrape_configs"]
    [targets] = scraped["static_configs"]
    alone = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())

    assert targets["targets"] == [f"{name}:4597" for name in REPLICAS]
    assert set(REPLICAS) <= set(COMPOSE["services"])
    assert scraped["job_name"] == alone["scrape_configs"][0]["job_name"]
    assert read["rule_files"] == alone["rule_files"]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """Grafana's data source is the profile's Prometheus, and it is the default that
    the dashboard takes.
    """
    inside = mounts("grafana")
    [variable] = (one for one in DASHBOARD["templating"]["list"] if one["type"] == "datasource")
    asked = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}

    assert SOURCE["url"] == "http://prometheus:9090"
    assert (SOURCE["type"], SOURCE["isDefault"]) == (variable["query"], True)
    assert variable["current"]["value"] == SOURCE["uid"]
    assert asked == {f"${{{variable['name']}}}"}
    assert inside["/etc/grafana/provisioning/datasources"] == PROVISIONING / "datasources"
    assert inside["/etc/grafana/provisioning/dashboards"] == PROVISIONING / "dashboards"
    dashboard = f"{PROVIDER['options']['path']}/dojo-runner.json"
    assert json.loads(inside[dashboard].read_text()) == DASHBOARD
    home = MONITORING["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == dashboard


@pytest.fixture
async def prometheus_image(image: str, tmp_path: Path) -> AsyncIterator[str]:
    """An image of the distribution's Prometheus; removed at the end."""
    tools = Path(await run(str(ROOT / "scripts" / "prometheus")))
    await asyncio.to_thread(shutil.copy, tools / "prometheus", tmp_path)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    name = f"dojo-test/prometheus:{uuid.uuid4().hex[:12]}"
    try:
        await run("docker", "build", "--quiet", f"--tag={name}", str(tmp_path))
        yield name
    finally:
        with suppress(CommandError):
            await run("docker", "rmi", name)


@pytest.mark.docker
@pytest.mark.tools
@pytest.mark.long
@pytest.mark.timeout(400)
async def test_prometheus_watches_three_replicas(
    web: aiohttp.ClientSession, prometheus_image: str, tmp_path: Path
) -> None:
    """The profile's Prometheus is locked down, scrapes each replica, counts their
    runs, and has the rules.
    """
    port = free_port()

    async def told(path: str, **query: str) -> Any:
        try:
            async with web.get(f"http://127.0.0.1:{port}/api/v1/{path}", params=query) as response:
                return (await response.json())["data"]
        except (aiohttp.ClientError, OSError, KeyError):
            return {}

    async def values(query: str) -> list[str]:
        return [one["value"][1] for one in (await told("query", query=query)).get("result", ())]

    async with up(
        UP,
        tmp_path,
        *(*REPLICAS, "prometheus"),
        PROMETHEUS_IMAGE=prometheus_image,
        PROMETHEUS_PORT=str(port),
    ) as project:
        await eventually(lambda: replicas_of(web, project), all, within_s=UP_WITHIN_S)
        colours = [await outcome_at(web, at, "exit 1") for at in project.ports.values()]
        counted = await eventually(
            lambda: values('sum(runner_runs_total{outcome="red"})'),
            lambda values: values == ["3"],
            within_s=SCRAPED_WITHIN_S,
        )
        are_up = await values('up{job="dojo-runner"}')
        groups = (await told("rules"))["groups"]
        host = json.loads(
            await run(
                *("docker", "inspect", "--format={{json .HostConfig}}"),
                await project.container("prometheus"),
            )
        )

    assert colours == ["red"] * 3
    assert counted == ["3"]
    assert are_up == ["1"] * 3
    assert {rule["name"] for group in groups for rule in group["rules"]} >= set(ALERTS)
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["PortBindings"]["9090/tcp"][0]["HostIp"] == "127.0.0.1"
