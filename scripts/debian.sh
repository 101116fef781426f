#!/bin/sh
# Installs what the project needs from Debian, when it is missing and we may: `debian.sh venv PYTHON | servers`.
# Without the right to install it says what is missing and succeeds: tests that need it skip by name (or fail, CI=true).
set -u

# The servers are for private instances of the tests: nothing that the packages bring is started on the machine.
POLICY=/usr/sbin/policy-rc.d

find_program() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null 2>&1 && return 0
    for path in /usr/lib/postgresql/*/bin/"$1"; do
        [ -x "$path" ] && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

install() {
    if ! may_install; then
        echo "Missing: $* (install them with: apt-get install --no-install-recommends $*)" >&2
        return 0
    fi
    echo "Installing $* ..." >&2
    if [ ! -e "$POLICY" ]; then
        trap 'as_root rm -f "$POLICY"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
        as_root chmod 755 "$POLICY"
    fi
    as_root apt-get update -qq </dev/null >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2 ||
        echo "Could not install $*; tests that need them say so." >&2
}

case "${1:-}" in
venv)
    "${2:-python3}" -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
    ;;
servers)
    wanted=""
    { find_program initdb && find_program psql; } || wanted="$wanted postgresql"
    { find_program mariadbd && find_program mariadb-install-db && find_program mariadb; } ||
        wanted="$wanted mariadb-server"
    find_program age || wanted="$wanted age"
    find_program ssh-keygen || wanted="$wanted openssh-client"
    find_program jq || wanted="$wanted jq"
    find_program zstd || wanted="$wanted zstd"
    find_program soffice || wanted="$wanted libreoffice-calc"
    find_program debootstrap || wanted="$wanted debootstrap"
    find_program sshd || wanted="$wanted openssh-server"
    find_program git-lfs || wanted="$wanted git-lfs"
    find_program npm || wanted="$wanted npm"
    # Drivers have no program: the driver manager's list of them is asked.
    for driver in "PostgreSQL Unicode=odbc-postgresql" "MariaDB Unicode=odbc-mariadb" "SQLite3=libsqliteodbc"; do
        grep -qs "^\[${driver%%=*}\]" /etc/odbcinst.ini || wanted="$wanted ${driver#*=}"
    done
    # shellcheck disable=SC2086  # package names, to be split
    [ -z "$wanted" ] || install $wanted
    ;;
*)
    echo "usage: $0 venv PYTHON | servers" >&2
    exit 2
    ;;
esac
