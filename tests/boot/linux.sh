#!/bin/bash
# linux.sh KERNEL INITRD-ARCH [OPTIONS]: an unmodified Debian kernel by -kernel to busybox, which computes a checksum.
. "$(dirname "$0")/lib.sh"
kernel=$(guest_kernel "$1") && initrd=$(guest_initrd "$2") || fail "no guest"
shift 2
root=${initrd%.gz}
want=$(sha256sum < "$root/bin/busybox" | cut -d' ' -f1)
orrery 900 -m 512 -kernel "$kernel" -initrd "$initrd" "$@" \
    -append 'console=ttyS0 panic=-1 orrery.run="sha256sum /bin/busybox; echo -n one; echo between >/dev/kmsg; echo piece; cat /proc/cpuinfo | grep -c ^processor"' -no-reboot
status=$?
[ $status = 0 ] || fail "exit status $status"
grep -aq "^$want  /bin/busybox" "$WORK/serial" || fail "not the checksum $want"
grep -aq '^onepiece' "$WORK/serial" || fail "the kernel writes into the lines of the commands"
case "$*" in *-smp\ 2*) grep -aq '2 cpu(s)' "$WORK/serial" || fail "not two processors" ;; esac
echo "checksum right after $SECONDS s"
