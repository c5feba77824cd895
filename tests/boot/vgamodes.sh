#!/bin/bash
# vgamodes.sh: the picture of every mode family, video memory being full of a fixed sequence.
# The sums are those of QEMU 7.2's screen dumps of the same floppy (QEMU=qemu-system-i386 records them anew).
. "$(dirname "$0")/lib.sh"
SCREENTEXT=${SCREENTEXT:-$HERE/../../build/tests/screentext}
command -v nasm >/dev/null || skip "no nasm"
nasm -f bin -o "$WORK/modes.img" "$HERE/vgamodes.asm" || fail "vgamodes.asm does not assemble"

expected=(
    "text 80x25:720x400 8a14dd2d" "text, 8 dots:640x400 0198feed" "text 80x50:720x400 8d7b7355"
    "mode 7:720x400 98990505" "mode 4:640x400 a79253c5" "mode 6:640x400 b048e625" "mode 0Dh:640x400 5728dcc5"
    "mode 0Eh:640x400 ee251385" "mode 0Fh:640x350 6e00eaa5" "mode 10h:640x350 b05deb6d"
    "mode 11h:640x480 c1260c55" "mode 12h:640x480 034f5bc5" "mode 13h:640x400 5d1ca7c5"
    "mode X, second page:640x480 34908fc5" "split screen:640x400 59efc3c5" "offset:640x480 5d5dde9d"
    "VBE 640x400x8:640x400 b9b19485" "VBE 640x480x8:640x480 4927cac5" "VBE 800x600x8:800x600 214b6f8d"
    "VBE 640x480x15:640x480 bcefe0b5" "VBE 640x480x16:640x480 09e5198d" "VBE 640x480x24:640x480 c3c59e45"
    "VBE virtual screen:640x480 19ce11c5" "write modes:640x480 67d0abfd"
)

sum() {
    rm -f "$WORK/picture.ppm"
    monitor "screendump $WORK/picture.ppm" >/dev/null 2>&1
    "$SCREENTEXT" -s "$WORK/picture.ppm" 2>/dev/null
}

if [ "${QEMU:-}" ]; then
    ORRERY=$QEMU
fi
orrery_start -m 16 -fda "$WORK/modes.img" -snapshot -boot a
for e in "${expected[@]}"; do
    end=$((SECONDS + 60))
    while now=$(sum); [ "$now" != "${e#*:}" ]; do
        if [ "${QEMU:-}" ] && [ "$now" = "${last:-}" ] && [ $SECONDS -gt $((end - 57)) ]; then
            break
        fi
        last=$now
        [ $SECONDS -lt $end ] || fail "${e%:*}: the picture is $now, not ${e#*:}"
        kill -0 $ORRERY_PID 2>/dev/null || fail "ended before ${e%:*}"
        sleep 0.3
    done
    [ -z "${QEMU:-}" ] || echo "${e%:*}:$now"
    monitor "sendkey spc" >/dev/null
done
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"
