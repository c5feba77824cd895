#!/bin/bash
# qmp.sh: a session as a script written for QEMU has it, on a machine that stands in its firmware.
. "$(dirname "$0")/lib.sh"

# start ARGS...: with a client at its QMP
start() {
    rm -f "$WORK/qmp"
    orrery_start -qmp "unix:$WORK/qmp,server=on,wait=off" "$@"
    while [ ! -S "$WORK/qmp" ]; do sleep 0.1; kill -0 $ORRERY_PID || fail "does not start"; done
    coproc QMP { socat - "UNIX-CONNECT:$WORK/qmp"; }
}

# expect PATTERN: the next line; say JSON PATTERN...: sends, expects each
expect() {
    local line
    read -r -t 20 line <&"${QMP[0]}" || fail "no answer, '$1' expected"
    [[ $line == $1 ]] || fail "'$line', '$1' expected"
}
say() {
    printf '%s\n' "$1" >&"${QMP[1]}"
    shift
    for p in "$@"; do expect "$p"; done
}
event() { printf '%s' '{"timestamp": {"seconds": *, "microseconds": *}, "event": "'"$1"'"*}*'; }

start -name guest -no-shutdown
expect '{"QMP": {"version": {"qemu": {*}, "package": *}, "capabilities": \[\]}}*'
say '{"execute": "query-status"}' '{"error": {"class": "CommandNotFound"*'
say '{"execute": "qmp_capabilities"}' '{"return": {}}*'
say '{"execute": "query-status", "id": "a"}' '{"return": {"status": "running", *"running": true}, "id": "a"}*'
say '{"execute": "query-name"}' '{"return": {"name": "guest"}}*'
say '{"execute": "query-version"}' '*"package": "Orrery*'
say '{"execute": "query-block"}' '{"return": \[{"device": "ide1-cd0", "locked": false, "removable": true, "type": "unknown", "tray_open": false, "io-status": "ok", "qdev": "/machine/unattached/device*"}, {"device": "floppy0", "locked": false, "removable": true, "type": "unknown", "qdev": "/machine/unattached/device*"}\]}*'
say '{"execute": "query-blockstats"}' '*{"device": "ide1-cd0", "stats": {*"rd_operations": 0*'
say '{"execute": "query-commands"}' '*human-monitor-command*'
say '{"execute": "stop"}' "$(event STOP)" '{"return": {}}*'
say '{"execute": "query-status"}' '*"status": "paused"*"running": false*'
say '{"execute": "cont"}' "$(event RESUME)" '{"return": {}}*'
say '{"execute": "human-monitor-command", "arguments": {"command-line": "info status"}}' \
    '{"return": "VM status: running\\r\\n"}*'
say "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"$WORK/a.ppm\"}}" '{"return": {}}*'
[ "$(head -c 2 "$WORK/a.ppm")" = P6 ] || fail "no PPM"
say "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"$WORK/a.png\", \"format\": \"png\"}}" '{"return": {}}*'
[ "$(head -c 4 "$WORK/a.png" | tail -c 3)" = PNG ] || fail "no PNG"
say '{"execute": "screendump", "arguments": {"filename": "/nonexistent/x"}}' '{"error": {"class": "GenericError", "desc": "*"}}*'
say '{"execute": "send-key", "arguments": {"keys": [{"type": "qcode", "data": "ctrl"}, {"type": "qcode", "data": "a"}]}}' '{"return": {}}*'
say '{"execute": "system_reset"}' '{"return": {}}*' "$(event RESET)"
say '{"execute": "system_powerdown"}' '{"return": {}}*' "$(event POWERDOWN)"
say '{"execute": "nonsense", "id": 7}' '{"error": {"class": "CommandNotFound", "desc": "The command nonsense has not been found"}, "id": 7}*'
say '{"execute": "quit"}' '{"return": {}}*' "$(event SHUTDOWN)"
wait $ORRERY_PID || fail "exit status $?"
wait $QMP_PID

# A signal's end has a reason of its own.
start -S
expect '{"QMP": *'
say '{"execute": "qmp_capabilities"}' '{"return": {}}*'
kill -TERM $ORRERY_PID
expect '{"timestamp": *"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}*'
wait $ORRERY_PID || fail "exit status $? after SIGTERM"
echo "qmp: all right"
