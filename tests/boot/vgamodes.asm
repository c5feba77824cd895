; Boot floppy that walks through the adapter's modes, one at each key press, with
; memory full of a fixed pseudo-random sequence: whatever a mode makes of memory
; shows. tests/boot/vgamodes.sh compares the pictures with QEMU's; what QEMU does not
; draw (panning, preset row scan, underlines, planar VBE) is not here but in
; tests/device/test_vga.c.
        bits 16
        org 0x7c00
SECTORS equ 8

start:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        mov ax, 0x0200 + SECTORS
        mov bx, 0x7e00
        mov cx, 2
        xor dh, dh
        int 0x13
        jc $
        cld
        jmp main
drive:  db 0
        times 510 - ($ - $$) db 0
        dw 0xaa55

; ---- one routine per picture ----
main:   mov si, table
.next:  mov ax, [si]
        test ax, ax
        jz .end
        add si, 2
        push si
        call ax
        xor ah, ah
        int 0x16
        pop si
        jmp .next
.end:   mov ax, 3
        int 0x10
        mov si, text_end
.put:   lodsb
        test al, al
        jz .stop
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp .put
.stop:  hlt
        jmp .stop
text_end: db "vgamodes: end", 0

table:  dw text80, text80_8, text50, text7, cga4, cga6, ega_d, ega_e, ega_f, ega_10, vga_11, vga_12
        dw vga_13, mode_x, split_13, offset_12, vbe_100, vbe_101, vbe_103, vbe_110, vbe_111, vbe_112
        dw vbe_virtual, write_modes, 0

; al = next of the sequence (x = x * 5 + 0x3d, in 16 bits, high byte)
%macro random 0
        imul bp, bp, 20077
        add bp, 12345
        mov ax, bp
        mov al, ah
%endmacro

; es:0 .. cx bytes
fill:   xor di, di
.loop:  random
        stosb
        dec cx
        jnz .loop
        ret

set_mode:
        int 0x10
        mov bp, 1
        ret
; Colour n: red n, green 5n, blue 63 - n, in 6 bits
palette:
        mov dx, 0x3c8
        xor al, al
        out dx, al
        inc dx
        xor bx, bx
.next:  mov al, bl
        and al, 63
        out dx, al
        mov ax, bx
        add ax, ax
        add ax, ax
        add ax, bx
        and al, 63
        out dx, al
        mov al, 63
        sub al, bl
        and al, 63
        out dx, al
        inc bl
        jnz .next
        ret
steady: mov ax, 0x1003          ; bit 7 of attributes is intensity
        xor bx, bx
        int 0x10
        mov ah, 1               ; no cursor
        mov cx, 0x2000
        int 0x10
        ret
to_seg: mov es, ax
        ret

; Text: characters B0h to BFh are left out, whose ninth dot QEMU draws as that of C0h to DFh
cells:  xor di, di
.loop:  random
        and al, 0xef
        stosb
        random
        stosb
        sub cx, 2
        jnz .loop
        ret

text80: mov ax, 3
        call set_mode
        call steady
        mov ax, 0xb800
        call to_seg
        mov cx, 4000
        jmp cells
; 8 dots, another start address
text80_8:
        call text80
        mov dx, 0x3d4
        mov ax, 0x510d
        out dx, ax
        mov dx, 0x3c4
        mov ax, 0x0101
        out dx, ax
        ret
text50: mov ax, 3
        call set_mode
        mov ax, 0x1112
        xor bx, bx
        int 0x10
        call steady
        mov ax, 0xb800
        call to_seg
        mov cx, 8000
        jmp cells
text7:  mov ax, 7
        call set_mode
        call steady
        mov ax, 0xb000
        call to_seg
        mov cx, 4000
        jmp cells
cga4:   mov ax, 3               ; leaves mode 7: SeaBIOS writes the CRTC before it moves it back to 3D4h
        int 0x10
        mov ax, 4
        jmp cga
cga6:   mov ax, 6
cga:    call set_mode
        mov ax, 0xb800
        call to_seg
        mov cx, 0x4000
        jmp fill

ega_d:  mov ax, 0x0d
        jmp planar
ega_e:  mov ax, 0x0e
        jmp planar
ega_f:  mov ax, 0x0f
        jmp planar
ega_10: mov ax, 0x10
        jmp planar
vga_11: mov ax, 0x11
        jmp planar
vga_12: mov ax, 0x12
planar: call set_mode
        call palette
        mov ax, 0xa000
        call to_seg
; all 64 KiB of each plane
planes: mov bl, 1
.plane: mov dx, 0x3c4
        mov al, 2
        mov ah, bl
        out dx, ax
        add bp, 4711            ; or the planes, a whole period each, would be the same
        xor cx, cx
        call fill
        add bl, bl
        cmp bl, 16
        jne .plane
        ret

vga_13: mov ax, 0x13
        call set_mode
        call palette
        mov ax, 0xa000
        call to_seg
        xor cx, cx
        jmp fill
; 320 by 240, four planes of pixels, second page
mode_x: call vga_13
        mov dx, 0x3c4
        mov ax, 0x0604
        out dx, ax
        mov dx, 0x3c2
        mov al, 0xe3
        out dx, al
        mov dx, 0x3d4
        mov al, 0x11
        out dx, al
        inc dx
        in al, dx
        and al, 0x7f
        out dx, al
        dec dx
        mov bx, .crtc
.next:  mov ax, [bx]
        add bx, 2
        out dx, ax
        cmp bx, .crtc_end
        jne .next
        jmp planes
.crtc:  dw 0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0x0014, 0xe715, 0x0616, 0xe317, 0x4b0c, 0x000d
.crtc_end:
; Split at line 120, start at 0x1234
split_13:
        call vga_13
        mov dx, 0x3d4
        mov bx, .crtc
.next:  mov ax, [bx]
        add bx, 2
        out dx, ax
        cmp bx, .crtc_end
        jne .next
        ret
.crtc:  dw 0x7718, 0x0f07, 0x0109, 0x120c, 0x340d
.crtc_end:
; Another start address, longer lines
offset_12:
        call vga_12
        mov dx, 0x3d4
        mov ax, 0x020c
        out dx, ax
        mov ax, 0x2c13
        out dx, ax
        ret

vbe_100: mov bx, 0x100
        mov cx, 4
        jmp vbe
vbe_101: mov bx, 0x101
        mov cx, 5
        jmp vbe
vbe_103: mov bx, 0x103
        mov cx, 8
        jmp vbe
vbe_110: mov bx, 0x110
        mov cx, 10
        jmp vbe
vbe_111: mov bx, 0x111
        mov cx, 10
        jmp vbe
vbe_112: mov bx, 0x112
        mov cx, 15
        jmp vbe
; bx: mode, cx: banks to fill
vbe:    push cx
        mov ax, 0x4f02
        call set_mode
        call palette
        pop cx
        mov ax, 0xa000
        call to_seg
        xor dx, dx
.bank:  push cx
        push dx
        mov ax, 0x4f05
        xor bx, bx
        int 0x10
        xor cx, cx
        call fill
        pop dx
        pop cx
        inc dx
        loop .bank
        ret
; 640x480x8 in lines of 1024 pixels, shown from (100, 20)
vbe_virtual:
        mov bx, 0x101
        mov cx, 8
        call vbe
        mov ax, 0x4f06
        xor bl, bl
        mov cx, 1024
        int 0x10
        mov ax, 0x4f07
        xor bx, bx
        mov cx, 104
        mov dx, 20
        int 0x10
        ret
; Mode 12h drawn with each write mode, rotation and function in turn
write_modes:
        call vga_12
        mov dx, 0x3c4
        mov ax, 0x0f02
        out dx, ax
        xor di, di
        mov dx, 0x3ce
.next:  random
        and al, 0x0f            ; set/reset
        mov ah, al
        mov al, 0
        out dx, ax
        random
        and al, 0x0f            ; enable set/reset
        mov ah, al
        mov al, 1
        out dx, ax
        random
        and al, 0x1f            ; rotate and function
        mov ah, al
        mov al, 3
        out dx, ax
        random
        mov ah, al              ; bit mask
        mov al, 8
        out dx, ax
        random
        and al, 0x03            ; write mode
        mov ah, al
        mov al, 5
        out dx, ax
        mov al, [es:di]
        random
        mov [es:di + 1], al
        inc di
        cmp di, 38000
        jb .next
        ret

        times 512 * (1 + SECTORS) - ($ - $$) db 0
        times 1474560 - ($ - $$) db 0
