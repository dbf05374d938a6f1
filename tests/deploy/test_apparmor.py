"""AppArmor's profiles of cells: what may be executed, and nobody gets more than under Docker's."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deploy" / "apparmor"
NEWER, OLDER = FOLDER / "dojo-runner-cells", FOLDER / "dojo-runner-cells-abi3"
LAUNCHERS, PROGRAMS = "dojo-runner-cells", "dojo-runner-cell"
STACKED = f"pix -> &{PROGRAMS}"

# What Docker 28.5.2 denies to a container under docker-default, rule for rule.
DOCKER_DENIES = (
    "deny @{PROC}/* w,",
    "deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,",
    "deny @{PROC}/sys/[^k]** w,",
    "deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,",
    "deny @{PROC}/sysrq-trigger rwklx,",
    "deny @{PROC}/kcore rwklx,",
    "deny mount,",
    "deny /sys/[^f]*/** wklx,",
    "deny /sys/f[^s]*/** wklx,",
    "deny /sys/fs/[^c]*/** wklx,",
    "deny /sys/fs/c[^g]*/** wklx,",
    "deny /sys/fs/cg[^r]*/** wklx,",
    "deny /sys/firmware/** rwklx,",
    "deny /sys/devices/virtual/powercap/** rwklx,",
    "deny /sys/kernel/security/** rwklx,",
)
# And what it allows, but for signals from the engine and among the container's own programs.
DOCKER_ALLOWS = {"network,", "capability,", "file,", "umount,"}
# Not in Docker's, which is written for AppArmor 3: there nothing mediates queues.
OF_APPARMOR_4 = ("mqueue,", "userns,")


def rules_of(path: Path, profile: str) -> list[str]:
    """The rules of a profile in a file, without comments and blank lines."""
    [body] = re.findall(
        rf"^profile {profile} flags=\([a-z_,]+\) \{{\n(.*?)^\}}", path.read_text(), re.M | re.S
    )
    lines = (line.partition("#")[0].strip() for line in body.splitlines())
    return [line for line in lines if line]


def as_expression(glob: str) -> re.Pattern[str]:
    """The regular expression of a glob, as AppArmor's parser makes it (apparmor.d(5))."""
    end_of_folder = re.fullmatch(r"(.*/)(\*\*?)", glob)
    if end_of_folder:  # at the end of a path a star stands for one character at least
        rest = "[^/].*" if end_of_folder[2] == "**" else "[^/]+"
        return re.compile(as_expression(end_of_folder[1]).pattern + rest, re.S)
    forms = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
    parts = re.findall(r"\[[^]]*\]|\*\*|.", glob)
    return re.compile(
        "".join(forms.get(part, part if part[0] == "[" else re.escape(part)) for part in parts),
        re.S,
    )


def executed_as(path: Path, program: str) -> str:
    """The right by which the launcher's profile lets this program be executed; empty: it does not.

    A rule for a whole path counts more than one with a pattern.
    """
    found = [
        re.fullmatch(r"(/\S*) (\w+(?: -> &[\w-]+)?),", rule) for rule in rules_of(path, LAUNCHERS)
    ]
    rights = {rule[1]: rule[2] for rule in found if rule and "x" in rule[2].split()[0]}
    globs = [glob for glob in rights if glob != program and as_expression(glob).fullmatch(program)]
    assert len(globs) <= 1, "the parser refuses patterns that contradict each other"
    return rights.get(program) or "".join(rights[glob] for glob in globs)


@pytest.mark.parametrize("path", [NEWER, OLDER], ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("program", "right"),
    [
        ("/.dojo/cells", "ix"),
        *(
            (program, STACKED)
            for program in (
                *("/bin/bash", "/a", "/usr/local/bin/python3.11", "/sandbox/a b", "/sandbox/.x/y"),
                *("/.xyz/prog", "/.venv/bin/python", "/.d", "/.d/x", "/.do/x", "/.doj/x", "/..x/y"),
                *("/.dojox/prog", "/.dojo.d/prog", "/.Dojo/cells", "/.dojo/other", "/.dojo/cells2"),
                *("/.dojo/cells/x", "/x/.dojo/cells", "/waits"),
            )
        ),
    ],
)
def test_all_that_the_launcher_executes_is_under_both(path: Path, program: str, right: str) -> None:
    """Every program may be executed, hidden folders of an image included, and is under the tighter
    profile, too. Only the launcher is not.
    """
    assert executed_as(path, program) == right


@pytest.mark.parametrize("path", [NEWER, OLDER], ids=lambda path: path.name)
def test_a_learners_program_may_do_no_more_than_dockers_profile_lets_it(path: Path) -> None:
    """Each of Docker's denials is there, and of what is allowed each rule is Docker's, is of
    AppArmor 4, or is about signals and tracing among the container's own programs.
    """
    rules = rules_of(path, PROGRAMS)
    allowed = {rule for rule in rules if not rule.startswith(("deny ", "include "))}
    among_themselves = {
        rule
        for rule in allowed
        if re.fullmatch(
            r"signal \(receive\) peer=(unconfined|runc|crun),"
            r"|(signal \(send, receive\)|ptrace \(trace, read, tracedby, readby\))"
            r" peer=\{,crun//&\}dojo-runner-cell(\*|//&dojo-runner-cells)?,",
            rule,
        )
    }

    assert [rule for rule in DOCKER_DENIES if rule not in rules] == []
    assert [rule for rule in rules if rule.startswith("include ")] == [
        "include <abstractions/base>"
    ]
    assert allowed - among_themselves - {"mqueue,"} == DOCKER_ALLOWS


def test_the_older_profiles_are_the_newer_ones() -> None:
    """The file for AppArmor 3 lacks what its parser does not know, and is the same otherwise."""
    for profile in (LAUNCHERS, PROGRAMS):
        newer = [rule for rule in rules_of(NEWER, profile) if rule not in OF_APPARMOR_4]
        assert rules_of(OLDER, profile) == newer
    assert "abi <abi/4.0>," in NEWER.read_text()
    assert "abi <abi/3.0>," in OLDER.read_text()


@pytest.mark.parametrize(
    ("glob", "does", "does_not"),
    [
        ("/[^.]**", "/a/b", "/.a"),
        ("/**", "/.a/b", "/"),
        ("/*", "/a", "/a/b"),
        ("/{,**}", "/", "a"),
        ("/{a,.b?}/**", "/.bc/d", "/.b/d"),
    ],
)
def test_the_expressions_of_globs(glob: str, does: str, does_not: str) -> None:
    """The tests above read globs as AppArmor does."""
    assert as_expression(glob).fullmatch(does)
    assert not as_expression(glob).fullmatch(does_not)
