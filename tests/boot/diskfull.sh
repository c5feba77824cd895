#!/bin/bash
# diskfull.sh: no room for an image's next sectors pauses the machine; with room made, the guest never learns of it.
. "$(dirname "$0")/lib.sh"
command -v nasm >/dev/null || skip "no nasm"
nasm -f bin -o "$WORK/disk" "$HERE/diskfull.asm" || fail "diskfull.asm"
truncate -s 4M "$WORK/disk"
guest=(-m 16 -debugcon "file:$WORK/out" -device isa-debug-exit,iobase=0xf4,iosize=4)

ulimit -S -f 1000 # KiB: LBA 2000
orrery 60 "${guest[@]}" -drive "file=$WORK/disk,format=raw,werror=report"
[ "$(cat "$WORK/out")" = 1E ] || fail "werror=report: the guest says $(cat "$WORK/out")"
orrery 60 "${guest[@]}" -drive "file=$WORK/disk,format=raw,werror=ignore"
[ "$(cat "$WORK/out")" = 12 ] || fail "werror=ignore: the guest says $(cat "$WORK/out")"

orrery_start "${guest[@]}" -drive "file=$WORK/disk,format=raw,id=hd" -qmp "unix:$WORK/qmp,server,nowait"
ulimit -S -f unlimited
until [ -S "$WORK/qmp" ]; do sleep 0.05; done
{ echo '{"execute": "qmp_capabilities"}'; sleep 100; } | socat - "UNIX-CONNECT:$WORK/qmp" >"$WORK/events" &
wait_in "$WORK/err" 60 "disk image '$WORK/disk': writing failed at sector 4000: File too large; the machine is paused"
monitor "info status" | grep -q "VM status: paused (io-error)" || fail "not paused: $(monitor "info status")"
wait_in "$WORK/events" 20 '"event": "STOP"'
grep -q '"event": "BLOCK_IO_ERROR", "data": {"device": "hd", "node-name": "#block000", "operation": "write", "action": "stop", "nospace": true, "reason": "File too large"}' \
    "$WORK/events" || fail "no event: $(cat "$WORK/events")"
sector() { dd if="$WORK/disk" bs=512 skip="$1" count="$2" status=none | tr -d '\245\132' | wc -c; }
[ "$(cat "$WORK/out") $(sector 4 1)" = "1 0" ] || fail "what was flushed is not there"
monitor cont >/dev/null # no better: it pauses again
wait_in "$WORK/events" 20 '"event": "RESUME"'
until [ "$(grep -c BLOCK_IO_ERROR "$WORK/events")" = 2 ]; do sleep 0.1; kill -0 $ORRERY_PID || fail "ended"; done
[ "$(cat "$WORK/out")" = 1 ] || fail "the guest learned of it: $(cat "$WORK/out")"
prlimit --pid $ORRERY_PID --fsize=unlimited || fail "prlimit"
until [ "$(monitor "info status" | grep -c io-error)" = 1 ]; do sleep 0.1; done
monitor cont >/dev/null
wait $ORRERY_PID
[ "$(cat "$WORK/out") $(sector 4000 64)" = "12 0" ] || fail "the guest says $(cat "$WORK/out"), $(sector 4000 64) bytes differ"
echo "diskfull: all right"
