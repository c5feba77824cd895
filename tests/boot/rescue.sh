#!/bin/bash
# rescue.sh: Debian's GRUB rescue floppy to its menu, and from there to its command line.
. "$(dirname "$0")/lib.sh"
image=/usr/lib/grub-rescue/grub-rescue-floppy.img
[ -e "$image" ] || skip "no $image: install grub-rescue-pc"
orrery_start -m 32 -fda "$image" -snapshot -boot a
wait_screen 120 '│\*GNU/Linux  '
monitor 'sendkey down' >/dev/null
wait_screen 60 '│\*GNU (aka GNU/Hurd)  '
type_keys c
wait_screen 60 '^grub> *$'
type_keys $'ls\n'
wait_screen 60 '^(fd0)'
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
