#!/bin/bash
# The rules of the house that a script can check: who includes whom, files that documents name exist,
# no file over 1,000 lines but tables, names of devices listed. Prints every offence.
cd "$(dirname "$0")/../.." || exit 1
bad=0
offend() { echo "$*"; bad=1; }

# includes FILES-GLOB ALLOWED-REGEX
includes() {
    local f inc
    for f in $1; do
        while read -r inc; do
            [[ $inc =~ ^($2)$ ]] || offend "$f must not include $inc"
        done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f")
    done
}
board='machine|world|vclock|pc|bare'
includes 'cpu/*.[ch]' 'cpu/.*'
includes 'devices/core/*.[ch]' 'cpu/base\.h|cpu/trace\.def|devices/core/.*'
includes "$(ls devices/*.[ch] | grep -vE "devices/($board)[._]" | tr '\n' ' ')" 'cpu/base\.h|devices/.*'
includes 'jit/*.[ch] jit/*/*.[ch]' 'cpu/.*|jit/.*'
includes 'bios/*.[ch]' 'cpu/base\.h|devices/core/.*|devices/fw_cfg\.h|bios/.*'
includes 'frontend/*.[ch]' 'cpu/.*|devices/machine\.h|devices/core/.*|devices/devices\.h|frontend/.*'

for doc in README.md */README.md docs/*.md; do
    dir=$(dirname "$doc")
    for name in $(grep -o '`[a-zA-Z0-9_/.-]*\.\(c\|h\|def\|md\|sh\|asl\|asm\|cmake\)`' "$doc" | tr -d '`' | sort -u); do
        ls "$dir/$name" "$name" "$dir"/*/"$name" */"$name" >/dev/null 2>&1 ||
            [ -n "$(find . -path ./build\* -prune -o -name "$(basename "$name")" -print -quit)" ] ||
            offend "$doc names $name, which does not exist"
    done
done

default=$(sed -n 's/.*TB_SIZE_DEFAULT = \([0-9]*\).*/\1/p' devices/machine.h)
grep -q "MiB (default ${default:-?})" docs/orrery.1 || offend "docs/orrery.1 has another default of tb-size than $default"

while read -r lines file; do
    [ "$lines" -le 1000 ] || offend "$file has $lines lines"
done < <(git ls-files '*.c' '*.h' | xargs wc -l | grep -v ' total$')

while read -r file; do
    head -1 "$file" | grep -q '^/\*' || offend "$file does not say what it is"
done < <(git ls-files 'cpu/*.[ch]' 'jit/*.[ch]' 'devices/*.[ch]' 'bios/*.[ch]' 'frontend/*.[ch]')
exit $bad
