; A ROM that runs code at FFFF:0010 with the A20 gate open and closed, and rewrites what it runs then. Prints which code
; ran on port E9h: 110022.
    bits 16
    org 0
start:
    xor ax, ax
    mov ss, ax
    mov sp, 7000h
    mov ds, ax
    mov bx, 0ffffh
    mov es, bx
    mov al, 2
    out 92h, al
    mov byte [es:10h], 0b0h     ; at 100000h: mov al, '1'; out 0e9h, al; retf
    mov byte [es:11h], '1'
    mov word [es:12h], 0e9e6h
    mov byte [es:14h], 0cbh
    mov byte [0], 0b0h          ; at 0: the same with '0'
    mov byte [1], '0'
    mov word [2], 0e9e6h
    mov byte [4], 0cbh
    call 0ffffh:10h
    call 0ffffh:10h
    call 0:0
    mov al, 0
    out 92h, al
    call 0ffffh:10h
    mov byte [1], '2'
    call 0ffffh:10h
    call 0:0
    mov al, 10
    out 0e9h, al
    out 0f4h, al
    hlt
    times 0fff0h-($-$$) db 0
    jmp 0f000h:start
    times 65536-($-$$) db 0
