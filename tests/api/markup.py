"""What pages are made of, as tests read it."""

import base64
import hashlib
from html.parser import HTMLParser

from api.pages import WEB

STATIC = WEB / "static"
SCRIPTS = sorted(path.name for path in STATIC.glob("*.js"))


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def sri(content):
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
