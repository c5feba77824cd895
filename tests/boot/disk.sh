# A Debian system on a hard disk image, GRUB in its MBR. To be sourced after guests.sh.
#
# mmdebstrap fetches and unpacks; the rest needs neither mounts nor loop
# devices: mke2fs fills the partition from a folder, and what grub-install
# would write is written by hand: boot.img in sector 0, core.img in the gap
# before the first partition (where boot.img looks for it unless told
# otherwise), modules and menu in /boot/grub. Packages are as Debian has them;
# only their documentation is left out, and timers and network are masked.
#
# Who is not root does it in a user namespace, which takes newuidmap (package
# uidmap) and a line in /etc/subuid.

DISK_MIB=640
DISK_START=2048 # sectors before the partition
DISK_GRUB=/usr/lib/grub/i386-pc
_DISK_SH=${BASH_SOURCE[0]}

# disk_obstacle -> why no image can be made here; nothing if one can
disk_obstacle() {
    [ ! -e "$GUESTS/debian.img" ] || return 0
    command -v mmdebstrap >/dev/null || { echo "no mmdebstrap"; return; }
    [ -e "$DISK_GRUB/boot.img" ] || { echo "no $DISK_GRUB: install grub-pc-bin"; return; }
    _disk_as_root true 2>/dev/null ||
        echo "not root, and no user namespace with more than one user (newuidmap, /etc/subuid)"
}

_disk_as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else unshare --user --map-root-user --map-auto "$@"; fi
}

# The root file system as a tar archive on standard output: systemd, a kernel, a login on the serial line with a password.
_disk_tar() {
    mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io \
        --include=systemd-sysv,kmod,initramfs-tools,linux-image-cloud-amd64 \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
        --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
        --essential-hook='printf "MODULES=list\nCOMPRESS=gzip\nRUNSIZE=10%%\n" >"$1/etc/initramfs-tools/conf.d/orrery"' \
        --essential-hook='printf "ata_piix\nsd_mod\next4\n" >"$1/etc/initramfs-tools/modules"' \
        --customize-hook='echo root:orrery | chroot "$1" chpasswd' \
        --customize-hook='echo guest >"$1/etc/hostname"' \
        --customize-hook='echo "/dev/sda1 / ext4 x-systemd.device-timeout=600 0 1" >"$1/etc/fstab"' \
        --customize-hook='chroot "$1" systemctl mask systemd-timesyncd.service getty@tty1.service getty-static.service \
            apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
            e2scrub_reap.service systemd-networkd.service systemd-resolved.service >/dev/null 2>&1' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/boot/System.map-*' \
        bookworm -
}

# _disk_grub DIR: DIR/core.img, which finds the partition, and the rest of GRUB in DIR/root/boot/grub
_disk_grub() {
    local boot="$1/root/boot/grub"
    mkdir -p "$boot/i386-pc" && cp "$DISK_GRUB"/*.mod "$DISK_GRUB"/*.lst "$boot/i386-pc" || return 1
    cat >"$boot/grub.cfg" <<'END_CFG'
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=1
menuentry "Debian on a disk" {
    linux /vmlinuz root=/dev/sda1 ro console=ttyS0,115200 quiet panic=-1 systemd.default_timeout_start_sec=600
    initrd /initrd.img
}
END_CFG
    grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$1/core.img" biosdisk part_msdos ext2 &&
        [ "$(stat -c %s "$1/core.img")" -le $(((DISK_START - 1) * 512)) ]
}

# _disk_fill DIR: the archive, by standard input, becomes the file system in DIR/img.
_disk_fill() {
    tar -C "$1/root" -x --exclude='./dev/*' && _disk_grub "$1" &&
        /sbin/mke2fs -q -t ext4 -L root -E "offset=$((DISK_START * 512))" -d "$1/root" "$1/img" "$((DISK_MIB - 1))M"
}

# guest_disk -> path of the image; to be copied or used with -snapshot
guest_disk() {
    local out="$GUESTS/debian.img" dir="$GUESTS/debian"
    (
        flock 9
        [ ! -e "$out" ] || exit 0
        echo "making a Debian disk with mmdebstrap" >&2
        _disk_as_root rm -rf "$dir" && mkdir -p "$dir/root" && truncate -s "${DISK_MIB}M" "$dir/img" &&
            echo "$DISK_START,,83,*" | /sbin/sfdisk -q "$dir/img" >&2 || exit 1
        set -o pipefail
        _disk_tar | _disk_as_root bash -c '. "$1" && _disk_fill "$2"' bash "$_DISK_SH" "$dir" >&2 || exit 1
        dd if="$DISK_GRUB/boot.img" of="$dir/img" bs=440 count=1 conv=notrunc status=none &&
            dd if="$dir/core.img" of="$dir/img" bs=512 seek=1 conv=notrunc status=none &&
            mv "$dir/img" "$out" && _disk_as_root rm -rf "$dir"
    ) 9>"$GUESTS/disk.lock" && echo "$out"
}
