#!/bin/bash
# The rules of the house that a script can check: what chips include, files that documents name exist,
# no file over 1,000 lines but tables, names of devices listed. Prints every offence.
cd "$(dirname "$0")/../.." || exit 1
bad=0
offend() { echo "$*"; bad=1; }

# Folders see what CMakeLists.txt lets their room see. Within devices/, a chip sees its own header and the bus it sits on.
for f in devices/*.[ch]; do
    own=$(basename "${f%.*}")
    while read -r inc; do
        [[ $inc =~ ^(cpu/(base|field)\.h|devices/core/.*|devices/($own|devices|pc_map|ps2)\.(h|def))$ ]] || offend "$f must not include $inc"
    done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f")
done

files=/$(git ls-files -co --exclude-standard | sed 's|^|/|')$'\n'
# What changes the machine from outside passes its input queue; core/input.h is not even seen by front ends (CMakeLists.txt).
for f in frontend/*.c; do
    grep -nE '\<(space_write|space_write_bytes|cpu_debug_write|device_add|device_del|device_unplug|system_request|irq_set|irq_pulse|event_at|rng_init)\(|input->(receive|event)' \
        "$f" | sed "s|^|$f:|;s|$| goes past the input queue|" | grep . && bad=1
done

for doc in README.md */README.md docs/*.md; do
    for name in $(grep -o '`[a-zA-Z0-9_/.-]*\.\(c\|h\|def\|md\|sh\|asl\|asm\|cmake\)`' "$doc" | tr -d '`' | sort -u); do
        [[ $files == *"/${name##*/}"$'\n'* ]] || offend "$doc names $name, which does not exist"
    done
done

# The walks of docs/design.md name functions that there are.
while read -r name; do
    offend "docs/design.md walks through $name, which does not exist"
done < <(comm -23 <(sed -n '/^# Five walks/,$p' docs/design.md | grep -oE '`[a-z][a-z0-9]*(_[a-z0-9]+)+`' | tr -d '`' | sort -u) \
    <(git grep -ohE '\b[a-z][a-z0-9_]*\(' -- 'cpu/*.[ch]' 'jit/*.[ch]' 'devices/*.[ch]' 'frontend/*.[ch]' | tr -d '(' | sort -u))

# What pc_map.h says of addresses is said nowhere else; 400h and 600h are too common to tell.
taken=$(sed -n 's/^#define PC_\(PORT\|MEM\)_[A-Z0-9_]* *0x\([0-9a-f]\{3,\}\).*/\2/p' devices/pc_map.h | grep -v '^[46]00$' | paste -sd'|')
while read -r place; do
    offend "$place: an address of pc_map.h"
done < <(git grep -nwiE "0x0*(${taken:-none})u?" -- devices bios ':!devices/pc_map.h' | cut -d: -f1,2)

default=$(sed -n 's/.*TB_SIZE_DEFAULT = \([0-9]*\).*/\1/p' devices/machine/machine.h)
grep -q "MiB (default ${default:-?})" docs/orrery.1 || offend "docs/orrery.1 has another default of tb-size than $default"

while read -r lines file; do
    [ "$lines" -le 1000 ] || offend "$file has $lines lines"
done < <(git ls-files '*.c' '*.h' | xargs wc -l | grep -v ' total$')

while read -r file; do
    offend "$file does not say what it is"
done < <(git ls-files | grep -E '^(cpu|jit|devices|bios|frontend)/.*\.[ch]$' | xargs awk 'FNR == 1 && !/^\/\*/ { print FILENAME }')
exit $bad
