"""A server of tokens beside a registry, as Docker Hub and most large registries have one.

The registry refuses, and names this server; the engine asks it for a token with the login that it
was given, and shows the token to the registry. Tokens are signed with a key of this server's own.
"""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import encode_basic_auth, web

from tests.listening import listening

SERVICE, ISSUER = "registry of a test", "token server of a test"
TOKEN_S = 300


class TokenServer:
    """Knows one user, and one identity token. `asked` has how it was asked, in order."""

    def __init__(self, folder: Path, user: str, password: str, identity_token: str) -> None:
        self.url = ""
        self.asked: list[str] = []
        self._folder = folder
        self._user = user
        self._login = encode_basic_auth(user, password)
        self._identity_token = identity_token

    @property
    def config(self) -> str:
        """The part of the registry's configuration that names this server."""
        return (
            f'token: {{realm: "{self.url}", service: {SERVICE}, issuer: {ISSUER},'
            f" rootcertbundle: {self._folder}/token.crt}}"
        )

    async def make_key(self) -> None:
        """A key, and the certificate by which the registry knows it."""
        await _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"),
            *("-keyout", f"{self._folder}/token.key", "-out", f"{self._folder}/token.crt"),
        )

    async def answer(self, request: web.Request) -> web.Response:
        """A token for what is asked for: by a login, or by an identity token."""
        if request.method == "POST":
            form = await request.post()
            self.asked.append("identity token")
            is_known = form.get("refresh_token") == self._identity_token
            scopes = str(form.get("scope", "")).split()
        else:
            self.asked.append("login")
            is_known = request.headers.get("Authorization") == self._login
            scopes = [one for scope in request.query.getall("scope", []) for one in scope.split()]
        if not is_known:
            return web.json_response({"details": "incorrect username or password"}, status=401)
        token = await self._token(scopes)
        return web.json_response({"token": token, "access_token": token, "expires_in": TOKEN_S})

    async def _token(self, scopes: list[str]) -> str:
        certificate = (self._folder / "token.crt").read_text()
        der = "".join(certificate.split("-----")[2].split())
        now_s = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": self._user,
            "aud": SERVICE,
            "exp": now_s + TOKEN_S,
            "nbf": now_s - 10,
            "iat": now_s,
            "jti": uuid.uuid4().hex,
            "access": [_access(scope) for scope in scopes],
        }
        head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        signed = b".".join(_packed(json.dumps(part).encode()) for part in (head, claims))
        words = ("dgst", "-sha256", "-sign", f"{self._folder}/token.key")
        signature = await _openssl(*words, stdin=signed)
        return b".".join((signed, _packed(signature))).decode()


@asynccontextmanager
async def token_server(
    folder: Path, user: str, password: str, identity_token: str
) -> AsyncIterator[TokenServer]:
    """A server of tokens that runs as long as the block."""
    server = TokenServer(folder, user, password, identity_token)
    await server.make_key()
    app = web.Application()
    app.router.add_route("*", "/token", server.answer)
    async with listening(app) as address:
        server.url = f"http://{address}/token"
        yield server


def _access(scope: str) -> dict[str, Any]:
    """The parts of a scope such as `repository:private/image:pull,push`."""
    kind, name, acts = scope.split(":")
    return {"type": kind, "name": name, "actions": acts.split(",")}


def _packed(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def _openssl(*words: str, stdin: bytes = b"") -> bytes:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "openssl", *words, stdin=pipe, stdout=pipe, stderr=pipe
    )
    said, complaints = await process.communicate(stdin)
    assert process.returncode == 0, complaints
    return said
