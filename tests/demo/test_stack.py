"""The local stack leaves nothing behind, however it is told to stop."""

import os
import subprocess
import sys
import time

SCRIPT = """
import signal, sys, time
from pathlib import Path
from stack import Stack
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with Stack(Path(sys.argv[1])).running("") as stack:
    print(*(service.process.pid for service in stack.services), flush=True)
    time.sleep(60)
"""


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_signals_that_come_together_stop_all_of_it(tmp_path):
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as stack:
        children = [int(pid) for pid in stack.stdout.readline().split()]
        assert [runs(pid) for pid in children] == [True] * 3
        for _ in range(3):
            stack.terminate()
            time.sleep(0.2)
        assert stack.wait(60) == 143
    assert [runs(pid) for pid in children] == [False] * 3
