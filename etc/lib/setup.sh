# SPDX-License-Identifier: Apache-2.0
# Shared by etc/quickstart and tests/run: saying things, installing packages, building. Sourced, not run.
# Needs $top, the root of the checkout.

say() { printf '%s\n' "== $*"; }
note() { printf '%s\n' "   $*"; }
die() {
    printf '%s\n' "!! $*" >&2
    exit 1
}

# The package names in etc/packages/NAME.txt, without comments.
packages_in() {
    for list in "$@"; do
        sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$top/etc/packages/$list.txt"
    done
}

# A program of the package's name counts as well: node and npm often come from elsewhere, and the distribution's
# packages would fight with them.
is_installed() {
    command -v "$1" >/dev/null 2>&1 || dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -q '^installed'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "this needs root: $* (become root, or install sudo)"
    fi
}

# Install what is missing of the lists; says what, does nothing when all is there.
install_packages() {
    command -v dpkg-query >/dev/null 2>&1 || {
        note "not a Debian system: install the packages in etc/packages/ yourself ($*)"
        return 0
    }
    missing=
    for package in $(packages_in "$@"); do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing Debian packages:$missing"
    as_root apt-get update -qq || note "apt-get update failed; trying with the lists that are here"
    known=
    for package in $missing; do
        if apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]'; then
            known="$known $package"
        else
            note "$package is not in this distribution; going on without it"
        fi
    done
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $known \
        >"$top/.apt.log" 2>&1 || {
        tail -n 20 "$top/.apt.log" >&2
        die "apt-get could not install:$known"
    }
    rm -f "$top/.apt.log"
}

# configure_in FOLDER [meson options]: when it is new.
configure_in() {
    folder=$1
    shift
    [ ! -f "$folder/build.ninja" ] || return 0
    meson setup "$@" "$folder" "$top" >"$folder.log" 2>&1 || {
        grep -A 3 'ERROR' "$folder.log" >&2 || tail -n 40 "$folder.log" >&2
        die "meson could not configure $folder; the whole log is in $folder.log"
    }
}

# build_in FOLDER [meson options]: configure when new, then build, $build_targets alone when it is set. Quiet unless
# it fails.
build_in() {
    configure_in "$@"
    # shellcheck disable=SC2086 # a list of words
    ninja -C "$folder" ${build_targets:-} >"$folder.log" 2>&1 || {
        grep -E 'error|ERROR|warning:|FAILED' "$folder.log" | head -n 40 >&2
        die "the build in $folder failed; the whole log is in $folder.log"
    }
    rm -f "$folder.log"
}

# build_programs_in FOLDER: parleyd, parleyctl, the plugins and the test kit, without the tests and what those need.
build_programs_in() {
    configure_in "$1" -Dtests=false
    build_targets=build.ninja build_in "$1"
    build_targets=$(ninja -C "$1" -t targets all |
        sed -n -e 's#^\(core/parley[a-z]*\): .*#\1#p' -e 's#^\(plugins/[^/]*/[^/]*\.so\): .*#\1#p' \
            -e 's#^\(sdk/testkit/[^/]*\): [a-zA-Z_]*LINKER.*#\1#p')
    build_in "$1"
    build_targets=
}
