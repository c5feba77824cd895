; A boot sector that writes one sector at LBA 4 and, when that is on the medium, 64 at LBA 4000, and prints on port E9h 1
; and 2 once each is there, or E for an error.
    bits 16
    org 7c00h
start:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 7c00h
    mov [drive], dl
    mov di, 8000h               ; 64 sectors of 5AA5h
    mov cx, 4000h
    mov ax, 5aa5h
    rep stosw
    mov al, '1'
    call write
    mov word [packet.count], 64
    mov word [packet.lba], 4000
    mov al, '2'
    call write
end:
    out 0f4h, al
    hlt

write:
    push ax
    mov ax, 4300h
    mov dl, [drive]
    mov si, packet
    int 13h
    jc failed
    mov dx, 1f7h                ; FLUSH CACHE, as INT 13h has none
    mov al, 0e7h
    out dx, al
.busy:
    in al, dx
    test al, 80h
    jnz .busy
    test al, 1
    jnz failed
    pop ax
    out 0e9h, al
    ret
failed:
    mov al, 'E'
    out 0e9h, al
    jmp end

drive: db 0
    align 4
packet:
    db 16, 0
.count: dw 1
    dw 8000h, 0
.lba: dd 4, 0
    times 510-($-$$) db 0
    dw 0aa55h
