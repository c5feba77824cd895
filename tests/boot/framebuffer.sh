#!/bin/bash
# framebuffer.sh: a Debian kernel set to a VESA mode by vga=, its console drawn into the linear frame buffer.
. "$(dirname "$0")/lib.sh"
kernel=$(guest_kernel amd64) && initrd=$(guest_initrd amd64) || fail "no guest"
orrery_start -m 512 -kernel "$kernel" -initrd "$initrd" \
    -append 'console=tty0 vga=0x317 orrery.run="cat /proc/fb; seq 1 45; sleep 1000"'
wait_screen 300 '^45$'
[ "$("$SCREENTEXT" -s "$WORK/picture.ppm" | cut -d' ' -f1)" = 1024x768 ] || fail "not 1024 by 768"
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
