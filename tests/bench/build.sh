#!/bin/bash
# build.sh KERNEL: makes what tests/bench/run needs in $BENCH (build/bench by default) and prints where it is, as
# lines NAME=PATH: the programs (bench64, bench32), the kernel asked for, the kernels of the boot rows, the initramfs
# of each kind. Made once; again when a source here is newer. Kernels, busybox and Lua are unmodified Debian packages.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../boot/guests.sh"
BENCH=${BENCH:-$(cd "$here/../.." && pwd)/build/bench}
mkdir -p "$BENCH"
CC=${CC:-gcc}

# outdated FILE: nothing there, or a source is newer
outdated() { [ ! -e "$1" ] || [ -n "$(find "$here/programs" "$here/build.sh" "$here/../boot/guests.sh" -type f -newer "$1" -print -quit)" ]; }

# programs 64|32: the static benchmark binary; x87.c and simd.c choose their floating-point unit, the others take the
# default of Debian's amd64 and i386 (SSE2 and x87)
programs() {
    local out="$BENCH/bench$1" arch triplet target lua source flags objects="$BENCH/objects$1"
    case $1 in
    64) arch=amd64 triplet=x86_64-linux-gnu target="-m64" ;;
    32) arch=i386 triplet=i386-linux-gnu target="-m32 -march=i686" ;;
    esac
    outdated "$out" || return 0
    lua="$(guest_deb "liblua5.4-dev:$arch")/usr"
    mkdir -p "$objects"
    for source in "$here"/programs/*.c; do
        case $(basename "$source") in
        x87.c) flags="-mfpmath=387" ;;
        simd.c) flags="-msse2 -mfpmath=sse" ;;
        *) flags="" ;;
        esac
        $CC $target $flags -std=gnu17 -O2 -ffp-contract=off -Wall -Wextra -Wa,-I,"$here/programs" \
            -I"$lua/include/lua5.4" -I"$lua/include/$triplet" -c "$source" \
            -o "$objects/$(basename "${source%.c}").o"
    done
    $CC $target -static "$objects"/*.o "$lua/lib/$triplet/liblua5.4.a" -lm -o "$out.new"
    strip "$out.new"
    mv "$out.new" "$out"
}

# serving_initrd amd64|i386: guest_initrd's, to which the programs are added, and a script that runs the lines it reads
serving_initrd() {
    local out="$BENCH/initrd-$1.gz" base root="$BENCH/root-$1"
    outdated "$out" || return 0
    base=$(guest_initrd "$1")
    rm -rf "$root"
    mkdir -p "$root/bench"
    cp "$BENCH"/bench32 "$root/bench/"
    [ "$1" = i386 ] || cp "$BENCH/bench64" "$root/bench/"
    cat > "$root/bench/serve" <<'SERVE'
#!/bin/sh
mkdir -p /dev/shm
stty -echo -onlcr
echo @READY
while read -r line; do $line; done
SERVE
    chmod +x "$root/bench/serve"
    (cd "$root" && find bench | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -9n) | cat "$base" - > "$out.new"
    mv "$out.new" "$out"
}

case $1 in 686*) arch=i386 ;; *) arch=amd64 ;; esac
(
    flock 9
    programs 64
    programs 32
    serving_initrd "$arch"
) 9>"$BENCH/lock" >&2
echo "bench64=$BENCH/bench64"
echo "bench32=$BENCH/bench32"
echo "kernel=$(guest_kernel "$1")"
echo "initrd=$BENCH/initrd-$arch.gz"
echo "kernel_amd64=$(guest_kernel amd64)"
echo "initrd_amd64=$(guest_initrd amd64)"
echo "kernel_i386=$(guest_kernel 686-pae)"
echo "initrd_i386=$(guest_initrd i386)"
