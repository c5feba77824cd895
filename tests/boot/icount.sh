#!/bin/bash
# icount.sh [OPTIONS]: with -icount shift=N two runs with the same input are identical to the instruction. An
# unmodified Debian kernel boots, sleeps, computes and powers off, once undisturbed and once while a monitor asks all
# the time and another process wants the host's CPU; at the end the counts of instructions, virtual time, every CPU,
# every chip, all of memory and the serial line are the same. A run that follows the host's clock is not the same.
. "$(dirname "$0")/lib.sh"
kernel=$(guest_kernel cloud-amd64) && initrd=$(guest_initrd amd64) || fail "no guest"
MIB=192

# run NAME OPTIONS...: to poweroff; the machine's last state in $WORK/NAME.state
run() {
    local name=$1 device
    shift
    rm -f "$WORK/serial" "$WORK/monitor"
    orrery_start -m $MIB -no-shutdown -rtc base=2020-02-29T12:00:00 -kernel "$kernel" -initrd "$initrd" "$@" \
        -append 'console=ttyS0 quiet panic=-1 orrery.run="usleep 300000; date; head -c 16 /dev/urandom | od -tx1; sha256sum /init"'
    [ "$name" != disturbed ] || disturb &
    local disturber=$!
    for ((i = 0; i < 300; i++)); do
        [ -S "$WORK/monitor" ] && monitor 'info status' | grep -q 'shutdown' && break
        kill -0 $ORRERY_PID 2>/dev/null || fail "ended"
        sleep 1
    done
    kill $disturber 2>/dev/null
    wait $disturber 2>/dev/null
    {
        monitor 'info registers -a' "pmemsave 0 $((MIB << 20)) \"$WORK/memory\"" 'info device' |
            tr -d '\r' | grep -v '^Orrery\|^(qemu) .*\(info\|pmemsave\)'
        monitor 'info jit' | tr -d '\r' | sed 's/^(qemu) //' | grep '^CPU #.*instructions$\|^virtual time'
        [ "$(stat -c %s "$WORK/memory")" = $((MIB << 20)) ] && sha256sum <"$WORK/memory" && rm "$WORK/memory"
        for device in $(monitor 'info device' | tr -d '\r' | awk 'NF && !/qemu/ {print $NF}' | sort -u); do
            echo "== $device"
            monitor "info device $device" | grep -v '^Orrery'
        done
        cat "$WORK/serial"
    } >"$WORK/$name.state"
    monitor quit >/dev/null
    wait $ORRERY_PID || fail "exit status $?"
}
disturb() {
    trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
    (while :; do :; done) &
    while :; do
        [ ! -S "$WORK/monitor" ] || monitor 'info registers' 'info status' >/dev/null
        sleep 0.05
    done
}

run quiet "$@"
run disturbed "$@"
grep -aq 'Sat Feb 29 12:00:0. UTC 2020' "$WORK/quiet.state" || fail "the guest did not get to its commands"
grep -q '^[0-9a-f]\{64\}  -$' "$WORK/quiet.state" || fail "no memory"
grep -q '^CPU #0: .*, [1-9][0-9]* instructions$' "$WORK/quiet.state" && grep -q '^virtual time [1-9]' "$WORK/quiet.state" ||
    fail "no counts"
cmp "$WORK/quiet.state" "$WORK/disturbed.state" || {
    diff -a "$WORK/quiet.state" "$WORK/disturbed.state" | head -20 >&2
    fail "two runs with $* differ"
}
count=$(sed -n 's/.*, \([0-9]*\) instructions.*/\1/p' "$WORK/quiet.state" | head -1)
# The same without -icount must be told apart, or nothing was compared.
case "$*" in
*-smp*) ;;
*)
    run clock
    cmp -s "$WORK/quiet.state" "$WORK/clock.state" && fail "a run after the host's clock is no different"
    ;;
esac
echo "identical after $count instructions, $SECONDS s"
