"""How long the engine may take, in seconds, so that a stalled engine does not stall the service.

On 2 idle cores an engine creates a container in some 20 ms, and has it ready after 225 ms more, or
half of that in a network that is lent (docs/benchmarks.md). The limits leave time for an engine
that starts the containers of a class.
"""

ENGINE_CALL_S = 20.0  # create, attach, start, exec, remove, list, inspect
READY_S = 20.0  # from start to the ready mark
RESET_S = 5.0  # from a run's end until its container is warm again, which usually takes 5 ms
STATS_S = 2.0  # how much memory a container takes; a start with a warm-up waits for the answer
NETWORK_S = 2.0  # a holder's next network, which usually takes 1 ms
WRITE_S = 10.0  # hand-over: the entry point reads at once
READ_FILES_S = 30.0  # the engine mounts the image, and packs the files
LOAD_S = 300.0  # 150 MB of the service's own files, which an idle disk takes in 2 s
PULL_S = 3600.0  # gigabytes over a class-room line
PULL_STALLS_S = 120.0  # without progress; an engine tells of each half MiB, fetched or unpacked
EVENTS_CONNECT_S = 10.0
LAST_WORDS_S = 1.0  # from the end of a stream to the end of its container
