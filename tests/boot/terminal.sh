#!/bin/bash
# terminal.sh: -nographic on a pseudo-terminal: Ctrl-a keys, line editing, and the terminal's mode restored on every way out.
. "$(dirname "$0")/lib.sh"
command -v script >/dev/null || skip "no script(1)"
LOG=$WORK/log

# session ACTIONS COMMAND: runs COMMAND on a terminal of its own and ACTIONS (a function that writes what is typed)
# meanwhile; its screen goes to $LOG. The mode before and after must be the same.
session() {
    rm -f "$WORK/pid" "$LOG"
    printf 'stty -g >%q\n%s\necho $? >%q\nstty -g >%q\n' "$WORK/before" "$2" "$WORK/status" "$WORK/after" >"$WORK/inner"
    "$1" | TERM=xterm timeout 60 script -qec "bash $WORK/inner" /dev/null >"$LOG" 2>&1
    [ -s "$WORK/after" ] || fail "did not end: $(tail -c 500 "$LOG")"
    cmp -s "$WORK/before" "$WORK/after" || fail "the terminal was left in another mode"
}
seen() { tr -d '\r' <"$LOG" | grep -aq -- "$1" || fail "no '$1' in: $(tail -c 2000 "$LOG")"; }
status() { [ "$(cat "$WORK/status")" = "$1" ] || fail "exit status $(cat "$WORK/status"), not $1"; }
nographic="$ORRERY ${ACCEL[*]} -nographic -pidfile $WORK/pid"
wait_log() { for _ in $(seq 100); do grep -aq -- "$1" "$LOG" 2>/dev/null && return; sleep 0.1; done; }
wait_pid() { for _ in $(seq 100); do [ -s "$WORK/pid" ] && sleep 0.3 && return; sleep 0.1; done; }

help_and_monitor() {
    wait_pid
    printf '\001h'; wait_log 'C-a C-a'
    printf '\001c'; wait_log '(qemu)'
    printf 'info stat\t\r'; wait_log 'VM status'
    printf 'inof vesrion\r'; wait_log "did you mean 'info'"
    printf 'info nbme\b\b\bame\r'; sleep 0.3
    printf '\001c\001x'; sleep 2
}
session help_and_monitor "$nographic -name Orion"
seen 'C-a x    end the emulator'
seen 'Orrery .* monitor'
seen 'VM status: running'
seen "did you mean 'info'"
seen Orion
seen 'Orrery: terminated'
status 0

monitor_quit() { wait_pid; printf '\001c'; wait_log '(qemu)'; printf 'quit\r'; sleep 2; }
session monitor_quit "$nographic"
status 0

interrupt() { wait_pid; printf '\003'; sleep 2; }
session interrupt "$ORRERY ${ACCEL[*]} -display none -serial stdio -pidfile $WORK/pid"
seen 'ending on signal 2'
status 0

for sig in TERM HUP QUIT; do
    by_signal() { wait_pid; kill -$sig "$(cat "$WORK/pid")"; sleep 2; }
    session by_signal "$nographic"
    status 0
done
for sig in ABRT SEGV; do
    by_signal() { wait_pid; kill -$sig "$(cat "$WORK/pid")"; sleep 2; }
    session by_signal "$nographic"
    status $((128 + $(kill -l $sig)))
done

# A mistake found after the terminal went raw
mistake() { sleep 2; }
session mistake "$ORRERY ${ACCEL[*]} -nographic -bios /nonexistent"
seen "^orrery: .*nonexistent.*No such file"
status 1
echo "terminal: all right"
