"""The verifiers that are programs of their own, asked many questions by one process each."""

import base64
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "verifiers" / "cosignet_verify.py"
NODE = ROOT / "verifiers" / "cosignet-verify.mjs"
# -I: nothing of this repository is in reach of the script.
COMMANDS = {"python": [sys.executable, "-I", str(PYTHON)], "node": ["node", str(NODE)]}


class Program:
    """One verifier, in batch mode."""

    def __init__(self, process):
        self._process = process

    def judge(self, evidence, trust, payload, now, email=None):
        """Exit status and failed check."""
        self._process.stdin.write(question(evidence, trust, payload, now, email) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["exit"], answer["check"]


def question(evidence, trust, payload, now, email):
    """One line of batch mode."""
    encoded = [None if raw is None else base64.b64encode(raw).decode() for raw in (evidence, trust)]
    asked = {"evidence": encoded[0], "trust": encoded[1], "payload": payload, "now": now, "email": email}
    return json.dumps(asked)


@contextmanager
def program(name):
    """Started, and stopped at the end."""
    command = [*COMMANDS[name], "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Program(process)
        process.stdin.close()
        assert process.wait(30) == 0
