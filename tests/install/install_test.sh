#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install_test.sh SOURCE BUILD COMPILER...: README's example is example.cc, and builds and runs
# against an installed ringpost that it knows through pkg-config alone. TAP output.
set -u
source_dir=$1
build=$2
compiler=("${@:3}")
meson=$(PATH=/usr/bin:$PATH command -v meson)
example=$source_dir/tests/install/example.cc
scratch=$(mktemp -d) || exit 1
broker=
number=0

clean_up() {
    [[ -z $broker ]] || kill "$broker" 2>/dev/null
    rm -rf "$scratch"
}
trap clean_up EXIT

# report NAME COMMAND...: one line of TAP, and what the command said where it failed.
report() {
    local name=$1
    shift
    number=$((number + 1))
    if "$@" >"$scratch/said" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        tail -n 30 "$scratch/said" | sed 's/^/# /'
    fi
}

readme_block() {
    sed -n '/<!-- example:begin -->/,/<!-- example:end -->/p' "$source_dir/README.md" |
        sed -n '/^```cpp$/,/^```$/p' | sed '1d;$d'
}

readme_has_the_example() {
    readme_block >"$scratch/readme.cc"
    if [[ ! -s $scratch/readme.cc ]]; then
        echo 'README.md has no ```cpp block between <!-- example:begin --> and <!-- example:end -->'
        return 1
    fi
    grep -v SPDX-License-Identifier "$example" >"$scratch/example.cc" || return
    diff -u --label README.md --label tests/install/example.cc \
        "$scratch/readme.cc" "$scratch/example.cc"
}

installs() {
    "$meson" install -C "$build" --destdir "$scratch/root" --no-rebuild || return
    PKG_CONFIG_LIBDIR=$(dirname "$(find "$scratch/root" -name ringpost.pc)") || return
    export PKG_CONFIG_LIBDIR
    export PKG_CONFIG_PATH=$system_pkg_config PKG_CONFIG_SYSROOT_DIR=$scratch/root
    libraries=$(pkg-config --variable=libdir ringpost)
    [[ -d $libraries ]] || libraries=$scratch/root$libraries
    ls -l "$libraries"
}

# builds NAME FLAGS: example.cc, with no other word about ringpost than pkg-config's.
builds() {
    # shellcheck disable=SC2086: the flags are words
    "${compiler[@]}" -std=c++20 -Wall -Wextra -Werror "$example" -o "$scratch/$1" $2
}

builds_shared() {
    builds shared "$(pkg-config --cflags --libs ringpost)" &&
        readelf -d "$scratch/shared" | grep 'NEEDED.*libringpost'
}

builds_static() {
    local flags
    flags=$(pkg-config --static --cflags --libs ringpost) &&
        builds static "${flags/-lringpost/-l:libringpost.a}" &&
        ! readelf -d "$scratch/static" | grep 'NEEDED.*libringpost'
}

start_broker() {
    "$build/tools/ringpost" broker --listen 127.0.0.1:0 --brokers 1 --partitions 3 \
        >"$scratch/broker" 2>&1 &
    broker=$!
    for _ in {1..100}; do
        address=$(sed -n 's/^listening on \([^ ]*\) .*/\1/p' "$scratch/broker")
        [[ -z $address ]] || return 0
        sleep 0.1
    done
    echo "build/tools/ringpost broker announced no address in 10 s:"
    cat "$scratch/broker"
    return 1
}

runs() {
    LD_LIBRARY_PATH=$libraries timeout 30 "$scratch/$1" "$address"
    local code=$?
    echo "exit code $code"
    return $code
}

system_pkg_config=$(pkg-config --variable pc_path pkg-config)
address=
report "README's example is tests/install/example.cc" readme_has_the_example
report "meson install" installs
report "the example builds against the shared library" builds_shared
report "the example builds against the static library" builds_static
report "the embedded broker starts" start_broker
report "the example runs with the shared library" runs shared
report "the example runs with the static library" runs static
echo "1..$number"
