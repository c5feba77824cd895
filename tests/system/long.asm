; The 64-bit half of the system test: from reset to cmain in long mode, and run_case, which enters a case by
; IRETQ with the registers in ctx and comes back through whatever interrupt ends it, its frame copied to outbuf.
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
  mov ss, ax
  mov esp, 0x1f000
  mov edi, 0x100000
  mov ecx, 0x3000/4
  xor eax, eax
  cld
  rep stosd
  mov dword [0x100000], 0x101007
  mov dword [0x100ff8], 0x101007
  mov dword [0x101000], 0x102007
  mov dword [0x102000], 0x87
  mov dword [0x102008], 0x200087
  mov eax, cr4
  or eax, 0x220
  mov cr4, eax
  mov eax, 0x100000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x901
  wrmsr
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  jmp 24:start64
bits 64
start64:
  mov rsp, 0x1f000
  call cmain
  hlt
align 8
gdt16: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr16: dw 31
 dd gdt16

global run_case, isr_table
extern ctx
; ctx: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15, RIP CS RFLAGS SS, DS ES FS GS
run_case:
  push rbx
  push rbp
  push r12
  push r13
  push r14
  push r15
  pushfq
  mov [abs saved_rsp], rsp
  mov rbx, ctx
  push qword [rbx+19*8]
  push qword [rbx+4*8]
  push qword [rbx+18*8]
  push qword [rbx+17*8]
  push qword [rbx+16*8]
  mov eax, [rbx+20*8]
  mov ds, ax
  mov eax, [rbx+21*8]
  mov es, ax
  mov eax, [rbx+22*8]
  mov fs, ax
  mov eax, [rbx+23*8]
  mov gs, ax
  mov rax, [rbx]
  mov rcx, [rbx+8]
  mov rdx, [rbx+16]
  mov rbp, [rbx+40]
  mov rsi, [rbx+48]
  mov rdi, [rbx+56]
  mov r8, [rbx+64]
  mov r9, [rbx+72]
  mov r10, [rbx+80]
  mov r11, [rbx+88]
  mov r12, [rbx+96]
  mov r13, [rbx+104]
  mov r14, [rbx+112]
  mov r15, [rbx+120]
  mov rbx, [rbx+24]
  iretq
global sys_entry
sys_entry:
  mov [abs sys_rsp], rsp
  mov rsp, 0x1e000
  push qword 0x77
  push qword 0x77
  push qword 0x77
  push qword 0x77
  push qword 0x77
  push qword 0xfe
  jmp entry_common
%macro isr 1
isr%1:
  push qword %1
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
entry_common:
  cld
  push r15
  push r14
  push r13
  push r12
  push r11
  push r10
  push r9
  push r8
  push rdi
  push rsi
  push rbp
  push rsp
  push rbx
  push rdx
  push rcx
  push rax
  xor eax, eax
  mov ax, ds
  push rax
  mov ax, es
  push rax
  mov ax, fs
  push rax
  mov ax, gs
  push rax
  mov ax, ss
  push rax
  mov edi, outbuf
  mov rsi, rsp
  mov ecx, 34
  rep movsq
  mov [abs out_rsp], rsp
  str ax
  mov [abs out_tr], ax
  mov rsp, [abs saved_rsp]
  mov ax, 16
  mov ss, ax
  mov ds, ax
  mov es, ax
  lgdt [abs kgdtr]
  lidt [abs kidtr]
  popfq
  pop r15
  pop r14
  pop r13
  pop r12
  pop rbp
  pop rbx
  ret
extern kgdtr, kidtr, outbuf, out_rsp, out_tr, saved_rsp, sys_rsp
section .reset
bits 16
  jmp 0xf000:0
