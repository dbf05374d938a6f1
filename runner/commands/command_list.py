"""The commands by name, what each is for, and where its function is: read by the help alone."""

from collections.abc import Mapping
from typing import NamedTuple

ABOUT = "Runs cyber-dojo katas in warm, locked-down containers."


class Command(NamedTuple):
    """`function` is `module:function`, imported when the command is run."""

    function: str
    what: str


# The first words of commands that have two, and what these are about.
NOUNS = {
    "manifest": "About a start point's manifest.json.",
    "image": "About an image of this node.",
}
# By group, and by the words that are typed.
COMMANDS: Mapping[str, Mapping[str, Command]] = {
    "For authors of start points and images": {
        "run": Command(
            "runner.authors.commands:run_folder", "Run a folder as a kata, and show it."
        ),
        "check": Command(
            "runner.authors.commands:check", "Check that a start point is red, amber and green."
        ),
        "manifest check": Command(
            "runner.authors.commands:check_manifest",
            "Check a start point's manifest.json; each fault is a line.",
        ),
        "image check": Command(
            "runner.doctor.image_command:check_image",
            "Check an image against all that the service requires.",
        ),
    },
    "For operators": {
        "doctor": Command(
            "runner.doctor.commands:examine",
            "Look whether this machine can run katas, and say what to do.",
        ),
        "serve": Command("runner.daemon:serve", "Run the daemon until SIGTERM."),
        "health": Command(
            "runner.http.probe:main",
            "Ask this machine's daemon whether it is ready: 0 if it is.",
        ),
        "status": Command(
            "runner.commands.status:show", "Show the pools of a daemon, again and again."
        ),
        "pull": Command("runner.commands.pull:pull", "Pull an image, and show how far it is."),
        "warm": Command(
            "runner.commands.warm:warm", "Have a daemon keep containers of an image warm."
        ),
        "config": Command("runner.commands.config:show", "Show the settings as they hold."),
    },
    "For your shell": {
        "completion": Command(
            "runner.commands.command_line:completion",
            "Print what makes bash, zsh or fish complete these words.",
        ),
    },
}


def help_text() -> str:
    """What `dojo-runner --help` prints."""
    width = max(len(words) for group in COMMANDS.values() for words in group)
    lines = ["Usage: dojo-runner COMMAND", "", ABOUT]
    for title, group in COMMANDS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {words:{width}}  {command.what}" for words, command in group.items()]
    lines += [
        "",
        "COMMAND --help tells the options of a command, --version the version.",
    ]
    return "\n".join(lines) + "\n"
