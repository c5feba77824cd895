#!/bin/bash
# locks.sh: QEMU and we do not open one image at once where one of us writes, either order.
. "$(dirname "$0")/lib.sh"
command -v qemu-io >/dev/null || skip "no qemu-io (qemu-utils)"
truncate -s 1M "$WORK/disk"

# hold OPTIONS...: starts, paused; the monitor is there once everything is open
hold() {
    orrery_start -S "$@"
    until [ -S "$WORK/monitor" ]; do sleep 0.05; kill -0 $ORRERY_PID || fail "$*: $(cat "$WORK/err")"; done
}
release() { monitor quit >/dev/null; wait $ORRERY_PID; }
# qemu OPTIONS...: opens and closes the image, its exit status
qemu() { qemu-io -f raw "$@" -c length "$WORK/disk" >"$WORK/said" 2>&1; }

hold -drive "file=$WORK/disk,format=raw"
qemu && fail "QEMU writes to the image of a running machine"
grep -q 'Failed to get .*lock' "$WORK/said" || fail "QEMU says $(cat "$WORK/said")"
release
hold -drive "file=$WORK/disk,format=raw,snapshot=on"
qemu && fail "QEMU writes to the image behind a snapshot"
qemu -r || fail "QEMU may read what we read: $(cat "$WORK/said")"
release

mkfifo "$WORK/commands"
qemu-io -f raw "$WORK/disk" <"$WORK/commands" >"$WORK/said" 2>&1 &
qemu=$!
exec 3>"$WORK/commands"
echo length >&3
until grep -q MiB "$WORK/said"; do sleep 0.05; kill -0 $qemu || fail "qemu-io: $(cat "$WORK/said")"; done
for how in format=raw snapshot=on readonly=on,media=cdrom; do
    orrery 20 -S -drive "file=$WORK/disk,$how"
    [ $? = 1 ] && grep -q "is in use by another" "$WORK/err" || fail "$how beside QEMU that writes: $(cat "$WORK/err")"
done
exec 3>&-
wait $qemu
hold -drive "file=$WORK/disk,format=raw"
release
echo "locks: all right"
