"""What may be called how: texts that approvers and operators will read and compare."""

from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.deception import deceives, escape
from cosignet.errors import Malformed, NotFound
from store.organisations import find_person, normalise_email
from store.rows import Person

MAX_NAME = 200
MAX_EMAIL = 320


def check_name(what: str, text: str) -> str:
    """The text without space around it. Raises `Malformed("name.invalid")` for what could pass for another name."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise Malformed("name.invalid", f"{what} has 1 to {MAX_NAME} characters")
    if not name.isprintable() or deceives(name):
        raise Malformed("name.invalid", f"{what} holds characters that deceive a reader: {escape(ascii(name))}")
    return name


def check_email(text: str) -> str:
    """The address as it is stored. Raises `Malformed("email.invalid")`."""
    email = normalise_email(text)
    local, _, domain = email.rpartition("@")
    wrong = len(email) > MAX_EMAIL or not email.isprintable() or " " in email or "@" in local or deceives(email)
    if wrong or not local or not domain:
        raise Malformed("email.invalid", f"{text!a} is not an e-mail address")
    return email


async def require_person(tx: AsyncConnection, organisation: str, named: str) -> Person:
    """Somebody of the organisation, by e-mail address or id, revoked or not. Raises `NotFound("person.unknown")`."""
    person = await find_person(tx, organisation, named)
    if person is None:
        raise NotFound("person.unknown", f"nobody in this organisation is called {named!r}")
    return person
