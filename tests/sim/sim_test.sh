#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sim_test.sh SIM SOURCE: many seeds, the seeds that once failed, and some twice. TAP output.
# SIM_SEEDS says how many (2000), SIM_FIRST where they begin (1): a number, or `commit` for worlds
# that no other commit saw, which .ci/run and `tools/test --all` ask for.
set -u
sim=$1
source_dir=$2
number=0

report() {
    local name=$1 said
    shift
    number=$((number + 1))
    if said=$("$@" 2>&1); then
        echo "ok $number - $name"
        grep -E 'virtual|faults:' <<<"$said" | sed 's/^/# /'
    else
        echo "not ok $number - $name"
        sed 's/^/# /' <<<"$said"
    fi
}

first=${SIM_FIRST:-1}
if [[ $first == commit ]]; then
    commit=$(git -C "$source_dir" rev-parse HEAD 2>/dev/null || echo 1)
    first=$((16#${commit:0:8}))
fi
last=$((first + ${SIM_SEEDS:-2000} - 1))
report "seeds $first to $last" "$sim" --seeds "$first..$last" --jobs "$(nproc)"
report "two days of rest" "$sim" --seeds "$first..$((first + 99))" --idle 48 --jobs "$(nproc)"
report "the same seed runs the same way" "$sim" --seeds "$first..$((first + 99))" --twice
once_failed() {
    local seed
    while read -r seed _; do
        "$sim" --seed "$seed" || return
    done < <(grep -v '^#' "$source_dir/tests/sim/failed_seeds")
}
report "seeds that failed once" once_failed
echo "1..$number"
