"""`python -m api.admin COMMAND`."""

import gc

from api.admin import doctor, erasing, exporting, log, people, revoking, rules, search_attributes, trusting
from api.admin.office import app

__all__ = [
    "app",
    "doctor",
    "erasing",
    "exporting",
    "log",
    "people",
    "revoking",
    "rules",
    "search_attributes",
    "trusting",
]

if __name__ == "__main__":
    try:
        app(prog_name="python -m api.admin")
    finally:
        # The Temporal SDK's runtime can abort at interpreter exit when a connection is still to be collected.
        gc.collect()
