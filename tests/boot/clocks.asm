; A multiboot 1 kernel that measures the machine's clocks by each other, as kernels do at their start: intervals of
; 10 ms by counter 2 of the PIT, polled, against TSC, PM timer and HPET. Command line: how many intervals, four
; digits. Prints the largest deviation of each in thousandths, how many reads of the TSC in a row gave no new value,
; and TSC clocks of REP STOSD over 4 MiB again and again, alone and with the PIT at 1 kHz. Ends with status 33.

        bits 32
        org 0x110000

TSC_10MS   equ 25000000                 ; 2500 MHz
PM_10MS    equ 35795
HPET_10MS  equ 1000000
PIT_10MS   equ 11932
PM_PORT    equ 0x608                    ; where SeaBIOS puts it
HPET       equ 0xfed00000
AREA       equ 0x200000

header: dd 0x1badb002, 0x00010003, -(0x1badb002 + 0x00010003)
        dd header, header, end_of_data, end_of_bss, entry

%include "report.inc"

; EAX: measured, %1: expected, %2: where the largest deviation stands
%macro DEVIATION 2
        sub eax, %1
        jns %%positive
        neg eax
%%positive:
        mov edx, 1000
        mul edx
        mov ecx, %1
        div ecx
        cmp eax, [%2]
        jbe %%less
        mov [%2], eax
%%less:
%endmacro

entry:  mov esp, stack
        call serial_init
        mov esi, [ebx + 16]
        call number                     ; the kernel's name may stand before it
        mov [left], eax
        mov byte [HPET + 0x10], 1
        call unique
        call repetition
        TEXT 'memset '
        HEX eax
        TEXT 10
        call tick_on
        call repetition
        call tick_off
        TEXT 'memset with ticks '
        HEX eax
        TEXT 10
.again: call interval
        dec dword [left]
        jnz .again
        TEXT 'tsc '
        HEX dword [tsc_off]
        TEXT ' pm '
        HEX dword [pm_off]
        TEXT ' hpet '
        HEX dword [hpet_off]
        TEXT 10
        mov al, 16
        EXIT

; ESI: text -> EAX: the four digits at its end
number: cmp byte [esi], 0
        je .end
        inc esi
        jmp number
.end:   sub esi, 4
        xor eax, eax
        mov ecx, 4
.digit: movzx edx, byte [esi]
        lea eax, [eax + eax * 4]
        lea eax, [eax * 2 + edx - '0']
        inc esi
        loop .digit
        ret

; 100,000 reads, each later than the one before
unique: xor ebp, ebp
        mov ecx, 100000
        rdtsc
.next:  mov esi, eax
        mov edi, edx
        rdtsc
        cmp edx, edi
        ja .later
        jb .same
        cmp eax, esi
        ja .later
.same:  inc ebp
.later: loop .next
        TEXT 'not later '
        HEX ebp
        TEXT 10
        ret

; EAX: thousands of clocks for 64 times 4 MiB
repetition:
        rdtsc
        mov [start], eax
        mov [start + 4], edx
        mov ebp, 64
        xor eax, eax
.again: mov edi, AREA
        mov ecx, 0x100000
        rep stosd
        dec ebp
        jnz .again
        rdtsc
        sub eax, [start]
        sbb edx, [start + 4]
        mov ecx, 1000
        div ecx
        ret

; Counter 0 at 1 kHz, its interrupt on and ended by the processor
tick_on:
        mov eax, tick
        mov [idt + 32 * 8], ax
        mov word [idt + 32 * 8 + 2], cs
        mov word [idt + 32 * 8 + 4], 0x8e00
        shr eax, 16
        mov [idt + 32 * 8 + 6], ax
        lidt [idtr]
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 3                       ; automatic end of interrupt
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34
        out 0x43, al
        mov al, 0xa9                    ; 1193
        out 0x40, al
        mov al, 4
        out 0x40, al
        sti
        ret
tick_off:
        cli
        push eax
        mov al, 0xff
        out 0x21, al
        pop eax
        ret
tick:   iretd

interval:
        in al, 0x61
        and al, 0xfc
        or al, 1                        ; the gate, and no speaker
        out 0x61, al
        mov al, 0xb0                    ; counter 2, both bytes, mode 0
        out 0x43, al
        mov al, PIT_10MS & 0xff
        out 0x42, al
        mov al, PIT_10MS >> 8
        out 0x42, al
        mov dx, PM_PORT
        in eax, dx
        mov esi, eax
        mov edi, [HPET + 0xf0]
        rdtsc
        mov ebx, eax
.wait:  in al, 0x61
        test al, 0x20
        jz .wait
        rdtsc
        sub eax, ebx
        push eax
        mov eax, [HPET + 0xf0]
        sub eax, edi
        push eax
        mov dx, PM_PORT
        in eax, dx
        sub eax, esi
        and eax, 0xffffff
        DEVIATION PM_10MS, pm_off
        pop eax
        DEVIATION HPET_10MS, hpet_off
        pop eax
        DEVIATION TSC_10MS, tsc_off
        ret

        align 8
idtr:   dw 33 * 8 - 1
        dd idt
left:   dd 0
tsc_off: dd 0
pm_off: dd 0
hpet_off: dd 0
start:  dd 0, 0
end_of_data:
        absolute end_of_data
idt:    resb 33 * 8
        resb 4096
stack:
end_of_bss:
