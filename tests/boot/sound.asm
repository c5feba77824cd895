; A boot sector that plays 1000 Hz on the speaker for 18 ticks of the BIOS, about a second.
    bits 16
    org 7c00h
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 7c00h
    sti
    mov al, 0b6h                ; counter 2, mode 3
    out 43h, al
    mov ax, 1193
    out 42h, al
    mov al, ah
    out 42h, al
    in al, 61h
    or al, 3
    out 61h, al
    mov bx, [46ch]
.on:
    hlt
    mov ax, [46ch]
    sub ax, bx
    cmp ax, 18
    jb .on
    in al, 61h
    and al, 0fch
    out 61h, al
    xor al, al
    out 0f4h, al
    hlt
    times 510 - ($ - $$) db 0
    dw 0aa55h
