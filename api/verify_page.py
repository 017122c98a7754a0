"""The page `/verify`: one file that needs nothing else, so that a saved copy works offline.

Its script is the stand-alone verifier, `verifiers/cosignet-verify.mjs`, word for word, and what shows its answers.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VERIFIER = Path(__file__).parents[1] / "verifiers" / "cosignet-verify.mjs"
_IMPORT = re.compile(r"^import [^;]*cosignet-verify\.mjs\";\n", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """The file, and the headers that let it run this script and no other."""

    html: bytes
    headers: Mapping[str, str]


def verify_page(web: Path) -> Page:
    """Put the page together. Raises `LookupError` when the script does not import the verifier, or would end early."""
    own, found = _IMPORT.subn("", (web / "verify" / "verify.js").read_text("utf-8"))
    # In a block of its own, so that no name of the page is one of the verifier's.
    script = f"\n{VERIFIER.read_text('utf-8')}\n{{\n{own}}}\n"
    style = "".join((web / path).read_text("utf-8") for path in ("static/style.css", "verify/verify.css"))
    if found != 1 or "</script" in script or "<!--" in script or "</style" in style:
        raise LookupError("web/verify/verify.js imports the verifier, and neither script nor style ends early")
    page = (web / "verify" / "verify.html").read_text("utf-8")
    # No template engine: what is put in here is code, and nothing of it may be escaped.
    html = page.replace("{{ style }}", style).replace("{{ script }}", script)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return Page(html.encode(), {"Content-Security-Policy": policy})


def _hash(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
