#!/bin/bash
# invaders.sh: grub-invaders, a multiboot kernel that is a game: the ship moves with the keys and shoots.
. "$(dirname "$0")/lib.sh"
dir=$(guest_deb grub-invaders:amd64) || fail "no guest"
# The column of the ship's left wing.
ship() { awk '/^ *\/ \\$/ { c = index($0, "/") } END { print c }' "$WORK/screen"; }

orrery_start -m 32 -kernel "$dir/boot/invaders.exec"
wait_screen 60 '-\*-'
wait_screen 60 '^ */ \\$'
at=$(ship)
monitor 'sendkey left 600' >/dev/null
sleep 2
wait_screen 60 '^ */ \\$'
left=$(ship)
[ "$left" -lt "$at" ] || fail "the ship stays at column $at when 'left' is pressed (now $left)"
monitor 'sendkey right 900' >/dev/null
sleep 2
wait_screen 60 '^ */ \\$'
right=$(ship)
[ "$right" -gt "$left" ] || fail "the ship stays at column $left when 'right' is pressed (now $right)"
# A shot flies straight up from the ship; it is short-lived, so fire until one is seen.
for ((i = 0; i < 20; i++)); do
    monitor 'sendkey spc' >/dev/null
    screen_text | grep -q "^ \{$right\}|" && shot=1 && break
done
[ -n "${shot-}" ] || fail "no shot above column $right"
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
