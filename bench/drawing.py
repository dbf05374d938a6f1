"""How all pictures for docs/ are made: SVG, the same bytes for the same figures."""

from pathlib import Path
from typing import TYPE_CHECKING

# Where a picture is drawn, not here: matplotlib takes Python longer than all else that the tests
# and the commands of `bench` import, and few of them draw.
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind people can tell apart.
BLACK, ORANGE, BLUE, GREEN, RED = "#000000", "#e69f00", "#0072b2", "#009e73", "#d55e00"
PURPLE = "#cc79a7"


def figure_of(
    rows: int, columns: int, *, height: float, sharey: bool = False
) -> "tuple[Figure, list[Axes]]":
    """An empty picture, as wide as a page, with a faint grid."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams.update({"svg.hashsalt": "dojo-runner", "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    for axis in axes.flat:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat)


def save(figure: "Figure", path: Path) -> None:
    """Save a picture without the time at which it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
