#!/bin/bash
# hardening.sh PROGRAM BUILD: the program is linked and compiled as cmake/hardening.cmake asks, by what the ELF file says
# (what Debian's hardening-check looks at).
bad=0
# has WHAT PATTERN COMMAND...
has() {
    local what=$1 pattern=$2
    shift 2
    "$@" 2>/dev/null | grep -qE -- "$pattern" || { echo "no $what"; bad=1; }
}
has 'position independence' 'FLAGS_1.*PIE' readelf -dW "$1"
has 'immediate binding' 'FLAGS_1.*NOW' readelf -dW "$1"
has 'read-only relocations' 'GNU_RELRO' readelf -lW "$1"
has 'stack without execution' 'GNU_STACK.* RW ' readelf -lW "$1"
has 'stack protector' '__stack_chk_fail' readelf --dyn-syms -W "$1"
has 'fortified call' '__(v?snprintf|memcpy)_chk' readelf --dyn-syms -W "$1"
! readelf -lW "$1" | grep -q 'LOAD.* RWE ' || { echo "a segment that can be written and executed"; bad=1; }
# Canaries are in the front ends and devices, and in no micro-op.
vec=$2/CMakeFiles/cpu_vec.dir/cpu/vec/vec_arith.c.o
canaries() { objdump -dr "$1" | grep -c __stack_chk_fail; }
[ "$(canaries "$2/CMakeFiles/frontend.dir/frontend/text.c.o")" -gt 0 ] || { echo "frontend/text.c has no canary"; bad=1; }
[ "$(canaries "$vec")" = 0 ] || { echo "micro-ops in cpu/vec/vec_arith.c have canaries"; bad=1; }
[ -s "$vec" ] || { echo "$vec is not there"; bad=1; }
exit $bad
