#!/bin/bash
# options.sh: options whose effect the monitor shows, on a machine that has not started or stands in its firmware.
. "$(dirname "$0")/lib.sh"
start() {
    rm -f "$WORK/monitor"
    orrery_start "$@"
    while [ ! -S "$WORK/monitor" ]; do sleep 0.1; kill -0 $ORRERY_PID || fail "$* does not start"; done
}
finish() { monitor quit >/dev/null; wait $ORRERY_PID || fail "exit status $?"; }
# says COMMAND PATTERN; comes COMMAND PATTERN: within ten seconds
says() { monitor "$1" | tr -d '\r' | grep -q -- "$2" || fail "'$1' does not say '$2': $(monitor "$1")"; }
comes() {
    local end=$((SECONDS + 10))
    while [ $SECONDS -lt $end ]; do
        monitor "$1" | tr -d '\r' | grep -q -- "$2" && return
        sleep 0.1
    done
    says "$1" "$2"
}
cmos() { says "i /b 0x70.$1" " = $2\$"; }

# The boot order in CMOS: once, then the other.
start -S -boot once=d,order=ca
cmos 0x3d 0x03
monitor system_reset cont >/dev/null
comes 'i /b 0x70.0x3d' ' = 0x12$'
finish

# The clock: the host's goes on while the machine stands, virtual time does not, and with -icount it is virtual.
for clock in clock=host clock=rt clock=vm; do
    start -S -rtc base=2020-02-29T12:00:00,$clock
    sleep 1.2
    cmos 9 0x20
    cmos 7 0x29
    case $clock in
    *vm) cmos 0 0x00 ;;
    *) says 'i /b 0x70.0' ' = 0x0[1-9]' ;;
    esac
    finish
done
start -S -rtc base=2020-02-29T12:00:00 -icount 3
sleep 1.2
cmos 0 0x00
says 'info jit' '^virtual time 0 ns'
finish

# Time stands while the machine is paused.
start -S
says 'info jit' '^virtual time 0 ns'
monitor cont >/dev/null
sleep 0.5
monitor stop >/dev/null
a=$(monitor 'info jit' | grep virtual)
sleep 0.5
[ "$a" = "$(monitor 'info jit' | grep virtual)" ] || fail "time goes on in a paused machine"
[[ $a != *"time 0 ns"* ]] || fail "time does not move"
finish

# What the engine tells of itself.
start -accel interp
comes 'info jit' '^  decoded blocks: [1-9]'
finish
start -accel jit,tb-size=3
if ! grep -q 'this host forbids executable memory' "$WORK/err"; then
    says 'info jit' 'CPU #0: engine jit'
    says 'info jit' 'code memory: .* of 3072 KiB'
    comes 'info jit' '^  translations: [1-9][0-9]* made'
fi
finish

# Drives and their flags, memory, processors, name, devices.
truncate -s 2M "$WORK/a" "$WORK/b"
truncate -s 1440K "$WORK/f"
start -S -name Tycho -m 96 -smp 3 -hda "$WORK/a" -drive "file=$WORK/b,index=1,readonly=on" -fdb "$WORK/f" -snapshot \
    -nodefaults -device pc-testdev -device pvpanic -serial null \
    -drive if=none,id=disc,media=cdrom -device ide-cd,drive=disc,id=player,bus=ide.1,unit=1
says 'info name' Tycho
says 'info block' "^ide0-hd1 (#block001): $WORK/b (raw, read-only)"
says 'info block' temporary
says 'info block' "^floppy1 (#block005): $WORK/f"
says 'info block' '^    Attached to:      player'
says "change disc $WORK/f" ''
says 'info block' "^disc (#block006): $WORK/f (raw, read-only)"
says 'info cpus' 'CPU #2'
says 'info mtree' '0000000005ffffff'
says 'info device' pvpanic
says 'info device' '^isa-serial'
! monitor 'info device' | grep -q 'VGA\|isa-parallel' || fail "-nodefaults leaves something"
finish
# Identity, firmware's folder, and what is not on the board.
mkdir "$WORK/firmware"
cp /usr/share/seabios/bios-256k.bin "$WORK/firmware/mine.bin"
start -S -uuid 550e8400-e29b-41d4-a716-446655440000 -L "$WORK/firmware" -bios mine.bin -no-acpi
monitor 'o /h 0x510 2' >/dev/null # fw_cfg's UUID
cmos_uuid=$(monitor 'i /b 0x511' 'i /b 0x511' | tr -d '\r' | grep -o '= 0x..' | tr -d '\n')
[ "$cmos_uuid" = '= 0x55= 0x0e' ] || fail "fw_cfg's UUID begins $cmos_uuid"
! monitor 'info pci' | grep -q 8086:7113 || fail "-no-acpi leaves the power management"
finish

# In the background: the exit status says that all is open; a machine of nothing answers.
(cd "$WORK" && timeout 20 "$ORRERY" -S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg \
    -monitor unix:monitor,server=on,wait=off -pidfile pid -daemonize -msg timestamp=on) 2>"$WORK/err" ||
    fail "-daemonize: exit status $?"
grep -q '^20[0-9-]*T[0-9:.]*Z orrery: kvm is not used: ' "$WORK/err" || fail "-msg timestamp=on: $(cat "$WORK/err")"
ORRERY_PID=$(cat "$WORK/pid")
kill -0 "$ORRERY_PID" || fail "-daemonize: nothing runs"
[ "$(ps -o sid= -p "$ORRERY_PID" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')" ] || fail "-daemonize: the same session"
says 'info status' prelaunch
! monitor 'info cpus' | grep -q CPU || fail "-M none has processors"
says 'info registers' 'no CPU'
monitor cont system_reset 'x /1i 0' quit >/dev/null
for _ in {1..50}; do [ -e "$WORK/pid" ] || break; sleep 0.1; done
[ ! -e "$WORK/pid" ] || fail "-daemonize: the pidfile stays"
echo "options: all right"
