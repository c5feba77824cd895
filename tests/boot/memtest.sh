#!/bin/bash
# memtest.sh ia32|x64 [OPTIONS]: memtest86+ through its tests 1 to 3 without an error, on the screen and the serial line.
. "$(dirname "$0")/lib.sh"
image=/boot/memtest86+$1.bin
[ -e "$image" ] || skip "no $image: install memtest86+"
shift
orrery_start -m 16 -kernel "$image" -append console=ttyS0,115200 "$@"
wait_screen 300 'Test #\([4-9]\|10\) ' # they run in order: 1 to 3 lie behind
grep -q 'Errors: 0 *$' "$WORK/screen" || { cat "$WORK/screen" >&2; fail "memory errors"; }
wait_serial 60 'Errors: 0 '
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
