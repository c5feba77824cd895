#!/bin/bash
# runon.sh [long]: guests that are saved and loaded into a fresh process on the way end in the very state of those that
# ran in one go: SeaBIOS and FreeDOS, Debian i386 and amd64, one and two processors, interpreter and translator. A few
# points of some; long: of all of them, every 50 million instructions until the guest is done.
. "$(dirname "$0")/lib.sh"
image="${SHARED:-$HERE/../../../shared}/guests/freedos-720k.img"
long=${1:-} every=40000000 times=2
[ -z "$long" ] || { every=50000000 times=0; }

# piecewise NAME TIMES OPTIONS...
piecewise() {
    local name=$1 times=$2
    shift 2
    "$RUNON" "$WORK" $every "$times" -icount shift=0,sleep=off -rtc base=2020-02-29T12:00:00 -display none "$@" ||
        fail "$name $*"
}
# debian KERNEL INITRD
debian() {
    local kernel initrd smp accel
    kernel=$(guest_kernel "$1") && initrd=$(guest_initrd "$2") || fail "no guest"
    for smp in 1 2; do
        for accel in interp jit; do
            [ -n "$long" ] || [ $smp$accel = 1interp ] || [ $smp$accel = 2jit ] || continue
            piecewise "$1" $times -m 128 -kernel "$kernel" -initrd "$initrd" -smp $smp -accel $accel \
                -append 'console=ttyS0 quiet panic=-1 orrery.run="usleep 300000; date; sha256sum /init"'
        done
    done
}

for accel in interp jit; do
    [ ! -e "$image" ] || piecewise freedos "$((times ? times : 8))" -m 16 -snapshot -fda "$image" -boot a -accel $accel
done
debian amd64 amd64
debian 686-pae i386
