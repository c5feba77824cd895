/*
 * The second half of protected.c, which alone includes it: task switches, privilege and #UD, 32-bit paging,
 * stepping and breakpoints.
 */
static void t2init(void)
{
    for (int i = 0; i < 26; i++)
        TSS2[i] = 0;
    TSS2[8] = (u32)CODE + 0x20;
    TSS2[9] = 2;
    TSS2[10] = 0xa1;
    TSS2[14] = 0x7a00;
    TSS2[18] = K_DS;
    TSS2[19] = K_CS;
    TSS2[20] = K_DS;
    TSS2[21] = K_DS;
    TSS2[22] = K_DS;
    TSS2[23] = K_DS;
    TSS2[1] = 0x6400;
    TSS2[2] = K_DS;
    TSS2[0x19] = 0x680000;
    CODE[0x20] = 0xcd;
    CODE[0x21] = 0x82;
    CODE[0x22] = 0x90;
}
static void treport(void)
{
    report();
    text(" t");
    hex(out_tr, 4);
    put(' ');
    hex(GDT[TR / 8] >> 40, 2);
    hex(GDT[TR2 / 8] >> 40, 2);
    put(' ');
    hex(TSS2[0], 4);
    put(' ');
    hex(TSSP[8] - (u32)CODE, 4);
    put(' ');
    hex(TSSP[9], 6);
    put(' ');
    hex(TSSP[14], 8);
    put(' ');
    hex(TSSP[19], 4);
    u32 c;
    asm volatile("mov %%cr0,%0" : "=r"(c));
    put(' ');
    hex(c & 8, 1);
    asm volatile("clts");
    put('\n');
}
static void tasks(void)
{
    for (int how = 0; how < 4; how++)
        for (int cpl = 0; cpl < 4; cpl++)
            for (int a = 0x80; a < 256; a++) {
                int ty = a & 31;
                if (ty != 1 && ty != 9 && ty != 3 && ty != 11 && ty != 5)
                    continue;
                if (ty == 1 || ty == 3)
                    continue;
                setup();
                load_tr();
                t2init();
                clear();
                go(cpl);
                if (ty == 5) {
                    if (how < 2) {
                        GDT[T / 8] = gate(TR2, 0, a, 0);
                    } else {
                        IDT[how == 2 ? 0x90 : 6] = gate(TR2, 0, a, 0);
                    }
                } else {
                    if (how >= 2)
                        continue;
                    GDT[TR2 / 8] = descriptor(0x3800, 0x67, a);
                }
                u8 b[7] = {how == 1 ? 0x9a : 0xea, 0, 0, 0, 0, ty == 5 ? T : TR2, 0};
                if (how < 2)
                    code(b, 7);
                else if (how == 2)
                    CODEB(0xcd, 0x90);
                else
                    CODEB(0x0f, 0x0b);
                run_case();
                line("task", how, cpl, a);
                treport();
            }
    /* new task's segments bad in all ways */
    for (int s = 0; s < 6; s++)
        for (int rpl = 0; rpl < 4; rpl++)
            for (int a = 0; a < 256; a++) {
                setup();
                load_tr();
                t2init();
                clear();
                go(0);
                GDT[T / 8] = descriptor(0, 0xfffff, a | 0xc000);
                TSS2[18 + s] = T | rpl;
                IDT[10] = gate(TR, 0, 0x85, 0);
                if (s == 2 && 0)
                    continue;
                IDT[10] = gate(K_CS, (u32)isr_table + 16 * 10, 0x8e, 0);
                if (s == 1 && rpl != 0) { /* code of an outer ring needs a stack of that ring */
                    static const u16 ds[] = {K_DS, DS1 | 1, DS2 | 2, DS3 | 3};
                    TSS2[20] = ds[rpl];
                    for (int k = 18; k < 24; k++)
                        if (k != 19 && k != 20)
                            TSS2[k] = DS3 | 3;
                }
                if (s == 2) {
                    static const u16 cs[] = {K_CS, CS1 | 1, CS2 | 2, CS3 | 3};
                    TSS2[19] = cs[rpl];
                    for (int k = 18; k < 24; k++)
                        if (k != 19 && k != 20)
                            TSS2[k] = DS3 | 3;
                    if (rpl == 0) { /* the fault's handler would have no stack */
                        if ((a & 4) || !((a & 0x9a) == 0x92 && (a >> 5 & 3) == 0))
                            continue;
                    }
                }
                CODEB(0xea, 0, 0, 0, 0, TR2, 0);
                run_case();
                line("tseg", s, rpl, a);
                treport();
            }
    /* nested: CALL then IRET back; NT rules */
    for (int bl = 0; bl < 256; bl++) {
        setup();
        load_tr();
        t2init();
        clear();
        go(0);
        TSSP[0] = TR2;
        ctx[9] = 0x4002;
        GDT[TR2 / 8] = descriptor(0x3800, 0x67, bl);
        if ((bl & 0x1f) == 3 || (bl & 0x1f) == 1)
            continue;
        CODEB(0xcf);
        /* run_case enters by IRET with NT set in the image, not in EFLAGS */ run_case();
        line("tiret", 0, 0, bl);
        treport();
    }
    for (int lim = 0x60; lim < 0x6a; lim++) {
        setup();
        load_tr();
        t2init();
        clear();
        go(0);
        GDT[TR2 / 8] = descriptor(0x3800, lim, 0x89);
        CODEB(0xea, 0, 0, 0, 0, TR2, 0);
        run_case();
        line("tlim", 0, 0, lim);
        treport();
    }
    for (int e = 0; e < 4; e++) {
        setup();
        load_tr();
        t2init();
        clear();
        go(3);
        IDT[13] = gate(TR2, 0, 0x85, 0);
        if (e == 0)
            CODEB(0xf4);
        else if (e == 1)
            CODEB(0xcd, 0x30);
        else if (e == 2)
            CODEB(0xb8, 0xff, 0xff, 0, 0, 0x8e, 0xd8);
        else
            CODEB(0x0f, 0x20, 0xc0);
        run_case();
        line("texc", 0, 3, e);
        hex(*(u32 *)0x79fc, 4);
        put(' ');
        treport();
    }
}
static void privilege(void)
{ /* privileged and mode-bound instructions at each CPL */
    static const u8 ops[][5] = {{0x0f, 0x06, 0x90}, {0x0f, 0x08, 0x90}, {0x0f, 0x09, 0x90}, {0x0f, 0x20, 0xc0},
                                {0x0f, 0x20, 0xc8}, {0x0f, 0x20, 0xe8}, {0x0f, 0x20, 0xf8}, {0x0f, 0x22, 0xd8},
                                {0x0f, 0x21, 0xc0}, {0x0f, 0x21, 0xe0}, {0x0f, 0x21, 0xe8}, {0x0f, 0x30, 0x90},
                                {0x0f, 0x32, 0x90}, {0x0f, 0x33, 0x90}, {0x0f, 0x31, 0x90}, {0x0f, 0x01, 0xe0},
                                {0x0f, 0x01, 0x38}, {0x0f, 0x01, 0xf8}, {0x0f, 0x00, 0xc0}, {0x0f, 0x00, 0xc8},
                                {0x8e, 0xc8, 0x90}, {0x8e, 0xf0, 0x90}, {0x8c, 0xf0, 0x90}, {0x0f, 0xff, 0xc0},
                                {0x0f, 0xb9, 0xc0}, {0xf0, 0x90, 0x90}, {0xf0, 0x01, 0xc0}, {0xf0, 0x8e, 0xd8},
                                {0x0f, 0xaa, 0x90}, {0xc4, 0xc0, 0x90}, {0x62, 0xc0, 0x90}, {0x8d, 0xc0, 0x90},
                                {0xd6, 0x90, 0x90}, {0xf1, 0x90, 0x90}, {0x0f, 0x34, 0x90}, {0x0f, 0x35, 0x90}};
    for (int cpl = 0; cpl < 4; cpl++)
        for (unsigned o = 0; o < sizeof ops / 5; o++) {
            setup();
            load_tr();
            clear();
            go(cpl);
            ctx[0] = (o == 7) ? 0 : 0x9000;
            ctx[2] = 0x10;
            code(ops[o], 3);
            run_case();
            outbuf[11] = outbuf[8] = 0;
            line("op", cpl, 0, o);
            report();
            put('\n');
        }
}
/* paging: rights */
#define PD  ((volatile u32 *)0x10000)
#define PT  ((volatile u32 *)0x11000)
#define PT2 ((volatile u32 *)0x12000)
static void paging(void)
{
    for (int i = 0; i < 1024; i++) {
        PD[i] = 0;
        PT[i] = i << 12 | 3 | 4;
        PT2[i] = 0;
    }
    for (int wp = 0; wp < 2; wp++)
        for (int cpl = 0; cpl < 4; cpl += 3)
            for (int pde = 0; pde < 8; pde++)
                for (int pte = 0; pte < 8; pte++)
                    for (int o = 0; o < 4; o++) {
                        setup();
                        load_tr();
                        clear();
                        go(cpl);
                        PD[0] = 0x11007;
                        PD[1] = 0x12000 | pde;
                        PT2[3] = 0x13000 | pte;
                        PT2[4] = 0x14000 | 7;
                        *(volatile u32 *)0x13000 = 0x000081cd;
                        static const u8 r[] = {0x8b, 0x02}, wr[] = {0x89, 0x02}, x[] = {0xff, 0xe2}, m[] = {0xff, 0x02};
                        code(o == 0 ? r : o == 1 ? wr : o == 2 ? x : m, 2);
                        ctx[3] = 0x403000;
                        asm volatile("mov %0,%%cr3; mov %%cr0,%%eax; or %1,%%eax; mov %%eax,%%cr0; " ::"r"(PD),
                                     "r"(0x80000000 | (wp ? 0x10000 : 0))
                                     : "eax");
                        run_case();
                        u32 cr2;
                        asm volatile("mov %%cr0,%%eax; and $0x7ffeffff,%%eax; mov %%eax,%%cr0; mov %%cr2,%0; "
                                     : "=r"(cr2)::"eax");
                        outbuf[11] = 0;
                        line("page", wp << 2 | cpl, o, pde << 4 | pte);
                        report();
                        if (outbuf[12] == 14) {
                            put(' ');
                            hex(cr2, 8);
                        }
                        text(" e");
                        hex(PD[1] & 0xfff, 3);
                        hex(PT2[3] & 0xfff, 3);
                        hex(PD[1] & 1 ? 0 : 0, 1);
                        put('\n');
                        PT2[3] = 0;
                    }
    /* crossing into a bad page */
    for (int o = 0; o < 2; o++)
        for (int cpl = 0; cpl < 4; cpl += 3) {
            setup();
            load_tr();
            clear();
            go(cpl);
            PD[1] = 0x12007;
            PT2[3] = 0x13007;
            PT2[4] = 0;
            static const u8 r[] = {0x8b, 0x02}, wr[] = {0x89, 0x02};
            *(volatile u32 *)0x13ffc = 0x77777777;
            ctx[3] = 0x403ffe;
            code(o ? wr : r, 2);
            asm volatile("mov %0,%%cr3; mov %%cr0,%%eax; or $0x80000000,%%eax; mov %%eax,%%cr0; " ::"r"(PD) : "eax");
            run_case();
            u32 cr2;
            asm volatile("mov %%cr0,%%eax; and $0x7fffffff,%%eax; mov %%eax,%%cr0; mov %%cr2,%0; " : "=r"(cr2)::"eax");
            line("cross", o, cpl, 0);
            report();
            put(' ');
            hex(cr2, 8);
            put(' ');
            hex(*(volatile u32 *)0x13ffc, 8);
            put('\n');
        }
}
static void debugging(void)
{
    static const u8 ops[][6] = {{0x90, 0x90},
                                {0x8e, 0xd0, 0x90, 0x90},
                                {0xfb, 0x90, 0x90},
                                {0xcd, 0x90},
                                {0xf3, 0xa4, 0x90},
                                {0x9d, 0x90, 0x90},
                                {0xcc},
                                {0x0f, 0x0b},
                                {0xf1},
                                {0x0f, 0xa2, 0x90},
                                {0xeb, 0x00, 0x90},
                                {0xfa, 0x90}};
    for (int cpl = 0; cpl < 4; cpl += 3)
        for (unsigned o = 0; o < sizeof ops / 6; o++) {
            setup();
            load_tr();
            clear();
            ctx[9] = 0x100 | (cpl ? 0x3000 : 0);
            go(cpl);
            ctx[0] = ctx[11];
            ctx[2] = 3;
            ctx[4] = 0x9000;
            ctx[5] = 0x9100;
            *(u32 *)ctx[10] = 2;
            code(ops[o], 6);
            asm volatile("mov %0,%%dr6" ::"r"(0));
            run_case();
            u32 d;
            asm volatile("mov %%dr6,%0" : "=r"(d));
            outbuf[11] = 0;
            outbuf[8] = 0;
            line("step", cpl, 0, o);
            report();
            put(' ');
            hex(d, 8);
            put(' ');
            hex(outbuf[10], 2);
            put('\n');
        }
    for (int t = 0; t < 4; t++)
        for (int len = 0; len < 4; len++)
            for (int off = -4; off < 8; off++)
                for (int o = 0; o < 3; o++) {
                    if (t == 2 || len == 2)
                        continue;
                    if (t == 0)
                        continue;
                    setup();
                    load_tr();
                    clear();
                    go(0);
                    static const u8 r[] = {0x8b, 0x02, 0x90, 0x90}, wr[] = {0x89, 0x02, 0x90, 0x90},
                                    wb[] = {0x88, 0x02, 0x90, 0x90};
                    code(o == 0 ? r : o == 1 ? wr : wb, 4);
                    ctx[3] = 0x9100 + off;
                    asm volatile("mov %0,%%dr6; mov %1,%%dr1; mov %2,%%dr7" ::"r"(0), "r"(0x9100),
                                 "r"(0x400 | 8 | t << 20 | len << 22));
                    run_case();
                    u32 d;
                    asm volatile("mov %%dr6,%0; mov %1,%%dr7" : "=&r"(d) : "r"(0x400));
                    outbuf[11] = 0;
                    line("dr", t, len, o << 8 | (off & 0xff));
                    report();
                    put(' ');
                    hex(d, 8);
                    put('\n');
                }
    for (int rf = 0; rf < 2; rf++)
        for (int at = 0; at < 4; at++) {
            setup();
            load_tr();
            clear();
            ctx[9] = rf ? 0x10000 : 0;
            go(0);
            CODEB(0x90, 0x90, 0x90, 0x90);
            asm volatile("mov %0,%%dr6; mov %1,%%dr0; mov %2,%%dr7" ::"r"(0), "r"((u32)CODE + at), "r"(0x402));
            run_case();
            u32 d;
            asm volatile("mov %%dr6,%0; mov %1,%%dr7" : "=&r"(d) : "r"(0x400));
            line("xb", rf, 0, at);
            report();
            put(' ');
            hex(d, 8);
            put('\n');
        }
}
