"""Every error Cosignet raises, in one tree; each carries a stable `code` that programs may branch on.

    CosignetError
    ├── Malformed            bytes or fields that break the form docs/protocol.md gives them
    ├── Refused              well formed, and the rules say no
    │   ├── VerificationFailed   evidence that does not verify; `code` names the failed check
    │   │   └── NotAuthenticated     it agrees with itself, and nothing that is trusted vouches for it
    │   ├── Conflict             contradicts what is already recorded
    │   ├── NotFound             does not exist, or not for this caller
    │   ├── Unauthenticated      the caller did not prove who they are
    │   ├── Forbidden            the caller may not do this
    │   └── TooMany              a limit was reached; `retry_after` seconds
    └── Unavailable          a dependency is silent: nothing was decided, ask again

No error means "approved", and none carries a secret in its text.
"""


class CosignetError(Exception):
    """Base of the tree: `code` is stable (`area.reason`), `detail` is for people and may change."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Malformed(CosignetError):
    """The input breaks a rule of form; the same input will always be refused."""


class Refused(CosignetError):
    """The input is well formed and the rules refuse it."""


class VerificationFailed(Refused):
    """Evidence did not verify; `code` is one of the named checks of docs/protocol.md §7."""


class NotAuthenticated(VerificationFailed):
    """Evidence agrees with itself, and the trust file does not vouch for it in the way that `code` names."""


class Conflict(Refused):
    """What was asked contradicts what is recorded (other terms, already decided, already consumed)."""


class NotFound(Refused):
    """There is no such thing, or the caller may not know of it."""


class Unauthenticated(Refused):
    """No credential, or one that is not valid."""


class Forbidden(Refused):
    """The caller is known and may not do this."""


class TooMany(Refused):
    """A limit was reached; ask again after `retry_after` seconds."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class Unavailable(CosignetError):
    """A dependency did not answer. Nothing may be concluded, least of all an approval."""
