"""Which sockets a program may open: those that katas use, and none that loads a kernel's module."""

import platform

import pytest

from tests.runner.container.inside.places import Run, by_way

pytestmark = pytest.mark.docker

REFUSED = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
HIGH_BIT = 1 << 32  # the kernel does not look at it
def opens(call, *arguments):
    number = libc.syscall(*map(ctypes.c_long, (call, *arguments)))
    return "ok" if number >= 0 else errno.errorcode[ctypes.get_errno()]
for name, arguments in {
    "AF_PACKET": (17, 3, 0),
    "AF_PACKET as AF_INET": (2, 10, 0),
    "AF_CAN": (29, 3, 1),
    "AF_ALG": (38, 5, 0),
    "AF_VSOCK": (40, 1, 0),
    "AF_VSOCK with a high bit": (40 | HIGH_BIT, 1, 0),
    "AF_ALG with a high bit": (38 | HIGH_BIT, 5, 0),
    "SCTP": (2, 5, 132),
    "SCTP over IPv6": (10, 1, 132),
    "DCCP": (2, 6, 33),
    "netlink of netfilter": (16, 3, 12),
    "generic netlink": (16, 3, 16),
}.items():
    print(name, opens(SOCKET, *arguments))
pair = ctypes.addressof(ctypes.create_string_buffer(8))
print("a pair of AF_INET", opens(SOCKETPAIR, 2, 1, 0, pair))
"""
NUMBERS = {"x86_64": (41, 53), "aarch64": (198, 199)}

BY_I386 = """
import ctypes, mmap, os, struct
MAP_32BIT = 0x40
memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT, prot=7)
# mov eax, edi; mov ebx, esi; mov ecx, edx; int 0x80
memory[:11] = bytes.fromhex("53 89f8 89f3 89d1 cd80 5b c3")
memory[16:28] = struct.pack("3I", 40, 1, 0)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
call = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_uint] * 3)(address)
found = call(102, 1, address + 16)
print("socketcall", "getuid" if found == os.getuid() else found, flush=True)
"""

ALLOWED = """
import errno, socket, threading
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"), daemon=True).start()
print(socket.create_connection(server.getsockname()).recv(5))
socket.create_server(("::", 0), family=socket.AF_INET6).close()
for family, kind, protocol in (
    (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0),
    (socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.IPPROTO_UDP),
    (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6),
    (socket.AF_NETLINK, socket.SOCK_RAW, 0),
):
    socket.socket(family, kind, protocol).close()
try:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()
except OSError as error:
    assert error.errno in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT), error  # no MPTCP here
one, other = socket.socketpair()
socket.send_fds(one, [b"x"], [0])
print([name for _, name in socket.if_nameindex()])
print("127.0.0.1" in {found[4][0] for found in socket.getaddrinfo("localhost", 80)})
"""


@by_way
async def test_sockets_that_would_load_a_module(run: Run) -> None:
    """Families, kinds and protocols that no kata needs are refused, however they are asked for."""
    socket, pair = NUMBERS[platform.machine()]
    program = REFUSED.replace("SOCKETPAIR", str(pair)).replace("SOCKET", str(socket))

    result = await run("python3 sockets.py", files={"sockets.py": program})

    said = dict(line.rsplit(" ", 1) for line in result.stdout.content.splitlines())
    assert len(said) == 13, result.stderr.content
    assert {
        name: what for name, what in said.items() if what not in ("EPERM", "EAFNOSUPPORT")
    } == {}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86 has calls of i386")
@by_way
async def test_the_call_whose_arguments_nobody_sees(run: Run) -> None:
    """A 32-bit call that takes its arguments from memory opens no socket, as no filter reads them.

    It is as if the kernel did not have it. A kernel without calls of i386 ends the program, but
    User-Mode Linux takes the number 102 for one of its own calls: that is getuid on x86-64.
    """
    result = await run("python3 i386.py; true", files={"i386.py": BY_I386})

    assert result.stdout.content in ("socketcall -38\n", "socketcall getuid\n", "")
    assert "Error" not in result.stderr.content


BY_BASH = r"""
python3 sockets.py || exit
python3 -m http.server --bind 127.0.0.1 8080 >/dev/null 2>&1 &
until { exec 3<>/dev/tcp/127.0.0.1/8080; } 2>/dev/null; do nap 0.1; done
printf 'GET / HTTP/1.0\r\n\r\n' >&3
read -r protocol status _ <&3
echo "$status"
"""


@by_way
async def test_sockets_that_katas_use(run: Run) -> None:
    """Python's servers and clients, bash's /dev/tcp, ping, names and interfaces are as ever."""
    result = await run(BY_BASH, files={"sockets.py": ALLOWED})

    assert result.stderr.content == ""
    assert result.stdout.content.splitlines() == ["b'hello'", "['lo']", "True", "200"]
