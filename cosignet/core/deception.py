"""Characters that make a text look like another one: found here, shown escaped wherever a human decides.

Sources: Unicode TR #36 (security considerations), TR #39 §5 (mixed-script confusables), UAX #9 (bidi controls).
"""

import re
import unicodedata

_INVISIBLE = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\ufeff\uffa0")
# Whole hidden texts have been written in them, one byte to a selector.
_VARIATION_SELECTORS = frozenset(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_LOOK_ALIKE_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
_WORD = re.compile(r"[^\W\d_]+")


def is_deceiving(character: str) -> bool:
    """True for control, bidi, zero-width, private-use and other characters that draw nothing of their own.

    Line feed and tab are ordinary text; a page shows them as such.
    """
    if character in "\n\t":
        return False
    if character in _INVISIBLE or character in _VARIATION_SELECTORS:
        return True
    return unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn")


def mixed_script_words(text: str) -> list[str]:
    """The words that mix letters of scripts which look alike, such as a Cyrillic letter inside a Latin word."""
    return [word for word in _WORD.findall(text) if len(_scripts(word)) > 1]


def deceives(text: str) -> bool:
    """True when some part of `text` could be taken for another text."""
    return any(is_deceiving(character) for character in text) or bool(mixed_script_words(text))


def deceiving_paths(value: object, path: str = "payload") -> list[str]:
    """Where a JSON value holds deceiving keys or strings, as paths such as `payload.to[0]`."""
    if isinstance(value, str):
        return [path] if deceives(value) else []
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in deceiving_paths(item, f"{path}[{i}]")]
    if isinstance(value, dict):
        keys = [f"{path}.{escape(key)}" for key in value if deceives(key)]
        inside = [found for key, item in value.items() for found in deceiving_paths(item, f"{path}.{escape(key)}")]
        return keys + inside
    return []


def escape(text: str) -> str:
    r"""`text` with each deceiving character written as `\u{…}`, so that it can be read."""
    return "".join(f"\\u{{{ord(c):x}}}" if is_deceiving(c) else c for c in text)


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(letter, "").split(" ", 1)[0] for letter in word)
    return {name for name in names if name in _LOOK_ALIKE_SCRIPTS}
