#!/bin/bash
# kernels.sh: multiboot 1 and PVH: what a kernel is given (state, command line, memory map, modules), as a kernel that
# prints it all sees it. QEMU=1 runs the same kernels there, for comparison.
. "$(dirname "$0")/lib.sh"
command -v nasm >/dev/null || skip "no nasm"
cd "$WORK" || exit 1
nasm -f bin -I"$HERE/" -o multiboot.bin "$HERE/multiboot.asm" || fail "multiboot.asm"
nasm -f bin -I"$HERE/" -o pvh32.elf "$HERE/pvh.asm" || fail "pvh.asm"
nasm -f bin -I"$HERE/" -DELF64 -o pvh64.elf "$HERE/pvh.asm" || fail "pvh.asm"
printf 'first module' >one
seq 5000 | tr '\n' ' ' >two
printf 'a comma' >'c,d'

# boot KERNEL OPTIONS...: it must end by itself, with status 33
boot() {
    [ -z "${QEMU:-}" ] || ORRERY=qemu-system-x86_64
    orrery 60 -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$@"
    local status=$?
    [ $status = 33 ] || fail "$*: exit status $status"
}
want() { grep -aq -- "$1" serial || fail "no '${1::100}'"; }
# Flat segments, no paging, no interrupts; CS 08 and the others 10, as QEMU's loaders have them.
check_state() {
    want '^cr0 00000001 eflags 00000000 a20 11111111 limits ffffffff ffffffff ffffffff$'
    want '^selectors 00000008 00000010 00000010 00000010 00000010 00000010$'
}
# The map of a machine with MIB megabytes, of which low below 4 GiB.
check_map() {
    local low=$1 high=$2 total
    check_state
    want '^map 0000000000000000 + 000000000009[0-9a-f]*00 type 00000001$'
    want '^map 0000000000100000 + 00000000[0-9a-f]* type 00000001$'
    total=$(sed -n 's/^map 0000000000100000 + \(0*[0-9a-f]*\) type 00000001$/\1/p' serial)
    [ $((0x$total)) -gt $(((low << 20) - (2 << 20))) ] && [ $((0x$total)) -lt $((low << 20)) ] || fail "memory of $total"
    [ -z "$high" ] || want "^map 0000000100000000 + $high type 00000001$"
}

boot multiboot.bin -m 64 -append 'root=/dev/x  two=2' -initrd "one arg=1 b,two,c,,d last"
check_map 64 ''
want '^flags 0000024f boot device 8000ffff$'
want '^loader: qemu$'
want '^cmdline: multiboot.bin root=/dev/x  two=2$'
want '^lower 0000027f upper 0000f[b-f]'
want '^modules 00000003$'
want '^module: one arg=1 b = first module$'
want "^module: two = $(cat two)\$"
want '^module: c,d last = a comma$'
! grep -aq 'not zero\|not on' serial || fail "$(grep -a 'not zero\|not on' serial)"

boot multiboot.bin -m 4G
check_map 3072 0000000040000000
want '^cmdline: multiboot.bin *$'
want '^modules 00000000$'

for kernel in pvh32.elf pvh64.elf; do
    boot $kernel -m 64 -append 'console=none x' -initrd two
    check_map 64 ''
    want '^magic 336ec578 version 00000001 flags 00000000$'
    want '^cmdline: console=none x$'
    want '^rsdp: RSD PTR '
    want '^modules 00000001$'
    want " = $(cat two)\$"
done
[ -z "${QEMU:-}" ] || exit 0

# The bare board starts them without firmware; memory has no holes, and there is no ACPI.
for kernel in multiboot.bin pvh32.elf pvh64.elf; do
    boot $kernel -M bare -m 64 -append 'bare board' -initrd 'two' -name "$kernel"
    check_state
    want '^map 0000000000000000 + 0000000004000000 type 00000001$'
    [ "$(grep -ac '^map' serial)" = 1 ] || fail "more than one range"
    want '^cmdline: .*bare board$'
    want " = $(cat two)\$"
done

# RDRAND: by -seed and with -icount always the same, otherwise never.
random() {
    boot multiboot.bin -M bare "$@"
    sed -n 's/^random //p' serial
}
a=$(random -seed 1) b=$(random -seed 2) c=$(random) d=$(random -icount 3)
[ "${#a}" = 8 ] && [ "$a" = "$(random -seed 1)" ] && [ "$a" != "$b" ] || fail "-seed: $a $b"
[ "$c" != "$(random)" ] || fail "the same random number twice"
[ "$d" = "$(random -icount 3)" ] || fail "-icount: another random number"

# Mistakes are one sentence.
mistake() {
    orrery 20 -kernel "${@:2}" && fail "$*: no error"
    [ "$(wc -l <err)" = 1 ] && grep -q -- "$1" err || fail "$*: says $(cat err)"
}
mistake "cannot open the module 'three'" multiboot.bin -initrd one,three
mistake "more than 16 modules" multiboot.bin -initrd "$(yes one | head -17 | paste -sd,)"
mistake "longer than" multiboot.bin -append "$(yes x | head -12000 | paste -sd' ')"
mistake "do not fit its file or memory" multiboot.bin -m 1
mistake "does not fit" pvh64.elf -m 2
mistake "no firmware for the 16-bit entry" "$(guest_kernel cloud-amd64)" -M bare,linux-entry=16
head -c 100 pvh64.elf >cut.elf
mistake "no kernel" cut.elf
echo "kernels: all right"
