"""docs/protocol.md against the core: no code, key or file may be missing from it, or named in it and gone."""

import json
import re
from pathlib import Path

import pytest

from cosignet.core import assertion, authenticator_data, canonical, client_data, evidence, policy, registration
from cosignet.core.deception import _INVISIBLE, _VARIATION_SELECTORS, is_deceiving
from cosignet.core.policy import Policy
from tests.unit.builders import Story

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/protocol.md").read_text()
CORE = sorted((ROOT / "cosignet/core").glob("*.py"))
AREAS = (
    "payload|terms|context|policy|assertion|credential|vote|decision|time|trust|evidence|encoding|cbor"
    "|leaf|note|checkpoint|head|log|log_proof"
)
CODE = re.compile(rf'"((?:{AREAS})\.[a-z_]+)"')


def codes_in_the_core():
    return {code for path in CORE for code in CODE.findall(path.read_text())} | {"terms.form", "context.form"}


@pytest.mark.parametrize("code", sorted(codes_in_the_core()))
def test_every_code_is_explained(code):
    assert f"`{code}`" in TEXT


def test_every_code_that_is_explained_exists():
    explained = set(re.findall(rf"`((?:{AREAS})\.(?!json`)[a-z_]+)`", TEXT))
    elsewhere = {code for path in (ROOT / "activities").glob("*.py") for code in CODE.findall(path.read_text())}
    assert explained <= codes_in_the_core() | elsewhere


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:cosignet|activities|tests)/[\w/]+\.py)`", TEXT))))
def test_every_file_that_is_named_exists(path):
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("path", [path.name for path in CORE if path.name != "__init__.py"])
def test_every_module_of_the_core_has_its_row(path):
    assert f"| `cosignet/core/{path}` |" in TEXT


def keys_of(value):
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_of(inner)


def test_every_key_on_the_wire_is_explained():
    story = Story(Policy(("alice",))).vote("alice")
    documents = [story.evidence().to_bytes(), story.trust().to_bytes(), story.matter.terms.to_bytes()]
    documents += [story.votes[0].context, story.policy.to_bytes()]
    for key in {key for document in documents for key in keys_of(json.loads(document))} - {"alice"}:
        assert f"`{key}`" in TEXT or f'"{key}"' in TEXT, key


def test_the_limits_are_those_of_the_core():
    assert (canonical.MAX_BYTES, canonical.MAX_DEPTH, canonical.MAX_INTEGER) == (65_536, 32, 2**53 - 1)
    assert (client_data.MAX_BYTES, authenticator_data.MAX_BYTES) == (8_192, 8_192)
    assert (authenticator_data.MAX_CREDENTIAL_ID, assertion.MAX_SIGNATURE) == (1_023, 256)
    assert registration.MAX_ATTESTATION_OBJECT == 32_768
    assert (policy.MAX_PEOPLE, evidence.MAX_EVIDENCE) == (100, 4 * 1024 * 1024)
    for text in ("65,536", "deeper than 32", "8,192", "1,023", "256 bytes", "32,768", "more than 100 ids", "4 MiB"):
        assert text in TEXT


def test_the_characters_that_deceive_are_listed():
    section = TEXT[TEXT.index("### Texts that deceive") : TEXT.index("## 2.")]
    listed = set()
    for first, last in re.findall(r"U\+([0-9A-F]{4,5})(?:–U\+([0-9A-F]{4,5}))?", section):
        listed |= {chr(c) for c in range(int(first, 16), int(last or first, 16) + 1)}
    assert listed - {" "} == _INVISIBLE | _VARIATION_SELECTORS
    assert all(is_deceiving(character) for character in listed - {" "})
