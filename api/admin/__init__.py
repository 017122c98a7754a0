"""Administration without a browser, `python -m api.admin`, for whoever may read the service's settings.

Each command prints one JSON object on standard output and speaks to people on standard error; one that is refused
says `code: detail` there and exits with 1. The commands are listed in docs/operations.md.
"""
