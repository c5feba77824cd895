; A boot sector that waits for 36 ticks of the BIOS (2 s) as DOS programs do, asking for a key in between, then prints on
; port E9h: K if one came, the ticks it is late, and of the time-stamp counter EDX and AX.
    bits 16
    org 7c00h
start:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 7c00h
    sti
    mov ax, [46ch]
    add ax, 36
    mov [target], ax
wait_ticks:
    mov ah, 1                   ; a key?
    int 16h
    jz .none
    mov al, 'K'
    out 0e9h, al
    mov ah, 0
    int 16h
.none:
    mov ax, [46ch]
    sub ax, [target]
    js wait_ticks
    call print
    rdtsc
    push ax
    mov ax, dx
    call print
    pop ax
    call print
    xor al, al
    out 0f4h, al
    hlt

print:                          ; AX in hexadecimal
    mov cx, 4
.digit:
    rol ax, 4
    push ax
    and al, 0fh
    cmp al, 10
    sbb al, 69h
    das
    out 0e9h, al
    pop ax
    loop .digit
    ret

target: dw 0
    times 510 - ($ - $$) db 0
    dw 0aa55h
