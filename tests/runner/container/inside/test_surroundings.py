"""What a program finds around it: free names, the image's environment, the init, others' files."""

import pytest

from tests.runner.container.inside.environments import (
    FELT,
    FUNCTIONS,
    HEEDED,
    IMAGES,
    NOT_POSIX,
    PLAIN,
    POSIX,
)
from tests.runner.container.inside.places import GNU, Run, Way, by_way, everywhere
from tests.runner.katas import Katas

pytestmark = pytest.mark.docker


class TestNames:
    """Which names are taken when a program begins."""

    @everywhere
    async def test_tmp_is_empty(self, run: Run) -> None:
        """Every name in /tmp is free, at the beginning and after."""
        result = await run(
            "shopt -s nullglob dotglob; echo /tmp/*;"
            " for name in main.sh cut.sh stdout; do : >/tmp/$name; done;"
            " printf %s x >/tmp/dojo && echo free"
        )

        assert (result.status, result.stdout.content) == ("0", "\nfree\n")

    @everywhere
    async def test_no_variable_of_ours_but_four(self, run: Run) -> None:
        """Of ours there are HOME and three more, each with its value."""
        result = await run('export -p | while read -r _ _ name; do echo "$name"; done')

        names = {line.partition("=")[0] for line in result.stdout.content.splitlines()}
        ours = {"HOME", "CYBER_DOJO_ID", "CYBER_DOJO_IMAGE_NAME", "CYBER_DOJO_SANDBOX"}
        assert {name for name in names if "dojo" in name.lower()} | {"HOME"} == ours
        assert names - ours <= {"PATH", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "LANG"}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("way", list(Way), ids=lambda way: way.value)
class TestEnvironment:
    """What an image says in its variables is for the program, and for nobody else."""

    async def test_the_images_variables_are_the_programs(
        self, ways: dict[Way, Katas], odd_images: dict[str, str], way: Way, kind: str
    ) -> None:
        """Whatever they are called, they are as in a plain container, and the run is as ever."""
        result = await ways[way].run(
            odd_images[kind],
            "unset -f read printf kill; tr '\\0' '\\n' </proc/$$/environ; echo heeded=$heeded;"
            " shopt -q extglob && echo extglob; [[ -o pipefail ]] && echo pipefail;"
            " [[ -o posix ]] && echo posix; echo x >new; sleep 2; exit 5",
        )

        printed = result.stdout.content.splitlines()
        expected = {f"{name}=the image's {name}" for name in PLAIN}
        said = HEEDED | (POSIX if kind == "posix" else NOT_POSIX) | FUNCTIONS
        expected |= {f"{name}={value}" for name, value in said.items()}
        expected -= {"heeded=the image's heeded"} if kind == "options" else set()
        assert expected - {*printed} == set()
        assert FELT[kind] <= {*printed}
        assert not [line for line in printed if line.startswith("_dojo")]
        assert (result.status, sorted(result.created), result.log) == ("5", ["new"], {})

    async def test_our_scripts_work_as_ever(
        self, ways: dict[Way, Katas], odd_images: dict[str, str], way: Way, kind: str
    ) -> None:
        """A container of such an image waits for its run, and large files are returned."""
        result = await ways[way].run(
            odd_images[kind], "unset -f printf; printf '%70000s' x >large; printf out"
        )

        assert (result.status, result.stdout.content) == ("0", "out")
        assert result.created["large"].truncated


class TestInit:
    """PID 1, as programs print it."""

    @everywhere
    async def test_its_command_line_is_one_short_line(self, run: Run) -> None:
        """PID 1's command line is one short line, which begins as that of Docker's init."""
        result = await run(
            "IFS= read -r -d '' first </proc/1/cmdline; printf '%s\\n' \"${first:0:17}\";"
            " mapfile -t lines </proc/1/cmdline 2>/dev/null; echo ${#lines[@]}; echo ${#lines[0]}"
        )

        first, count, length = result.stdout.content.splitlines()
        assert first in ("/sbin/docker-init", "/dev/init")
        assert count == "1"
        assert int(length) < 120

    @by_way
    async def test_it_can_be_cut(self, run: Run) -> None:
        """`cut` prints nine characters, and nothing else."""
        result = await run("cat /proc/1/cmdline | cut -c1-9; cat /proc/1/comm")

        assert result.stdout.content in ("/sbin/doc\ndocker-init\n", "/dev/init\ndocker-init\n")


OTHERS = """python3 - <<'END'
import errno, os
os.close(os.open("mine", os.O_CREAT | os.O_WRONLY))
file = os.open("mine", os.O_RDONLY)
own, group = os.getuid(), os.getgid()
for name, call in {
    "chown": lambda *ids: os.chown("mine", *ids),
    "lchown": lambda *ids: os.lchown("mine", *ids),
    "fchown": lambda *ids: os.fchown(file, *ids),
    "fchownat": lambda *ids: os.chown("mine", *ids, dir_fd=os.open(".", os.O_RDONLY)),
    "setreuid": lambda *ids: os.setreuid(*ids) if ids[1] != group else None,
}.items():
    for ids in ((0, 0), (own, 0), (0, group), (1000, -1), (-1, 65534), (-1, -1), (own, -1)):
        try:
            call(*ids)
            print(name, ids, "ok")
        except OSError as error:
            print(name, ids, errno.errorcode[error.errno])
for name, own_id in {"setuid": own, "setgid": group}.items():
    for one in (0, 1000, own_id):
        try:
            getattr(os, name)(one)
            print(name, one, "ok")
        except OSError as error:
            print(name, one, errno.errorcode[error.errno])
for call, ids in ((os.setresuid, (0, -1, -1)), (os.setresgid, (-1, -1, 7)), (os.setgroups, [])):
    try:
        call(*ids) if call is not os.setgroups else call([5])
        print(call.__name__, "ok")
    except OSError as error:
        print(call.__name__, errno.errorcode[error.errno])
END"""


async def test_others_ids_are_refused_alike(ways: dict[Way, Katas]) -> None:
    """To give a file away, or to become another, is EPERM in both kinds of containers."""
    alone = await ways[Way.ATTACH].run(GNU, OTHERS)
    cell = await ways[Way.CELLS].run(GNU, OTHERS)

    assert "EINVAL" not in alone.stdout.content
    assert alone.stderr.content == ""
    assert cell.stdout.content == alone.stdout.content


@by_way
async def test_a_copy_that_keeps_owners(run: Run) -> None:
    """Tools that keep owners where they can go on where they cannot."""
    result = await run("cp -p /etc/passwd copy && echo copied; chown 0 copy || echo refused")

    assert result.stdout.content == "copied\nrefused\n"


LIMITS = """cd /sys/fs/cgroup
for file in memory/memory.{,memsw.}limit_in_bytes cpu/cpu.cfs_quota_us \
  cpu/cpu.cfs_period_us cpu/cpu.shares cpuset/cpuset.cpus pids/pids.max \
  memory.max memory.high memory.swap.max cpu.max cpu.weight cpuset.cpus.effective pids.max; do
  [[ -e $file ]] && echo "$file $(<$file)"
done"""
USAGE = """cd /sys/fs/cgroup
cat memory.current memory.peak memory.stat cpu.stat cpu/cpu.stat cpuacct/cpuacct.* \\
  memory/memory.{usage_in_bytes,stat,max_usage_in_bytes,memsw.usage_in_bytes} 2>/dev/null"""


async def test_limits_are_seen_alike_and_usage_of_others_is_not(ways: dict[Way, Katas]) -> None:
    """A JVM and others fit themselves into limits; a cell's container has served others before."""
    alone = await ways[Way.ATTACH].run(GNU, LIMITS)
    cell = await ways[Way.CELLS].run(GNU, LIMITS)
    usage = await ways[Way.CELLS].run(GNU, USAGE)

    assert str(2 << 30) in alone.stdout.content
    assert cell.stdout.content == alone.stdout.content
    assert usage.stdout.content == ""


# What the kernel shows of a cgroup v2 and counts nothing that a run could leave to the next.
NO_COUNTERS = {
    *("cgroup.controllers", "cgroup.events", "cgroup.freeze", "cgroup.max.depth"),
    *("cgroup.max.descendants", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"),
    *("cgroup.type", "cpu.idle", "cpu.max", "cpu.max.burst", "cpu.uclamp.max", "cpu.uclamp.min"),
    *("cpu.weight", "cpu.weight.nice", "cpuset.cpus", "cpuset.cpus.effective", "cpuset.mems"),
    *("cpuset.cpus.exclusive", "cpuset.cpus.exclusive.effective", "cpuset.cpus.partition"),
    *("cpuset.mems.effective", "dmem.low", "dmem.max", "dmem.min", "io.bfq.weight", "io.latency"),
    *("io.max", "io.prio.class", "io.weight", "memory.high", "memory.low", "memory.max"),
    *("memory.min", "memory.oom.group", "memory.swap.high", "memory.swap.max"),
    *("memory.zswap.max", "memory.zswap.writeback", "misc.max", "pids.current", "pids.max"),
    "rdma.max",
}


async def test_what_a_cell_sees_of_cgroup_v2_is_no_counter(ways: dict[Way, Katas]) -> None:
    """Each file of a cgroup v2 that has something to read in a cell is known to be no counter: a
    kernel that brings a new one is noticed.
    """
    listed = """cd /sys/fs/cgroup; [[ -e cgroup.controllers ]] || { echo v1; exit; }
    for file in *; do [[ -n $(<$file) ]] && echo $file; done 2>/dev/null"""
    seen = set((await ways[Way.CELLS].run(GNU, listed)).stdout.content.split())

    if seen == {"v1"}:
        pytest.skip("this host has cgroup v1")
    assert "memory.max" in seen
    assert {name for name in seen - NO_COUNTERS if not name.startswith("hugetlb.")} == set()
