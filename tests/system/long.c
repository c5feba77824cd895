/*
 * Long mode, systematically: what 64-bit and compatibility mode make of segments, far transfers, gates and
 * the IST, returns, system calls, non-canonical addresses and 4-level paging with NX and SMEP. What comes of
 * it was the same under Bochs 2.7 (model corei7_haswell_4770), whose sums tests/boot/system.sh holds. Cases
 * in which Bochs leaves the manual are left out.
 */
#include "system.h"

struct dt {
    u16 limit;
    u64 base;
} __attribute__((packed));
struct dt kgdtr, kidtr;
u64 outbuf[40], out_rsp, out_tr, saved_rsp, sys_rsp, ctx[24];
extern char isr_table[], sys_entry[];
void run_case(void);
#define GDT  ((volatile u64 *)0x1000)
#define IDT  ((volatile u64 *)0x2000)
#define TSSP ((volatile u8 *)0x3000)
#define CODE ((volatile u8 *)0x8000)
enum {
    K_CS = 8,
    K_DS = 16,
    TR = 24 /*16 bytes*/,
    CS3 = 0x28 | 3,
    DS3 = 0x30 | 3,
    CC0 = 0x38,
    CC3 = 0x40 | 3,
    T = 0x48 /*16*/,
    T2 = 0x58 /*16*/,
    CS1 = 0x68 | 1,
    DS1 = 0x70 | 1,
    C16 = 0x78,
    SY = 0x80,
    NENT = 24
};
static void wrmsr(u32 m, u64 v) { asm volatile("wrmsr" ::"c"(m), "a"((u32)v), "d"((u32)(v >> 32))); }
static u64 rdmsr(u32 m)
{
    u32 a, d;
    asm volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(m));
    return (u64)d << 32 | a;
}
static void setup(void)
{
    for (int i = 0; i < NENT; i++)
        GDT[i] = 0;
    GDT[K_CS / 8] = descriptor(0, 0xfffff, 0xa09b);
    GDT[K_DS / 8] = descriptor(0, 0xfffff, 0xc093);
    GDT[TR / 8] = descriptor(0x3000, 0x5ff, 0x89);
    GDT[TR / 8 + 1] = 0;
    GDT[CS3 / 8] = descriptor(0, 0xfffff, 0xa0fb);
    GDT[DS3 / 8] = descriptor(0, 0xfffff, 0xc0f3);
    GDT[CC0 / 8] = descriptor(0, 0xfffff, 0xc09b);
    GDT[CC3 / 8] = descriptor(0, 0xfffff, 0xc0fb);
    GDT[CS1 / 8] = descriptor(0, 0xfffff, 0xa0bb);
    GDT[DS1 / 8] = descriptor(0, 0xfffff, 0xc0b3);
    GDT[C16 / 8] = descriptor(0, 0xffff, 0x009b);
    GDT[SY / 8] = descriptor(0, 0xfffff, 0xa09b);
    GDT[SY / 8 + 1] = descriptor(0, 0xfffff, 0xc093);
    GDT[SY / 8 + 2] = descriptor(0, 0xfffff, 0xc0fb);
    GDT[SY / 8 + 3] = descriptor(0, 0xfffff, 0xc0f3);
    GDT[SY / 8 + 4] = descriptor(0, 0xfffff, 0xa0fb);
    for (int i = 0; i < 0x700; i++)
        TSSP[i] = 0;
    *(volatile u64 *)(TSSP + 4) = 0x7000;
    *(volatile u64 *)(TSSP + 12) = 0x6c00;
    *(volatile u64 *)(TSSP + 20) = 0x6800;
    *(volatile u64 *)(TSSP + 0x24) = 0x1e000;
    *(volatile u64 *)(TSSP + 0x2c) = 0x1d008;
    *(volatile u16 *)(TSSP + 0x66) = 0x68;
    for (int i = 0; i < 256; i++) {
        IDT[2 * i] = gate(K_CS, (u32)(u64)isr_table + 16 * i, (i >= 0x80 || i == 3 || i == 4) ? 0xee : 0x8e, 1);
        IDT[2 * i + 1] = 0;
    }
    kgdtr.limit = NENT * 8 - 1;
    kgdtr.base = 0x1000;
    kidtr.limit = 0xfff;
    kidtr.base = 0x2000;
    asm volatile("lgdt %0; lidt %1" ::"m"(kgdtr), "m"(kidtr));
    asm volatile("lldt %w0" ::"r"(0));
    asm volatile("ltr %w0" ::"r"(TR));
    asm volatile("mov %w0,%%ss; mov %w0,%%ds; mov %w0, %%es" ::"r"(K_DS));
}
/* outbuf: ss gs fs es ds rax rcx rdx rbx rsp rbp rsi rdi r8-r15 vector [err] rip cs fl rsp ss */
static u64 flagmask = ~0ull;
static void report(void)
{
    u64 *f = &outbuf[22];
    u32 v = outbuf[21];
    hex(v, 2);
    put(' ');
    if (has_error(v))
        hex(*f++, 4);
    else
        text("----");
    put(' ');
    hex(f[0] - (u64)CODE, 8);
    put(':');
    hex(f[1], 4);
    put(' ');
    hex(f[2] & flagmask, 6);
    put(' ');
    hex(f[3], 16);
    put(':');
    hex(f[4] & 0xffff, 4);
    text(" s");
    hex(outbuf[0], 4);
    text(" d");
    hex(outbuf[4], 4);
    hex(outbuf[3], 4);
    text(" r");
    hex(outbuf[5], 16);
    put(' ');
    hex(outbuf[8], 16);
    text(" k");
    hex(out_rsp, 8);
}
static void code(const u8 *p, int n)
{
    for (int i = 0; i < n; i++)
        CODE[i] = p[i];
    CODE[n] = 0xcd;
    CODE[n + 1] = 0x81;
    CODE[0x20] = 0xcd;
    CODE[0x21] = 0x82;
    CODE[0x22] = 0x90;
}
#define CODEB(...)                                                                                                     \
    do {                                                                                                               \
        static const u8 b[] = {__VA_ARGS__};                                                                           \
        code(b, sizeof b);                                                                                             \
    } while (0)
static void clear(void)
{
    for (int i = 0; i < 24; i++)
        ctx[i] = 0;
}
/* how: 0 ring0 64, 1 ring3 64, 2 ring0 compat, 3 ring3 compat, 4 ring1 64 */
static void go(int how)
{
    static const u16 cs[] = {K_CS, CS3, CC0, CC3, CS1}, ds[] = {K_DS, DS3, K_DS, DS3, DS1};
    ctx[16] = (u64)CODE;
    ctx[17] = cs[how];
    ctx[18] |= 2;
    ctx[4] = 0x7800;
    ctx[19] = ds[how];
    for (int i = 20; i < 24; i++)
        ctx[i] = ds[how];
}
static const u16 hiL[] = {0x0000, 0x2000, 0x4000, 0x6000};
static void segment_loads(void)
{
    static const u8 op[][2] = {{0x8e, 0xd8}, {0x8e, 0xd0}, {0x8e, 0xe0}};
    static const char *nm[] = {"movds", "movss", "movfs"};
    for (int o = 0; o < 3; o++)
        for (int how = 0; how < 5; how++)
            for (int rpl = 0; rpl < 4; rpl++) {
                setup();
                clear();
                ctx[0] = rpl;
                go(how);
                code(op[o], 2);
                run_case();
                line(nm[o], how, rpl, 0xffff);
                report();
                put('\n');
                for (int a = 0; a < 256; a += (o == 1 ? 1 : 3)) {
                    if (o == 1 && how >= 2 && how < 4 && (a & 4))
                        continue;
                    setup();
                    GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
                    clear();
                    ctx[0] = T | rpl;
                    go(how);
                    code(op[o], 2);
                    run_case();
                    line(nm[o], how, rpl, a);
                    report();
                    hex(GDT[T / 8] >> 40, 2);
                    put('\n');
                }
            }
}
static void looks(void)
{
    static const u8 op[][3] = {{0x0f, 0x02, 0xd8}, {0x0f, 0x03, 0xd8}, {0x0f, 0, 0xe0}, {0x0f, 0, 0xe8}};
    static const char *nm[] = {"lar", "lsl", "verr", "verw"};
    flagmask = 0x40;
    for (int o = 0; o < 4; o++)
        for (int how = 0; how < 4; how++)
            for (int rpl = 0; rpl < 4; rpl += 3)
                for (int a = 0; a < 256; a++) {
                    setup();
                    GDT[T / 8] = descriptor(0x12345678, 0x9abcd, a | 0xc000);
                    clear();
                    ctx[0] = T | rpl;
                    ctx[3] = 0x1122334455667788;
                    go(how);
                    code(op[o], 3);
                    run_case();
                    line(nm[o], how, rpl, a);
                    report();
                    put('\n');
                }
    flagmask = ~0ull;
    static const u8 op2[][3] = {{0x0f, 0, 0xd0}, {0x0f, 0, 0xd8}};
    for (int o = 0; o < 2; o++)
        for (int how = 0; how < 4; how++)
            for (int hi = 0; hi < 3; hi++)
                for (int a = 0; a < 256; a++) {
                    setup();
                    GDT[T / 8] = descriptor(0x3000, 0x5ff, a);
                    GDT[T / 8 + 1] = hi == 0 ? 0 : hi == 1 ? 0xffffff80ull : 0x00001f0000000000ull;
                    clear();
                    ctx[0] = T;
                    go(how);
                    code(op2[o], 3);
                    run_case();
                    line(o ? "ltr" : "lldt", how, hi, a);
                    report();
                    hex(GDT[T / 8] >> 40, 2);
                    hex(out_tr, 4);
                    put('\n');
                }
}
static void far_transfers(void)
{
    for (int call = 0; call < 2; call++)
        for (int how = 0; how < 5; how++)
            for (int hi = 0; hi < 4; hi++)
                for (int sz = 0; sz < 2; sz++)
                    for (int a = 0; a < 256; a++) {
                        int ty = a & 31;
                        setup();
                        if (ty == 4 || ty == 12 || ty == 5) {
                            GDT[T / 8] = gate(how == 1 || how == 3 ? K_CS : K_CS, (u32)(u64)CODE + 0x20, a, 2);
                            GDT[T / 8 + 1] = hi == 0 ? 0 : hi == 1 ? 0x1f0000000000 : hi == 2 ? 0x8000 : 0;
                        } else
                            GDT[T / 8] = descriptor(0, 0xfffff, a | 0x8000 | hiL[hi]);
                        clear();
                        go(how);
                        volatile u8 *p = (u8 *)0x9000;
                        for (int i = 0; i < 16; i++)
                            p[i] = 0;
                        if (how == 2 || how == 3) {
                            if (sz)
                                continue;
                            *(volatile u32 *)p = 0x8020;
                            *(volatile u16 *)(p + 4) = T;
                        } else if (sz) {
                            *(volatile u64 *)p = 0x8020;
                            *(volatile u16 *)(p + 8) = T;
                        } else {
                            *(volatile u32 *)p = 0x8020;
                            *(volatile u16 *)(p + 4) = T;
                        }
                        ctx[3] = 0x9000;
                        if (how == 2 || how == 3) {
                            u8 b[] = {0xff, 0x2b};
                            b[1] = call ? 0x1b : 0x2b;
                            code(b, 2);
                        } else {
                            u8 b[] = {0x48, 0xff, 0x2b};
                            b[0] = sz ? 0x48 : 0x40;
                            b[2] = call ? 0x1b : 0x2b;
                            code(b, 3);
                        }
                        run_case();
                        line(call ? "callf" : "jmpf", how << 2 | hi, sz, a);
                        report();
                        hex(GDT[T / 8] >> 40, 2);
                        u64 *f = &outbuf[22 + has_error(outbuf[21])];
                        if (call && outbuf[21] == 0x82) {
                            u64 *s = (u64 *)f[3];
                            for (int i = 0; i < 4; i++) {
                                put(' ');
                                hex(s[i], 16);
                            }
                        }
                        put('\n');
                    }
}
static void call_gates(void)
{ /* call gate to all code types */
    for (int call = 0; call < 2; call++)
        for (int how = 0; how < 5; how++)
            for (int hi = 0; hi < 4; hi++)
                for (int a = 0x10; a < 256; a++) {
                    if (!(a & 0x10))
                        continue;
                    setup();
                    GDT[T / 8] = gate(T2, (u32)(u64)CODE + 0x20, 0xec, 0);
                    GDT[T / 8 + 1] = 0;
                    GDT[T2 / 8] = descriptor(0, 0xfffff, a | 0x8000 | hiL[hi]);
                    clear();
                    go(how);
                    *(volatile u64 *)0x9000 = 0x5555;
                    *(volatile u32 *)0x9002 = 0;
                    *(volatile u32 *)0x9000 = 0x5555;
                    *(volatile u16 *)0x9004 = T;
                    ctx[3] = 0x9000;
                    u8 b[] = {0xff, 0x2b};
                    b[1] = call ? 0x1b : 0x2b;
                    code(b, 2);
                    run_case();
                    line(call ? "cgate" : "jgate", how << 2 | hi, 0, a);
                    report();
                    hex(GDT[T2 / 8] >> 40, 2);
                    u64 *f = &outbuf[22 + has_error(outbuf[21])];
                    if (call && outbuf[21] == 0x82) {
                        u64 *s = (u64 *)f[3];
                        for (int i = 0; i < 4; i++) {
                            put(' ');
                            hex(s[i], 16);
                        }
                    }
                    put('\n');
                }
}
static void returns(void)
{
    static const char *nm[] = {"retf", "retfq", "iretd", "iretq", "iretw"};
    for (int o = 0; o < 4; o++)
        for (int how = 0; how < 5; how++)
            for (int rpl = 0; rpl < 4; rpl++)
                for (int sn = 0; sn < 6; sn++)
                    for (int a = 0x10; a < 256; a += (sn ? 5 : 1)) {
                        if (!(a & 0x10))
                            continue;
                        int hi = sn < 2 ? 1 : sn == 2 ? 0 : sn == 3 ? 2 : sn == 4 ? 3 : 1;
                        if ((how == 2 || how == 3) && (o == 1 || o == 3))
                            continue;
                        if (o == 2 && how != 2 && how != 3 && (rpl == (how == 1 ? 3 : how == 4 ? 1 : 0)))
                            continue;
                        setup();
                        GDT[T / 8] = descriptor(0, 0xfffff, a | 0x8000 | hiL[hi]);
                        clear();
                        go(how);
                        u64 st[5];
                        int n = 0;
                        static const u16 ds[] = {K_DS, DS1, 0x90 | 2, DS3};
                        GDT[0x90 / 8] = descriptor(0, 0xfffff, 0xc0d3);
                        st[n++] = (u64)CODE + 0x20;
                        st[n++] = T | rpl;
                        if (o >= 2)
                            st[n++] = 0x3202 & ~0x200;
                        st[n++] = 0x7c00;
                        st[n++] = sn == 1 ? rpl : sn == 5 ? 3 : ds[rpl];
                        if (o == 1 || o == 3)
                            for (int i = 0; i < n; i++)
                                ((volatile u64 *)0x7800)[i] = st[i];
                        else
                            for (int i = 0; i < n; i++)
                                ((volatile u32 *)0x7800)[i] = st[i];
                        if (o == 0)
                            CODEB(0xcb);
                        else if (o == 1)
                            CODEB(0x48, 0xcb);
                        else if (o == 2)
                            CODEB(0xcf);
                        else
                            CODEB(0x48, 0xcf);
                        run_case();
                        line(nm[o], how << 2 | rpl, sn, a);
                        report();
                        put('\n');
                    }
}
static void interrupt_gates(void)
{
    for (int sw = 0; sw < 2; sw++)
        for (int how = 0; how < 4; how++)
            for (int ist = 0; ist < 3; ist++)
                for (int ty = 0; ty < 256; ty++) {
                    int v = sw ? 0x90 : 6;
                    setup();
                    IDT[2 * v] = gate(K_CS, (u32)(u64)isr_table + 16 * v, ty, ist);
                    IDT[2 * v + 1] = 0;
                    clear();
                    go(how);
                    ctx[4] = 0x77fb;
                    if (sw)
                        CODEB(0xcd, 0x90);
                    else
                        CODEB(0x0f, 0x0b);
                    run_case();
                    line(sw ? "intn" : "ud", how, ist, ty);
                    report();
                    put('\n');
                }
    for (int how = 0; how < 4; how++)
        for (int hi = 0; hi < 4; hi++)
            for (int a = 0x10; a < 256; a++) {
                if (!(a & 0x10))
                    continue;
                if ((a & 0x98) == 0x98 && ((a >> 5 & 3) != 0))
                    continue;
                if ((a & 4) && (how & 1))
                    continue;
                setup();
                IDT[0x120] = gate(T, (u32)(u64)isr_table + 16 * 0x90, 0xee, 1);
                GDT[T / 8] = descriptor(0, 0xfffff, a | 0x8000 | hiL[hi]);
                clear();
                go(how);
                CODEB(0xcd, 0x90);
                run_case();
                line("intcs", how, hi, a);
                report();
                hex(GDT[T / 8] >> 40, 2);
                put('\n');
            }
    /* non-canonical handler, stacks */
    for (int how = 0; how < 4; how++)
        for (int k = 0; k < 4; k++) {
            setup();
            clear();
            go(how);
            if (k == 0)
                IDT[0x121] = 0x8000;
            else if (k == 1) {
                *(volatile u64 *)(TSSP + 4) = 0x0000800000000000;
                IDT[0x120] = gate(K_CS, (u32)(u64)isr_table + 16 * 0x90, 0xee, 0);
            } else if (k == 2) {
                *(volatile u64 *)(TSSP + 0x2c) = 0x8000000000000000;
                IDT[0x120] = gate(K_CS, (u32)(u64)isr_table + 16 * 0x90, 0xee, 2);
            } else {
                *(volatile u64 *)(TSSP + 0x2c) = 0x0000800000000008;
                IDT[0x120] = gate(K_CS, (u32)(u64)isr_table + 16 * 0x90, 0xee, 2);
            }
            CODEB(0xcd, 0x90);
            run_case();
            line("intnc", how, k, 0);
            if (k && outbuf[21] == 12)
                outbuf[22] = 0;
            report();
            put('\n');
        }
}
static void non_canonical(void)
{
    static const u8 ops[][8] = {{0x8b, 0x03},
                                {0x89, 0x03},
                                {0x48, 0x8b, 0x03},
                                {0x8b, 0x45, 0},
                                {0x8b, 0x04, 0x24},
                                {0x50},
                                {0x58},
                                {0xe8, 0, 0, 0, 0},
                                {0xc3},
                                {0xc9},
                                {0xff, 0xe3},
                                {0xff, 0xd3},
                                {0xff, 0x33},
                                {0x8f, 0x03},
                                {0x64, 0x8b, 0x03},
                                {0x48, 0x0f, 0xae, 0x03},
                                {0xf3, 0xa4},
                                {0x0f, 0x01, 0x3b},
                                {0x0f, 0xae, 0x3b},
                                {0x9c},
                                {0x9d},
                                {0x48, 0xcf},
                                {0x0f, 0x01, 0x13},
                                {0xc8, 0, 0, 0},
                                {0x68, 0, 0, 0, 0},
                                {0xff, 0x75, 0},
                                {0x8f, 0x45, 0},
                                {0xff, 0x34, 0x24},
                                {0x36, 0x8b, 0x03},
                                {0x41, 0x8b, 0x04, 0x24}};
    static const u64 addrs[] = {0x0000800000000000, 0x00007ffffffffffe, 0xffff7fffffffffff,
                                0x8000000000000000, 0xffff800000000000, 0x0000000000400000};
    for (unsigned o = 0; o < sizeof ops / 8; o++)
        for (int k = 0; k < 6; k++)
            for (int how = 0; how < 2; how++) {
                if (o == 0x15 || o == 0x16)
                    continue;
                setup();
                clear();
                go(how);
                ctx[3] = addrs[k];
                ctx[5] = addrs[k];
                ctx[12] = addrs[k];
                ctx[6] = ctx[7] = addrs[k];
                ctx[1] = 1;
                int n = 0;
                while (n < 8 && (ops[o][n] || n == 0))
                    n++;
                if (o == 7 || o == 24)
                    n = 5;
                if (o == 3 || o == 25 || o == 26)
                    n = 3;
                if (o == 23)
                    n = 4;
                if (o == 18)
                    n = 3;
                if ((o >= 4 && o <= 9) || o == 12 || o == 13 || o == 19 || o == 20 || o == 21 || o == 23 || o == 24 ||
                    o == 27)
                    ctx[4] = addrs[k];
                code(ops[o], n);
                run_case();
                line("nc", how, k, o);
                report();
                u64 c;
                asm volatile("mov %%cr2,%0" : "=r"(c));
                if (outbuf[21] == 14) {
                    put(' ');
                    hex(c, 16);
                }
                put('\n');
            }
}
static void system_calls(void)
{
    for (int o = 0; o < 8; o++)
        for (int how = 0; how < 5; how++)
            for (int k = 0; k < 4; k++) {
                setup();
                clear();
                go(how);
                ctx[1] = k == 1 ? 0x0000800000000000 : (u64)CODE + 0x20;
                ctx[11] = k == 2 ? ~0ull & ~0x100 : 0x3202 & ~0x200;
                ctx[2] = k == 3 ? 0x0000800000000000 : (u64)CODE + 0x20;
                if (o == 5)
                    ctx[1] = 0x7a00;
                if (o == 4)
                    ctx[1] = 0x7a00;
                wrmsr(0xc0000081, (u64)(SY + 16) << 48 | (u64)SY << 32 | 0x8020);
                wrmsr(0xc0000082, (u64)sys_entry);
                wrmsr(0xc0000083, (u64)sys_entry);
                wrmsr(0xc0000084, k == 1 ? 0x47700 : 0x200);
                wrmsr(0x174, SY);
                wrmsr(0x175, 0x7700);
                wrmsr(0x176, (u64)sys_entry);
                sys_rsp = 0;
                switch (o) {
                case 0:
                    CODEB(0x0f, 0x05);
                    break;
                case 1:
                    CODEB(0x0f, 0x07);
                    break;
                case 2:
                    if (how >= 2 && how < 4)
                        continue;
                    CODEB(0x48, 0x0f, 0x07);
                    break;
                case 3:
                    CODEB(0x0f, 0x34);
                    break;
                case 4:
                    CODEB(0x0f, 0x35);
                    break;
                case 5:
                    if (how >= 2 && how < 4)
                        continue;
                    CODEB(0x48, 0x0f, 0x35);
                    break;
                case 6:
                    CODEB(0x0f, 0x01, 0xf8);
                    break;
                case 7:
                    wrmsr(0x174, k & 1 ? 0 : 3);
                    CODEB(0x0f, 0x34);
                }
                run_case();
                line("sys", how, k, o);
                report();
                hex(outbuf[6], 16);
                put(' ');
                hex(outbuf[16], 16);
                put(' ');
                hex(sys_rsp, 16);
                put('\n');
            }
}
static volatile u64 *const page_directory = (u64 *)0x102000, *const page_table = (u64 *)0x103000;

static void load_cr3(void) { asm volatile("mov %0,%%cr3" ::"r"(0x100000ull)); }

/* Runs the case with CR4.SMEP, CR4.SMAP and CR0.WP as the bits 0, 1 and 2 of cr say. */
static void run_with_controls(int cr)
{
    u64 cr0, cr4;
    asm volatile("mov %%cr0,%0; mov %%cr4,%1" : "=r"(cr0), "=r"(cr4));
    load_cr3();
    asm volatile("mov %0,%%cr4" ::"r"(cr4 | (cr & 1 ? 1 << 20 : 0) | (cr & 2 ? 1 << 21 : 0)));
    asm volatile("mov %0,%%cr0" ::"r"((cr0 & ~0x10000) | (cr & 4 ? 0x10000 : 0)));
    run_case();
    asm volatile("mov %0,%%cr0; mov %1,%%cr4" ::"r"(cr0), "r"(cr4));
}

static void report_page(int cr, int how, int ac, int up, int lf, int o)
{
    u64 cr2;
    asm volatile("mov %%cr2,%0" : "=r"(cr2));
    line("page", cr << 1 | how, ac, up << 8 | lf << 4 | o);
    report();
    if (outbuf[21] == 14) {
        put(' ');
        hex(cr2, 16);
    }
    put(' ');
    hex(page_directory[2], 3);
    hex(page_table[3], 3);
    put('\n');
}

/* An access (o: read, write, fetch) from ring 0 or 3 (how) with EFLAGS.AC to a page whose rights the directory's (up)
 * and the table's entry (lf) give. */
static void page_case(int cr, int how, int ac, int up, int lf, int o)
{
    static const u8 accesses[3][2] = {{0x8b, 0x03}, {0x89, 0x03}, {0xff, 0xe3}};
    volatile u64 *pd = page_directory, *pt = page_table;
    setup();
    clear();
    ctx[18] = ac ? 0x40000 : 0;
    go(how);
    pd[2] = 0x103001 | (up & 1 ? 2 : 0) | (up & 2 ? 4 : 0);
    pt[3] = 0x180000 | (lf & 1 ? 1 : 0) | (lf & 2 ? 2 : 0) | (lf & 4 ? 4 : 0) | (lf & 8 ? 1ull << 63 : 0);
    *(volatile u32 *)0x180000 = 0x000082cd;
    ctx[3] = 0x403000;
    ctx[0] = 0x000082cd;
    code(accesses[o], 2);
    /* Our own pages are user pages, which SMEP and SMAP would hit: supervisor pages for ring 0, and no ring 3 then. */
    if (how == 1 && (cr & 3))
        return;
    u64 save[2] = {pd[0], pd[1]};
    if (how == 0) {
        pd[0] &= ~4;
        pd[1] &= ~4;
    }
    run_with_controls(cr);
    pd[0] = save[0];
    pd[1] = save[1];
    load_cr3();
    report_page(cr, how, ac, up, lf, o);
    pd[2] = 0;
}

/* Bits that are reserved in no entry of this level, or mean something else. */
static int not_reserved(int lvl, int bit)
{
    if (bit <= 2 || (lvl == 1 && bit == 7))
        return 1;
    return bit >= (lvl == 1 ? 12 : 21) && bit < 40;
}

/* A bit set in an entry of a table (0), a directory (1) or a 2 MiB page (2), with and without EFER.NXE. */
static void reserved_bit_case(int bit, int lvl, int nxe)
{
    volatile u64 *pd = page_directory, *pt = page_table;
    setup();
    clear();
    go(0);
    pd[2] = lvl == 0 ? 0x103007 : lvl == 1 ? 0x103007 | 1ull << bit : 0x87 | 1ull << bit;
    pt[3] = 0x180007 | (lvl == 0 ? 1ull << bit : 0);
    ctx[3] = 0x403000;
    CODEB(0x8b, 0x03);
    if (not_reserved(lvl, bit))
        return;
    u64 e = rdmsr(0xc0000080);
    wrmsr(0xc0000080, nxe ? e | 0x800 : e & ~0x800);
    load_cr3();
    run_case();
    load_cr3();
    wrmsr(0xc0000080, e);
    outbuf[5] = 0;
    line("rsvd", lvl, nxe, bit);
    report();
    put('\n');
    pd[2] = 0;
}

static void paging(void)
{
    u32 a, b, c, d;
    asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    int smep = b >> 7 & 1, smap = b >> 20 & 1;
    for (int i = 0; i < 512; i++)
        page_table[i] = 0;
    for (int cr = 0; cr < 8; cr++) {
        if (((cr & 1) && !smep) || ((cr & 2) && !smap))
            continue;
        for (int how = 0; how < 2; how++)
            for (int ac = 0; ac < 2; ac++)
                for (int n = 0; n < 4 * 16 * 3; n++)
                    page_case(cr, how, ac, n / 48, n / 3 % 16, n % 3);
    }
    for (int n = 0; n < 64 * 3 * 2; n++)
        reserved_bit_case(n / 6, n / 2 % 3, n % 2);
}
static void changed_instructions(void)
{
    static const u8 op[][6] = {{0x06},
                               {0x0e},
                               {0x16},
                               {0x1e},
                               {0x07},
                               {0x17},
                               {0x1f},
                               {0x27},
                               {0x37},
                               {0x60},
                               {0x61},
                               {0x62, 0},
                               {0x82, 0},
                               {0x9a},
                               {0xc4, 0x40},
                               {0xc5, 0x40},
                               {0xce},
                               {0xd4},
                               {0xd5},
                               {0xd6},
                               {0xea},
                               {0x0f, 0x20, 0xc0},
                               {0x44, 0x0f, 0x20, 0xc0},
                               {0x0f, 0x20, 0xc8},
                               {0x0f, 0x20, 0xf8},
                               {0x44, 0x0f, 0x20, 0xc8},
                               {0x0f, 0x21, 0xc0},
                               {0x44, 0x0f, 0x21, 0xc0},
                               {0x0f, 0x22, 0xd8},
                               {0x0f, 0x01, 0xe0},
                               {0x48, 0x0f, 0x01, 0xe0},
                               {0x66, 0x0f, 0x01, 0xe0},
                               {0x48, 0x0f, 0x00, 0xc0},
                               {0x0f, 0x00, 0xc8},
                               {0x66, 0x0f, 0x00, 0xc8},
                               {0x8c, 0xd8},
                               {0x48, 0x8c, 0xd8},
                               {0x66, 0x8c, 0xd8},
                               {0x0f, 0xa0, 0x58},
                               {0x66, 0x0f, 0xa0, 0x66, 0x58},
                               {0x0f, 0x01, 0xd0},
                               {0x0f, 0x01, 0xf9},
                               {0xf3, 0x0f, 0xae, 0xc0},
                               {0x0f, 0x01, 0xc8},
                               {0x0f, 0x01, 0xc9},
                               {0x0f, 0x01, 0xca},
                               {0x0f, 0x01, 0xc1},
                               {0x0f, 0x32},
                               {0x0f, 0x30},
                               {0x0f, 0x33},
                               {0xf1},
                               {0xf4}};
    for (int how = 0; how < 2; how++)
        for (unsigned o = 0; o < sizeof op / 6; o++) {
            if (how == 0 && (o == 51 || o == 0x2f || o == 0x30))
                continue;
            if (o == 0x29)
                continue;
            setup();
            clear();
            go(how);
            ctx[0] = 0x100000;
            ctx[1] = 0x12345;
            int n = 6;
            while (n > 1 && !op[o][n - 1])
                n--;
            code(op[o], n);
            run_case();
            line("op", how, 0, o);
            if (outbuf[21] == 1)
                outbuf[24] &= ~0;
            report();
            put('\n');
        }
}
void cmain(void)
{
    setup();
    group("segment loads");
    segment_loads();
    group("LAR LSL VERR VERW LLDT LTR");
    looks();
    group("far jumps and calls");
    far_transfers();
    group("call gates");
    call_gates();
    group("RETF IRET");
    returns();
    group("interrupt gates and IST");
    interrupt_gates();
    group("non-canonical addresses");
    non_canonical();
    group("SYSCALL SYSENTER SWAPGS");
    system_calls();
    group("paging");
    paging();
    group("what 64-bit mode changes");
    changed_instructions();
    finish();
}
