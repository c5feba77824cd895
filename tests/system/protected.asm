; The 32-bit half of the system test: from reset to cmain, and run_case, which enters a case by IRET with
; the registers in ctx and comes back through whatever interrupt ends it, its frame copied to outbuf.
bits 16
section .start
global start16
extern cmain
start16:
  cli
  o32 lgdt [cs:gdtr16 - start16]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword 8:start32
bits 32
start32:
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  mov esp, 0x1f000
  call cmain
  hlt
align 8
gdt16: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr16: dw 23
 dd gdt16

global run_case, isr_table
extern ctx
; ctx: EAX EBX ECX EDX ESI EDI EBP, EIP CS EFLAGS ESP SS, DS ES FS GS
run_case:
  pushad
  pushfd
  mov [saved_esp], esp
  mov ebx, ctx
  test dword [ebx+36], 0x20000
  jnz .v86
  test byte [ebx+32], 3
  jnz .outer
  mov esp, [ebx+40]             ; ring 0 stays on the stack it is on
  jmp .same
.v86:
  push dword [ebx+60]
  push dword [ebx+56]
  push dword [ebx+48]
  push dword [ebx+52]
.outer:
  push dword [ebx+44]
  push dword [ebx+40]
.same:
  push dword [ebx+36]
  push dword [ebx+32]
  push dword [ebx+28]
  test dword [ebx+36], 0x20000
  jnz .go
  mov ax, [ebx+48]
  mov ds, ax
  mov ax, [ss:ebx+52]
  mov es, ax
  mov ax, [ss:ebx+56]
  mov fs, ax
  mov ax, [ss:ebx+60]
  mov gs, ax
.go:
  mov eax, [ss:ebx]
  mov ecx, [ss:ebx+8]
  mov edx, [ss:ebx+12]
  mov esi, [ss:ebx+16]
  mov edi, [ss:ebx+20]
  mov ebp, [ss:ebx+24]
  mov ebx, [ss:ebx+4]
  iretd

%macro isr 1
isr%1:
  push dword %1
  jmp entry_common
  align 16
%endmacro
align 16
isr_table:
%assign i 0
%rep 256
  isr i
%assign i i+1
%endrep

; at entry: [vector][error?][eip][cs][eflags]...
entry_common:
  cld
  pushad
  push ds
  push es
  push fs
  push gs
  mov ax, ss
  mov bx, 16
  mov ds, bx
  mov es, bx
  ; copy 4+8+1 + 12 dwords of stack to outbuf
  mov edi, outbuf
  mov esi, esp
  mov ecx, 28
.copy:
  mov edx, [ss:esi]
  mov [edi], edx
  add esi, 4
  add edi, 4
  loop .copy
  mov [out_esp], esp
  mov word [out_ss], ax
  str ax
  mov [out_tr], ax
  ; reload kernel context
  mov ss, bx
  mov esp, [saved_esp]
  mov fs, bx
  mov gs, bx
  lgdt [kgdtr]
  lidt [kidtr]
  jmp 8:.l
.l:
  popfd
  popad
  ret
extern kgdtr, kidtr, outbuf, out_esp, out_ss, out_tr, saved_esp
section .reset
bits 16
  jmp 0xf000:0
