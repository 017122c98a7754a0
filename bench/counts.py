"""What one approval costs, counted and not timed: the same on every machine, whatever else it does."""

import json
import secrets
from typing import Any

from activities.approvals import workflow_id
from bench.figures import Section
from bench.instruments import Instruments
from bench.kinds import SIDES, Approval, Life, sign, start_all
from bench.scale import Scale
from bench.site import WORKER, Site

COLUMNS = ["database", "of one approval", "events", "state transitions", "bytes of history", "transactions", "queries"]
STEPS = ("record the request", "cosignet.open", "cosignet.notify", "issue a ceremony", "cosignet.record_vote")


async def measure(site: Site, scale: Scale) -> Section:
    """One life of each side with instruments on everything that reaches the database."""
    scale.progress(f"counts, {site.kind}", 1, 1)
    work, approval = await _approval(site)
    (minimal,) = await SIDES["minimal"](site, 1)
    await start_all([minimal])
    await minimal.decide()
    await minimal.result()
    section = Section("Counts", COLUMNS, raw={site.kind: work})
    done = [work[step] for step in STEPS]
    total = [str(sum(step[key] for step in done)) for key in ("transactions", "statements")]
    section.rows.append([site.kind, "cosignet", *await _history(site, approval), *total])
    section.rows.append([site.kind, "minimal", *await _history(site, minimal), "0", "0"])
    section.rows += [
        [site.kind, f"· {step}", "", "", "", str(counts["transactions"]), str(counts["statements"])]
        for step, counts in zip(STEPS, done, strict=True)
    ]
    return section


async def _approval(site: Site) -> tuple[dict[str, Any], Approval]:
    file = site.stack.data / "work.json"
    await site.stop("worker")
    await site.run("worker", "-m", "bench.measured_worker", str(file))
    here = Instruments()
    with here.during("record the request"):
        row = await site.acme.ask(secrets.token_hex(16))
    with here.during("issue a ceremony"):
        nonce, vote = await sign(site, row.id)
    here.close()
    approval = Approval(site, row, nonce, vote)
    await start_all([approval])
    await approval.decide()
    await approval.result()
    await site.stop("worker")
    await site.run("worker", *WORKER)
    return {**here.as_json(), **json.loads(file.read_text())}, approval


async def _history(site: Site, life: Life) -> list[str]:
    name = workflow_id(life.row.id) if isinstance(life, Approval) else life.id
    info = (await site.client.get_workflow_handle(name).describe()).raw_description.workflow_execution_info
    return [str(info.history_length), str(info.state_transition_count), str(info.history_size_bytes)]
