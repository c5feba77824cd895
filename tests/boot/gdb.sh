#!/bin/bash
# gdb.sh: stock gdb on the start of an unmodified kernel: code of every mode, breakpoints, steps, watchpoints, memory,
# threads, Ctrl-c.
. "$(dirname "$0")/lib.sh"
command -v gdb >/dev/null || skip "no gdb"
kernel=$(guest_kernel cloud-amd64) && initrd=$(guest_initrd amd64) || fail "no guest"
sock=$WORK/gdb
orrery_start -m 256 -smp 2 -S -gdb "unix:$sock" -kernel "$kernel" -initrd "$initrd" \
    -append 'console=ttyS0 quiet nokaslr panic=-1'
while [ ! -S "$sock" ]; do sleep 0.1; kill -0 $ORRERY_PID || fail "does not start"; done

want() { grep -q -- "$1" "$WORK/out" || { grep -v "^0x.* in ?? ()" "$WORK/out" >&2; fail "gdb did not say '$1'"; }; }

# 0. With the script that comes with the program code is disassembled as its mode has it, with a base behind it.
cat >"$WORK/script" <<END
set pagination off
source $HERE/../../frontend/orrery.gdb
target remote $sock
x/i \$pc
set {unsigned char[7]}0x10100 = {0xb8, 0x34, 0x12, 0xe8, 0xfd, 0x00, 0xc3}
set \$cs = 0x1000
set \$eip = 0x10100
x/3i \$pc
stepi
printf "ax %x at %x\n", \$ax, \$pc
set \$cs = 0xf000
set \$eip = 0xffff0
detach
END
timeout 60 gdb -nx -batch -x "$WORK/script" >"$WORK/out" 2>&1
want '0xfffffff0:.*ljmp *\$0xf000,\$0xe05b'
want '^=> 0x10100:.*mov *\$0x1234,%ax'
want '^ *0x10103:.*call *0x10203'
want '^ *0x10106:.*ret'
want '^ax 1234 at 10103'
monitor stop system_reset >/dev/null

# 1. At reset, in real mode; to the kernel's entry (physical 16 MiB) by a hardware breakpoint; steps until the
#    kernel runs at its virtual addresses; a software breakpoint there and a watchpoint on its stack.
cat >"$WORK/script" <<END
set pagination off
set confirm off
target remote $sock
printf "reset %lx\n", (long)\$pc
stepi
printf "real mode %lx cs %x\n", (long)\$pc, \$cs
set \$cs = 0x1000
printf "follows %lx\n", (long)\$pc
set \$cs = 0xf000
info threads
hbreak *0x1000000
continue
printf "entry %lx lma %d\n", (long)\$pc, (int)((\$efer >> 10) & 1)
delete
set \$before = \$pc
stepi
printf "stepped %d\n", \$pc > \$before && \$pc < \$before + 16
watch -l *(unsigned long *)(\$rsp - 8)
continue
printf "watched\n"
delete
set \$n = 0
while (unsigned long)\$pc < 0xffffffff80000000 && \$n < 20000
  stepi
  set \$n = \$n + 1
end
printf "virtual %d\n", (unsigned long)\$pc > 0xffffffff80000000
set \$here = (unsigned long)\$pc
x/2i \$pc
stepi
set \$xmm3.v4_int32[1] = 0x5a5a
printf "xmm %x\n", \$xmm3.v4_int32[1]
printf "control %d\n", (int)\$fctrl > 0
set *(unsigned int *)\$rsp = *(unsigned int *)\$rsp
monitor info status
break *\$rip
delete
detach
END
timeout 200 gdb -nx -batch -x "$WORK/script" >"$WORK/out" 2>&1 || { grep -v " in ?? ()" "$WORK/out" >&2; fail "gdb failed"; }
want '^reset fffffff0'
want '^real mode fe05b cs f000'
want '^follows 1e05b'
want 'Thread 2 (CPU#1'
want '^entry 1000000 lma 1'
want '^stepped 1'
want '^virtual 1'
want '^Hardware watchpoint'
want '^watched'
want '^xmm 5a5a'
want '^control 1'
want 'VM status: paused (debug)'

# 2. It goes on to a shell as if nothing had been; then gdb breaks in.
wait_serial 300 'busybox on an unmodified'
printf 'set pagination off\nsource %s\ntarget remote %s\ninfo threads\nprintf "upper %%d\\n", (unsigned long)$pc > 0xffffffff00000000\nshow architecture\nkill\n' "$HERE/../../frontend/orrery.gdb" "$sock" >"$WORK/script"
timeout 60 gdb -nx -batch -x "$WORK/script" >"$WORK/out" 2>&1
want 'Thread 1 (CPU#0'
want '^upper 1'
want 'currently "i386:x86-64"'
for i in $(seq 50); do kill -0 $ORRERY_PID 2>/dev/null || { echo "gdb: all right after $SECONDS s"; exit 0; }; sleep 0.2; done
fail "kill did not end it"
