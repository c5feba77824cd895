#!/bin/bash
# sdl.sh: the window under Xvfb: FreeDOS boots in it, real key events type a command, and a screenshot of the
# X display (not of our own picture) shows prompt, command and answer, read by the VGA font. Then the window's own
# keys, its title, and the way out.
. "$(dirname "$0")/lib.sh"
SCREENTEXT=${SCREENTEXT:-$HERE/../../build/tests/screentext}
image="${SHARED:-$HERE/../../../shared}/guests/freedos-720k.img"
[ -e "$image" ] || skip "no ../shared/guests/freedos-720k.img beside the checkout: Debian has no FreeDOS to boot"
for tool in Xvfb xdotool import; do
    command -v $tool >/dev/null || skip "no $tool (packages xvfb, xdotool, imagemagick)"
done

Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp 3>"$WORK/display" >/dev/null 2>&1 &
for _ in $(seq 50); do [ -s "$WORK/display" ] && break; sleep 0.1; done
[ -s "$WORK/display" ] || fail "Xvfb does not start"
export DISPLAY=":$(cat "$WORK/display")"
unset WAYLAND_DISPLAY
export ASAN_OPTIONS=detect_leaks=0 # those of X and GL libraries

"$ORRERY" "${ACCEL[@]}" -display sdl -name sdltest -monitor "unix:$WORK/monitor,server,nowait" -serial none -m 16 \
    -drive "file=$image,format=raw,if=floppy,index=0,snapshot=on,readonly=off" -boot a </dev/null 2>"$WORK/err" &
ORRERY_PID=$!

# SDL may replace its first window by another: it is the one that takes the focus and is there a moment later.
find_window() { xdotool search --name '^Orrery' 2>/dev/null | head -1; }
window=
for _ in $(seq 100); do
    window=$(find_window)
    [ "$window" ] && xdotool windowfocus "$window" 2>/dev/null && sleep 0.5 && [ "$(find_window)" = "$window" ] && break
    window=
    sleep 0.1
done
[ "$window" ] || fail "no window"

# seen SECONDS PATTERN: the window shows a line like that
seen() {
    local end=$((SECONDS + $1))
    while ! { import -window "$window" -depth 8 "$WORK/shot.ppm" 2>/dev/null &&
              "$SCREENTEXT" "$WORK/shot.ppm" >"$WORK/screen" && grep -q -- "$2" "$WORK/screen"; }; do
        [ $SECONDS -lt $end ] || { cat "$WORK/screen" >&2; fail "no '$2' in the window within $1 seconds"; }
        kill -0 $ORRERY_PID 2>/dev/null || fail "ended before '$2'"
        sleep 0.3
    done
}
title() { xdotool getwindowname "$window"; }
# title_is PATTERN
title_is() {
    for _ in $(seq 50); do
        title | grep -q -- "$1" && return
        sleep 0.1
    done
    fail "the title is '$(title)', not like '$1'"
}

seen 120 '^A:.>$'
title_is '^Orrery (sdltest)$'
xdotool key --delay 60 e c h o space shift+h e l l o comma space 4 2 Return
seen 60 '^A:.>echo Hello, 42$'
seen 60 '^Hello, 42$'

# The title tells of a pause and of the grab, which Ctrl-Alt-g and a click take and Ctrl-Alt-g gives back.
monitor stop >/dev/null
title_is 'Paused'
monitor cont >/dev/null
title_is '^Orrery (sdltest)$'
xdotool key ctrl+alt+g
title_is 'Ctrl-Alt-G'
xdotool key ctrl+alt+g
title_is '^Orrery (sdltest)$'
xdotool mousemove --window "$window" 100 100 click 1
title_is 'Ctrl-Alt-G'
xdotool key ctrl+alt+g
title_is '^Orrery (sdltest)$'

# Neither that nor the modifiers left anything behind in the guest.
xdotool key --delay 60 v e r Return
seen 60 '^A:.>ver$'

# The window scales when it is resized, and follows the mode.
timeout 60 xdotool windowsize --sync "$window" 1080 600
xdotool getwindowgeometry "$window" | grep -q 1080x600 || fail "not resized"
sleep 1
import -window "$window" -resize '720x400!' -depth 8 "$WORK/scaled.ppm"
[ "$(convert "$WORK/scaled.ppm" -colorspace gray -threshold 40% -format '%[fx:mean > 0.005 && mean < 0.5]' info:)" = 1 ] ||
    fail "nothing to be seen in the resized window"

kill -TERM $ORRERY_PID
wait $ORRERY_PID
status=$?
[ $status = 0 ] || fail "exit status $status"
