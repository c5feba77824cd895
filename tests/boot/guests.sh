# Guests for tests, assembled from unmodified Debian packages. To be sourced.
#
# Everything lands in $GUESTS (build/guests by default) and is made once. apt
# is used with state of its own there, for amd64 and i386 alike, so it needs
# no rights and changes nothing on this machine.

GUESTS=${GUESTS:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/guests}
mkdir -p "$GUESTS"

_apt() { APT_CONFIG="$GUESTS/apt/apt.conf" apt-get -qq "$@"; }

_apt_setup() {
    [ -e "$GUESTS/apt/ready" ] && return
    local a="$GUESTS/apt"
    mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
    cat > "$a/apt.conf" <<END
APT::Architecture "amd64";
APT::Architectures { "amd64"; "i386"; };
APT::Sandbox::User "";
Dir::State "$a";
Dir::State::status "/dev/null";
Dir::State::lists "$a/lists";
Dir::Cache "$a/cache";
END
    echo "fetching Debian's package lists" >&2
    _apt update >"$a/update.log" 2>&1 || true # an index that does not verify is left out; the others do
    touch "$a/ready"
}

# guest_deb PACKAGE[:ARCH] -> folder with its files
guest_deb() {
    local dir="$GUESTS/deb/$1"
    (
        flock 9
        if [ ! -e "$dir/.done" ]; then
            _apt_setup
            echo "fetching $1" >&2
            rm -rf "$dir" "$dir.deb" && mkdir -p "$dir" "$dir.deb"
            (cd "$dir.deb" && _apt download "$1") >&2 || exit 1
            dpkg-deb -x "$dir.deb"/*.deb "$dir" && rm -rf "$dir.deb" && touch "$dir/.done"
        fi
    ) 9>"$GUESTS/lock" && echo "$dir"
}

# guest_depends PACKAGE -> the first package it depends on
guest_depends() {
    (
        flock 9
        _apt_setup
        APT_CONFIG="$GUESTS/apt/apt.conf" apt-cache depends "$1" | awk '/Depends:/ {print $2; exit}'
    ) 9>"$GUESTS/lock"
}

# guest_kernel amd64|cloud-amd64|686|686-pae -> path of vmlinuz
guest_kernel() {
    local arch=amd64 link="$GUESTS/vmlinuz-$1" pkg
    case $1 in 686*) arch=i386 ;; esac
    if [ ! -e "$link" ]; then
        pkg=$(guest_depends "linux-image-$1:$arch") && pkg=${pkg%%:*} || return 1
        [ -n "$pkg" ] || { echo "no package linux-image-$1" >&2; return 1; }
        ln -sf "$(guest_deb "$pkg:$arch")"/boot/vmlinuz-* "$link" || return 1
    fi
    echo "$link"
}

# guest_initrd amd64|i386 -> an initramfs: static busybox and an init that obeys the kernel's command line
#   (orrery.run='command; command' runs that and powers off; otherwise a shell)
guest_initrd() {
    local out="$GUESTS/initrd-$1.gz"
    (
        flock 8
        [ "$out" -nt "$_GUESTS_SH" ] || _make_initrd "$1" "$out"
    ) 8>"$GUESTS/initrd.lock" && echo "$out"
}
_GUESTS_SH=${BASH_SOURCE[0]}

_make_initrd() {
    local out=$2 root="$GUESTS/initrd-$1" box
    box=$(guest_deb "busybox-static:$1") || return 1
    rm -rf "$root" && mkdir -p "$root"/{bin,proc,sys,dev,tmp}
    cp "$box/bin/busybox" "$root/bin/busybox"
    cat > "$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ TERM=vt100 PS1='orrery:\w\$ '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
run=$(sed -n 's/.*orrery\.run="\([^"]*\)".*/\1/p; s/.*"orrery\.run=\([^"]*\)".*/\1/p' /proc/cmdline) # GRUB moves the quotes
[ -z "$run" ] || dmesg -n 1 # or the kernel's own lines land in the middle of those that the commands write
echo "Orrery guest: $(uname -srm), $(nproc) cpu(s)"
if [ -n "$run" ]; then
    eval "$run"
    poweroff -f
fi
echo "This is busybox on an unmodified Debian kernel; 'poweroff -f' ends it."
tty=$(sed 's/.* //' /sys/class/tty/console/active)
exec setsid sh -c "exec sh </dev/$tty >/dev/$tty 2>&1"
END
    chmod +x "$root/init"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -9n) > "$out.tmp" && mv "$out.tmp" "$out"
}
