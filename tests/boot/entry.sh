#!/bin/bash
# entry.sh 16|32|64: that entry point of an unmodified bzImage (-machine linux-entry=): the processor's mode when it is
# reached, by gdb, and what the kernel makes of its command line, initrd and memory map.
. "$(dirname "$0")/lib.sh"
command -v gdb >/dev/null || skip "no gdb"
kernel=$(guest_kernel cloud-amd64) && initrd=$(guest_initrd amd64) || fail "no guest"
want=$(sha256sum <"${initrd%.gz}/bin/busybox" | cut -d' ' -f1)
sock=$WORK/gdb
orrery_start -m 256 -S -gdb "unix:$sock" -machine "linux-entry=$1" -kernel "$kernel" -initrd "$initrd" -no-reboot \
    -append 'console=ttyS0 panic=-1 marker=entry orrery.run="sha256sum /bin/busybox; cat /proc/cmdline; od -An -tx4 -j480 -N4 /sys/kernel/boot_params/data; grep System.RAM /proc/iomem"'
while [ ! -S "$sock" ]; do sleep 0.1; kill -0 $ORRERY_PID || fail "does not start"; done
case $1 in # address, CR0.PE, EFER.LMA; and the kernel's own setup code, which runs at 16 bits only, asks for memory
16) at=0x10200 pe=0 lma=0 asked=1 ;;
32) at=0x100000 pe=1 lma=0 asked=0 ;;
64) at=0x100200 pe=1 lma=1 asked=0 ;;
esac
cat >"$WORK/script" <<END
set pagination off
set confirm off
target remote $sock
hbreak *$at
continue
printf "at %lx pe %d lma %d\n", (long)\$pc, (int)(\$cr0 & 1), (int)((\$efer >> 10) & 1)
delete
detach
END
timeout 60 gdb -nx -batch -x "$WORK/script" >"$WORK/out" 2>&1
grep -q "^at ${at#0x} pe $pe lma $lma" "$WORK/out" || { cat "$WORK/out" >&2; fail "not entered at $at with pe $pe lma $lma"; }
wait $ORRERY_PID || fail "exit status $?"
grep -aq "^$want  /bin/busybox" "$WORK/serial" || fail "not the checksum $want"
grep -aq '^console=ttyS0 panic=-1 marker=entry ' "$WORK/serial" || fail "another command line"
grep -aqi '^00100000-0ff.*System RAM' "$WORK/serial" || fail "another memory map"
if grep -aq '^ 00000000.$' "$WORK/serial"; then [ $asked = 0 ]; else [ $asked = 1 ]; fi || fail "not by entry $1"
echo "entry $1: all right after $SECONDS s"
