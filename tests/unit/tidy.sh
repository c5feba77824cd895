#!/bin/bash
# tidy.sh BUILD: clang-tidy over every file that is compiled, with the checks of .clang-tidy. Takes ten minutes of CPU;
# 'tests/run --lint' runs it.
cd "$(dirname "$0")/../.." || exit 1
command -v run-clang-tidy >/dev/null && command -v clang-tidy >/dev/null || { echo "SKIPPED: no clang-tidy"; exit 77; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
run-clang-tidy -quiet -j "$(nproc)" -p "$1" "^$PWD/(cpu|jit|devices|bios|frontend|tests)/" >"$out" 2>/dev/null
status=$?
# Each finding once, however many files include the header it is in.
grep -E '(warning|error):' "$out" | sed 's/\x1b\[[0-9;]*m//g' | sort -u
exit $status
