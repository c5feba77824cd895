#!/bin/bash
# clocks.sh: the machine's clocks measured by each other on a busy host, under each engine, and with a clock that counts
# instructions; time within long string instructions; the TSC. ORRERY_LONG=1: a hundred times as often.
. "$(dirname "$0")/lib.sh"
command -v nasm >/dev/null || skip "no nasm"
nasm -f bin -I "$HERE/" -o "$WORK/clocks" "$HERE/clocks.asm" || fail "clocks.asm"
times=0020
[ -z "${ORRERY_LONG:-}" ] || times=2000

# check NAME OPTIONS...: runs the guest; no clock is wrong by 5 %, where Linux gives one up
check() {
    local name=$1 word
    shift
    orrery 300 -m 16 -nodefaults -vga none -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$WORK/clocks" \
        -append "$times" "$@"
    [ $? = 33 ] || fail "$name: it did not end well"
    grep -aq '^not later 00000000' "$WORK/serial" || fail "$name: reads of the TSC do not differ"
    for word in $(sed -n 's/^tsc \(.*\) pm \(.*\) hpet \(.*\)/\1 \2 \3/p' "$WORK/serial"); do
        [ $((16#$word)) -le 50 ] || fail "$name: clocks differ by $((16#$word)) thousandths: $(cat "$WORK/serial")"
    done
    [ "$(grep -ac '^tsc ' "$WORK/serial")" = 1 ] || fail "$name: no measurements"
}

for ((i = 0; i < 4; i++)); do # more than there are processors, on most hosts
    (while :; do :; done) &
done
for engine in jit interp; do
    check $engine -accel $engine
    # 256 MiB: no processor writes as much in half a millisecond (1,250 thousand clocks)
    for word in $(sed -n 's/^memset.* //p' "$WORK/serial"); do
        [ $((16#$word)) -gt 1250 ] || fail "$engine: no time passes in string instructions: $(cat "$WORK/serial")"
    done
done
check processors -smp 2
kill $(jobs -p)
check counted -icount shift=2
