"""Images whose variables have the names of ours, and of what bash, tar and gzip heed."""

from tests.runner.container.inside.places import GNU
from tests.runner.katas import THIS_PROCESS

# All names of our scripts' variables without their prefix.
PLAIN = """nonce cell length limit_s whole group status harvest tries ended processes at_start
bash tar find begin run full folder field payload line heeded option read_status head file parts
size left_out n entry beginnings""".split()  # noqa: SIM905 - a list of words is read more easily so
FUNCTIONS = {f"BASH_FUNC_{name}%%": "() {  exit 99; }" for name in ("read", "printf", "kill")}
# What tar, gzip and any bash heed, and what a bash heeds that is not as POSIX says, or is.
HEEDED = {
    "TMOUT": "1",
    "CDPATH": "/usr:/tmp",
    "LC_ALL": "C.UTF-8",
    "GLOBIGNORE": "*",
    "TAR_OPTIONS": "--no-such-option",
    "GZIP": "--no-such-option",
}
NOT_POSIX = {"BASH_ENV": "/etc/of-the-image"}
POSIX = {"POSIXLY_CORRECT": "odd"}
# These a bash says in its own words to what it starts, also in a plain container.
REWORDED = {"IFS": "x", "SECONDS": "1000", "BASHOPTS": "extglob:sourcepath"}
OPTIONS = {"SHELLOPTS": "braceexpand:hashall:interactive-comments:pipefail"}
IMAGES = {"options": HEEDED | NOT_POSIX | REWORDED | OPTIONS, "posix": HEEDED | POSIX | REWORDED}
FELT = {"options": {"heeded=yes", "extglob", "pipefail"}, "posix": {"posix", "extglob"}}


def name_of(kind: str) -> str:
    """The name of the image of that kind."""
    return f"dojo-runner-test/environment-{kind}:{THIS_PROCESS}"


def dockerfile_of(kind: str) -> str:
    """Such an image, from one of ours."""
    values = {name: f"the image's {name}" for name in PLAIN} | IMAGES[kind] | FUNCTIONS
    # One line, as the engine makes a layer of each.
    variables = " ".join(f'{name}="{value}"' for name, value in values.items())
    heeded = "RUN echo 'heeded=yes' >/etc/of-the-image"
    return f"FROM {GNU}\n{heeded}\nENV {variables}"
