# A Debian system on a hard disk image, GRUB in its MBR. To be sourced after guests.sh.
#
# mmdebstrap fetches and unpacks; the rest needs neither mounts nor loop
# devices: mke2fs fills the partition from a folder, and GRUB's two images are
# written where the MBR convention has them (boot.img in sector 0, core.img in
# the gap before the first partition, which is where boot.img looks).

DISK_MIB=640
DISK_START=2048 # sectors before the partition

# Whoever is not root has files owned by root only with fakeroot's help.
_as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else fakeroot "$@"; fi; }

# The root file system as a tar archive: systemd, a kernel, a login on the serial line with a password.
_disk_tar() {
    mmdebstrap --quiet --variant=minbase \
        --include=systemd-sysv,kmod,initramfs-tools,linux-image-cloud-amd64 \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
        --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
        --essential-hook='printf "MODULES=list\nCOMPRESS=gzip\nRUNSIZE=10%%\n" >"$1/etc/initramfs-tools/conf.d/orrery"' \
        --essential-hook='printf "ata_piix\nsd_mod\next4\n" >"$1/etc/initramfs-tools/modules"' \
        --customize-hook='echo root:orrery | chroot "$1" chpasswd' \
        --customize-hook='echo guest >"$1/etc/hostname"' \
        --customize-hook='echo "/dev/sda1 / ext4 defaults 0 0" >"$1/etc/fstab"' \
        --customize-hook='chroot "$1" systemctl mask systemd-timesyncd.service getty@tty1.service apt-daily.timer \
            apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service \
            systemd-networkd.service systemd-resolved.service systemd-update-utmp.service >/dev/null 2>&1' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/boot/System.map-*' \
        bookworm "$1"
}

# _disk_grub FILE: GRUB's core image, with what it needs to read the partition and a menu of one entry.
_disk_grub() {
    cat >"$1.cfg" <<'END'
serial --unit=0 --speed=115200
terminal_output serial console
set root=(hd0,msdos1)
echo "GRUB from the MBR"
linux /vmlinuz root=/dev/sda1 ro console=ttyS0,115200 quiet
initrd /initrd.img
boot
END
    grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -c "$1.cfg" -o "$1" \
        biosdisk part_msdos ext2 linux serial terminal echo boot
}

# guest_disk -> path of the image; to be copied or used with -snapshot
guest_disk() {
    local out="$GUESTS/debian.img" dir="$GUESTS/debian"
    (
        flock 9
        [ ! -e "$out" ] || exit 0
        echo "making a Debian disk with mmdebstrap" >&2
        rm -rf "$dir" && mkdir -p "$dir/root" || exit 1
        _disk_tar "$dir/root.tar" >&2 || exit 1
        # In one fakeroot session: owners are forgotten behind it.
        _as_root sh -c 'tar -C "$1/root" -xf "$1/root.tar" --exclude="./dev/*" &&
            mke2fs -q -t ext4 -L root -d "$1/root" "$1/part" "$2"' sh "$dir" "$((DISK_MIB - 1))M" >&2 || exit 1
        _disk_grub "$dir/core" >&2 || exit 1
        truncate -s "${DISK_MIB}M" "$dir/img" &&
            echo "$DISK_START,,83,*" | /sbin/sfdisk -q "$dir/img" >&2 &&
            dd if=/usr/lib/grub/i386-pc/boot.img of="$dir/img" bs=440 count=1 conv=notrunc status=none &&
            dd if="$dir/core" of="$dir/img" bs=512 seek=1 conv=notrunc status=none &&
            dd if="$dir/part" of="$dir/img" bs=512 seek=$DISK_START conv=notrunc,sparse status=none &&
            mv "$dir/img" "$out" && rm -rf "$dir"
    ) 9>"$GUESTS/disk.lock" && echo "$out"
}
