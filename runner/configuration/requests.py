"""Settings of requests: how many at once, how long they may take, and how large they may be."""

from enum import StrEnum

from pydantic import Field

from runner.configuration.subject import Subject

MIB = 1024 * 1024


class ClientGone(StrEnum):
    """The fate of a run under way whose client has left."""

    END = "end"  # the run is broken off after a second
    FINISH = "finish"  # the run goes on to its end


class RequestSettings(Subject):
    """Requests and runs."""

    runs_at_once: int = Field(0, ge=0, le=1000, description="0: the number of cores, plus one")
    """how many runs go on at once; 0 is the number of cores, plus one

    If other work shares the host, set fewer, which leaves cores for it.
    """
    queue: int = Field(60, ge=0, le=10_000, description="how many more runs may wait")
    """how many more runs may wait for their turn, first come first served. A run beyond that is
    answered with 503

    If another replica could take the run at once, set fewer, so that the caller asks there.
    """
    max_seconds_cap: float = Field(
        20.0, ge=1, le=60, description="the longest limit of a program, in seconds"
    )
    """the longest time limit that a request may ask for

    A language needs longer for a good run. The budget below must leave time for it.
    """
    budget_s: float = Field(
        25.0, ge=2, le=120, description="seconds for a request; browsers give up at 30"
    )
    """the longest time for a request, from its arrival to the end of the harvest; browsers give up
    at 30

    Your clients give up sooner, or wait longer.
    """
    request_max_bytes: int = Field(16 * MIB, ge=MIB, description="the largest body of a request")
    """a larger body is answered with 413

    A proxy before the daemon has another limit.
    """
    bodies_memory_mib: int = Field(
        112, ge=1, description="MiB for all bodies that are read or held"
    )
    """the memory for all bodies of over 64 KiB that are read or held; each byte of a body counts as
    7. A body takes its part step by step, as it comes. A body for which no memory is left waits for
    5 s, and is then answered with 503. A body that needs more than the whole is served alone

    Many large bodies come at once, and the host has memory for them.
    """
    connections: int = Field(1000, ge=16, le=100_000, description="the most that are open at once")
    """the most connections that are open at once; fewer if the process may not open enough files.
    If there is one more, the oldest that asks nothing is dropped

    More clients than this keep a connection.
    """
    connections_per_address: int = Field(
        800, ge=1, le=100_000, description="the most of one address"
    )
    """the most connections of one address; cyber-dojo's web has one address, and so may a whole
    school

    If strangers reach the daemon, each by an address of its own, set fewer.
    """
    client_gone: ClientGone = Field(
        ClientGone.END, description="end or finish a run whose client has left"
    )
    """what happens to a run under way whose client has closed its connection: `end` breaks the
    run off after a second, `finish` lets it end

    If clients close connections before they have their answer, but the metrics are to count each
    run with its outcome, set `finish`.
    """
    body_read_s: float = Field(15.0, gt=0, description="seconds for the whole of a request's body")
    """how long a body may take to arrive

    Clients are on slow lines.
    """
