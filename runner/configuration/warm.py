"""Settings of the warm containers, of all images together and of each."""

from pydantic import Field

from runner.configuration.lists import Names
from runner.configuration.subject import Subject


class WarmSettings(Subject):
    """Warm containers."""

    warm: int | None = Field(None, ge=0, le=100, description="a fixed number for each image")
    """a fixed number of warm containers per image instead of one that follows demand; 0 starts one
    for each request

    Measurements need a number that does not change.
    """
    warm_min: int = Field(0, ge=0, le=100, description="the fewest of an image that was used")
    """the fewest warm containers of an image that has been used, even if nobody wants it

    Learners of a language that is seldom used wait at the beginning of a class.
    """
    warm_max: int = Field(12, ge=0, le=100, description="the most of an image")
    """the most warm containers of an image, however many want it

    Classes are large, misses are many, and the host has memory for more.
    """
    warm_spare: int = Field(2, ge=0, le=100, description="how many more while a group may begin")
    """how many more warm containers there are while a group may be beginning: for half a minute of
    demand after a silence

    A whole class begins at once, and misses are many then.
    """
    host_containers: int = Field(40, ge=0, le=2000, description="the most of all images together")
    """the most containers of all images together, with those in use. A warm one costs 3 to 5 MiB,
    its shim included (measured with 20)

    The host has more memory, and many languages are used. The smaller of this limit and the next
    holds.
    """
    host_memory_mib: int = Field(
        1024, ge=0, description="for all containers; one counts 5 MiB, or what its warm-up takes"
    )
    """the same limit as memory: one container for every 5 MiB of it. A container that takes more
    than its equal part of this memory, because its image
    [warms up](authors.md#an-image-that-warms-up), counts as several

    The host has more memory, and many languages are used: more. Or other work of the host needs
    the memory: less.
    """
    forget_s: float = Field(
        3600.0, ge=60, description="seconds until an image that nobody wants leaves the books"
    )
    """the seconds after which an image that nobody wants, and of which no container is left, leaves
    `/health` and the metrics; its counts begin anew when it is wanted again

    The metrics of an image are to go on over longer pauses.
    """
    refills_at_once: int = Field(2, ge=1, le=16, description="starts in the background")
    """how many containers are started in the background at the same time

    If other work shares the host, set 1. If the host has many cores, and pools stay empty for long,
    set more.
    """
    warm_images: Names = Field((), description="images to warm at start, separated by commas")
    """images to warm at start, separated by commas

    You know what the next class uses. Of other images nothing is warm until somebody asks for them.
    """
