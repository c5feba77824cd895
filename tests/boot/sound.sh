#!/bin/bash
# sound.sh: the PC speaker in a WAV file: its pitch is right to 0.1 %, and as long as the guest played it; what -audiodev
# cannot do is a sentence.
. "$(dirname "$0")/lib.sh"
command -v nasm >/dev/null || skip "no nasm"
nasm -f bin -o "$WORK/floppy" "$HERE/sound.asm" || fail "sound.asm"
orrery 60 -m 16 -nodefaults -vga none -device isa-debug-exit,iobase=0xf4,iosize=1 \
    -drive "if=floppy,format=raw,file=$WORK/floppy" -machine pcspk-audiodev=snd \
    -audiodev "wav,id=snd,path=$WORK/wav,out.frequency=48000,out.channels=1"
[ $? = 1 ] || fail "exit status"
[ "$(head -c 4 "$WORK/wav")" = RIFF ] && [ $(($(stat -c %s "$WORK/wav") - 44)) = "$(od -An -tu4 -j40 -N4 "$WORK/wav" | tr -d ' ')" ] ||
    fail "no WAV file, or its length is not in it"
od -An -v -w2 -td2 -j44 "$WORK/wav" | awk '
    before < 0 && $1 >= 0 { last = NR - $1 / ($1 - before); if (!rises++) first = last }
    { before = $1 }
    END {
        hz = (rises - 1) * 48000 / (last - first); seconds = (last - first) / 48000
        print hz, "Hz for", seconds, "s"
        exit !(hz > 999.15 && hz < 1001.15 && seconds > 0.9 && seconds < 1.1)
    }' || fail "that is not 1000 Hz for a second"

refused() {
    local want=$1
    shift
    orrery 10 "$@" && fail "$* is taken"
    grep -q -- "$want" "$WORK/err" && [ "$(wc -l <"$WORK/err")" = 1 ] || fail "$*: $(cat "$WORK/err")"
}
refused 'No such file' -M bare -machine pcspk-audiodev=s -audiodev "wav,id=s,path=$WORK/none/x"
refused 'out.frequency' -audiodev wav,id=s,out.frequency=1
refused 'pa' -audiodev pa,id=s
refused 'needs an id' -audiodev wav
