"""Where an installation may say that it is: passkeys are bound to it."""

import pytest
from pydantic import ValidationError

from settings import Settings


@pytest.mark.parametrize(
    "url",
    [
        "http://approve.example.com",
        "http://127.0.0.1:8420",
        "ftp://localhost",
        "approve.example.com",
        "https://",
        "https://approve.example.com/path",
        "https://approve.example.com?x=1",
        "https://approve.example.com#x",
    ],
)
def test_an_address_on_which_browsers_offer_no_passkeys_is_refused(url):
    with pytest.raises(ValidationError):
        Settings(public_url=url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Approve.Example.com/", "https://approve.example.com"),
        ("https://approve.example.com:443", "https://approve.example.com"),
        ("https://approve.example.com:8443", "https://approve.example.com:8443"),
        ("http://localhost:8420", "http://localhost:8420"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url, origin):
    assert Settings(public_url=url).relying_party().origins == {origin}


@pytest.mark.parametrize("rp_id", ["example.org", "ample.com", "www.approve.example.com", "approve.example.com.", "."])
def test_a_relying_party_id_that_is_no_parent_of_the_host_is_refused(rp_id):
    with pytest.raises(ValueError, match="COSIGNET_RP_ID"):
        Settings(public_url="https://approve.example.com", rp_id=rp_id).relying_party()


@pytest.mark.parametrize("rp_id", ["approve.example.com", "example.com"])
def test_the_host_and_its_parents_are_relying_party_ids(rp_id):
    assert Settings(public_url="https://approve.example.com", rp_id=rp_id).relying_party().id == rp_id
