# Shared by the scripts beside it: checks the toolchain, installs what is missing where it may, builds.
# Sourced, not run. Every function is quick and silent when there is nothing to do.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

say() { printf '\n== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# version_at_least HAVE WANT: dotted numbers.
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

need_go() {
  command -v go >/dev/null || die "Go 1.26 or newer is needed: https://go.dev/dl/ (then put its bin folder on PATH)"
  local have; have=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
  version_at_least "$have" 1.26 || die "Go 1.26 or newer is needed, this is $have: https://go.dev/dl/"
}

need_node() {
  command -v node >/dev/null || die "Node.js 20 or newer is needed: https://nodejs.org/ (it builds the web pages)"
  local have; have=$(node --version | tr -d v)
  version_at_least "$have" 20.0 || die "Node.js 20 or newer is needed, this is $have: https://nodejs.org/"
}

# as_root CMD…: directly as root, with sudo where that asks nothing.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

# need_packages WHY command:package …: installs the Debian packages whose command is missing.
need_packages() {
  local why=$1; shift
  local missing=() pair
  for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || missing+=("${pair##*:}"); done
  [ ${#missing[@]} = 0 ] && return 0
  if command -v apt-get >/dev/null && as_root true; then
    say "installing ${missing[*]} ($why)"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    printf 'please install: %s (%s)\n' "${missing[*]}" "$why" >&2
    return 1
  fi
}

# npm is told nothing about hosts: package-lock.json names none either.
web_modules() {
  need_node
  local stamp=web/node_modules/.signet-lock
  if [ ! -f "$stamp" ] || ! cmp -s web/package-lock.json "$stamp"; then
    say "getting npm packages"
    (cd web && npm ci --no-audit --no-fund --loglevel=error)
    cp web/package-lock.json "$stamp"
  fi
}

# The pages are built again only when something they are made of is newer.
build_web() {
  web_modules
  if [ ! -f web/dist/index.html ] || [ -n "$(find web/src web/*.html web/vite.config.ts web/package-lock.json -newer web/dist/index.html -print -quit 2>/dev/null)" ]; then
    say "building the web pages"
    (cd web && npm run --silent build)
    touch web/dist/index.html
  fi
}

build_go() {
  need_go
  say "building signet, signetctl and ukeyd"
  mkdir -p bin
  CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/signet ./cmd/signetctl ./cmd/ukeyd
}

# The software key as a PKCS#11 library, and a ukeyd that can load such libraries; without a C compiler there is neither, and
# what needs them says so.
build_softkey() {
  need_packages "the software key as a PKCS#11 library is built by a C compiler" gcc:gcc /usr/include/stdlib.h:libc6-dev || return 0
  say "building libsoftkey.so, and ukeyd for PKCS#11"
  mkdir -p bin
  CGO_ENABLED=1 go build -trimpath -buildmode=c-shared -o bin/libsoftkey.so ./ukey/softkey/module
  CGO_ENABLED=1 go build -trimpath -o bin/ ./cmd/ukeyd
  rm -f bin/libsoftkey.h # ours to load, not to link
}

answers() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# usable_mariadb PORT: answers there, and lets root in without a password.
usable_mariadb() {
  answers 127.0.0.1 "$1" && command -v mariadb >/dev/null && mariadb --no-defaults -h 127.0.0.1 -P "$1" -u root -e 'SELECT 1' >/dev/null 2>&1
}

# A MariaDB for the tests: the one that lets us in on 127.0.0.1:3306, else one of our own in a folder under .cache.
need_mariadb() {
  [ -n "${SIGNET_TEST_MYSQL:-}" ] && return 0
  if usable_mariadb 3306; then
    export SIGNET_TEST_MYSQL="root@tcp(127.0.0.1:3306)/"
    return 0
  fi
  need_packages "MariaDB, the production database, is tested too" mariadbd:mariadb-server || return 0
  local data="$ROOT/.cache/mariadb" port=33306
  if ! answers 127.0.0.1 $port; then
    say "starting a MariaDB of our own on 127.0.0.1:$port"
    mkdir -p "$data"
    local me; me=$(id -un) # also as root: the folder need not be readable by anyone else
    [ -d "$data/mysql" ] || mariadb-install-db --no-defaults --user="$me" --datadir="$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
    local mariadbd; mariadbd=$(command -v mariadbd || echo /usr/sbin/mariadbd)
    "$mariadbd" --no-defaults --user="$me" --datadir="$data" --port=$port --bind-address=127.0.0.1 --socket="$data/s.sock" --pid-file="$data/pid" >"$data/log" 2>&1 &
    for _ in $(seq 300); do answers 127.0.0.1 $port && break; sleep 0.2; done
    answers 127.0.0.1 $port || die "MariaDB did not start; see $data/log"
    trap 'kill "$(cat "'"$data"'/pid")" 2>/dev/null || true' EXIT
  fi
  export SIGNET_TEST_MYSQL="root@tcp(127.0.0.1:$port)/"
}

need_browser() {
  need_packages "the pages are tested in a real browser" chromium:chromium || return 1
  if ! fc-list 2>/dev/null | grep -qi 'cjk\|wenquanyi\|droid.*fallback'; then
    need_packages "Chinese text in screenshots" /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc:fonts-noto-cjk || true
  fi
}

need_openssl() { need_packages "OpenSSL 3 issues the legacy certificates of the demo and checks ours" openssl:openssl; }

# What the tests of keys in hardware talk to; without it they are skipped, in CI they fail.
need_tokens() { need_packages "keys in hardware are tested on SoftHSM and with OpenSC's tool, the PIN dialogue with a real pinentry, the tray on a real session bus" dbus-daemon:dbus-daemon softhsm2-util:softhsm2 pkcs11-tool:opensc pinentry-curses:pinentry-curses gcc:gcc /usr/include/stdlib.h:libc6-dev || true; }
