"""Answers of a browser with one thing wrong in them, signed again wherever a signature covers it."""

import json

import cbor2
import pytest

from cosignet.core.encoding import b64u, from_b64u, sha256

# What is refused here is refused before a database of any kind is asked for more than the ceremony.
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def put(path, value):
    """Sets a member of the answer, or takes it away (`...`); nothing is signed again."""

    def change(credential, passkey):
        *parents, last = path.split(".")
        target = credential
        for name in parents:
            target = target[name]
        _set(target, last, value)

    return change


def client_data(**members):
    """Sets members of clientDataJSON, or takes them away, and signs what there is then."""

    def change(credential, passkey):
        data = json.loads(from_b64u(credential["response"]["clientDataJSON"]))
        for name, value in members.items():
            _set(data, name, value)
        credential["response"]["clientDataJSON"] = b64u(json.dumps(data, separators=(",", ":")).encode())
        sign(credential, passkey)

    return change


def authenticator_data(edit):
    """Has authenticator data edited, and signs what there is then."""

    def change(credential, passkey):
        response = credential["response"]
        response["authenticatorData"] = b64u(edit(from_b64u(response["authenticatorData"])))
        sign(credential, passkey)

    return change


def attestation(**members):
    """Sets members of the attestation object, or takes them away."""

    def change(credential, passkey):
        found = cbor2.loads(from_b64u(credential["response"]["attestationObject"]))
        for name, value in members.items():
            _set(found, name, value(found[name]) if callable(value) else value)
        credential["response"]["attestationObject"] = b64u(cbor2.dumps(found, canonical=True))

    return change


def sign(credential, passkey, hashed=sha256):
    """The signature over the answer as it is; a registration has none."""
    response = credential["response"]
    if "signature" in response:
        data, client = from_b64u(response["authenticatorData"]), from_b64u(response["clientDataJSON"])
        response["signature"] = b64u(passkey._sign(data + hashed(client)))


def _set(target, name, value):
    if value is ...:
        del target[name]
    else:
        target[name] = value
