#!/bin/bash
# errors.sh: every mistake of a user is one sentence on standard error and exit status 1.
. "$(dirname "$0")/lib.sh"
mkdir "$WORK/dir"
truncate -s 1M "$WORK/disk"
truncate -s 0 "$WORK/empty"
truncate -s 100 "$WORK/short"
cp "$WORK/disk" "$WORK/secret"
chmod 0 "$WORK/secret"

# mistake PATTERN OPTIONS...
mistake() {
    local pattern=$1 out
    shift
    out=$(timeout 20 "$ORRERY" -display none "$@" 2>&1 </dev/null)
    [ $? = 1 ] || fail "$*: not exit status 1: $out"
    [ "$(printf '%s\n' "$out" | wc -l)" = 1 ] || fail "$*: not one line: $out"
    [[ $out == "orrery: "$pattern ]] || fail "$*: says '$out', not '$pattern'"
}
mistake "*-hda /nonexistent*No such file*" -hda /nonexistent
mistake "*is a directory*" -hda "$WORK/dir"
mistake "*is a directory*" -cdrom "$WORK/dir"
truncate -s 8M "$WORK/large"
mistake "*'$WORK/large' is too large for a floppy*" -hda "$WORK/disk" -fda "$WORK/large"
mistake "*is empty*" -hda "$WORK/empty"
mistake "*nonexistent*No such file*" -bios /nonexistent
mistake "*not a regular file*" -bios "$WORK/dir"
mistake "*100 bytes*" -bios "$WORK/short"
mistake "*nonexistent*No such file*" -kernel /nonexistent
mistake "*no kernel*" -kernel "$WORK/short"
mistake "*not a regular file*" -kernel "$WORK/dir"
printf 'QFI\xfb\0\0\0\3' | dd of="$WORK/cow" conv=notrunc status=none
truncate -s 64K "$WORK/cow"
mistake "-hda*'$WORK/cow' is in qcow2 format*format=raw*" -hda "$WORK/cow"
mistake "-cdrom*qcow2 format*" -cdrom "$WORK/cow"
mistake "*file.locking 'maybe' is unknown*" -drive "file=$WORK/disk,file.locking=maybe"
mistake "-drive cache 'bogus' is unknown*" -drive "file=$WORK/disk,cache=bogus,aio=bogus"
mistake "-drive aio 'bogus' is unknown*" -drive "file=$WORK/disk,aio=bogus"
mistake "-drive aio=native needs cache.direct=on*" -drive "file=$WORK/disk,aio=native"
mistake "-drive discard 'unmapp' is unknown, did you mean 'unmap'?" -drive "file=$WORK/disk,discard=unmapp"
mistake "-drive detect-zeroes 'bogus' is unknown*" -drive "file=$WORK/disk,detect-zeroes=bogus"
mistake "-drive copy-on-read=on: *" -drive "file=$WORK/disk,copy-on-read=on"
mistake "-drive throttling.iops-total: *speed*" -drive "file=$WORK/disk,throttling.iops-total=10"
mistake "-drive rerror 'enospc' is unknown*" -drive "file=$WORK/disk,rerror=enospc"
mistake "-drive werror and rerror are not for floppies*" -drive "file=$WORK/disk,if=floppy,werror=stop"
mistake "-m 0 is too little*" -m 0
mistake "-m 100T is too much*" -m 100T
mistake "*both IDE drive 0*" -hda "$WORK/disk" -drive "file=$WORK/disk,index=0"
mistake "*number of processors*" -smp 9
mistake "*foo*" -cpu foo
mistake "*did you mean*" -cpu qemu65
mistake "option '-kernle' is unknown, did you mean '-kernel'?" -kernle x
mistake "*did you mean 'interp'?" -accel intrep
mistake "*did you mean 'pc'?" -M pcc
mistake "*did you mean 'stdio'?" -serial stdo
mistake "*did you mean 'raw'?" -drive "file=$WORK/disk,format=row"
mistake "*did you mean 'guest_errors'?" -d guest_error
mistake "*cannot connect*" -serial unix:/nonexistent/x
mistake "*cannot listen*" -serial unix:/nonexistent/x,server
mistake "*cannot create*" -serial file:/nonexistent/x
mistake "*cannot create*" -D /nonexistent/x
mistake "*cannot create*" -pidfile /nonexistent/x
ln -s "$WORK/target" "$WORK/link"
mistake "-pidfile * symbolic link" -pidfile "$WORK/link"
mistake "*cannot listen on*Address already in use" -serial "unix:$WORK/disk,server"
mistake "*cannot listen on*Address already in use" -serial "unix:$WORK/link,server"
[ ! -e "$WORK/target" ] || fail "a link was followed"
mistake "-gdb tcp::99999: *a port is a number*" -gdb tcp::99999
mistake "-qmp: *cannot listen*" -qmp unix:/nonexistent/x,server
mistake "-mem-path /nonexistent/x: No such file*" -mem-path /nonexistent/x
mistake "*neither a JPEG nor a BMP*" -boot "menu=on,splash=$WORK/disk"
mistake "*no such user*" -M none -runas nobody-of-that-name
mistake "-chroot /nonexistent: *" -M none -chroot /nonexistent
mistake "-daemonize leaves the terminal*" -M none -daemonize -monitor stdio
mistake "*cannot listen*" -M none -daemonize -qmp unix:/nonexistent/x,server
(unset DISPLAY WAYLAND_DISPLAY SDL_VIDEODRIVER; export XDG_RUNTIME_DIR=$WORK; mistake "-display sdl: *" -display sdl) || exit 1
if [ "$(id -u)" != 0 ]; then
    mistake "*Permission denied*" -hda "$WORK/secret"
    mistake "*Permission denied*" -bios "$WORK/secret"
fi

# A text console is told not to be there, and the rest goes on: here to the next mistake.
out=$("$ORRERY" -display none -M bare -serial vc -monitor none -bios /nonexistent 2>&1 </dev/null)
[[ $out == "orrery: serial0: the window has no text consoles (vc): "*$'\n'"orrery: "*/nonexistent* ]] ||
    fail "-serial vc says '$out'"

# With descriptors closed at start, what we say goes nowhere: not into the image that would get the free number.
for closed in '0<&-' '1>&-' '2>&-' '0<&- 2>&-' '0<&- 1>&- 2>&-'; do
    rm -f "$WORK/up"
    eval '"$ORRERY" -S -display none -hda "$WORK/disk" -monitor unix:"$WORK/up",server,nowait' "2>/dev/null $closed &"
    until [ -S "$WORK/up" ]; do sleep 0.05; kill -0 $! || fail "$closed: does not start"; done
    kill $! # of which it tells on standard error
    wait $!
    [ "$(tr -d '\0' <"$WORK/disk" | wc -c)" = 0 ] || fail "$closed: our own message is in the disk image"
done

# A second process gets nothing that a running one holds, and takes nothing away; what a dead one left is free.
held=(-M bare -S -monitor none -pidfile "$WORK/pid" -serial "unix:$WORK/socket,server,nowait")
"$ORRERY" -display none "${held[@]}" &
first=$!
until [ -S "$WORK/socket" ]; do sleep 0.05; done
[ "$(cat "$WORK/pid") $(stat -c %a "$WORK/pid" "$WORK/socket" | xargs)" = "$first 600 600" ] || fail "pidfile or modes"
mistake "-pidfile * cannot lock pid file: another process runs with it" "${held[@]}"
mistake "*cannot listen on unix:*: Address already in use" -serial "unix:$WORK/socket,server,nowait"
[ -S "$WORK/socket" ] && [ "$(cat "$WORK/pid")" = $first ] || fail "a second process took the first one's files"
kill -9 $first
wait $first 2>/dev/null
"$ORRERY" -display none "${held[@]}" &
second=$!
until [ "$(cat "$WORK/pid")" = $second ] && socat -u OPEN:/dev/null "UNIX-CONNECT:$WORK/socket" 2>/dev/null; do
    kill -0 $second || fail "what a dead process left is in the way"
    sleep 0.05
done
mv "$WORK/socket" "$WORK/moved"
echo mine >"$WORK/socket"
kill $second
wait $second 2>/dev/null
[ ! -e "$WORK/pid" ] && [ "$(cat "$WORK/socket")" = mine ] || fail "the end leaves the pidfile or takes others' files"

# Limits on the size of files hold for guest memory's, too, which can do without one.
printf 'pmemsave 0 0x200000 "%s"\nquit\n' "$WORK/dump" >"$WORK/commands"
(
    ulimit -f 1000
    timeout 20 "$ORRERY" -display none -M bare -m 64 -S -monitor stdio <"$WORK/commands" 2>&1
) >"$WORK/said" || fail "a limit of 1000 KiB on files: exit status $?: $(cat "$WORK/said")"
grep -q "could not write '$WORK/dump': File too large" "$WORK/said" || fail "no word of a full file: $(cat "$WORK/said")"
echo quit >"$WORK/commands"
timeout 20 "$ORRERY" -display none -M bare -S -monitor stdio <"$WORK/commands" 2>"$WORK/said" >/dev/full
grep -q "^orrery: .*: writing failed: No space left on device; " "$WORK/said" || fail "no word of a full disk"

# Too little address space: a lockstep that compares nothing is a mistake, too (sanitizers do not start at all).
(
    ulimit -v 1000000
    "$ORRERY" -version >/dev/null 2>&1 || exit 0
    mistake "-accel lockstep: not enough memory for a translator with tb-size=1024, a smaller one may fit" \
        -M bare -m 16 -accel lockstep,tb-size=1024
) || exit 1
"$ORRERY" -help | grep -q 'example: orrery' || fail "-help"
"$ORRERY" -version | grep -q '^QEMU emulator version [0-9.]* (Orrery ' || fail "-version"
[[ $("$ORRERY" -version | cut -d' ' -f4) == 7.*.* ]] || fail "-version: the fourth word is not QEMU's version"
"$ORRERY" -help | grep -q '^-gdb' || fail "-help: rows do not begin in column 1"
echo "errors: all right"
