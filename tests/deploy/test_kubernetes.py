"""The manifests for Kubernetes: valid by its published schemas, and fitting together."""

import base64
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.commands import ROOT, run, typed
from tests.documentation.claims import REASONS, claimed_by
from tests.documentation.pages import Command, commands
from tests.documentation.shell import replaced

FOLDER = ROOT / "deploy" / "kubernetes"
NEWEST = "1.37"
OLDEST = "1.29"  # the first that starts native sidecars unasked
OURS = {"app.kubernetes.io/name": "dojo-runner", "app.kubernetes.io/component": "runner"}

KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
FILES: list[str] = KUSTOMIZATION["resources"]


def resource(file: str) -> dict[str, Any]:
    """The only resource in a file."""
    read: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text())
    return read


POD = resource("deployment.yaml")["spec"]["template"]["spec"]
[RUNNER] = POD["containers"]
[ENGINE] = POD["initContainers"]


def test_every_file_is_a_resource() -> None:
    """The kustomization names exactly the files that are in the folder."""
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}

    assert set(FILES) == there
    assert len(FILES) == len(there)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_valid(file: str, version: str) -> None:
    """Every resource is valid by its version's schema, and has no field that the
    schema does not know.
    """
    assert kubernetes_validate.validate(resource(file), version, strict=True) == version


@pytest.mark.parametrize("file", FILES)
def test_labels(file: str) -> None:
    """Every resource has the recommended labels."""
    labels = resource(file)["metadata"]["labels"]

    assert labels["app.kubernetes.io/name"] == "dojo-runner"
    assert labels["app.kubernetes.io/part-of"] == "cyber-dojo"


def test_probes_ask_what_answers_by_its_status() -> None:
    """The liveness probe asks `/livez`, and the readiness and startup probes
    `/readyz`, whose statuses tell.
    """
    asked = {
        name: RUNNER[name]["httpGet"]["path"]
        for name in ("livenessProbe", "readinessProbe", "startupProbe")
    }

    assert asked == {
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
        "startupProbe": "/readyz",
    }


def test_a_start_is_seen_at_once() -> None:
    """The startup probe asks often, and the pod's other probes begin only after it has passed."""
    asked_every_s = {
        name: RUNNER[name]["periodSeconds"] for name in ("startupProbe", "readinessProbe")
    }

    assert asked_every_s == {"startupProbe": 2, "readinessProbe": 10}
    assert "initialDelaySeconds" not in RUNNER["startupProbe"]


def test_selectors_find_the_pods() -> None:
    """The selectors of the services, the budget, the policy and the deployment match
    the same pods.
    """
    deployment = resource("deployment.yaml")["spec"]
    selectors = [
        deployment["selector"]["matchLabels"],
        resource("service.yaml")["spec"]["selector"],
        resource("siblings.yaml")["spec"]["selector"],
        resource("poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"],
        resource("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"],
    ]

    assert selectors == [OURS] * 5
    assert deployment["template"]["metadata"]["labels"].items() >= OURS.items()


def test_siblings_are_found() -> None:
    """The siblings' name in the configuration is that of the headless service."""
    siblings = resource("siblings.yaml")
    settings = resource("configmap.yaml")["data"]

    [port] = siblings["spec"]["ports"]
    assert siblings["spec"]["clusterIP"] == "None"
    assert (
        settings["CYBER_DOJO_RUNNER_SIBLINGS"] == f"{siblings['metadata']['name']}:{port['port']}"
    )


def test_the_engine_is_a_sidecar() -> None:
    """The engine lives as long as the pod, and its socket is where the daemon looks."""
    socket = resource("configmap.yaml")["data"]["DOCKER_HOST"]
    [folder] = [m["mountPath"] for m in RUNNER["volumeMounts"] if m["name"] == "socket"]

    assert ENGINE["restartPolicy"] == "Always"
    assert f"--host={socket}" in ENGINE["args"]
    assert socket.startswith(f"unix://{folder}/")
    assert ENGINE["securityContext"]["runAsNonRoot"] is True
    assert not [arg for arg in ENGINE["args"] if "tcp://" in arg]


def test_the_daemon_is_locked_down() -> None:
    """The daemon's container has no token, no root, nothing to write to and no capability."""
    context = RUNNER["securityContext"]

    assert POD["automountServiceAccountToken"] is False
    assert resource("serviceaccount.yaml")["automountServiceAccountToken"] is False
    assert context["runAsNonRoot"] is True
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_time_to_end() -> None:
    """The grace period of a pod is longer than a replica's linger and drain together."""
    data = resource("configmap.yaml")["data"]
    time_s = sum(int(data[f"CYBER_DOJO_RUNNER_{name}_S"]) for name in ("LINGER", "DRAIN"))

    assert POD["terminationGracePeriodSeconds"] >= time_s + 5


@pytest.fixture(scope="session")
async def kubectl() -> str:
    """A kubectl that asks no cluster: the one of this machine, or of the distribution's package."""
    if found := shutil.which("kubectl"):
        return found
    # In Debian 13 the first package only depends on the second, which has the program.
    for package in ("kubernetes-client", "kubectl"):
        program = Path(await run(str(ROOT / "scripts" / "unpacked"), package), "usr/bin/kubectl")
        if program.exists():  # noqa: ASYNC240 - one look at a local disk
            break
    return str(program)


@pytest.mark.tools
@pytest.mark.parametrize("command", claimed_by(__file__), ids=str)
async def test_kubectl_would_create_it(kubectl: str, command: Command) -> None:
    """The namespace and the secret that kubectl makes of the page's words have the
    names of our files.
    """
    dry = command.line.replace("kubectl ", f"{kubectl} ") + " --dry-run=client --output=yaml"

    made = yaml.safe_load(await typed(dry))

    if made["kind"] == "Namespace":
        assert made["metadata"]["name"] == resource("namespace.yaml")["metadata"]["name"]
    else:
        [volume] = [one for one in POD["volumes"] if "secret" in one]
        secret = base64.b64decode(made["data"]["secret"])
        assert made["metadata"]["name"] == volume["secret"]["secretName"]
        assert len(secret) == 64
        assert secret.isalnum()


@pytest.mark.tools
async def test_kubectl_renders_the_files(kubectl: str) -> None:
    """`kubectl apply -k` would apply every file, in the namespace of the page."""
    [apply] = [command.line for command in commands() if REASONS[0].matches(command)]
    words = {"kubectl apply -k": f"{kubectl} kustomize"}

    rendered = list(yaml.safe_load_all(await typed(replaced(apply, words))))

    assert len(rendered) == len(FILES)
    assert {one["metadata"].get("namespace", "dojo-runner") for one in rendered} == {"dojo-runner"}
