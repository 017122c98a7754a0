"""Leaves for tests: valid in form, about nothing."""

from cosignet.core.leaf import Leaf, commitment
from tests.store.builders import NOW


def leaf_of(event: str) -> bytes:
    return Leaf("admin.changed", event, NOW, commitment(bytes(32), event.encode()), {}).to_bytes()
