#!/bin/bash
# system.sh: 130,000 cases of segmentation, gates, tasks, V86 mode, paging, debug registers and long mode
# (tests/system), run from a ROM. The sums are Bochs 2.7's, by group; BOCHS=1 records them anew (it needs X).
# To see the lines of a group that differs, build both with FLAGS=-DVERBOSE and compare.
. "$(dirname "$0")/lib.sh"
for tool in nasm gcc ld objcopy; do command -v $tool >/dev/null || skip "no $tool"; done
[ "$(uname -m)" = x86_64 ] || skip "the guest is built with the host's compiler"
SYSTEM=$HERE/../system

# rom NAME BITS: builds $WORK/NAME.rom
rom() {
    local model=-mcmodel=kernel emulation=elf_x86_64
    [ "$2" = 64 ] || { model=-march=i486; emulation=elf_i386; }
    nasm -f "elf$2" -o "$WORK/$1.start.o" "$SYSTEM/$1.asm" || fail "$1.asm does not assemble"
    gcc "-m$2" -Os $model ${FLAGS:-} -mno-red-zone -mgeneral-regs-only -ffreestanding -fno-pic -fno-stack-protector \
        -fno-asynchronous-unwind-tables -fcf-protection=none -c -o "$WORK/$1.o" "$SYSTEM/$1.c" || fail "$1.c does not compile"
    ld -m $emulation -T "$SYSTEM/$1.ld" -o "$WORK/$1.elf" "$WORK/$1.start.o" "$WORK/$1.o" 2>"$WORK/err" || fail "$1: ld"
    objcopy -O binary -j .text -j .reset "$WORK/$1.elf" "$WORK/$1.rom"
}

# run NAME CPU BOCHS-MODEL: its output to $WORK/NAME.out
run() {
    if [ "${BOCHS:-}" ]; then
        printf '%s\n' "megs: 16" "romimage: file=$WORK/$1.rom, address=0xffff0000" "cpu: model=$3, ips=50000000" \
            "port_e9_hack: enabled=1" "log: $WORK/log" "plugin_ctrl: speaker=0" "sound: driver=dummy" \
            'display_library: rfb, options="timeout=0"' >"$WORK/bochsrc"
        echo c >"$WORK/commands"
        timeout 300 bochs -q -f "$WORK/bochsrc" -rc "$WORK/commands" 2>"$WORK/err" | grep -a " [0-9a-f]\{8\} [0-9a-f]\{8\}$\|^END" >"$WORK/$1.out"
    else
        orrery 200 -M bare -m 16 -cpu "$2" -bios "$WORK/$1.rom" -debugcon "file:$WORK/$1.out" \
            -device isa-debug-exit,iobase=0xf4
        [ $? = 1 ] || fail "$1: exit status"
    fi
}

rom protected 32
rom long 64
run protected pentium3 p3_katmai
run long core2duo,+smep,+pdpe1gb corei7_haswell_4770
cat "$WORK/protected.out" "$WORK/long.out" >"$WORK/sums"
if [ "${BOCHS:-}" ]; then
    cat "$WORK/sums"
else
    diff "$SYSTEM/sums.txt" "$WORK/sums" || fail "groups differ from Bochs (< Bochs, > here)"
fi
