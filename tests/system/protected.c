/*
 * Protected mode, systematically: every kind of descriptor met by every way to load, call, return to and look
 * at it, from every ring; gates, tasks, limits, flags, V86 mode with VME, 32-bit paging, debug registers.
 * What comes of it was the same under Bochs 2.7 (model p3_katmai), whose sums tests/boot/system.sh holds.
 * Cases in which Bochs leaves the manual are left out.
 */
#include "system.h"

struct dt {
    u16 limit;
    u32 base;
} __attribute__((packed));
struct dt kgdtr, kidtr;
u32 outbuf[32], out_esp, out_ss, out_tr, saved_esp;
u32 ctx[16];
extern char isr_table[];
void run_case(void);
#define GDT  ((volatile u64 *)0x1000)
#define IDT  ((volatile u64 *)0x2000)
#define TSSP ((volatile u32 *)0x3000)
#define TSS2 ((volatile u32 *)0x3800)
#define LDTP ((volatile u64 *)0x4000)
#define CODE ((volatile u8 *)0x8000)
enum {
    K_CS = 8,
    K_DS = 16,
    TR = 24,
    CS1 = 0x20,
    CS2 = 0x28,
    CS3 = 0x30,
    DS1 = 0x38,
    DS2 = 0x40,
    DS3 = 0x48,
    T = 0x50,
    T2 = 0x58,
    LDTS = 0x60,
    TR2 = 0x68,
    T3 = 0x70,
    NENT = 0x10
};
static void setup(void)
{
    for (int i = 0; i < 32; i++)
        GDT[i] = 0;
    GDT[K_CS / 8] = descriptor(0, 0xfffff, 0xc09b);
    GDT[K_DS / 8] = descriptor(0, 0xfffff, 0xc093);
    GDT[TR / 8] = descriptor(0x3000, 0x5ff, 0x8b);
    GDT[TR2 / 8] = descriptor(0x3800, 0x67, 0x89);
    GDT[CS1 / 8] = descriptor(0, 0xfffff, 0xc0bb);
    GDT[CS2 / 8] = descriptor(0, 0xfffff, 0xc0db);
    GDT[CS3 / 8] = descriptor(0, 0xfffff, 0xc0fb);
    GDT[DS1 / 8] = descriptor(0, 0xfffff, 0xc0b3);
    GDT[DS2 / 8] = descriptor(0, 0xfffff, 0xc0d3);
    GDT[DS3 / 8] = descriptor(0, 0xfffff, 0xc0f3);
    GDT[LDTS / 8] = descriptor(0x4000, 0x7f, 0x82);
    TSSP[1] = 0x7000;
    TSSP[2] = K_DS;
    TSSP[3] = 0x6c00;
    TSSP[4] = DS1 | 1;
    TSSP[5] = 0x6800;
    TSSP[6] = DS2 | 2;
    TSSP[0x19] = 0x680000;
    for (int i = 26; i < 26 + 32; i++)
        TSSP[i] = 0;
    for (int i = 0; i < 256; i++)
        IDT[i] = gate(K_CS, (u32)isr_table + 16 * i, (i >= 0x80 || i == 3 || i == 4) ? 0xee : 0x8e, 0);
    kgdtr.limit = NENT * 8 - 1;
    kgdtr.base = 0x1000;
    kidtr.limit = 0x7ff;
    kidtr.base = 0x2000;
    asm volatile("lgdt %0; lidt %1" ::"m"(kgdtr), "m"(kidtr));
    asm volatile("lldt %w0" ::"r"(0));
}
static void load_tr(void)
{
    GDT[TR / 8] = descriptor(0x3000, 0x5ff, 0x89);
    asm volatile("ltr %w0" ::"r"(TR));
}
static void go(int cpl)
{
    static const u16 cs[] = {K_CS, CS1 | 1, CS2 | 2, CS3 | 3}, ds[] = {K_DS, DS1 | 1, DS2 | 2, DS3 | 3};
    ctx[7] = (u32)CODE;
    ctx[8] = cs[cpl];
    ctx[9] |= 2;
    ctx[10] = 0x7800 + 0x100 * cpl;
    ctx[11] = ds[cpl];
    if (cpl == 0) {
        ctx[10] = 0x7800;
    }
    for (int i = 12; i < 16; i++)
        ctx[i] = ds[cpl];
}
static u32 flagmask = 0xffffffff;
/* outbuf: gs fs es ds edi esi ebp esp ebx edx ecx eax vector [err] eip cs fl esp ss */
static void report(void)
{
    u32 *f = &outbuf[13];
    u32 v = outbuf[12];
    hex(v, 2);
    put(' ');
    if (has_error(v)) {
        hex(*f++, 4);
    } else
        text("----");
    put(' ');
    hex(f[0] - (u32)CODE, 4);
    put(':');
    hex(f[1], 4);
    put(' ');
    hex(f[2] & flagmask, 6);
    text(" s");
    hex(outbuf[3] & 0xffff, 4);
    put(' ');
    hex(outbuf[2] & 0xffff, 4);
    text(" r");
    hex(outbuf[11], 8);
    put(' ');
    hex(outbuf[8], 8);
    if ((f[1] & 3) || (f[2] & 0x20000)) {
        text(" o");
        hex(f[3], 5);
        put(':');
        hex(f[4] & 0xffff, 4);
    }
    text(" k");
    hex(out_esp, 8);
    put(':');
    hex(out_ss & 0xffff, 4);
}
static void code(const u8 *p, int n)
{
    for (int i = 0; i < n; i++)
        CODE[i] = p[i];
    CODE[n] = 0xcd;
    CODE[n + 1] = 0x81;
}
#define CODEB(...)                                                                                                     \
    do {                                                                                                               \
        static const u8 b[] = {__VA_ARGS__};                                                                           \
        code(b, sizeof b);                                                                                             \
    } while (0)
static void clear(void)
{
    for (int i = 0; i < 16; i++)
        ctx[i] = 0;
}
static const u32 hi[] = {0x0000, 0x4000, 0xc000};

static void segment_loads(void)
{
    static const u8 op[][3] = {{0x8e, 0xd8}, {0x8e, 0xc0}, {0x8e, 0xd0}};
    static const char *nm[] = {"movds", "moves", "movss"};
    for (int o = 0; o < 3; o++)
        for (int cpl = 0; cpl < 4; cpl++)
            for (int rpl = 0; rpl < 4; rpl++)
                for (int a = 0; a < 256; a++) {
                    if (o == 2 && cpl == 0 && (a & 0xe) == 6)
                        continue;
                    setup();
                    load_tr();
                    GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
                    clear();
                    ctx[0] = T | rpl;
                    go(cpl);
                    code(op[o], 2);
                    run_case();
                    line(nm[o], cpl, rpl, a);
                    report();
                    text(" d");
                    hex(GDT[T / 8] >> 40, 2);
                    put('\n');
                }
}
static void looks(void)
{
    static const u8 op[][3] = {{0x0f, 0x02, 0xd8}, {0x0f, 0x03, 0xd8}, {0x0f, 0, 0xe0}, {0x0f, 0, 0xe8}};
    static const char *nm[] = {"lar", "lsl", "verr", "verw"};
    flagmask = 0x40;
    for (int o = 0; o < 4; o++)
        for (int cpl = 0; cpl < 4; cpl++)
            for (int rpl = 0; rpl < 4; rpl++)
                for (int a = 0; a < 256; a++) {
                    setup();
                    load_tr();
                    GDT[T / 8] = descriptor(0x12345678, 0x9abcd, a | hi[a % 3]);
                    clear();
                    ctx[0] = T | rpl;
                    ctx[1] = 0x55667788;
                    go(cpl);
                    code(op[o], 3);
                    run_case();
                    line(nm[o], cpl, rpl, a);
                    report();
                    put('\n');
                }
    flagmask = ~0u;
}
/* far jmp / call to a descriptor */
static void far_transfers(int call)
{
    for (int cpl = 0; cpl < 4; cpl++)
        for (int rpl = 0; rpl < 4; rpl++)
            for (int a = 0; a < 256; a++) {
                int ty = a & 31;
                if ((ty == 1 || ty == 9 || ty == 5) && (a & 0x80))
                    continue; /* tasks: elsewhere */
                setup();
                load_tr();
                if (ty == 4 || ty == 12)
                    GDT[T / 8] = gate(CS1, (u32)CODE + 0x20, a, 2);
                else
                    GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
                clear();
                go(cpl);
                CODE[0x20] = 0xcd;
                CODE[0x21] = 0x82;
                CODE[0x22] = 0x90;
                u8 b[7] = {call ? 0x9a : 0xea, 0x20, 0x80, 0, 0, T | rpl, 0};
                code(b, 7);
                run_case();
                line(call ? "callf" : "jmpf", cpl, rpl, a);
                report();
                text(" d");
                hex(GDT[T / 8] >> 40, 2);
                if (call) {
                    u32 sp = outbuf[13 + (has_error(outbuf[12]) ? 4 : 3)];
                    u32 cs = outbuf[13 + (has_error(outbuf[12]) ? 2 : 1)];
                    u32 *s = (cs & 3) ? (u32 *)sp : &outbuf[has_error(outbuf[12]) ? 17 : 16];
                    if (outbuf[12] == 0x82)
                        for (int i = 0; i < 6; i++) {
                            put(' ');
                            hex(s[i], 8);
                        }
                }
                put('\n');
            }
}
/* call gates to code of all kinds */
static void call_gates(void)
{
    static const u8 types[] = {0xe4, 0xec};
    for (int g = 0; g < 2; g++)
        for (int call = 0; call < 2; call++)
            for (int cpl = 0; cpl < 4; cpl++)
                for (int rpl = 0; rpl < 4; rpl += 3)
                    for (int a = 0x10; a < 256; a++) {
                        if (!(a & 0x10))
                            continue;
                        setup();
                        load_tr();
                        GDT[T / 8] = gate(T2 | (rpl), g ? (u32)CODE + 0x20 : 0x8020, types[g], 3);
                        GDT[T2 / 8] = descriptor(0, 0xfffff, a | 0xc000);
                        clear();
                        go(cpl);
                        CODE[0x20] = 0xcd;
                        CODE[0x21] = 0x82;
                        CODE[0x22] = 0x90;
                        u8 b[7] = {call ? 0x9a : 0xea, 0x99, 0x99, 0, 0, T | 3, 0};
                        code(b, 7);
                        u32 *st = (u32 *)ctx[10];
                        for (int i = 0; i < 4; i++)
                            st[i] = 0x1111 * (i + 1) + 0xabcd0000;
                        run_case();
                        line(g ? (call ? "cg32" : "jg32") : (call ? "cg16" : "jg16"), cpl, rpl, a);
                        report();
                        text(" d");
                        hex(GDT[T2 / 8] >> 40, 2);
                        if (outbuf[12] == 0x82 && call) {
                            u32 *f = &outbuf[13];
                            u32 *s = (f[1] & 3) ? (u32 *)f[3] : &outbuf[16];
                            for (int i = 0; i < 7; i++) {
                                put(' ');
                                hex(s[i], 8);
                            }
                        }
                        put('\n');
                    }
}
/* interrupt gates by INT n and by exception */
static void interrupt_gates(void)
{
    for (int sw = 0; sw < 2; sw++)
        for (int cpl = 0; cpl < 4; cpl++)
            for (int ty = 0; ty < 256; ty++) {
                if ((ty & 31) == 5 && (ty & 0x80))
                    continue;
                setup();
                load_tr();
                int v = sw ? 0x90 : 6;
                IDT[v] = gate(K_CS, (u32)isr_table + 16 * v, ty, 0);
                if ((ty & 15) == 6 || (ty & 15) == 7)
                    continue;
                clear();
                go(cpl);
                if (sw)
                    CODEB(0xcd, 0x90);
                else
                    CODEB(0x0f, 0x0b);
                run_case();
                line(sw ? "intn" : "ud", cpl, 0, ty);
                report();
                put('\n');
            }
    for (int cpl = 0; cpl < 4; cpl++)
        for (int a = 0x10; a < 256; a++) {
            if (!(a & 0x10))
                continue;
            setup();
            load_tr();
            IDT[0x90] = gate(T | (a & 3), (u32)isr_table + 16 * 0x90, 0xee, 0);
            GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
            if ((a & 0x98) == 0x98 &&
                !((a >> 5 & 3) == 0)) { /* handlers outside ring 0 would not survive: skip conforming and equal */
                if ((a & 4) && cpl)
                    continue;
                if (!(a & 4))
                    continue;
                if (cpl)
                    continue;
            }
            if ((a & 4) && cpl)
                continue;
            clear();
            go(cpl);
            CODEB(0xcd, 0x90);
            run_case();
            line("intcs", cpl, 0, a);
            report();
            text(" d");
            hex(GDT[T / 8] >> 40, 2);
            put('\n');
        }
}
/* RETF and IRET to code descriptors */
static void returns(int iret)
{
    for (int cpl = 0; cpl < 4; cpl++)
        for (int rpl = 0; rpl < 4; rpl++)
            for (int a = 0; a < 256; a++) {
                setup();
                load_tr();
                GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
                clear();
                go(cpl);
                u32 *st = (u32 *)(ctx[10]);
                CODE[0x20] = 0xcd;
                CODE[0x21] = 0x82;
                CODE[0x22] = 0x90;
                static const u16 ds[] = {K_DS, DS1 | 1, DS2 | 2, DS3 | 3};
                int i = 0;
                st[i++] = (u32)CODE + 0x20;
                st[i++] = T | rpl;
                if (iret)
                    st[i++] = 0x3702 & ~0x4100;
                st[i++] = 0x7c00;
                st[i++] = ds[rpl];
                if (iret)
                    CODEB(0xcf);
                else
                    CODEB(0xcb);
                run_case();
                line(iret ? "iret" : "retf", cpl, rpl, a);
                report();
                text(" d");
                hex(GDT[T / 8] >> 40, 2);
                put('\n');
            }
    /* SS of all kinds */
    for (int rpl = 1; rpl < 4; rpl++)
        for (int srpl = 0; srpl < 4; srpl++)
            for (int a = 0; a < 256; a++) {
                setup();
                load_tr();
                GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
                clear();
                go(0);
                u32 *st = (u32 *)(ctx[10]);
                static const u16 cs[] = {K_CS, CS1 | 1, CS2 | 2, CS3 | 3};
                CODE[0x20] = 0xcd;
                CODE[0x21] = 0x82;
                int i = 0;
                st[i++] = (u32)CODE + 0x20;
                st[i++] = cs[rpl];
                if (iret)
                    st[i++] = 0x202;
                st[i++] = 0x7c00;
                st[i++] = T | srpl;
                if (iret)
                    CODEB(0xcf);
                else
                    CODEB(0xcb);
                run_case();
                line(iret ? "iretss" : "retfss", rpl, srpl, a);
                report();
                put('\n');
            }
}
/* data segments that survive a return to ring 3 */
static void dropped_segments(void)
{
    for (int a = 0; a < 256; a++) {
        if ((a & 0x90) != 0x90)
            continue;
        if ((a & 0x0a) == 0x08)
            continue;
        setup();
        load_tr();
        GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
        clear();
        go(0);
        ctx[13] = T;
        u32 *st = (u32 *)ctx[10];
        CODE[0x20] = 0xcd;
        CODE[0x21] = 0x82;
        if ((a >> 5 & 3) < 0)
            continue;
        st[0] = (u32)CODE + 0x20;
        st[1] = CS3 | 3;
        st[2] = 0x7c00;
        st[3] = DS3 | 3;
        CODEB(0xcb);
        run_case();
        line("drop", 0, 3, a);
        report();
        put('\n');
    }
}
/* inner stacks of all kinds */
static void inner_stacks(void)
{
    for (int srpl = 0; srpl < 4; srpl++)
        for (int a = 0; a < 256; a++) {
            setup();
            load_tr();
            GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
            TSSP[4] = T | srpl;
            GDT[T2 / 8] = gate(CS1, (u32)CODE + 0x20, 0xec, 1);
            clear();
            go(3);
            CODE[0x20] = 0xcd;
            CODE[0x21] = 0x82;
            CODEB(0x9a, 0, 0, 0, 0, T2, 0);
            run_case();
            line("instk", 1, srpl, a);
            report();
            put('\n');
        }
    for (int lim = 0; lim < 0x20; lim++) {
        setup();
        GDT[TR / 8] = descriptor(0x3000, lim, 0x89);
        asm volatile("ltr %w0" ::"r"(TR));
        GDT[T2 / 8] = gate(CS1, (u32)CODE + 0x20, 0xec, 1);
        if (lim < 11 || lim == 0x11 || lim == 0x12)
            continue;
        clear();
        go(3);
        CODE[0x20] = 0xcd;
        CODE[0x21] = 0x82;
        CODEB(0x9a, 0, 0, 0, 0, T2, 0);
        run_case();
        line("tsslim", 1, 0, lim);
        report();
        put('\n');
    }
}
/* LLDT, LTR of all kinds */
static void system_tables(void)
{
    static const u8 op[][3] = {{0x0f, 0, 0xd0}, {0x0f, 0, 0xd8}};
    for (int o = 0; o < 2; o++)
        for (int cpl = 0; cpl < 4; cpl += 3)
            for (int rpl = 0; rpl < 4; rpl++)
                for (int a = 0; a < 256; a++) {
                    setup();
                    load_tr();
                    GDT[T / 8] = descriptor(0x3000, 0x5ff, a);
                    clear();
                    ctx[0] = T | rpl;
                    go(cpl);
                    code(op[o], 3);
                    run_case();
                    line(o ? "ltr" : "lldt", cpl, rpl, a);
                    report();
                    text(" d");
                    hex(GDT[T / 8] >> 40, 2);
                    hex(out_tr, 4);
                    put('\n');
                }
}
/* limits of every data type: read, write at offsets round the edges */
static void limits(void)
{
    static const u32 offs[] = {0,      0xffc,  0xffd,   0xfff,      0x1000,     0x1fff,  0xfffc,
                               0xfffd, 0xffff, 0x10000, 0xfffffffc, 0xffffffff, 0x10fffc};
    static const u16 lims[] = {0, 0xfff, 0xffff};
    for (int wr = 0; wr < 2; wr++)
        for (int a = 0x90; a < 0xa0; a++)
            for (int h = 0; h < 4; h++)
                for (int l = 0; l < 3; l++)
                    for (unsigned k = 0; k < sizeof offs / 4; k++) {
                        u32 h4 = h << 14;
                        u32 off = offs[k];
                        if ((a & 0xa) == 8)
                            continue;
                        setup();
                        load_tr();
                        GDT[T / 8] = descriptor(0, lims[l], a | (h4 & 0xc000));
                        clear();
                        go(0);
                        ctx[13] = T;
                        ctx[3] = off;
                        static const u8 rb[] = {0x26, 0x8b, 0x02}, wb[] = {0x26, 0x89, 0x02};
                        if (wr && off < 0x8000 && off + 4 > 0x1000)
                            continue; /* our own tables */
                        if (wr && off < 0x20) {
                        }
                        if (off >= 0x80000000u && (h4 & 0x8000))
                            continue;
                        code(wr ? wb : rb, 3);
                        run_case();
                        line(wr ? "wr" : "rd", h, l, a);
                        hex(off, 8);
                        put(' ');
                        outbuf[11] = 0;
                        report();
                        put('\n');
                    }
}
/* flags through POPF/IRET/PUSHF at all privileges, IOPLs */
static void flags(void)
{
    for (int cpl = 0; cpl < 4; cpl++)
        for (int iopl = 0; iopl < 4; iopl++)
            for (int b = 0; b < 22; b++)
                for (int o = 0; o < 4; o++) {
                    if (b == 8 || b == 17 || (b == 16 && o == 2))
                        continue;
                    setup();
                    load_tr();
                    clear();
                    ctx[9] = iopl << 12;
                    go(cpl);
                    u32 img = (1u << b) | 2;
                    u32 *st = (u32 *)ctx[10];
                    static const u16 cs[] = {K_CS, CS1 | 1, CS2 | 2, CS3 | 3};
                    if (o == 0) {
                        st[0] = img;
                        CODEB(0x9d);
                    } else if (o == 1) {
                        *(u16 *)st = img;
                        CODEB(0x66, 0x9d);
                    } else if (o == 2) {
                        st[0] = (u32)CODE + 0x20;
                        st[1] = cs[cpl];
                        st[2] = img;
                        CODE[0x20] = 0xcd;
                        CODE[0x21] = 0x82;
                        CODEB(0xcf);
                    } else {
                        u16 *s = (u16 *)st;
                        s[0] = 0x8020;
                        s[1] = cs[cpl];
                        s[2] = img;
                        CODE[0x20] = 0xcd;
                        CODE[0x21] = 0x82;
                        CODEB(0x66, 0xcf);
                    }
                    run_case();
                    static const char *nm[] = {"popfd", "popfw", "iretd", "iretw"};
                    line(nm[o], cpl, iopl, b);
                    report();
                    put('\n');
                }
    for (int cpl = 0; cpl < 4; cpl++)
        for (int iopl = 0; iopl < 4; iopl++)
            for (int o = 0; o < 6; o++)
                for (int cr4 = 0; cr4 < 4; cr4++) {
                    static const u8 ops[][2] = {{0xfa, 0x90}, {0xfb, 0x90}, {0xe4, 0x80},
                                                {0xe6, 0x80}, {0xf4, 0x90}, {0x9c, 0x90}};
                    if (o == 4 && cpl == 0)
                        continue;
                    setup();
                    load_tr();
                    clear();
                    ctx[9] = iopl << 12 | ((cr4 & 2) ? 0x100000 : 0) | 0x80000;
                    asm volatile("mov %0,%%cr4" ::"r"(cr4 & 1 ? 2 : 0));
                    go(cpl);
                    code(ops[o], 2);
                    run_case();
                    asm volatile("mov %0,%%cr4" ::"r"(0));
                    line("priv", cpl, iopl, o | cr4 << 4);
                    if (o == 2)
                        outbuf[11] = 0;
                    report();
                    put('\n');
                }
}
static void virtual_8086(void)
{
    static const u8 ops[][4] = {
        {0xfa, 0x90}, {0xfb, 0x90},       {0x9c, 0x90},       {0x9d, 0x90},       {0x66, 0x9c},
        {0x66, 0x9d}, {0xcf, 0x90},       {0x66, 0xcf},       {0xcd, 0x90},       {0xcc, 0x90},
        {0xe4, 0x80}, {0xf4, 0x90},       {0x0f, 0x00, 0xc0}, {0x0f, 0x01, 0xe0}, {0x0f, 0x02, 0xc0},
        {0x63, 0xc0}, {0x0f, 0x20, 0xc0}, {0x8e, 0xd8},       {0x8c, 0xc8},       {0x06, 0x07},
        {0xce, 0x90}, {0xf1, 0x90},       {0x0f, 0x06},       {0x0f, 0x08},       {0x0f, 0x01, 0x10}};
    for (int vme = 0; vme < 2; vme++)
        for (int redir = 0; redir < 2; redir++)
            for (int iopl = 0; iopl < 4; iopl += 3)
                for (unsigned o = 0; o < sizeof ops / 4; o++)
                    for (int fl = 0; fl < 8; fl++) {
                        setup();
                        load_tr();
                        clear();
                        for (int i = 26; i < 34; i++)
                            TSSP[i] = redir ? 0 : ~0u;
                        TSSP[0x19] = (0x68 + 32) << 16;
                        for (int i = 34; i < 34 + 64; i++)
                            TSSP[i] = 0;
                        ctx[7] = 0;
                        ctx[8] = 0x800;
                        ctx[9] = 0x20002 | iopl << 12 | (fl & 1 ? 0x80000 : 0) | (fl & 2 ? 0x100000 : 0) |
                                 (fl & 4 ? 0x200 : 0);
                        ctx[10] = 0x300;
                        ctx[11] = 0x780;
                        for (int i = 12; i < 16; i++)
                            ctx[i] = 0x780;
                        ctx[0] = 0x780;
                        volatile u16 *s = (volatile u16 *)0x7b00;
                        s[0] = (o == 3 || o == 5) ? 0x202 : 0x20;
                        s[1] = (o == 6) ? 0x800 : 0;
                        s[2] = 0x202;
                        s[3] = 0;
                        if (o == 7) {
                            s[0] = 0x20;
                            s[1] = 0;
                            s[2] = 0x800;
                            s[3] = 0;
                            s[4] = 0x202;
                            s[5] = 0;
                        }
                        if (o == 5)
                            s[1] = 0;
                        *(volatile u32 *)(0x90 * 4) = 0x08000030;
                        CODE[0x20] = 0xcc;
                        CODE[0x30] = 0xcc;
                        CODE[0x31] = 0x90;
                        for (int i = 0; i < 4; i++)
                            CODE[i] = ops[o][i] ? ops[o][i] : (i < 3 && o >= 12 && o <= 17) ? ops[o][i] : 0x90;
                        CODE[4] = 0xcc;
                        asm volatile("mov %0,%%cr4" ::"r"(vme));
                        run_case();
                        asm volatile("mov %0,%%cr4" ::"r"(0));
                        line("v86", vme | redir << 1, iopl, o | fl << 8);
                        outbuf[13 + (has_error(outbuf[12]) ? 1 : 0)] += (u32)CODE;
                        if (o == 10)
                            outbuf[11] = 0;
                        report();
                        u32 sp = outbuf[has_error(outbuf[12]) ? 17 : 16];
                        for (int i = 0; i < 6; i += 2) {
                            put(' ');
                            hex(*(u16 *)(0x7800 + ((sp + i) & 0xffff)), 4);
                        }
                        put('\n');
                    }
}
#include "protected_tasks.h"

void cmain(void)
{
    group("segment loads");
    segment_loads();
    group("LAR LSL VERR VERW");
    looks();
    group("far jumps");
    far_transfers(0);
    group("far calls");
    far_transfers(1);
    group("call gates");
    call_gates();
    group("interrupt gates");
    interrupt_gates();
    group("RETF");
    returns(0);
    group("IRET");
    returns(1);
    group("data segments after RETF");
    dropped_segments();
    group("inner stacks");
    inner_stacks();
    group("LLDT LTR");
    system_tables();
    group("limits");
    limits();
    group("flags and IOPL");
    flags();
    group("virtual-8086 mode");
    virtual_8086();
    group("tasks");
    tasks();
    group("privilege and #UD");
    privilege();
    group("paging");
    paging();
    group("stepping and breakpoints");
    debugging();
    finish();
}
