#!/bin/sh
# Install the system packages that checks and tests start programs of, those that are missing, or say which.
set -e
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v caddy >/dev/null || missing="$missing caddy"
command -v chromium >/dev/null || missing="$missing chromium"
command -v npm >/dev/null || missing="$missing nodejs npm"
command -v go >/dev/null || missing="$missing golang-go"
ls -d /usr/share/gocode/src/golang.org/x/mod/sumdb >/dev/null 2>&1 || missing="$missing golang-golang-x-mod-dev"
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing="$missing libfaketime"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q
    # shellcheck disable=SC2086 (names of packages, one word each)
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
else
    echo "Checks and tests start programs of their own. Install:$missing, then run make again." >&2
    exit 1
fi
