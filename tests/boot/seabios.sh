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
