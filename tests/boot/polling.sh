#!/bin/bash
# polling.sh: a guest that waits in a loop of BIOS calls, as DOS does at its prompt, sleeps until something happens: it
# takes a fraction of the processor time it takes with idle=off, no longer, sees a key at once, and with -icount not one
# instruction comes otherwise.
. "$(dirname "$0")/lib.sh"
command -v nasm >/dev/null || skip "no nasm"
nasm -f bin -o "$WORK/floppy" "$HERE/polling.asm" || fail "polling.asm"
ACCEL=()
guest=(-m 16 -nodefaults -vga none -device isa-debug-exit,iobase=0xf4,iosize=1 -drive "if=floppy,format=raw,file=$WORK/floppy")

# cpu_ms ACCEL OPTIONS...: processor time it takes, in ms; what it printed in $WORK/out
cpu_ms() {
    local accel=$1 user sys
    shift
    TIMEFORMAT='%U %S'
    read -r user sys < <({ time orrery 60 "${guest[@]}" -accel "$accel" -debugcon "file:$WORK/out" "$@" >/dev/null; } 2>&1)
    user=${user/./} sys=${sys/./}
    echo $((10#$user + 10#$sys))
}
for engine in jit interp; do
    awake=$(cpu_ms $engine,idle=off)
    asleep=$(cpu_ms $engine)
    [ "$asleep" -lt $((awake / 2)) ] || fail "$engine: $asleep ms of processor time asleep, $awake awake"
    grep -q '^0000' "$WORK/out" || fail "$engine: $(cat "$WORK/out")" # no tick was missed
done
cpu_ms interp -rtc base=2020-02-29T12:00:00 -icount shift=3,sleep=off >/dev/null
counted=$(cat "$WORK/out")
cpu_ms interp,idle=off -rtc base=2020-02-29T12:00:00 -icount shift=3,sleep=off >/dev/null
[ "$counted" = "$(cat "$WORK/out")" ] || fail "with -icount it is $counted, and without sleep $(cat "$WORK/out")"
# A key ends the wait.
orrery_start "${guest[@]}" -debugcon "file:$WORK/out" -no-shutdown
for ((i = 0; i < 100; i++)); do
    ! grep -q K "$WORK/out" 2>/dev/null || break
    [ ! -S "$WORK/monitor" ] || monitor 'sendkey a' >/dev/null
    sleep 0.05
done
grep -q K "$WORK/out" || fail "no key came"
monitor quit >/dev/null
