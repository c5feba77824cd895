; The option ROM that starts a kernel named on the command line. Firmware runs
; it as a boot device; it fetches the pieces by fw_cfg DMA to where they
; belong, asks firmware for the memory map and enters the kernel. All that
; depends on the kernel stands in the parameter block, which kernel.c fills in
; (struct rom_params there has the same layout).
;
; Built by nasm -f bin. Relies on nothing but fw_cfg's DMA and INT 15h E820.

        bits 16
        org 0
        db 0x55, 0xaa
        db 4                            ; length in 512-byte blocks
        jmp near init                   ; option ROM entry (offset 3)
        times 0x18 - ($ - $$) db 0
        dw 0                            ; no PCI data structure
        dw pnp

        times 0x20 - ($ - $$) db 0
pnp:    db '$PnP', 1, 2                 ; PnP expansion header (PnP BIOS 1.0a, 3.2)
        dw 0
        db 0
        db 0                            ; checksum: kernel.c
        dd 0
        dw 0                            ; manufacturer
        dw product
        db 0, 0, 0                      ; no device class
        db 0
        dw 0                            ; BCV
        dw 0
        dw start                        ; BEV: boot
        dw 0
        dw 0

product: db 'Orrery kernel', 0

        times 0x60 - ($ - $$) db 0
; ---- parameters: struct rom_params ----
p_kind:         db 0                    ; 0: Linux real mode; 1: 32-bit; 2: 64-bit
p_loads:        db 0                    ; transfers in the table
p_setup_seg:    dw 0                    ; kind 0: segment of the setup code
p_entry:        dd 0
p_eax:          dd 0
p_ebx:          dd 0
p_esi:          dd 0
p_cr3:          dd 0                    ; kind 2
p_map:          dd 0                    ; where the memory map goes, below 1 MiB; 0: nowhere
p_map_max:      dw 0                    ; entries it has room for
p_map_stride:   db 0                    ; bytes from one entry to the next
p_map_lead:     db 0                    ; bytes before the address (multiboot's size field: 4)
p_count:        dd 0                    ; where its length goes, below 1 MiB
p_count_bytes:  db 0                    ; length in bytes (multiboot), or 0: in entries
p_count_size:   db 0                    ; 1: a byte, 4: a dword
p_rsdp:         db 0                    ; PVH: offset from EBX where the address of ACPI's RSDP goes; 0: nowhere
                db 0
p_cs:           dw 0                    ; kinds 1 and 2: selectors of flat code and data, below 20h
p_ds:           dw 0
p_table:        times 24 * 16 db 0      ; fw_cfg DMA descriptors, ready made

init:   retf

; Enters with SS:SP somewhere usable; never returns.
start:  cli
        cld
        xor ax, ax
        mov ss, ax
        mov esp, 0x7c00
        push cs
        pop ds
        sti

; ---- fetch ----
        movzx cx, byte [p_loads]
        mov si, p_table
.load:  jcxz .map
        push cx
        sub sp, 16                      ; the descriptor must stand in RAM: this ROM may be read-only
        mov di, sp
        push ss
        pop es
        mov cx, 8
        rep movsw
        movzx eax, sp                   ; SS is 0
        bswap eax
        mov dx, PC_PORT_FW_CFG_DMA
        xor ebx, ebx
        xchg eax, ebx
        out dx, eax
        mov eax, ebx
        mov dx, 0x518
        out dx, eax
.wait:  mov di, sp
        mov eax, [ss:di]
        bswap eax
        and eax, ~1                     ; all but the error bit clear: done
        jnz .wait
        add sp, 16
        pop cx
        dec cx
        jmp .load

; ---- memory map ----
.map:   mov eax, [p_map]
        test eax, eax
        jz .enter
        mov ebp, eax                    ; next entry
        xor ebx, ebx
        xor cx, cx                      ; entries so far
.e820:  push cx
        mov eax, ebp
        movzx edx, byte [p_map_lead]
        add eax, edx
        mov edi, eax
        and di, 15
        shr eax, 4
        mov es, ax
        mov eax, 0xe820
        mov edx, 0x534d4150
        mov ecx, 20
        int 0x15
        pop cx
        jc .counted
        cmp eax, 0x534d4150
        jne .counted
        cmp byte [p_map_lead], 0
        je .nosize
        mov dword [es:di - 4], 20
.nosize:
        inc cx
        movzx eax, byte [p_map_stride]
        add ebp, eax
        test ebx, ebx
        jz .counted
        cmp cx, [p_map_max]
        jb .e820
.counted:
        movzx eax, cx
        cmp byte [p_count_bytes], 0
        je .store
        movzx edx, byte [p_map_stride]
        mul edx
.store: mov edi, [p_count]
        mov edx, edi
        and di, 15
        shr edx, 4
        mov es, dx
        cmp byte [p_count_size], 1
        je .byte
        mov [es:di], eax
        jmp .enter
.byte:  mov [es:di], al

; ---- ACPI's root pointer, as firmware left it in E0000h-FFFFFh ----
.enter: movzx edi, byte [p_rsdp]
        test edi, edi
        jz .go
        add edi, [p_ebx]
        mov edx, edi
        and di, 15
        shr edx, 4
        mov fs, dx
        mov dx, 0xe000                  ; paragraphs
.rsdp:  mov es, dx
        cmp dword [es:0], 'RSD '
        jne .next
        cmp dword [es:4], 'PTR '
        je .found
.next:  inc dx
        jnz .rsdp
        jmp .go                         ; there is none: the field stays 0
.found: movzx edx, dx
        shl edx, 4
        mov [fs:di], edx

.go:    cmp byte [p_kind], 0
        jne protected

; ---- Linux, real mode (Documentation/x86/boot.rst, "running the kernel") ----
        cli
        mov ax, [p_setup_seg]
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov esp, 0xe000
        add ax, 0x20
        push ax
        push word 0
        retf

; ---- 32-bit ----
protected:
        cli
        in al, 0x92                     ; A20
        or al, 2
        and al, ~1
        out 0x92, al
        ; the GDT is copied to RAM: pointers in it depend on where this ROM stands
        xor ax, ax
        mov es, ax
        mov si, gdt
        mov di, 0x600
        mov cx, (gdt_end - gdt) / 2
        rep movsw
        mov di, [p_cs]
        mov dword [es:di + 0x600], 0x0000ffff
        mov dword [es:di + 0x604], 0x00cf9b00
        mov di, [p_ds]
        mov dword [es:di + 0x600], 0x0000ffff
        mov dword [es:di + 0x604], 0x00cf9300
        mov si, p_kind
        mov di, 0x700                   ; and the parameters: ES:700h
        mov cx, 14
        rep movsw
        mov word [es:0x680], gdt_end - gdt - 1
        mov dword [es:0x682], 0x600
        lgdt [es:0x680]
        mov si, flat
        mov di, 0x800
        mov cx, (flat_end - flat + 1) / 2
        rep movsw
        mov cx, [p_ds]
        movzx eax, word [p_cs]
        push eax
        push dword 0x800
        mov eax, cr0
        or al, 1
        mov cr0, eax
        o32 retf

        align 8
gdt:    dq 0
        dq 0, 0, 0                      ; code and data, where p_cs and p_ds say
        dq 0x00af9b000000ffff           ; 20: 64-bit code
        dq 0x00008b0000000067           ; 28: a TSS, for those who expect one
gdt_end:

        bits 32
; Runs at 800h; the parameters are at 700h, the selector of data in CX.
flat:   mov ds, cx
        mov es, cx
        mov fs, cx
        mov gs, cx
        mov ss, cx
        mov esp, 0x7c00
        xor ebp, ebp
        xor edi, edi
        xor edx, edx
        mov esi, [0x700 + p_esi - p_kind]
        mov ebx, [0x700 + p_ebx - p_kind]
        mov ecx, [0x700 + p_entry - p_kind]
        cmp byte [0x700], 2
        je long_mode
        mov eax, [0x700 + p_eax - p_kind]
        jmp ecx

; ---- 64-bit (Linux: entry + 200h with an identity map of its page tables) ----
long_mode:
        mov eax, cr4
        or al, 0x20
        mov cr4, eax
        mov eax, [0x700 + p_cr3 - p_kind]
        mov cr3, eax
        mov edi, ecx
        mov ecx, 0xc0000080
        rdmsr
        or ah, 1
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        push dword 0x20
        call .here
.here:  add dword [esp], .long - .here
        retf
        bits 64
.long:  mov rax, rdi
        xor edi, edi
        jmp rax
flat_end:
        times 4 * 512 - ($ - $$) db 0
