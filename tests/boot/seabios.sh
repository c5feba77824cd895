#!/bin/bash
# seabios.sh: what SeaBIOS says on its debug port about the machine it finds, up to the boot it gives up.
. "$(dirname "$0")/lib.sh"
log=$WORK/debugcon
orrery_start -m 64 -smp 2 -chardev "file,id=seabios,path=$log" -device isa-debugcon,iobase=0x402,chardev=seabios
for line in '^SeaBIOS (version ' 'addr 0x0000000000000000 len 0x0000000004000000 \[RAM\]' \
    'PCI: init bdf=00:01.3 id=8086:7113' 'Found 2 cpu(s) max supported 2 cpu(s)' 'via rsdt' \
    'Running option rom at c000:0003' 'VBE DISPI: lfb_addr=fd000000' 'Found 1 lpt ports' 'Found 1 serial ports' \
    'ATAPI' 'PS2 keyboard initialized' 'No bootable device'; do
    wait_in "$log" 60 "$line"
done
monitor quit >/dev/null
wait $ORRERY_PID || fail "exit status $?"

# Without a screen it speaks on the serial line (sercon), and takes keys from there.
(sleep 3; printf '\1x') | timeout 60 "$ORRERY" "${ACCEL[@]}" -nographic -m 16 -boot a >"$WORK/serial" 2>"$WORK/err" ||
    fail "-nographic: exit status $?"
for line in 'SeaBIOS (version ' 'Booting from '; do
    grep -aq "$line" "$WORK/serial" || fail "-nographic: no '$line'"
done
orrery 3 -m 16 -boot a
! grep -aq SeaBIOS "$WORK/serial" || fail "SeaBIOS on a serial line that has a screen beside it"
