"""`python -m bench [name …] [--quick]`: measure, print Markdown, keep the raw figures in .local/bench/."""

import argparse
import asyncio
import gc
import importlib
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Section
from bench.scale import Scale
from bench.site import KINDS, open_site

SUBJECTS = (
    "offline",
    "start_up",
    "counts",
    "latency",
    "throughput",
    "over_http",
    "page",
    "anatomy",
    "log_append",
    "log_durable",
    "log_proofs",
    "log_receipts",
    "pending",
)
SITELESS = ("offline", "start_up")
RESULTS = Path(__file__).parents[1] / ".local" / "bench"


async def main(names: list[str], kinds: list[str], scale: Scale) -> list[Section]:
    """Every subject on every kind of database, in the order of the report."""
    sections: dict[str, Section] = {}
    for name in (name for name in names if name in SITELESS):
        sections[name] = importlib.import_module(f"bench.{name}").measure(scale)
    on_site = [name for name in names if name not in SITELESS]
    for kind in kinds if on_site else ():
        async with open_site(kind) as site:
            for name in on_site:
                _add(sections, name, await importlib.import_module(f"bench.{name}").measure(site, scale))
    return [sections[name] for name in names]


def _add(sections: dict[str, Section], name: str, found: Section) -> None:
    kept = sections.setdefault(name, found)
    if kept is not found:
        kept.rows += found.rows
        kept.raw.update(found.raw)


def machine() -> dict[str, Any]:
    """What these figures are figures of."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def run() -> None:
    """Read the command line, measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(SUBJECTS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="tiny amounts: shows that it runs, not how fast it is")
    parser.add_argument("--database", choices=KINDS, help="this kind alone")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    before, began = machine(), time.monotonic()
    kinds = [chosen.database] if chosen.database else list(KINDS)
    names = [name for name in SUBJECTS if not chosen.names or name in chosen.names]
    sections = asyncio.run(main(names, kinds, Scale("quick" if chosen.quick else "full")))
    after = machine()
    loads = f"load average {before['load'][0]:.2f} before and {after['load'][0]:.2f} after"
    head = f"{before['at']}, {time.monotonic() - began:.0f} s, {loads}"
    report = [head, *(section.markdown() for section in sections)]
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{before['at'].replace(':', '')}.json"
    file.write_text(json.dumps({"before": before, "after": after, "sections": [s.as_json() for s in sections]}))
    sys.stdout.write("\n\n".join([*report, f"Raw figures: {file}"]) + "\n")


if __name__ == "__main__":
    try:
        run()
    finally:
        # The SDK's runtime can abort at interpreter exit when a connection is still to be collected.
        gc.collect()
