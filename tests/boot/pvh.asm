; A kernel with a PVH entry point that prints what it was given: registers,
; start_info, command line, memory map, each module, the RSDP. An ELF file by
; hand, of 64 bits with -D ELF64. Ends with status 33. Built by nasm -f bin.

        bits 32
        org 0x200000
        LOAD equ 0x200000

file:   db 0x7f, 'ELF'
%ifdef ELF64
        db 2, 1, 1, 0
        dq 0
        dw 2, 62                        ; executable, x86-64
        dd 1
        dq 0x12345678                   ; the ELF entry is another matter: not to be used
        dq segments - file, 0
        dd 0
        dw 64, 56, 2, 0, 0, 0
segments:
        dd 1, 7                         ; loaded
        dq 0, LOAD, LOAD, end_of_data - file, end_of_bss - file, 0x1000
        dd 4, 4                         ; notes
        dq note - file, note, note, note_end - note, note_end - note, 4
%else
        db 1, 1, 1, 0
        dq 0
        dw 2, 3
        dd 1
        dd 0x12345678
        dd segments - file, 0
        dd 0
        dw 52, 32, 2, 0, 0, 0
segments:
        dd 1, 0, LOAD, LOAD, end_of_data - file, end_of_bss - file, 7, 0x1000
        dd 4, note - file, note, note, note_end - note, note_end - note, 4, 4
%endif
        align 4
note:   dd 5, 4, 1                      ; somebody else's note
        db 'Else', 0, 0, 0, 0
        dd 0
        dd 4, 4, 18                     ; XEN_ELFNOTE_PHYS32_ENTRY
        db 'Xen', 0
        dd entry
note_end:

%include "report.inc"

entry:  mov esp, stack
        call serial_init
        call put_state
        TEXT 'magic '
        HEX dword [ebx]
        TEXT ' version '
        HEX dword [ebx + 4]
        TEXT ' flags '
        HEX dword [ebx + 8]
        TEXT 10, 'cmdline: '
        mov esi, [ebx + 24]
        call put_text
        TEXT 10, 'rsdp: '
        mov esi, [ebx + 32]
        mov ecx, 8
        call put_bytes
        TEXT 10

        mov edi, [ebx + 40]
        mov ebp, [ebx + 48]
.range: test ebp, ebp
        jz .modules
        TEXT 'map '
        HEX dword [edi + 4]
        HEX dword [edi]
        TEXT ' + '
        HEX dword [edi + 12]
        HEX dword [edi + 8]
        TEXT ' type '
        HEX dword [edi + 16]
        TEXT 10
        add edi, 24
        dec ebp
        jmp .range

.modules:
        mov ebp, [ebx + 12]
        mov edi, [ebx + 16]
        TEXT 'modules '
        HEX ebp
        TEXT 10
.module:
        test ebp, ebp
        jz .end
        TEXT 'module: '
        mov esi, [edi + 16]
        call put_text
        TEXT ' = '
        mov esi, [edi]
        mov ecx, [edi + 8]
        call put_bytes
        TEXT 10
        add edi, 32
        dec ebp
        jmp .module
.end:   mov al, 16
        EXIT

end_of_data:
        section .bss align=1
        resb 0x1000
stack:
end_of_bss:
