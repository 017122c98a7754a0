"""How much is measured, and how far it is."""

import sys
import time
from dataclasses import dataclass


@dataclass
class Scale:
    """`quick` shows that everything runs, `full` gives figures worth keeping, `tiny` is for tests."""

    size: str
    said: float = 0

    def amount(self, *, quick: int, full: int) -> int:
        """How many."""
        return {"tiny": max(2, quick // 4), "quick": quick, "full": full}[self.size]

    def progress(self, what: str, done: int, total: int) -> None:
        """One line on standard error, at most five times a second."""
        now = time.monotonic()
        if now - self.said >= 0.2 or done == total:
            self.said = now
            sys.stderr.write(f"\r\033[K{what}: {done} of {total}" + "\n" * (done == total))
            sys.stderr.flush()
