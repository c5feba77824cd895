# What building and testing needs from Debian 12. To be sourced.

PACKAGES="build-essential cmake ninja-build pkg-config nasm libcapstone-dev libffi-dev libsdl2-dev check libsubunit-dev
 libpng-dev libjansson-dev libedit-dev libzstd-dev libxxhash-dev acpica-tools seabios cpio gzip xz-utils curl ca-certificates"
TEST_PACKAGES="gcc-multilib python3 gdb socat xorriso mtools grub-pc-bin grub-common grub-rescue-pc isolinux syslinux-common
 xvfb xdotool imagemagick e2fsprogs fdisk mmdebstrap uidmap memtest86+ clang-format clang-tidy libclang-rt-14-dev universal-ctags"
# For the other machines (tests/cross.sh): Debian's gcc for them would take gcc-multilib's place, clang does not.
CROSS_PACKAGES="clang qemu-user-static binutils-aarch64-linux-gnu binutils-s390x-linux-gnu"

# Installs what is missing of the packages named (as root, or by sudo).
install_missing() {
    local missing="" p sudo=""
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q "install ok installed" || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "== installing$missing"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
install_packages() { install_missing $PACKAGES; }
install_test_packages() { install_missing $PACKAGES $TEST_PACKAGES $CROSS_PACKAGES; }

build_release() {
    echo "== build"
    cmake --preset release >/dev/null
    cmake --build --preset release --target orrery
}
