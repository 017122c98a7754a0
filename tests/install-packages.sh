#!/bin/sh
# Install the system packages that the tests start servers of, those that are missing, or say which.
set -e
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v caddy >/dev/null || missing="$missing caddy"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q
    # shellcheck disable=SC2086 (names of packages, one word each)
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
else
    echo "The tests start servers of their own. Install:$missing, then run make test again." >&2
    exit 1
fi
