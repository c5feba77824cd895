# What the boot tests share. To be sourced by a script that ctest runs with ORRERY and GUESTS set.

set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ORRERY=${ORRERY:-$HERE/../../build/orrery}
SCREENTEXT=${SCREENTEXT:-$HERE/../../build/tests/screentext}
# ORRERY_PATIENCE=n: everything may take n times as long; ORRERY_ACCEL=NAME: under that engine
ACCEL=(${ORRERY_ACCEL:+-accel "$ORRERY_ACCEL"})
. "$HERE/guests.sh"
WORK=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$WORK"' EXIT

fail() {
    echo "FAIL: $*" >&2
    [ ! -s "$WORK/serial" ] || { echo "--- end of the serial line:" >&2; tail -c 3000 "$WORK/serial" >&2; }
    [ ! -s "$WORK/err" ] || { echo "--- standard error:" >&2; tail -c 1000 "$WORK/err" >&2; }
    exit 1
}
skip() { echo "SKIPPED: $*"; exit 77; }

# orrery SECONDS ARGS...: runs to the end, serial line in $WORK/serial; its exit status
orrery() {
    local limit=$(($1 * ${ORRERY_PATIENCE:-1}))
    shift
    timeout -k 5 "$limit" "$ORRERY" "${ACCEL[@]}" -display none -serial "file:$WORK/serial" -monitor none "$@" \
        </dev/null 2>"$WORK/err"
}

# orrery_start ARGS...: the same in the background, with a monitor at $WORK/monitor
orrery_start() {
    "$ORRERY" "${ACCEL[@]}" -display none -serial "file:$WORK/serial" -monitor "unix:$WORK/monitor,server,nowait" "$@" \
        </dev/null 2>"$WORK/err" &
    ORRERY_PID=$!
}

# monitor COMMAND...: each a line to the monitor of orrery_start; prints the answers
monitor() {
    printf '%s\n' "$@" | socat -t 5 - "UNIX-CONNECT:$WORK/monitor"
}

# wait_in FILE SECONDS PATTERN: until that file, written by orrery_start's, holds it (basic regular expression)
wait_in() {
    local end=$((SECONDS + $2 * ${ORRERY_PATIENCE:-1}))
    while ! grep -aq -- "$3" "$1" 2>/dev/null; do
        [ $SECONDS -lt $end ] || fail "no '$3' within $2 seconds"
        kill -0 $ORRERY_PID 2>/dev/null || { grep -aq -- "$3" "$1" && return; fail "ended before '$3'"; }
        sleep 0.2
    done
}
wait_serial() { wait_in "$WORK/serial" "$@"; }

# screen_text -> the text on the screen of orrery_start's guest, as a picture of it shows it
screen_text() {
    rm -f "$WORK/picture.ppm"
    monitor "screendump $WORK/picture.ppm" >/dev/null
    "$SCREENTEXT" "$WORK/picture.ppm"
}

# wait_screen SECONDS PATTERN
wait_screen() {
    local end=$((SECONDS + $1 * ${ORRERY_PATIENCE:-1}))
    while ! screen_text >"$WORK/screen" 2>/dev/null || ! grep -q -- "$2" "$WORK/screen"; do
        [ $SECONDS -lt $end ] || { cat "$WORK/screen" >&2; fail "no '$2' on the screen within $1 seconds"; }
        kill -0 $ORRERY_PID 2>/dev/null || fail "ended before '$2'"
        sleep 0.5
    done
}

# type_keys TEXT: types it on the guest's keyboard
type_keys() {
    local i c
    for ((i = 0; i < ${#1}; i++)); do
        c=${1:i:1}
        case $c in
        ' ') c=spc ;; '.') c=dot ;; '/') c=slash ;; '-') c=minus ;; ':') c=shift-semicolon ;; ',') c=comma ;;
        '\') c=backslash ;; '=') c=equal ;; '*') c=shift-8 ;; '>') c=shift-dot ;; $'\n') c=ret ;;
        [A-Z]) c=shift-${c,} ;;
        esac
        echo "sendkey $c"
    done | socat -t 5 - "UNIX-CONNECT:$WORK/monitor" >/dev/null
}
