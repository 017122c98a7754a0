import re

import pytest

from docs import generate
from settings import Settings
from tests.deploy.compose import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])


def test_the_tables_are_as_the_code_is():
    text = generate.PAGE.read_text()
    assert generate.page(text) == text, "run `python -m docs.generate`"


def test_a_table_that_differs_is_written_anew():
    text = generate.PAGE.read_text()
    wrong = text.replace("| `COSIGNET_HTTP_PORT` | `8420` |", "| `COSIGNET_HTTP_PORT` | `80` |")
    assert wrong != text
    assert generate.page(wrong) == text
    with pytest.raises(ValueError, match="no single place"):
        generate.page(text.replace("<!-- generated: commands -->", ""))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_documents_name_exists(document):
    text = document.read_text()
    known = {f"COSIGNET_{name.upper()}" for name in Settings.model_fields}
    known |= {"COSIGNET_URL", "COSIGNET_API_KEY", "COSIGNET_TRUST_FILE", "COSIGNET_TEMPORAL_CLI"}
    assert set(re.findall(r"COSIGNET_[A-Z_]+[A-Z]", text)) <= known
    commands = set(generate.commands_table().split("`")) | {"COMMAND"}
    for command in re.findall(r"python -m api\.admin ([a-zA-Z-]+)", text):
        assert any(known.split(" ")[0] == command for known in commands), command
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (document.parent / link).exists(), link


def test_licence_and_notice_are_there():
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert "Compose Specification" in (ROOT / "NOTICE").read_text()
