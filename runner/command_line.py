"""The command line. Each command is imported when it is run, so that all of them start quickly."""

import sys
from typing import Literal

from cyclopts import App


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - reads mail headers: half of a start

    return version("dojo-runner")


app = App(
    name="dojo-runner",
    help="Runs cyber-dojo katas in warm, locked-down containers.",
    help_format="plaintext",  # a renderer of markdown would take half of the time of --help
    version=_version,
)
app.command("runner.daemon:serve", name="serve", help="Run the daemon until SIGTERM.")
app.command(
    "runner.http.probe:main",
    name="health",
    help="Ask the daemon of this machine whether it is ready: 0 if it is.",
)
app.command(
    "runner.authors.commands:run_folder", name="run", help="Run a folder as a kata, and show it."
)
app.command(
    "runner.authors.commands:check",
    name="check",
    help="Check that a start point is red, amber and green.",
)
manifest = App(name="manifest", help="About a start point's manifest.json.")
manifest.command(
    "runner.authors.commands:check_manifest", name="check", help="Check it; each fault is a line."
)
app.command(manifest)
app.command(
    "runner.doctor.commands:examine",
    name="doctor",
    help="Look whether this machine can run katas, and say what to do.",
)
app.command("runner.tools.config:show", name="config", help="Show the settings as they hold.")
image = App(name="image", help="About an image of this node.")
image.command(
    "runner.doctor.image_command:check_image",
    name="check",
    help="Check it against all that the service requires; each requirement is a line.",
)
app.command(image)
app.command(
    "runner.tools.status:show", name="status", help="Show the pools of a daemon, again and again."
)
app.command("runner.tools.pull:pull", name="pull", help="Pull an image, and show how far it is.")
app.command(
    "runner.tools.warm:warm", name="warm", help="Have a daemon keep containers of an image warm."
)


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print what makes a shell complete this command's words."""
    sys.stdout.write(app.generate_completion(shell=shell))
    return 0
