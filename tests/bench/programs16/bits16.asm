; Programs for code that is not flat, one to an image: nasm -DPROGRAM=name -DMODE=real|v86|p16|p32 -DCOUNT=n -f bin.
; A boot sector loads the rest behind it, enters the mode, and calls the program between two lines on port 0xE9; the
; second tells the program's result. All code lies in one segment of base 0; data segments are SEG_A and SEG_B,
; paragraphs in real and V86 mode, selectors in protected mode. p32 is 32-bit code with bases and limits.
%define SECTORS 24
%define PARA_A 0x2000
%define PARA_B 0x4000
%define PARA_FAR 0x1800
%ifidn MODE, p32
  %define WIDE 1
%else
  %define WIDE 0
%endif
%macro is_mode 1
  %ifidn MODE, %1
    %assign IS 1
  %else
    %assign IS 0
  %endif
%endmacro
is_mode real
%assign REAL IS
is_mode v86
%assign V86 IS
%if REAL | V86
  %define SEG_A PARA_A
  %define SEG_B PARA_B
  %define SEG_CODE 0
  %define SEG_CODE_DATA 0
  %define SEG_FAR PARA_FAR
  %define SEG_VGA 0xa000
%else
  %define SEG_A 0x18
  %define SEG_B 0x20
  %define SEG_CODE 0x28
  %define SEG_CODE_DATA 0x10
  %define SEG_FAR 0x30
  %define SEG_VGA 0x38
%endif

org 0x7c00
bits 16
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7000
    jmp 0:.here
.here:
    sti
    mov ax, 0x0200 | SECTORS      ; the sectors behind this one
    mov bx, 0x7e00
    mov cx, 2
    mov dh, 0
    int 0x13
    jc $
    mov ax, 0x13                  ; 320x200, linear
    int 0x10
    cli
    mov al, 0xff                  ; no interrupts but INT n
    out 0x21, al
    out 0xa1, al
    mov word [0x60 * 4], soft
    mov word [0x60 * 4 + 2], 0
    mov ax, PARA_FAR              ; a copy of the far function in a segment of its own
    mov es, ax
    mov si, far_function
    xor di, di
    mov cx, 64
    cld
    rep movsb
    jmp enter_mode
times 510 - ($ - $$) db 0
dw 0xaa55

; ---- what all modes share ----
say:                              ; the string at si
    lodsb
    test al, al
    jz .out
    out 0xe9, al
    jmp say
.out:
    ret
say_number:                       ; ax in hexadecimal
    mov cx, 4
.digit:
    rol ax, 4
    push ax
    and al, 15
    add al, '0'
    cmp al, '9' + 1
    jb .plain
    add al, 'a' - '0' - 10
.plain:
    out 0xe9, al
    pop ax
    loop .digit
    ret
%defstr NAME PROGRAM
%defstr MODE_NAME MODE
start_line: db "@START ", MODE_NAME, "_", NAME, 10, 0
end_line: db "@END ", MODE_NAME, "_", NAME, " ", 0

body:                             ; in the mode, ds = es = code
    mov ax, SEG_CODE_DATA
    mov ds, ax
    mov es, ax
    cld
    mov si, start_line
    call say
    call PROGRAM
    push ax
    mov ax, SEG_CODE_DATA
    mov ds, ax
    mov si, end_line
    call say
    pop ax
    call say_number
    mov al, 10
    out 0xe9, al
    jmp $
; ---- entering ----
%if REAL
enter_mode:
    jmp body
%elif V86
enter_mode:
    call protect
bits 32
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7000
    mov ax, 0x40
    ltr ax
    push dword 0                  ; gs fs ds es
    push dword 0
    push dword 0
    push dword 0
    push dword 0                  ; ss:sp
    push dword 0x6000
    push dword 0x23002            ; VM, IOPL 3
    push dword 0
    push dword body
    iretd
; The monitor: INT n of V86 code faults where its gate is for ring 0; its interrupt vector is called.
monitor:
    push eax
    push ebx
    push ecx
    mov ax, 0x10
    mov ds, ax
    movzx ebx, word [esp + 20]    ; cs: error code, eip, cs, eflags, esp, ss lie above three registers
    shl ebx, 4
    add ebx, [esp + 16]
    cmp byte [ebx], 0xcd
    jne $
    movzx eax, byte [ebx + 1]
    add dword [esp + 16], 2
    movzx ecx, word [esp + 32]    ; ss
    shl ecx, 4
    movzx ebx, word [esp + 28]    ; sp
    sub bx, 6
    mov [esp + 28], bx
    add ecx, ebx
    mov bx, [esp + 16]
    mov [ecx], bx
    mov bx, [esp + 20]
    mov [ecx + 2], bx
    mov bx, [esp + 24]
    mov [ecx + 4], bx
    mov ebx, [eax * 4]
    mov [esp + 16], bx
    mov word [esp + 18], 0
    shr ebx, 16
    mov [esp + 20], bx
    pop ecx
    pop ebx
    pop eax
    add esp, 4
    iretd
bits 16
%else
enter_mode:
    call protect
  %if WIDE
bits 32
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7000
    jmp SEG_CODE:body32
bits 16
  %else
bits 32
    jmp SEG_CODE:.small
bits 16
.small:
    mov ax, 0x10
    mov ss, ax
    mov sp, 0x7000
    jmp body
  %endif
%endif

%if !REAL
; Into 32-bit protected mode, to whoever called.
protect:
    pop bx
    movzx ebx, bx
    lgdt [gdtr]
    lidt [idtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 8:.wide
bits 32
.wide:
    mov ax, 0x48
    mov ds, ax
    jmp ebx
bits 16
align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff         ; 08: 32-bit code, flat
  %if V86
    dq 0x00cf93000000ffff         ; 10: data, flat
  %else
    dq 0x000093000000ffff         ; 10: the program's data and stack, 64 KiB
  %endif
    dq 0x000093000000ffff | (PARA_A << 20)
    dq 0x000093000000ffff | (PARA_B << 20)
  %if WIDE
    dq 0x00409b000000ffff         ; 28: the program's code
    dq 0x00409b00000000ff | (PARA_FAR << 20)
  %else
    dq 0x00009b000000ffff
    dq 0x00009b00000000ff | (PARA_FAR << 20)
  %endif
    dq 0x0000930a0000ffff         ; 38: VGA
    dw tss_end - tss - 1, tss, 0x8900, 0 ; 40
    dq 0x00cf93000000ffff         ; 48: data, flat
gdt_end:
gdtr: dw gdt_end - gdt - 1
    dd gdt
idt:
  %if V86
    times 13 dq 0
    dw monitor, 8, 0x8e00, 0
  %else
    times 0x60 dq 0
    %if WIDE
    dw soft32, SEG_CODE, 0x8e00, 0
    %else
    dw soft, SEG_CODE, 0x8600, 0
    %endif
  %endif
idt_end:
idtr: dw idt_end - idt - 1
    dd idt
align 4
tss:
    dd 0, 0x7000, 0x10
    times 22 dd 0
    dw 0, 104
    times 129 db 0                ; all ports to 3FFh and beyond
tss_end:
%endif

; ---- programs: result in ax ----
%if !WIDE
soft:                             ; INT 60h
    inc bx
    iret
far_function:
    inc bx
    retf

; Primes below 64 K by es:bx.
sieve:
    mov bp, COUNT
.again:
    mov ax, SEG_A
    mov es, ax
    xor di, di
    mov cx, 0x8000
    mov ax, 0x0101
    rep stosw
    mov si, 2
.next:
    cmp byte [es:si], 0
    je .composite
    mov bx, si
    add bx, si
    jc .composite
.strike:
    mov byte [es:bx], 0
    add bx, si
    jnc .strike
.composite:
    inc si
    cmp si, 0x100
    jb .next
    xor ax, ax
    xor bx, bx
.count:
    cmp byte [es:bx], 1
    sbb ax, -1
    inc bx
    jnz .count
    dec bp
    jnz .again
    ret

; Strings: REP MOVSW and MOVSB of some sizes, LODSB/STOSB, SCASB, CMPSB
strings:
    mov bp, COUNT
    mov ax, SEG_A
    mov ds, ax
    mov ax, SEG_B
    mov es, ax
    xor dx, dx
.again:
    xor si, si
    mov di, 3
    mov cx, 1000
    rep movsw
    mov cx, 37
    rep movsb
    mov cx, 7
    rep movsb
    mov cx, 200
.byte:
    lodsb
    add al, cl
    stosb
    loop .byte
    mov di, 2048
    mov al, 0x55
    mov cx, 100
    repne scasb
    xor si, si
    mov di, 3
    mov cx, 50
    repe cmpsb
    add dx, si
    mov [bp], dl
    dec bp
    jnz .again
    mov ax, dx
    ret

; Mode 13h: pixels by address, as a game's inner loop writes them.
mode13:
    mov bp, COUNT
    mov ax, SEG_VGA
    mov es, ax
    xor dx, dx
.frame:
    xor di, di
    mov bx, 200
.line:
    mov cx, 320
    mov ax, bx
    add ax, bp
.pixel:
    mov [es:di], al
    inc di
    add al, 3
    loop .pixel
    dec bx
    jnz .line
    add dl, [es:bp]
    dec bp
    jnz .frame
    mov ax, dx
    ret

; Mode X: four planes, the map mask changed for each.
modex:
    mov dx, 0x3c4
    mov ax, 0x0604
    out dx, ax
    mov dl, 0xd4
    mov ax, 0x0014
    out dx, ax
    mov ax, 0xe317
    out dx, ax
    mov bp, COUNT
    mov ax, SEG_VGA
    mov es, ax
.frame:
    mov ax, 0x0102
.plane:
    mov dx, 0x3c4
    out dx, ax
    push ax
    xor di, di
    mov cx, 16000
    mov ax, bp
.pixel:
    mov [es:di], al
    inc ax
    inc di
    loop .pixel
    pop ax
    shl ah, 1
    cmp ah, 16
    jb .plane
    dec bp
    jnz .frame
    mov al, [es:99]
    mov ah, 0
    ret

farcall:
    mov bp, COUNT
    xor bx, bx
.again:
    mov cx, 1000
.call:
    call SEG_FAR:0
    call SEG_CODE:far_function
    call far [cs:.pointer]
    loop .call
    dec bp
    jnz .again
    mov ax, bx
    ret
.pointer: dw 0, SEG_FAR

softint:
    mov bp, COUNT
    xor bx, bx
.again:
    mov cx, 1000
.call:
    int 0x60
    loop .call
    dec bp
    jnz .again
    mov ax, bx
    ret

; Segment registers, PUSHF and POPF, PUSHA and POPA, ENTER and LEAVE, LES: what compilers for 16 bits make of pointers
; and calls.
pointers:
    mov bp, COUNT
    mov word [ptr_a], 16
    mov word [ptr_a + 2], SEG_A
    mov word [ptr_b], 32
    mov word [ptr_b + 2], SEG_B
    xor dx, dx
.again:
    mov cx, 1000
.one:
    les bx, [ptr_a]
    add dx, [es:bx]
    push ds
    lds si, [ptr_b]
    mov [si], dx
    pop ds
    push cx
    push dx
    call .function
    add sp, 4
    pushf
    cli
    add dx, ax
    popf
    loop .one
    dec bp
    jnz .again
    mov ax, dx
    ret
.function:
    enter 4, 0
    pusha
    mov ax, [bp + 4]
    mul word [bp + 6]
    mov [bp - 2], ax
    popa
    mov ax, [bp - 2]
    leave
    ret
ptr_a: dw 0, 0
ptr_b: dw 0, 0

; A loop that patches its own immediate, as scalers and mixers do before each run.
patch:
    mov bp, COUNT
    xor dx, dx
.again:
    mov [.immediate + 1], bp
    mov cx, 64
.loop:
.immediate:
    mov ax, 0x1234
    add dx, ax
    loop .loop
    dec bp
    jnz .again
    mov ax, dx
    ret

; Variables beside the code that changes them.
beside:
    mov bp, COUNT
    xor dx, dx
    jmp .again
.variable: dw 0
.other: dw 0
.again:
    mov cx, 1000
.loop:
    inc word [.variable]
    mov ax, [.variable]
    add [.other], ax
    add dx, [.other]
    loop .loop
    dec bp
    jnz .again
    mov ax, dx
    ret
%else
bits 32
body32:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    cld
    mov esi, start_line
    call say32
    call PROGRAM
    push eax
    mov ax, 0x10
    mov ds, ax
    mov esi, end_line
    call say32
    pop eax
    mov ecx, 4
.digit:
    rol ax, 4
    push eax
    and al, 15
    add al, '0'
    cmp al, '9' + 1
    jb .plain
    add al, 'a' - '0' - 10
.plain:
    out 0xe9, al
    pop eax
    loop .digit
    mov al, 10
    out 0xe9, al
    jmp $
say32:
    lodsb
    test al, al
    jz .out
    out 0xe9, al
    jmp say32
.out:
    ret
soft32:
    inc ebx
    iretd
soft:
far_function:
    inc ebx
    retf

sieve:
    mov ebp, COUNT
.again:
    mov ax, SEG_A
    mov es, ax
    xor edi, edi
    mov ecx, 0x4000
    mov eax, 0x01010101
    rep stosd
    mov esi, 2
.next:
    cmp byte [es:esi], 0
    je .composite
    lea ebx, [esi + esi]
.strike:
    mov byte [es:ebx], 0
    add ebx, esi
    cmp ebx, 0x10000
    jb .strike
.composite:
    inc esi
    cmp esi, 0x100
    jb .next
    xor eax, eax
    xor ebx, ebx
.count:
    cmp byte [es:ebx], 1
    sbb eax, -1
    inc ebx
    cmp ebx, 0x10000
    jb .count
    dec ebp
    jnz .again
    ret

farcall:
    mov ebp, COUNT
    xor ebx, ebx
.again:
    mov ecx, 1000
.call:
    call SEG_FAR:0
    call SEG_CODE:far_function
    loop .call
    dec ebp
    jnz .again
    mov eax, ebx
    ret

softint:
    mov ebp, COUNT
    xor ebx, ebx
.again:
    mov ecx, 1000
.call:
    int 0x60
    loop .call
    dec ebp
    jnz .again
    mov eax, ebx
    ret

; A frame, a table and a pointer in another segment.
pointers:
    mov ebp, COUNT
    mov word [pointer], 16
    mov word [pointer + 4], SEG_A
    xor edx, edx
.again:
    mov ecx, 1000
.one:
    les ebx, [pointer]
    add edx, [es:ebx + 8]
    mov [es:ebx + 8], ecx
    push ecx
    push edx
    call .function
    add esp, 8
    add edx, eax
    loop .one
    dec ebp
    jnz .again
    mov eax, edx
    ret
.function:
    push ebp
    mov ebp, esp
    sub esp, 8
    mov eax, [ebp + 8]
    imul eax, [ebp + 12]
    mov [ebp - 4], eax
    mov eax, [ebp - 4]
    leave
    ret
pointer: dd 0, 0
%endif
times (SECTORS + 1) * 512 - ($ - $$) db 0
