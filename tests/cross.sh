#!/bin/bash
# cross.sh aarch64|s390x [TARGET...]: builds for that machine, without a window, what is named (all if
# nothing is): clang, Debian's binutils for it, and its libraries out of Debian packages, unpacked
# into build-ARCH/sysroot. What was built runs here under qemu-user: ctest --preset ARCH.
# Exit status 77: something that is needed is not installed.
set -e
cd "$(dirname "$0")/.."
arch=$1
shift
case $arch in
aarch64) debian=arm64 ;;
s390x) debian=s390x ;;
*) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
esac
for tool in clang "$arch-linux-gnu-ld" "qemu-$arch-static" mmdebstrap; do
    command -v "$tool" >/dev/null || { echo "no $tool: see CROSS_PACKAGES in tests/packages.sh"; exit 77; }
done

libraries=libc6-dev,libgcc-12-dev,libffi-dev,libcapstone-dev,libpng-dev,libjansson-dev,libedit-dev,libzstd-dev,libxxhash-dev,check,libsubunit-dev
sysroot=build-$arch/sysroot
if [ ! -e "$sysroot/.done" ] || [ "$(cat "$sysroot/.done")" != "$libraries" ]; then
    echo "== libraries for $debian"
    rm -rf "$sysroot"
    mkdir -p "build-$arch"
    mmdebstrap --quiet --variant=extract --architectures="$debian" --include="$libraries" \
        bookworm "$sysroot" 2>"build-$arch/sysroot.log" || { tail "build-$arch/sysroot.log" >&2; exit 1; }
    # Links from the root would lead into this machine's own.
    find "$sysroot" -type l -lname '/*' | while read -r link; do
        ln -sfn --relative "$sysroot$(readlink "$link")" "$link"
    done
    echo "$libraries" >"$sysroot/.done"
fi
echo "== build for $arch"
[ -e "build-$arch/build.ninja" ] || cmake --preset "$arch" >/dev/null
cmake --build --preset "$arch" --target "${@:-all}" --parallel "$(nproc)"

# build-ARCH/run PROGRAM ARGS...: what was built, here
printf '#!/bin/sh\nexec qemu-%s-static -L %s "$@"\n' "$arch" "$PWD/$sysroot" >"build-$arch/run"
chmod +x "build-$arch/run"
