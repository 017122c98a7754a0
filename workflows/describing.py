"""What an operator reads in Temporal's UI. Requests are written by strangers: their text is escaped, not trusted."""

import re

from cosignet.core.deception import escape
from cosignet.core.decision import Matter, Status
from cosignet.core.encoding import b64u, instant

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:/@&])")


def describe(matter: Matter, status: str, *, voted: int, dropped: int) -> str:
    """The confirmation in a few lines of Markdown, without payload, addresses or names."""
    terms, policy = matter.terms, matter.policy
    lines = [
        f"**{status}**: {_plain(terms.action)}",
        f"- requester: {_plain(terms.requester)}",
        f"- votes: {voted} so far, {policy.threshold} of {len(policy.seats)} needed{', veto' if policy.veto else ''}",
        f"- deadline: {instant(terms.deadline)}, an approval is valid until {instant(terms.valid_until)}",
        f"- payload hash: `{b64u(terms.payload)}`",
    ]
    if dropped:
        lines.append(f"- {dropped} signals dropped that carried no valid vote")
    if status == Status.PENDING:
        lines.append("- to end it without approval: cancel this workflow")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", escape(text).replace("\n", " "))
