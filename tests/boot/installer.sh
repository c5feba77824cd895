#!/bin/bash
# installer.sh: Debian's text installer for i386 to its list of languages on the VGA screen, and on by the keyboard.
. "$(dirname "$0")/lib.sh"
dir=$(guest_deb debian-installer-12-netboot-i386:all) || fail "no guest"
dir=$dir/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386
# Without a framebuffer it talks to the VGA's text screen. With less memory it goes on in English without asking.
orrery_start -m 768 -kernel "$dir/linux" -initrd "$dir/initrd.gz" -append 'vga=normal nomodeset quiet'
wait_screen 600 '\[!!\] Select a language'
wait_screen 60 'English  *-  *English'
wait_screen 60 'French  *-  *Français'
type_keys g # to the first of that letter, Galician; German is the next
type_keys g
type_keys $'\n'
wait_screen 120 'Deutschland'
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
