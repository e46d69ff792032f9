"""The other side of interop-pypi.test.ts: the package http-message-signatures of PyPI, driven by JSON on stdin.

Verifies every message it is given, and signs each again with the same key, components and parameters.
"""

import base64
import datetime
import json
import sys

from http_message_signatures import ContentDigest, HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256


class Headers:
    """Field lines in their order, duplicates included."""

    def __init__(self, lines):
        self.lines = [tuple(line) for line in lines]

    def items(self):
        return list(self.lines)

    def __iter__(self):
        return iter(dict.fromkeys(name for name, _ in self.lines))

    def __contains__(self, name):
        return any(one.lower() == name.lower() for one, _ in self.lines)

    def __setitem__(self, name, value):
        del self[name]
        self.lines.append((name, value))

    def __delitem__(self, name):
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]


class Request:
    def __init__(self, request):
        self.method = request["method"]
        self.url = request["url"]
        self.headers = Headers(request["headers"])


class Response:
    def __init__(self, response, request):
        self.status_code = response["status"]
        self.headers = Headers(response["headers"])
        self.request = request


class OneKey(HTTPSignatureKeyResolver):
    def __init__(self, key):
        self.key = key

    def resolve_public_key(self, key_id):
        return self.key

    def resolve_private_key(self, key_id):
        return self.key


class GivenDigest(ContentDigest):
    """The digest is in the message already; the vectors say what it is."""

    @classmethod
    def prepare(cls, headers, body, *, use_existing_digest):
        pass


class Signer(HTTPMessageSigner):
    content_digest_class = GivenDigest


class Verifier(HTTPMessageVerifier):
    # The vectors have a clock of their own.
    max_clock_skew = datetime.timedelta(days=365 * 40)
    require_created = False


def message(task):
    request = Request(task["request"])
    return Response(task["response"], request) if "response" in task else request


def time(seconds):
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def verify(task, resolver):
    verifier = Verifier(signature_algorithm=HMAC_SHA256, key_resolver=resolver)
    [result] = verifier.verify(message(task), max_age=None, expect_tag=task.get("tag"))
    return "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())


def sign(task, resolver):
    signer = Signer(signature_algorithm=HMAC_SHA256, key_resolver=resolver)
    target = message(task)
    for name in ("Signature-Input", "Signature"):
        del target.headers[name]
    signer.sign(
        target,
        key_id=task["keyid"],
        created=time(task["created"]),
        expires=time(task.get("expires")),
        nonce=task.get("nonce"),
        tag=task.get("tag"),
        label="pypi",
        include_alg=task["alg"],
        covered_component_ids=task["components"],
    )
    return target.headers.lines


def attempt(step, *arguments):
    try:
        return {"ok": step(*arguments)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the test names it
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    results = []
    for task in json.load(sys.stdin):
        resolver = OneKey(base64.b64decode(task["key"]))
        results.append({"verified": attempt(verify, task, resolver), "signed": attempt(sign, task, resolver)})
    json.dump(results, sys.stdout)


main()
