/*
 * The gdb stub: frames, registers in every layout, memory, points, threads,
 * and garbage.
 */
#include "frontend/gdb_packet.h"
#include "frontend/gdbstub.h"
#include "tests/unit/frontend_rig.h"

static struct rig rig;
static struct gdb_server *gdb;

static void setup(void)
{
    rig_open(&rig, 2);
    gdb = gdb_server_create(&rig.host, rig.stream);
    rig_talk(&rig, "");
}

static void teardown(void)
{
    gdb_server_free(gdb);
    rig_close(&rig);
}

/* Sends one packet; all that comes back. */
static const char *send_packet(const char *data)
{
    char packet[8192];
    u8 sum = 0;
    for (const char *p = data; *p; p++)
        sum += (u8)*p;
    snprintf(packet, sizeof(packet), "$%s#%02x", data, sum);
    return rig_talk(&rig, packet);
}

/* Sends one packet; the answer without its frame and the acknowledgement. */
static const char *ask(const char *data)
{
    static char answer[32768];
    const char *got = send_packet(data);
    ck_assert_msg(got[0] == '+' && got[1] == '$', "%s: %s", data, got);
    const char *end = strrchr(got, '#');
    ck_assert_ptr_nonnull(end);
    snprintf(answer, sizeof(answer), "%.*s", (int)(end - got - 2), got + 2);
    return answer;
}
#define ASK(packet, answer) ck_assert_str_eq(ask(packet), answer)

START_TEST(frames)
{
    ck_assert_str_eq(rig_talk(&rig, "junk$qAttached#8f"), "+$1#31");
    ck_assert_str_eq(rig_talk(&rig, "$qAttached#00"), "-");           /* a wrong sum */
    ck_assert_str_eq(rig_talk(&rig, "-"), "$1#31");                   /* the last answer again */
    ck_assert_str_eq(rig_talk(&rig, "$qAtt$qAttached#8f"), "+$1#31"); /* cut short and begun anew */
    ck_assert_str_eq(rig_talk(&rig, "$qAtta}Ched#ec"), "+$1#31");     /* an escape: 43h ^ 20h is c */
    ASK("QStartNoAckMode", "OK");
    ck_assert_str_eq(rig_talk(&rig, "$qAttached#zz"), "$1#31");
}
END_TEST

START_TEST(handshake)
{
    const char *s = ask("qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386");
    ck_assert_ptr_nonnull(strstr(s, "PacketSize=4000"));
    ck_assert_ptr_nonnull(strstr(s, "qXfer:features:read+"));
    ASK("vMustReplyEmpty", "");
    ASK("vCont?", "vCont;c;C;s;S");
    ASK("?", "T05thread:01;");
    ASK("qfThreadInfo", "m01,02");
    ASK("qsThreadInfo", "l");
    ASK("qC", "QC01");
    ASK("T2", "OK");
    ASK("T3", "E22");
    ASK("Hg2", "OK");
    ASK("qC", "QC02");
    ASK("Hg-1", "OK");
    ASK("Hg9", "E22");
    ASK("Hx1", "E22");
    ASK("nonsense", "");
    ASK("!", "OK");
}
END_TEST

START_TEST(description)
{
    const char *xml = ask("qXfer:features:read:target.xml:0,3000");
    ck_assert_int_eq(xml[0], 'l');
    ck_assert_ptr_nonnull(strstr(xml, "<architecture>i386:x86-64</architecture>"));
    ck_assert_ptr_nonnull(strstr(xml, "name=\"k_gs_base\""));
    ck_assert_ptr_nonnull(strstr(xml, "name=\"xmm15\""));
    ck_assert_int_eq(ask("qXfer:features:read:target.xml:0,10")[0], 'm');
    ASK("qXfer:features:read:target.xml:ffffff,10", "l");
    ck_assert_int_eq(ask("qXfer:features:read:other.xml:0,10")[0], 'E');
    /* 24 registers of the sizes QEMU's description has, in its order */
    ck_assert_uint_eq(strlen(ask("g")), 2 * (17 * 8 + 4 + 6 * 4 + 9 * 8 + 8 * 10 + 8 * 4 + 16 * 16 + 4));
}
END_TEST

START_TEST(registers)
{
    struct cpu *cpu = rig.m->cpu[0];
    ASK("P0=8877665544332211", "OK");
    ck_assert_uint_eq(cpu->gpr[RAX], 0x1122334455667788);
    ASK("p0", "8877665544332211");
    ASK("P1=0100000000000000", "OK"); /* rbx comes second */
    ck_assert_uint_eq(cpu->gpr[RBX], 1);
    ASK("P11=d7080000", "OK");
    ck_assert_uint_eq(cpu->eflags & FL_DF, 0);
    ASK("p11", "d7080000");
    ASK("P29=7f030000", "OK"); /* fctrl, 64 exact bits of the rest in st0 */
    ck_assert_uint_eq(cpu->fpu.fcw & 0x1f3f, 0x33f);
    ASK("P21=00000000000000c00040", "OK");
    ck_assert_uint_eq(cpu->fpu.reg[cpu->fpu.top].man, 0xc000000000000000);
    ck_assert_uint_eq(cpu->fpu.reg[cpu->fpu.top].se, 0x4000);
    ASK("P31=0102030405060708090a0b0c0d0e0f10", "OK");
    ck_assert_uint_eq(VQ(&cpu->xmm[0], 1), 0x100f0e0d0c0b0a09);
    ASK("p31", "0102030405060708090a0b0c0d0e0f10");
    ASK("p41", "801f0000");
    ASK("p42", "E14");
    ASK("P1e=0002000000000000", "OK");  /* CR4.OSFXSR */
    ASK("P1e=0000008000000000", "E22"); /* a reserved bit */
    ASK("p1e", "0002000000000000");
    ASK("P1e=0000000000000000", "OK");
    ASK("P1b=1000008000000000", "E22"); /* CR0.PG without PE */
    ASK("P20=0200000000000000", "E22"); /* EFER: reserved */
    ASK("P0=12", "E22");
    ASK("P0", "E22");
    /* all of them, out and in again */
    char all[4096];
    snprintf(all, sizeof(all), "G%s", ask("g"));
    cpu->gpr[RAX] = 0;
    ASK(all, "OK");
    ck_assert_uint_eq(cpu->gpr[RAX], 0x1122334455667788);
}
END_TEST

START_TEST(real_mode_is_linear)
{
    struct cpu *cpu = rig.m->cpu[0];
    ASK("P12=00100000", "OK"); /* cs = 1000h: the base follows */
    ck_assert_uint_eq(cpu->seg[CS].base, 0x10000);
    ASK("P10=3412010000000000", "OK");
    ck_assert_uint_eq(cpu->gpr[SLOT_RIP], 0x1234);
    ASK("p10", "3412010000000000");
    ASK("P12=00200000", "OK"); /* and so does the program counter */
    ASK("p10", "3412020000000000");
    ASK("P14=34120000", "OK"); /* ds */
    ck_assert_uint_eq(cpu->seg[DS].base, 0x12340);
}
END_TEST

/* All registers at once: the program counter is the one that was written, whatever the base is then. */
START_TEST(all_at_once)
{
    struct cpu *cpu = rig.m->cpu[0];
    static const unsigned rip = 16 * 16, cs = rip + 16 + 8; /* digits before them */
    char all[4096];
    snprintf(all, sizeof(all), "G%s", ask("g"));
    memcpy(all + 1 + rip, "0001010000000000", 16);
    memcpy(all + 1 + cs, "00100000", 8);
    ASK(all, "OK");
    ck_assert_uint_eq(cpu->seg[CS].base, 0x10000);
    ck_assert_uint_eq(cpu->gpr[SLOT_RIP], 0x100);
    ck_assert_str_eq(ask("g"), all + 1);
    memcpy(all + 1 + rip, "0001000000000000", 16); /* outside of CS: no offset in it */
    ASK(all, "OK");
    ck_assert_str_eq(ask("g"), all + 1);
    ASK("G1122334455667788", "OK"); /* the first one only */
    ck_assert_uint_eq(cpu->gpr[RAX], 0x8877665544332211);
    ASK("G112233", "E22");
    ck_assert_uint_eq(cpu->gpr[RAX], 0x8877665544332211);
}
END_TEST

START_TEST(memory)
{
    ASK("M1000,4:01020304", "OK");
    ASK("m1000,4", "01020304");
    ASK("m1002,4", "03040000");
    u8 x[] = "$X1000,3:\x7d\x03\x7d\x04z#00"; /* '#' and '$', escaped */
    u8 sum = 0;
    for (size_t i = 1; x[i] != '#'; i++)
        sum += x[i];
    snprintf((char *)strchr((char *)x, '#'), 4, "#%02x", sum);
    ck_assert_str_eq(rig_talk(&rig, (char *)x), "+$OK#9a");
    ASK("m1000,3", "23247a");
    ASK("M1000,4:01", "E22");
    ASK("m1000", "E22");
    ASK("mzz,4", "E22");
    ASK("m1000,0", "");
}
END_TEST

START_TEST(points)
{
    ASK("Z0,7c00,1", "OK");
    ASK("Z1,7c00,1", "OK"); /* one and the same to the CPU: */
    ASK("z0,7c00,1", "OK");
    ck_assert(rig.m->cpu[0]->points && rig.m->cpu[1]->points); /* ... still there */
    ASK("z1,7c00,1", "OK");
    ck_assert_ptr_null(rig.m->cpu[0]->points);
    ASK("Z2,1000,4", "OK");
    ASK("Z3,1000,4", "OK");
    ASK("Z4,1000,4", "OK");
    ASK("z2,1000,4", "OK");
    ASK("Z5,1000,4", "");
    ASK("Z0,1000", "E22");
    ASK("D", "OK"); /* detaching takes the rest away */
    ck_assert_ptr_null(rig.m->cpu[0]->points);
}
END_TEST

/* mov al,1; mov [600h],al; jmp $ */
static void load_program(void)
{
    static const u8 code[] = {0xb0, 0x01, 0xa2, 0x00, 0x06, 0xeb, 0xfe};
    space_write_bytes(&rig.m->sys.mem, 0x7c00, code, sizeof(code));
    ASK("P12=00000000", "OK");
    ASK("P10=007c000000000000", "OK");
}

START_TEST(steps)
{
    load_program();
    ASK("s", "T05thread:01;");
    ASK("p10", "027c000000000000");
    ck_assert_uint_eq(rig.m->cpu[0]->gpr[RAX] & 0xff, 1);
    ASK("Z2,600,1", "OK");
    ASK("vCont;s:1;c", "T05thread:01;watch:600;");
    ASK("p10", "057c000000000000");
    ASK("vCont;s:1", "T05thread:01;");
    ASK("vCont;x", "E22");
    ASK("vCont;s:7", "E22");
    ASK("qRcmd,69zz", "E22");
    /* "info status" comes as output, then OK */
    const char *got = send_packet("qRcmd,696e666f20737461747573");
    ck_assert_ptr_nonnull(strstr(got, "$O564d2073746174"));
    ck_assert_ptr_nonnull(strstr(got, "$OK#9a"));
}
END_TEST

/* Somebody else let the machine run: a step stops it, with one answer, and it can be let run again. */
START_TEST(step_while_running)
{
    load_program();
    machine_cont(rig.m);
    ASK("s", "T05thread:01;");
    ASK("p10", "027c000000000000");
    ck_assert_str_eq(rig_talk(&rig, ""), "");
    ck_assert_int_ne(machine_state(rig.m), RUN_RUNNING);
    machine_cont(rig.m);
    ck_assert_int_eq(machine_state(rig.m), RUN_RUNNING);
    machine_stop(rig.m, RUN_PAUSED);
}
END_TEST

/* QEMU's words for what a step lets in. */
START_TEST(step_bits)
{
    struct cpu *cpu = rig.m->cpu[0];
    ASK("qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4");
    ASK("qqemu.sstep", "0x7");
    ASK("Qqemu.sstep=8", "E22");
    ASK("Qqemu.sstep=", "E22");
    ASK("Qqemu.sstep=1", "OK");
    ASK("qqemu.sstep", "0x1");
    /* An NMI's handler is entered, and its first instruction is the next, not behind us; held off it waits. */
    static const u8 vector[] = {0x00, 0x7d, 0x00, 0x00}, handler[] = {0x90, 0xcf};
    load_program();
    space_write_bytes(&rig.m->sys.mem, 8, vector, sizeof(vector));
    space_write_bytes(&rig.m->sys.mem, 0x7d00, handler, sizeof(handler));
    cpu->gpr[RSP] = 0x7000;
    cpu_raise_attention(cpu, ATT_NMI);
    ASK("Qqemu.sstep=3", "OK");
    ASK("s", "T05thread:01;");
    ASK("p10", "027c000000000000");
    ASK("Qqemu.sstep=1", "OK");
    ASK("s", "T05thread:01;");
    ASK("p10", "007d000000000000");
    ASK("s", "T05thread:01;");
    ASK("p10", "017d000000000000");
    ASK("s", "T05thread:01;");
    ASK("p10", "027c000000000000");
}
END_TEST

/* A gdb that asks for it gets the description that fits the code. */
START_TEST(descriptions)
{
    struct cpu *cpu = rig.m->cpu[0];
    ASK("Qorrery.describe", "changed"); /* at reset: real mode */
    ASK("Qorrery.describe", "OK");
    ck_assert_ptr_nonnull(strstr(ask("qXfer:features:read:target.xml:0,3000"), "<architecture>i8086</architecture>"));
    ck_assert_uint_eq(strlen(ask("g")), 2 * (10 * 4 + 6 * 4 + 9 * 4 + 8 * 10 + 8 * 4 + 8 * 16 + 4));
    cpu->cr0 |= CR0_PE;
    cpu->seg[CS].attr |= SEG_DB;
    cpu_update_mode(cpu);
    ASK("Qorrery.describe", "changed");
    ck_assert_ptr_nonnull(strstr(ask("qXfer:features:read:target.xml:0,3000"), "<architecture>i386</architecture>"));
    cpu->cr4 |= CR4_PAE;
    cpu->efer |= EFER_LME | EFER_LMA;
    cpu->cr0 |= CR0_PG;
    cpu->seg[CS].attr = (cpu->seg[CS].attr & ~(u32)SEG_DB) | SEG_L;
    cpu_update_mode(cpu);
    ASK("Qorrery.describe", "changed");
    ck_assert_ptr_nonnull(
        strstr(ask("qXfer:features:read:target.xml:0,3000"), "<architecture>i386:x86-64</architecture>"));
}
END_TEST

START_TEST(narrow_layout)
{
    /* 32-bit code with paging on: i386, whatever the CPU could do */
    struct cpu *cpu = rig.m->cpu[0];
    cpu->cr0 |= CR0_PE | CR0_PG;
    gdb_server_free(gdb);
    gdb = gdb_server_create(&rig.host, rig.stream);
    rig_talk(&rig, "");
    const char *xml = ask("qXfer:features:read:target.xml:0,3000");
    ck_assert_ptr_nonnull(strstr(xml, "<architecture>i386</architecture>"));
    ck_assert_ptr_null(strstr(xml, "xmm8"));
    ck_assert_uint_eq(strlen(ask("g")), 2 * (10 * 4 + 6 * 4 + 9 * 4 + 8 * 10 + 8 * 4 + 8 * 16 + 4));
    cpu->gpr[RCX] = 0x11223344;
    ASK("p1", "44332211"); /* ecx comes second */
    ASK("p31", "801f0000");
    ASK("p32", "E14");
    cpu->cr0 &= ~(u64)(CR0_PE | CR0_PG);
}
END_TEST

/* Random bytes, and random damage to real packets. What resumes or ends the machine is left out. */
START_TEST(garbage)
{
    static const char *const seeds[] = {
        "$g#67",    "$m1000,40#8c", "$Z0,7c00,1#60", "$qXfer:features:read:target.xml:0,fff#7d",
        "$p10#d1",  "$Hg2#e1",      "$X1000,1:a#00", "$qRcmd,3132#00",
        "$P0=11#00"};
    u32 seed = 7;
    ASK("QStartNoAckMode", "OK");
    for (int round = 0; round < 3000; round++) {
        char text[96];
        seed = seed * 1664525 + 1013904223;
        snprintf(text, sizeof(text), "%s", seeds[(seed >> 8) % ARRAY_LEN(seeds)]);
        for (unsigned i = 0; i < (seed >> 28) % 4; i++) {
            seed = seed * 1664525 + 1013904223;
            text[1 + (seed >> 8) % strlen(text)] = (char)(seed >> 24);
        }
        if (strpbrk(text, "csCSkRvD\x03"))
            continue;
        rig_talk(&rig, text);
    }
    rig_talk(&rig, "$#00");
    ck_assert_str_eq(rig_talk(&rig, "$qAttached#8f"), "$1#31");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gdb");
    TCase *t = tcase_create("gdb");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, frames);
    tcase_add_test(t, handshake);
    tcase_add_test(t, description);
    tcase_add_test(t, registers);
    tcase_add_test(t, real_mode_is_linear);
    tcase_add_test(t, all_at_once);
    tcase_add_test(t, memory);
    tcase_add_test(t, points);
    tcase_add_test(t, steps);
    tcase_add_test(t, step_while_running);
    tcase_add_test(t, step_bits);
    tcase_add_test(t, descriptions);
    tcase_add_test(t, narrow_layout);
    tcase_add_test(t, garbage);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
