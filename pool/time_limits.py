"""How long the engine may take, in seconds. A stalled engine must never stall us with it.

On 2 cores an engine creates a container in some 20 ms, and has it ready in 230 ms more
(docs/benchmarks.md). The limits leave room for an engine that starts a class's containers at once.
"""

ENGINE_CALL_S = 20.0  # create, attach, start, exec, remove, list, inspect
READY_S = 20.0  # from start to the ready mark
RESET_S = 5.0  # from a run's end until its container is warm again: 5 ms where it can be
WRITE_S = 10.0  # hand-over: the entry point reads at once
READ_FILES_S = 30.0  # the engine mounts the image and packs what was asked for
PULL_S = 3600.0  # gigabytes over a class-room line
EVENTS_CONNECT_S = 10.0
LAST_WORDS_S = 1.0  # from a stream's end to its container's
