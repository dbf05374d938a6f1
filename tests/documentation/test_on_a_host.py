"""The commands that change a host, on a folder that stands for the root of its file system."""

import os
from pathlib import Path

import pytest

from tests.deploy.commands import run
from tests.documentation.claims import claimed_by
from tests.documentation.clone import clone
from tests.documentation.pages import ROOT, Command
from tests.documentation.shell import replaced, shell

PROFILES = "/etc/apparmor.d"
PROFILE = "dojo-runner-cells"
UNITS = "/etc/systemd/system"
PROGRAMS = "/opt/dojo-runner"


def line(beginning: str) -> str:
    """The only line of the pages that begins so."""
    [found] = {command.line for command in claimed_by(__file__, beginning)}
    return found


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The root of a host's file system, with the folders that Debian has."""
    for folder in (PROFILES, UNITS, "/opt"):
        (tmp_path / folder[1:]).mkdir(parents=True)
    return tmp_path


def parser_of(root: Path) -> tuple[Path, bool]:
    """The parser of an unpacked package, and whether it knows user namespaces (AppArmor 4)."""
    [parser] = root.glob("**/sbin/apparmor_parser")
    return parser, (root / PROFILES[1:] / "abi" / "4.0").exists()


@pytest.mark.parametrize("command", claimed_by(__file__, "cp "), ids=str)
async def test_a_file_is_put_where_the_host_looks(host: Path, command: Command) -> None:
    """Each `cp` of a page copies a file of the project into a folder of the host that is there."""
    _, source, target = command.line.split()

    said = await shell(replaced(command.line, {" /etc/": f" {host}/etc/"}))

    assert (said.status, said.stderr) == (0, "")
    name = os.path.basename(target) or os.path.basename(source)
    assert name in {PROFILE, "dojo-runner.service"}
    copied = host / os.path.dirname(target)[1:] / name
    assert copied.read_bytes() == (ROOT / source).read_bytes()


@pytest.mark.tools
async def test_the_profile_is_compiled(host: Path) -> None:
    """The parser of the distribution takes the profile that the page has for its version.

    It hands nothing to the kernel, and keeps no cache.
    """
    root = Path(await run(str(ROOT / "scripts" / "unpacked"), "apparmor"))
    parser, knows_namespaces = parser_of(root)
    base = f"--base={root}{PROFILES}"
    copy = line(f"cp deploy/apparmor/{PROFILE}{' ' if knows_namespaces else '-abi3 '}")
    load = line("apparmor_parser ")
    here = {
        "apparmor_parser ": f"{parser} --config-file=/dev/null {base} ",
        "--write-cache": "--skip-cache --skip-kernel-load",
        f" {PROFILES}": f" {host}{PROFILES}",
    }

    said = await shell(f"{copy.replace(' /etc', f' {host}/etc')}\n{replaced(load, here)}")

    assert said.status == 0, said
    assert "error" not in said.stderr


@pytest.mark.tools
async def test_the_unit_is_enabled(host: Path) -> None:
    """systemctl finds the unit where it was copied to, and will start it at each boot.

    Only a host that was booted by systemd could start it at once (`--now`).
    """
    enable = replaced(line("systemctl "), {"enable --now": f"--root={host} enable"})
    copy = replaced(line("cp deploy/systemd"), {" /etc": f" {host}/etc"})

    said = await shell(f"{copy}\n{enable}")

    assert said.status == 0, said
    wanted = host / UNITS[1:] / "multi-user.target.wants" / "dojo-runner.service"
    assert os.readlink(wanted) == f"{UNITS}/dojo-runner.service"


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_the_program_is_installed(host: Path) -> None:
    """systemd's commands install the program where the unit looks for it, without developers'
    tools. The extra for traces can be installed there, too.
    """
    folder = clone(host / "clone")
    here = {PROGRAMS: f"{host}{PROGRAMS}"}
    unit = (ROOT / "deploy" / "systemd" / "dojo-runner.service").read_text()

    said = await shell(replaced(line("python3 -m venv "), here), folder, within_s=190)
    version = await shell(f"{host}{PROGRAMS}/bin/dojo-runner --version", folder)
    more = await shell(replaced(line(f"{PROGRAMS}/bin/pip "), here), folder, within_s=190)
    extra = await shell(f"{host}{PROGRAMS}/bin/python -c 'import opentelemetry.sdk'", folder)

    assert f"ExecStart={PROGRAMS}/bin/dojo-runner serve" in unit
    assert (said.status, version.status, more.status, extra.status) == (0, 0, 0, 0), (said, more)
    assert not (host / PROGRAMS[1:] / "bin" / "pytest").exists()
