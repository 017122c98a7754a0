"""The public log: its keys, and what to do when its database fell behind. docs/operations.md."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from activities.key_file import KeyFile
from activities.mark import MarkFile
from activities.recovering import continue_log, restore_log
from activities.rotating import begin_rotation, finish_rotation
from api.admin.office import Answer, command, opened
from settings import read_settings


@command("rotate-log-key")
async def rotate_log_key(
    finish: Annotated[bool, Option("--finish", help="Let the old keys sign no more.")] = False,
) -> Answer:
    """Add new keys, beside which the old ones sign until `--finish`; give all who check the log time to pin them."""
    settings, _ = read_settings()
    async with opened() as deployment:
        rotate = finish_rotation if finish else begin_rotation
        return {"keys": await rotate(deployment, KeyFile(settings.log_key_path))}


@command("restore-log")
async def restore(
    mirror: Annotated[
        Path, Argument(metavar="DIR", help="A copy, as `cosignet fsck --mirror DIR` makes it.", show_default=False)
    ],
) -> Answer:
    """Append the leaves that a restored database lacks from a copy of the log. Stop the worker before."""
    settings, _ = read_settings()
    async with opened() as deployment:
        head = await restore_log(deployment, MarkFile(settings.log_mark_path), mirror)
        return {"origin": head.origin, "size": head.size}


@command("continue-log")
async def continue_as(
    origin: Annotated[
        str, Argument(metavar="ORIGIN", help="Another name, such as example.com/public/log/2.", show_default=False)
    ],
) -> Answer:
    """Go on under another name and with new keys, where no copy reaches what was signed. Stop the worker before."""
    settings, _ = read_settings()
    async with opened() as deployment:
        mark, keys = MarkFile(settings.log_mark_path), KeyFile(settings.log_key_path)
        return {"origin": origin, "keys": await continue_log(deployment, mark, keys, origin)}
