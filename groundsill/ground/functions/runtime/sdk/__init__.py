"""The AWS SDK for Python with less work for each call: the same bytes are sent and the same answers given.

A function that calls DynamoDB spends most of its time inside botocore, which builds, signs, sends and reads every call
as if it were the first. Three things are done more cheaply here, for calls to this machine alone:

- **send**: a call is one write and one read on a kept connection, instead of two writes through three layers;
- **sign**: a Signature Version 4 is computed in one pass over the headers, and the day's signing key is remembered;
- **remember**: what depends on nothing but its arguments (a part of the user agent, the host of an address) is kept.

Nothing else may change. Each way takes the ordinary form of a call only and leaves every other to botocore: streams,
files, paths, queries, proxies, HTTPS, debug logging. It is put in place only where the source of all that it stands in
for is source that it was compared with (:data:`KNOWN`). With any other botocore or urllib3 the SDK stays as it is, and
the function's log says so. ``GROUNDSILL_PLAIN_SDK=1`` in the environment of ``groundsill up`` leaves it as it is too.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any

from . import remembering, sending, signing

PLAIN = "GROUNDSILL_PLAIN_SDK"
"""The environment variable of ``groundsill up`` that leaves the SDK as it is."""

STANDS_IN_FOR: Mapping[str, tuple[str, ...]] = {
    "send": (
        "botocore.httpsession:URLLib3Session.__init__",
        "botocore.httpsession:URLLib3Session.send",
        "botocore.httpsession:URLLib3Session._get_request_timeout",
        "botocore.httpsession:URLLib3Session._path_url",
        "botocore.awsrequest:AWSConnection.request",
        "botocore.awsrequest:AWSConnection._send_output",
        "botocore.awsrequest:AWSResponse.__init__",
        "botocore.awsrequest:HeadersDict.__init__",
        "botocore.awsrequest:HeadersDict.__setitem__",
        "urllib3.connection:HTTPConnection.request",
        "urllib3.connection:HTTPConnection.putrequest",
        "urllib3.connection:HTTPConnection.putheader",
        "urllib3.connection:HTTPConnection.getresponse",
        "urllib3.connection:_normalize_header_values",
        "urllib3.connectionpool:HTTPConnectionPool._make_request",
    ),
    "sign": (
        "botocore.auth:SigV4Auth.add_auth",
        "botocore.auth:SigV4Auth.canonical_request",
        "botocore.auth:SigV4Auth.canonical_headers",
        "botocore.auth:SigV4Auth.headers_to_sign",
        "botocore.auth:SigV4Auth.signed_headers",
        "botocore.auth:SigV4Auth.payload",
        "botocore.auth:SigV4Auth._should_sha256_sign_payload",
        "botocore.auth:SigV4Auth.string_to_sign",
        "botocore.auth:SigV4Auth.signature",
        "botocore.auth:SigV4Auth.scope",
        "botocore.auth:SigV4Auth._inject_signature_to_request",
        "botocore.auth:SigV4Auth._modify_request_before_signing",
        "botocore.awsrequest:AWSRequestPreparer._prepare_body",
    ),
    "remember": (
        "botocore.auth:_host_from_url",
        "botocore.awsrequest:_urljoin",
        *(
            f"botocore.useragent:{name}"
            for name in (
                "sanitize_user_agent_string_component", "UserAgentComponent.to_string",
                "UserAgentComponent._truncate_string", "UserAgentString.__init__",
                "UserAgentString.set_session_config", "UserAgentString.set_client_features",
                "UserAgentString.with_client_config", "UserAgentString.to_string",
                "UserAgentString._build_sdk_metadata", "UserAgentString._build_os_metadata",
                "UserAgentString._build_architecture_metadata", "UserAgentString._build_language_metadata",
                "UserAgentString._build_execution_env_metadata", "UserAgentString._build_feature_metadata",
                "UserAgentString._build_config_metadata", "UserAgentString._build_app_id",
                "UserAgentString._build_extra", "UserAgentString._build_legacy_ua_string",
            )
        ),
    ),
}
"""Each way's functions in other libraries: those that it replaces and those whose work it does or relies on."""

KNOWN: Mapping[str, frozenset[str]] = {
    "send": frozenset({"fdb30dc8212004da"}),
    "sign": frozenset({"4b9a5f4f9fb65028"}),
    "remember": frozenset({"fab872eeaf5c5023"}),
}
"""For each way, :func:`digest` of the sources that it was compared with by ``tests/ground/test_functions_sdk.py``."""

_WAYS: Mapping[str, Callable[[], None]] = {
    "send": sending.place, "sign": signing.place, "remember": remembering.place,
}


@functools.cache
def install() -> str:
    """Puts every way in place that is known to change nothing.

    Returns:
        a sentence for the log that says what was left as it is; empty when nothing was.
    """
    return install_known(KNOWN)


def install_known(known: Mapping[str, frozenset[str]]) -> str:
    """As :func:`install`, with the digests given."""
    left: list[str] = []
    for way, place in _WAYS.items():
        try:
            if digest(way) in known[way]:
                place()
            else:
                left.append(way)
        except (ImportError, AttributeError, TypeError, OSError):
            left.append(way)
    if not left:
        return ""
    return (
        f"The AWS SDK runs without Groundsill's quicker way to {', '.join(left)}: "
        f"botocore {_version('botocore')} with urllib3 {_version('urllib3')} is not one that it was compared with."
    )


def digest(way: str) -> str:
    """A digest of the source of all that a way stands in for, as it is installed here.

    Raises:
        ImportError, AttributeError, OSError: a part of it is missing, or its source is.
    """
    text = hashlib.sha256()
    files: dict[str, list[str]] = {}
    for name in STANDS_IN_FOR[way]:
        module, _, path = name.partition(":")
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        code: types.CodeType = inspect.unwrap(found).__code__
        if code.co_filename not in files:
            with open(code.co_filename, encoding="utf-8") as file:
                files[code.co_filename] = file.read().split("\n")
        text.update(_function(files[code.co_filename], code.co_firstlineno).encode())
    return text.hexdigest()[:16]


def _function(lines: list[str], first: int) -> str:
    """The lines of the function that begins at a line; ``inspect.getsource`` takes ten times as long."""
    end = first
    margin = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    for line in lines[first:]:
        text = line.lstrip()
        if text and len(line) - len(text) <= margin and text[0] not in ")]}":
            break
        end += 1
    return "\n".join(lines[first - 1 : end]).rstrip()


def _version(library: str) -> str:
    try:
        return str(importlib.import_module(library).__version__)
    except (ImportError, AttributeError):
        return "(unknown)"
