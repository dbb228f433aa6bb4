# Shared by the scripts beside it (bash, sourced): places, versions, and how a step is printed.
set -euo pipefail

FINEWATT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$FINEWATT_ROOT"
set -a  # pip reads the versions from the environment
# shellcheck source=scripts/versions.env
source scripts/versions.env
set +a

# The Python environment that holds LibTorch and the peers. CMake reads the same variable.
export FINEWATT_VENV="${FINEWATT_VENV:-$FINEWATT_ROOT/build/venv}"
# What `make demo` downloads, kept between checkouts.
DEMO_DIR="${FINEWATT_DEMO_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/finewatt/demo}"

# Lets the presets share what ccache kept: most files compile to the same object in light and release.
# Only the build folder named in the debug information may then be that of the other preset.
# The base folder lets another checkout share it too.
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR="$FINEWATT_ROOT"

say() { printf '==> %s\n' "$*"; }

# fail <what happened> [<what to do next>]: one message, then exit 1.
fail() {
    printf 'error: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then printf '       %s\n' "$2" >&2; fi
    exit 1
}

# Compilers at a time: one per core, but 2 GB of memory each, which a file that includes torch needs.
build_jobs() {
    local cores memory_gb
    cores="$(nproc)"
    memory_gb="$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)"
    local by_memory=$((memory_gb / 2))
    if [ "$by_memory" -lt 1 ]; then by_memory=1; fi
    if [ "$cores" -lt "$by_memory" ]; then echo "$cores"; else echo "$by_memory"; fi
}

# Warnings are errors with the compiler this tree is tested with. Another release knows other
# warnings, and those must not keep anybody from building.
werror_flag() {
    if [ "$(g++ -dumpversion | cut -d. -f1)" = 12 ]; then
        echo "-DFINEWATT_WERROR=ON"
    else
        echo "-DFINEWATT_WERROR=OFF"
    fi
}

# configure <preset>: the full log goes to build/<preset>-configure.log, the end of it to the
# terminal when it fails.
configure() {
    local log="build/$1-configure.log"
    mkdir -p build
    if ! cmake --preset "$1" "$(werror_flag)" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        fail "configuring the preset '$1' failed; the whole log is in $log"
    fi
}

# compile <preset> [target...]: all targets without a name.
compile() {
    local preset="$1"
    shift
    local targets=()
    if [ $# -gt 0 ]; then targets=(--target "$@"); fi
    cmake --build --preset "$preset" -j "$(build_jobs)" "${targets[@]}" ||
        fail "building the preset '$preset' failed" "the compiler's message is above"
}

# Every C++ file of ours.
cpp_files() {
    find src apps tests bench examples -type f \( -name '*.cpp' -o -name '*.h' \) 2>/dev/null | sort
}
