#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# header_test.sh COMPILER... INCLUDE_DIR: each public header compiles alone and twice, with every
# warning an error, with exceptions and RTTI on and off; and two files that include all of them
# link together. TAP output.
set -u
include=${*: -1}
linker=("${@:1:$#-1}")  # may be two words: ccache c++
compiler=("${linker[@]}" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
          -I "$include" -x c++ -)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
number=0

# report NAME COMMAND...: one line of TAP, and what the command said where it failed.
report() {
    local name=$1 said
    shift
    number=$((number + 1))
    if said=$("$@" 2>&1); then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' <<<"$said"
    fi
}

compiles() {
    local header=$1 options=$2
    # shellcheck disable=SC2086: the options are words
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        "${compiler[@]}" -fsyntax-only $options
}

link_twice() {
    local all
    all=$(printf '#include <%s>\n' "${headers[@]}")
    "${compiler[@]}" -c -o "$scratch/one.o" <<<"$all" &&
        "${compiler[@]}" -c -o "$scratch/two.o" <<<"$all"$'\nint main() {}' &&
        "${linker[@]}" -o "$scratch/both" "$scratch/one.o" "$scratch/two.o"
}

mapfile -t headers < <(cd "$include" && find . -name '*.h' -printf '%P\n' | sort)
for header in "${headers[@]}"; do
    report "$header compiles alone" compiles "$header" ""
    report "$header compiles alone without exceptions and RTTI" \
        compiles "$header" "-fno-exceptions -fno-rtti"
done
report "all headers link from two files" link_twice
echo "1..$number"
