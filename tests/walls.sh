#!/usr/bin/env bash
# The test of the walls: without the SIP bridge (its rooms, its page, its environment) everything else is whole. In a
# copy of what git has or would add, with nothing else edited, `make check`, the tests but the end-to-end ones and
# `make demo` pass (or the targets that are named). Run it by `make test-walls`: the copy uses what that has installed
# into this checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
checkout=$PWD

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files --cached --others --exclude-standard | xargs ls -d 2>/dev/null | tar -cf - -T - | tar -xf - -C "$copy"
cd "$copy"

find . -type d -name sip_bridge -prune -exec rm -r {} +
rm -f docs/sip-bridge.md config/local-bridge.toml

# Installed environments and built assets are shared by links; what is written beside sources is the copy's own.
for shared in .venv .venv-local .venv-functions node_modules local/node_modules tests/contract/typescript/node_modules \
    operations/media/node_modules tests/e2e/media/node_modules .cache; do
    ln -s "$checkout/$shared" "$shared"
done
# Nothing is installed again through them, whatever was edited meanwhile: that would change the checkout.
touch -t 200001010000 setup.sh .npmrc package*.json requirements*.txt ./*/requirements*.txt tests/contract/typescript/package*.json \
    local/package*.json local/.npmrc operations/media/package*.json operations/media/.npmrc tests/e2e/media/package*.json tests/e2e/media/.npmrc
[ ! -d "$checkout/.mypy_cache" ] || cp -R "$checkout/.mypy_cache" .
git init --quiet && git add --all

# Generated files.
[ ! -d infra/configuration ] || .venv/bin/python -m infra.configuration

unset MAKEFLAGS MAKELEVEL
LOCAL_PORT=$(.venv/bin/python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LOCAL_PORT
[ $# -gt 0 ] || set -- check test-unit demo
for target; do
    echo "==> without the SIP bridge: make $target"
    make "$target"
done
echo "==> the walls hold: without the SIP bridge these pass: $*"
