"""Secrets in settings, which must be hard to guess."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

SHORTEST = 16


def _long_enough(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value().strip()
    if secret and len(secret) < SHORTEST:
        raise ValueError(f"must have {SHORTEST} characters or more")
    return SecretStr(secret)


Token = Annotated[SecretStr, AfterValidator(_long_enough)]
