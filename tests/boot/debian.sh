#!/bin/bash
# debian.sh: Debian from an IDE disk: SeaBIOS, GRUB in the MBR, kernel, systemd, a login on the serial line; what is
# written outlives poweroff, in the guest's eyes and in those of e2fsprogs.
. "$(dirname "$0")/lib.sh"
. "$HERE/disk.sh"
obstacle=$(disk_obstacle)
[ -z "$obstacle" ] || skip "$obstacle"
image=$(guest_disk) || fail "no disk"
cp --sparse=always "$image" "$WORK/disk.img" || fail "cannot copy the disk"
part="$WORK/disk.img?offset=$((DISK_START * 512))" # as e2fsprogs name a file system inside a file
mkfifo "$WORK/in" && exec 3<>"$WORK/in"
# Lockstep is too slow for the guest's time limits on units, unless its clock counts instructions.
[ "${ORRERY_ACCEL:-}" != lockstep ] || ACCEL+=(-icount shift=4)

# say TEXT: a line typed at the serial terminal
say() { printf '%s\n' "$1" >&3; }

boot_and_log_in() {
    timeout -k 5 $((900 * ${ORRERY_PATIENCE:-1})) "$ORRERY" "${ACCEL[@]}" -display none -serial stdio -monitor none -m 512 -hda "$WORK/disk.img" \
        <"$WORK/in" >"$WORK/serial" 2>"$WORK/err" &
    ORRERY_PID=$!
    wait_serial 120 'GNU GRUB'
    wait_serial 600 'guest login: '
    say root
    wait_serial 120 'Password: '
    say orrery
    wait_serial 120 'root@guest:~# '
    say 'echo system: $(systemctl is-system-running --wait)'
    wait_serial 300 'system: running' # all units came up
}

power_off() {
    say poweroff
    wait $ORRERY_PID
    status=$?
    [ $status = 0 ] || fail "exit status $status"
    grep -aq 'reboot: Power down' "$WORK/serial" || fail "it did not power down"
    /sbin/e2fsck -fn "$part" >"$WORK/err" 2>&1 || fail "the file system is damaged"
}

boot_and_log_in
say 'cat /sys/class/ata_device/dev1.0/dma_mode'
wait_serial 120 'XFER_MW_DMA_2' # the best a PIIX3 has
say 'head -c 5000000 /dev/urandom >data; sha256sum data | tee sum'
wait_serial 120 '[0-9a-f]\{64\}  data'
want=$(grep -ao '[0-9a-f]\{64\}  data' "$WORK/serial")
power_off
/sbin/debugfs -R "dump /root/data $WORK/data" "$part" 2>/dev/null
[ "$(cd "$WORK" && sha256sum data)" = "$want" ] || fail "the file is not in the image as it was written"

boot_and_log_in
say 'cat sum; sha256sum -c sum'
wait_serial 120 'data: OK'
grep -aq "$want" "$WORK/serial" || fail "not the checksum $want"
power_off
