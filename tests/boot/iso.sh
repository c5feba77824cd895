#!/bin/bash
# iso.sh grub|isolinux: a CD whose boot loader SeaBIOS finds by El Torito, to a Debian kernel and busybox's checksum.
. "$(dirname "$0")/lib.sh"
kernel=$(guest_kernel cloud-amd64) && initrd=$(guest_initrd amd64) || fail "no guest"
want=$(sha256sum < "${initrd%.gz}/bin/busybox" | cut -d' ' -f1)
args='console=ttyS0 quiet panic=-1 orrery.run="sha256sum /bin/busybox"'
root=$WORK/root
mkdir -p "$root/boot/grub" "$root/isolinux"
cp -L "$kernel" "$root/boot/vmlinuz" && cp "$initrd" "$root/boot/initrd.gz"

case $1 in
grub)
    cat >"$root/boot/grub/grub.cfg" <<END
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=2
menuentry "Orrery's guest" {
    linux /boot/vmlinuz $args
    initrd /boot/initrd.gz
}
END
    grub-mkrescue -o "$WORK/cd.iso" "$root" >"$WORK/err" 2>&1 || fail "grub-mkrescue"
    loader='GNU GRUB'
    ;;
isolinux)
    cp /usr/lib/ISOLINUX/isolinux.bin "$root/isolinux" && cp /usr/lib/syslinux/modules/bios/ldlinux.c32 "$root/isolinux"
    printf '%s\n' 'SERIAL 0 115200' 'DEFAULT guest' 'PROMPT 1' 'TIMEOUT 20' 'LABEL guest' 'KERNEL /boot/vmlinuz' \
        'INITRD /boot/initrd.gz' "APPEND $args" >"$root/isolinux/isolinux.cfg"
    xorriso -as mkisofs -quiet -o "$WORK/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
        -boot-load-size 4 -boot-info-table -J -R "$root" 2>"$WORK/err" || fail "xorriso"
    loader='ISOLINUX'
    ;;
esac

orrery 600 -m 256 -cdrom "$WORK/cd.iso" -boot d -no-reboot
status=$?
[ $status = 0 ] || fail "exit status $status"
grep -aq "$loader" "$WORK/serial" || fail "not a word of $loader"
grep -aq "^$want  /bin/busybox" "$WORK/serial" || fail "not the checksum $want"
