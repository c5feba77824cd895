#!/bin/bash
# freedos.sh: FreeDOS from a floppy to its prompt, a directory, programs that run, and a file that stays.
. "$(dirname "$0")/lib.sh"
image="${SHARED:-$HERE/../../../shared}/guests/freedos-720k.img"
[ -e "$image" ] || skip "no ../shared/guests/freedos-720k.img beside the checkout: Debian has no FreeDOS to boot"
cp "$image" "$WORK/floppy.img" && chmod u+w "$WORK/floppy.img" || fail "cannot copy the image"

orrery_start -m 16 -fda "$WORK/floppy.img" -boot a
wait_screen 120 '^A:.>$'
type_keys $'dir\n'
wait_screen 60 'PRIMES *EXE *8,656'
wait_screen 60 'bytes free'
wait_screen 60 '^A:.>$'
type_keys $'hello\n'
wait_screen 60 '^Hello, World'
type_keys $'cls\n'
wait_screen 60 '^A:.>$'
type_keys $'pi\n'
wait_screen 120 '^86286922210327488921865436480229678070576561514463204692790682120738837781423356'
wait_screen 120 '^A:.>$'
type_keys $'echo kept >x\n'
wait_screen 60 '^A:.>$'
type_keys $'type x\n'
wait_screen 60 '^kept'
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
[ "$(mtype -i "$WORK/floppy.img" ::x | tr -d '\r ')" = kept ] || fail "the file is not in the image"
