#!/bin/bash
# a20.sh: code that was run before the A20 gate changed, and that is rewritten behind it.
. "$(dirname "$0")/lib.sh"
command -v nasm >/dev/null || skip "no nasm"
nasm -f bin -o "$WORK/rom" "$HERE/a20.asm" || fail "a20.asm"
orrery 60 -m 16 -bios "$WORK/rom" -debugcon "file:$WORK/out" -device isa-debug-exit,iobase=0xf4,iosize=4
status=$?
[ $status = 21 ] || fail "exit status $status"
[ "$(cat "$WORK/out")" = 110022 ] || fail "it ran $(cat "$WORK/out")"
