"""Credentials of a profile of the AWS tools, ``AWS_PROFILE``; logs none of them.

A profile with keys is read from the shared files. One that signs in otherwise (SSO, roles, a process) takes
boto3, which renews what expires.
"""

from __future__ import annotations

import configparser
import os
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from footage.core.errors import DependencyError, UsageError

_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT")
_KEYLESS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def profile_options() -> dict[str, Any]:
    """What a client of S3 is given beside the environment; nothing where the environment names keys.

    Raises:
        UsageError: ``AWS_PROFILE`` names a profile that is not there, or an endpoint is no address.
        DependencyError: The profile needs boto3, which is missing.
    """
    for variable in _ENDPOINTS:
        _check_endpoint(variable, os.environ.get(variable, ""))
    named = os.environ.get("AWS_PROFILE", "")
    if os.environ.get("AWS_ACCESS_KEY_ID") and not named:
        return {}
    name = named or "default"
    credentials = _section("AWS_SHARED_CREDENTIALS_FILE", "credentials", name)
    config = _section("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}")
    values = {**config, **credentials}
    if not values:
        if named:
            raise UsageError(
                f"the AWS profile {named} does not exist",
                hint="Unset AWS_PROFILE, or add it with `aws configure`.",
            )
        return {}
    options: dict[str, Any] = {}
    if values.get("region") and not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        options["region"] = values["region"]
    if values.get("endpoint_url") and not os.environ.get("AWS_ENDPOINT_URL"):
        _check_endpoint(f"endpoint_url of the AWS profile {name}", values["endpoint_url"])
        options["endpoint"] = values["endpoint_url"]
    if all(key in values for key in _KEYS[:2]):
        options |= {key.removeprefix("aws_"): values[key] for key in _KEYS if key in values}
    elif named or len(values.keys() - {"region", "output", "endpoint_url"}):
        options["credential_provider"] = _by_boto3(name)
    return options


def has_no_credentials() -> bool:
    """Whether nothing but the role of the machine is left to sign with, and that is switched off."""
    given = os.environ.get
    switched_off = given("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    unsigned = given("AWS_SKIP_SIGNATURE", "").lower() in ("true", "1", "yes", "on", "y")
    named = any(given(each) for each in ("AWS_ACCESS_KEY_ID", *_KEYLESS))
    return switched_off and not (unsigned or named)


def _check_endpoint(name: str, url: str) -> None:
    """Refuse what is no address, without repeating it: it may hold a password."""
    if not url:
        return
    if not re.match("https?://", url):
        raise UsageError(
            f"{name} must begin with http:// or https://",
            hint="Write it as http://127.0.0.1:9000, or as https:// and a host.",
        )
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or not url.isprintable() or " " in url:
        raise UsageError(
            f"{name} is no valid address",
            hint="Write it as http://127.0.0.1:9000, or as https:// and a host.",
        )


def profile_texts() -> dict[str, str]:
    """As ``profile_options``, for a client that takes texts alone.

    Credentials that boto3 renews are those of now: where they expire, the client is refused from then on.
    """
    options = profile_options()
    provider = options.pop("credential_provider", None)
    if provider is not None:
        held = provider()
        names = {
            "access_key_id": "access_key_id",
            "secret_access_key": "secret_access_key",
            "token": "session_token",
        }
        options |= {name: held[key] for key, name in names.items() if held.get(key)}
    return options


def _section(variable: str, file: str, name: str) -> dict[str, str]:
    place = Path(os.environ.get(variable) or Path.home() / ".aws" / file)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(place, encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error) as exc:
        raise UsageError(f"{place} cannot be read as a file of AWS profiles") from exc
    return dict(parser[name]) if parser.has_section(name) else {}


def _by_boto3(name: str) -> Any:
    if find_spec("boto3") is None:
        raise DependencyError(
            f"the AWS profile {name} holds no keys: signing in as it does needs boto3",
            hint="Install it: pip install boto3. Or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    boto3, provider = import_module("boto3"), import_module("obstore.auth.boto3")
    return provider.Boto3CredentialProvider(boto3.Session(profile_name=name))
