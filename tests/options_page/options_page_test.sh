#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# options_page_test.sh PROGRAM PAGE [--update]: what stands in the page between its marks is what
# `PROGRAM options --markdown` prints. With --update it is put there.
set -u
program=$1 page=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
"$program" options --markdown >"$scratch/reference" || exit 1
sed -e '/^<!-- options:begin -->$/r '"$scratch/reference" \
    -e '/^<!-- options:begin -->$/,/^<!-- options:end -->$/{/^<!-- options:/!d}' \
    "$page" >"$scratch/page"
grep -qx '| option | default | .*' "$scratch/page" || { echo "$page has no marks"; exit 1; }
if [[ ${3-} == --update ]]; then
    cat "$scratch/page" >"$page"
elif ! diff -u "$page" "$scratch/page"; then
    echo "$page differs from the list in src/api; to bring it up to date:"
    echo "    tests/options_page/options_page_test.sh $program $page --update"
    exit 1
fi
