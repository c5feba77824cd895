; A multiboot 1 kernel that prints what it was given: registers, flags, command
; line, loader, sizes, memory map, each module's string and contents. Loaded by
; the addresses in its header; ends with status 33, or 35 if it was not booted
; by multiboot. Built by nasm -f bin.

        bits 32
        org 0x110000
        FLAGS equ 0x00010003            ; pages aligned, memory map wanted, addresses below

start:
header: dd 0x1badb002, FLAGS, -(0x1badb002 + FLAGS)
        dd header, start, end_of_data, end_of_bss, entry

%include "report.inc"

entry:  mov esp, stack
        call serial_init
        cmp eax, 0x2badb002
        je .booted
        TEXT 'not by multiboot', 10
        mov al, 17
        EXIT
.booted:
        call put_state
        mov ecx, 0x1000                 ; the stack's end is in use
        mov esi, end_of_data
.zero:  cmp byte [esi], 0
        jne .dirty
        inc esi
        loop .zero
        jmp .clean
.dirty: TEXT 'bss is not zero', 10
.clean: TEXT 'flags '
        HEX dword [ebx]
        TEXT ' boot device '
        HEX dword [ebx + 12]
        TEXT 10, 'cmdline: '
        mov esi, [ebx + 16]
        call put_text
        TEXT 10, 'loader: '
        mov esi, [ebx + 64]
        call put_text
        TEXT 10, 'lower '
        HEX dword [ebx + 4]
        TEXT ' upper '
        HEX dword [ebx + 8]
        TEXT 10

        mov edi, [ebx + 48]             ; the map
        mov ebp, [ebx + 44]
        add ebp, edi
.range: cmp edi, ebp
        jae .modules
        TEXT 'map '
        HEX dword [edi + 8]
        HEX dword [edi + 4]
        TEXT ' + '
        HEX dword [edi + 16]
        HEX dword [edi + 12]
        TEXT ' type '
        HEX dword [edi + 20]
        TEXT 10
        add edi, [edi]
        add edi, 4
        jmp .range

.modules:
        mov ebp, [ebx + 20]
        mov edi, [ebx + 24]
        TEXT 'modules '
        HEX ebp
        TEXT 10
.module:
        test ebp, ebp
        jz .end
        test dword [edi], 0xfff
        jz .aligned
        TEXT 'not on a page', 10
.aligned:
        TEXT 'module: '
        mov esi, [edi + 8]
        call put_text
        TEXT ' = '
        mov esi, [edi]
        mov ecx, [edi + 4]
        sub ecx, esi
        call put_bytes
        TEXT 10
        add edi, 16
        dec ebp
        jmp .module
.end:   mov eax, 1                      ; a random number, where there are any
        cpuid
        bt ecx, 30
        jnc .done
        rdrand eax
        TEXT 'random '
        HEX eax
        TEXT 10
.done:  mov al, 16
        EXIT

end_of_data:
        section .bss align=1
        resb 0x2000
stack:
end_of_bss:
