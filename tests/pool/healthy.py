"""A scripted engine on which all goes well, until a test says otherwise."""

from .fake_dockerd import STDOUT, Answer, FakeDockerd, answer, frame

CREATED = {"Id": "c1", "Warnings": []}
EXITED = {"State": {"Status": "exited", "ExitCode": 1, "Error": "boom"}, "Config": {"Tty": False}}
READY = frame(STDOUT, b"READY\n")


def healthy(dockerd: FakeDockerd, attached: Answer) -> None:
    """Script an engine on which all goes well but for the bytes of the stream."""
    dockerd.on("POST /containers/create", answer(CREATED, 201))
    dockerd.on("GET /containers/c1/json", answer(EXITED))
    dockerd.on("POST /containers/c1/attach", attached)
    dockerd.on("POST /containers/c1/start", answer({}, 204))
    dockerd.on("POST /containers/c1/wait", answer({"StatusCode": 1}))
