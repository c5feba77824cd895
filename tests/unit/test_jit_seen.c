/*
 * The translator's outside: a code memory that is always full, a host that forbids
 * executable memory, and what is shown of it: counters, traces, the map from emitted
 * code to guest instructions, the files for Linux perf. What translated code computes is
 * the business of tests/insn and of the guests.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devices/machine/machine.h"
#include "frontend/disasm.h"
#include "jit/engine.h"
#include "jit/jit.h"
#include "tests/unit/cpu_world.h"

enum { SMALL = 192 << 10, LARGE = 4 << 20 };

/* ---- a guest of many little pieces ---- */

enum { PIECES = 3000, PIECE = 64, PASSES = 12, PROGRAM = 0x100000, VARIABLES = 0x200000 };

static u8 *put(u8 *p, const void *bytes, size_t n) { return (u8 *)memcpy(p, bytes, n) + n; }
#define PUT(p, ...) ((p) = put(p, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})))
static u8 *put32(u8 *p, u32 v) { return st32(p, v), p + 4; }

/* Piece k: add rax, imm; rol rax; add [variable], rax; one in 16 changes the next one's code; then on to the next. */
static void put_piece(unsigned k)
{
    u8 *start = w.ram + PROGRAM + k * PIECE, *p = start;
    PUT(p, 0x48, 0x05), p = put32(p, k * 0x9e3779b9u & 0x7fffffff);
    PUT(p, 0x48, 0xc1, 0xc0, (u8)(k % 63 + 1));
    PUT(p, 0x48, 0x01, 0x83), p = put32(p, k % 512 * 8);
    if (k % 16 == 5)
        PUT(p, 0xfe, 0x05), p = put32(p, (u32)(PIECE + 2 - (int)(p + 4 - start)));
    PUT(p, 0xe9), p = put32(p, (u32)(PIECE - (int)(p + 4 - start)));
}
static void put_program(void)
{
    for (unsigned k = 0; k < PIECES; k++)
        put_piece(k);
    u8 *start = w.ram + PROGRAM + PIECES * PIECE, *p = start; /* dec ecx; jnz; hlt */
    PUT(p, 0xff, 0xc9, 0x0f, 0x85), p = put32(p, (u32)(-PIECES * PIECE - (int)(p + 4 - start)));
    PUT(p, 0xf4);
    w.cpu->gpr[RBX] = VARIABLES;
    w.cpu->gpr[RCX] = PASSES;
    w.cpu->gpr[SLOT_RIP] = PROGRAM;
}

struct result {
    u64 rax, sum, instructions;
    u32 flags;
};
static struct result run_program(void)
{
    u64 before = cpu_icount(w.cpu);
    for (unsigned turn = 0; turn < 10000 && !w.cpu->halted; turn++)
        w_run(5000);
    ck_assert(w.cpu->halted);
    struct result r = {.rax = w.cpu->gpr[RAX], .instructions = cpu_icount(w.cpu) - before, .flags = cpu_eflags(w.cpu)};
    for (unsigned i = 0; i < 512; i++)
        r.sum = r.sum * 31 + ld64(w.ram + VARIABLES + i * 8);
    return r;
}
/* The program in a fresh world; code_bytes 0: interpreted. The world stays. */
static struct result whole(size_t code_bytes)
{
    w_start("max");
    w_long(0);
    put_program();
    ck_assert(!code_bytes || jit_attach(w.cpu, code_bytes, 0));
    return run_program();
}
static void end(void)
{
    jit_detach(w.cpu);
    w_stop();
}

/* Every pass makes more code than there is room for, and changes some of it. */
START_TEST(full_cache)
{
    struct result want = whole(0);
    end();
    struct result got = whole(SMALL);
    const struct jit *jit = w.cpu->translator;
    ck_assert_uint_ge(jit->counters.flushes, PASSES);
    ck_assert_uint_ge(jit->counters.invalidated, PIECES / 16);
    ck_assert_uint_le(jit->used, jit->size);
    ck_assert_uint_eq(got.rax, want.rax);
    ck_assert_uint_eq(got.sum, want.sum);
    ck_assert_uint_eq(got.instructions, want.instructions);
    ck_assert_uint_eq(got.flags, want.flags);
    end();
}
END_TEST

/* More code than there is room for as micro-ops: it becomes hot all the same. */
START_TEST(blocks_that_make_room_while_cold)
{
    enum { HOT = 48, ROOM = 64 << 10 };
    w_start("max");
    w_long(0);
    put_program();
    ck_assert(jit_attach(w.cpu, LARGE, HOT));
    struct block_cache *c = w.cpu->engine_data;
    c->limit = ROOM;
    run_program();
    const struct jit *jit = w.cpu->translator;
    ck_assert_uint_gt(c->flushes, PASSES / 2);
    ck_assert_uint_ge(jit->counters.translated, PIECES / 16);
    end();
}
END_TEST

/* ---- what is shown ---- */

START_TEST(counters)
{
    char *text;
    size_t size;
    whole(LARGE);
    const struct jit_counters *c = &((const struct jit *)w.cpu->translator)->counters;
    ck_assert_uint_ge(c->translated, PIECES / 16);
    ck_assert_uint_ge(c->lookups, c->misses);
    ck_assert_uint_ge(c->misses, c->translated);
    ck_assert(c->entered && c->links && c->guest_bytes && c->host_bytes > c->guest_bytes && c->translate_ns);
    FILE *out = open_memstream(&text, &size);
    w.cpu->engine->info(w.cpu, out);
    fclose(out);
    char want[100];
    snprintf(want, sizeof(want), "translations: %llu made, %llu dropped, %llu flushes",
             (unsigned long long)c->translated, (unsigned long long)c->invalidated, (unsigned long long)c->flushes);
    ck_assert_msg(strstr(text, want), "%s: not %s", text, want);
    snprintf(want, sizeof(want), "lookups: %llu, of which %llu hits, %llu misses", (unsigned long long)c->lookups,
             (unsigned long long)(c->lookups - c->misses), (unsigned long long)c->misses);
    ck_assert_msg(strstr(text, want), "%s: not %s", text, want);
    free(text);
    end();
}
END_TEST

/* add rax, rcx; cmp rax, [rbx]; jb to the hlt; mov [rbx], rax; jmp to the start */
static void small_loop(void)
{
    w_start("max");
    w_long(0);
    CODE_AT(CODE, 0x48, 0x01, 0xc8, 0x48, 0x3b, 0x03, 0x72, 0x05, 0x48, 0x89, 0x03, 0xeb, 0xf3, 0xf4);
    w.cpu->gpr[RBX] = DATA;
    w.cpu->gpr[RCX] = 1ull << 60;
    ck_assert(jit_attach(w.cpu, LARGE, 0));
}
static const u16 loop_offsets[] = {0, 3, 6, 8, 11};
static const u16 loop_uops[] = {UOP_ADD, UOP_CMP, UOP_JB, UOP_MOV, UOP_JMP};

/* From each byte of emitted code back to the instruction it is for. */
START_TEST(marks)
{
    small_loop();
    w_run(1000);
    ck_assert(w.cpu->halted);
    const struct jit *jit = w.cpu->translator;
    const struct translation_block *tb = NULL;
    for (unsigned h = 0; h < ARRAY_LEN(jit->hash); h++)
        for (const struct translation_block *t = jit->hash[h]; t; t = t->hash_next)
            if (t->pa == CODE)
                tb = t;
    ck_assert_ptr_nonnull(tb);
    const struct code_mark *m = jit_marks(jit, tb);
    unsigned insns = 0, exits = 0, slow = 0;
    for (unsigned k = 0; k < tb->nmarks; k++) {
        u32 last = k + 1u < tb->nmarks ? m[k + 1].host : tb->length;
        ck_assert_uint_le(m[k].host, last);
        if (m[k].host < last) {
            ck_assert_ptr_eq(jit_mark_at(jit, tb, m[k].host), &m[k]);
            ck_assert_ptr_eq(jit_mark_at(jit, tb, last - 1), &m[k]);
        }
        exits += m[k].kind == MARK_EXIT;
        slow += m[k].kind == MARK_SLOW;
        if (m[k].kind != MARK_INSN)
            continue;
        ck_assert_uint_eq(m[k].pc_off, (CODE & 0xfff) + loop_offsets[insns]);
        ck_assert_uint_eq(m[k].op, loop_uops[insns]);
        insns++;
    }
    ck_assert_uint_eq(m[0].kind, MARK_ENTRY);
    ck_assert_uint_eq(insns, ARRAY_LEN(loop_offsets));
    ck_assert_uint_eq(exits, 1);
    ck_assert_uint_eq(slow, 2);
    end();
}
END_TEST

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    while ((text = strstr(text, what))) {
        n++;
        text += strlen(what);
    }
    return n;
}

START_TEST(traces)
{
    char *text;
    size_t size;
    const char *bad;
    small_loop();
    w.trace.out = open_memstream(&text, &size);
    w.trace.disasm = disasm_print;
    ck_assert(trace_parse(&w.trace, "uop,opt,out_asm", &bad));
    w_run(1000);
    fclose(w.trace.out);
    w.trace.mask = 0;
    static const char *const wanted[] = {
        "UOP: block 0x10000\n  +000 ADD.8 dst=rax src=rcx\n  +003 CMP.8 dst=rax mem=flat64[rbx+0x0]\n",
        "UOP: translation 0 of 0x10000, physical 0x10000, key ",
        "  +006 JB.8 imm=0xd\n  +008 MOV.8 mem=flat64[rbx+0x0] src=rax\n  +00b JMP.8 imm=0x0\n",
        "OPT: translation 0 of 0x10000",
        "  +000 ADD          reads ...... writes cpazso needed ...... by faults cpazso gprs 0001\n",
        "  +003 CMP          reads ...... writes cpazso needed cpazso by faults ...... gprs 0000 may-fault\n",
        "OUT: translation 0 of 0x10000",
        "  -- entry\n",
        "  -- 0x10000 ADD\n",
        "  -- slow path of 0x10008 MOV\n",
        "  -- exit of 0x10006 JB\n",
        "addq ",
    };
    for (unsigned i = 0; i < ARRAY_LEN(wanted); i++)
        ck_assert_msg(strstr(text, wanted[i]), "no '%s' in:\n%.3000s", wanted[i], text);
    ck_assert_uint_eq(count(text, "UOP: translation"), count(text, "OUT: translation"));
    ck_assert_uint_eq(count(text, ".byte"), 0);
    free(text);
    end();
}
END_TEST

/* ---- Linux perf ---- */

static u8 *file_bytes(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    ck_assert_msg(f != NULL, "%s", name);
    u8 *bytes = malloc(4 << 20);
    *size = fread(bytes, 1, (4 << 20) - 1, f);
    bytes[*size] = 0;
    fclose(f);
    return bytes;
}

/* The header, then the stubs, then a record for each translation with its code, then the end. */
static void check_dump(const struct jit *jit, const char *name, unsigned pid)
{
    size_t size;
    u8 *d = file_bytes(name, &size);
    u32 magic, word[5];
    memcpy(&magic, d, 4);
    memcpy(word, d + 4, sizeof(word));
    ck_assert_uint_eq(magic, 0x4a695444);
    ck_assert_uint_eq(word[0], 1);
    ck_assert_uint_eq(word[1], 40);
    ck_assert_uint_eq(word[4], pid);
    u64 index = 0, last_time = 0;
    size_t at = 40;
    for (u32 id = 0; id == 0;) {
        u32 length;
        u64 time, load[4];
        ck_assert_uint_le(at + 16, size);
        memcpy(&id, d + at, 4);
        memcpy(&length, d + at + 4, 4);
        memcpy(&time, d + at + 8, 8);
        ck_assert_uint_ge(time, last_time);
        last_time = time;
        if (id == 0) {
            memcpy(load, d + at + 24, sizeof(load));
            const char *symbol = (const char *)d + at + 56;
            ck_assert_uint_eq(load[0], load[1]);
            ck_assert_uint_eq(load[3], index);
            ck_assert_uint_eq(length, 56 + strlen(symbol) + 1 + load[2]);
            ck_assert(load[1] >= (uintptr_t)jit->exec && load[1] + load[2] <= (uintptr_t)jit->exec + jit->used);
            ck_assert(index ? !strncmp(symbol, "kernel:0x10", 11) : !strcmp(symbol, "orrery-stubs"));
            index++;
        }
        at += length;
        ck_assert(id == 0 || (id == 3 && length == 16));
    }
    ck_assert_uint_eq(at, size);
    ck_assert_uint_eq(index, jit->counters.translated + 1);
    free(d);
}

/* perf looks for names only where a mapping has no file of its own. */
static void check_mapping(const struct jit *jit)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[400], want[40];
    bool found = false;
    snprintf(want, sizeof(want), "%llx-", (unsigned long long)(uintptr_t)jit->exec);
    while (fgets(line, sizeof(line), maps))
        if (!strncmp(line, want, strlen(want)))
            found = strstr(line, " r-xs ") && strstr(line, " /dev/zero (deleted)");
    ck_assert(found);
    fclose(maps);
}

static void check_map(const struct jit *jit, const char *name)
{
    size_t size;
    u8 *bytes = file_bytes(name, &size);
    unsigned lines = 0;
    for (char *save = NULL, *line = strtok_r((char *)bytes, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        unsigned long long at, length;
        char symbol[64];
        ck_assert_int_eq(sscanf(line, "%llx %llx %63s", &at, &length, symbol), 3);
        ck_assert(at >= (uintptr_t)jit->exec && at + length <= (uintptr_t)jit->exec + jit->used && length);
        ck_assert(lines ? !strncmp(symbol, "kernel:0x10", 11) : !strcmp(symbol, "orrery-stubs"));
        lines++;
    }
    ck_assert_uint_eq(lines, jit->counters.translated + 1);
    free(bytes);
}

START_TEST(perf)
{
    char dir[] = "/tmp/orrery-perf-XXXXXX", map[40], dump[40], err[200];
    snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)getpid());
    snprintf(dump, sizeof(dump), "jit-%d.dump", (int)getpid());
    ck_assert(mkdtemp(dir) && chdir(dir) == 0);
    ck_assert_int_eq(symlink("/nonexistent/target", dump), 0); /* a trap: replaced, not followed */
    struct jit_perf *p = jit_perf_open(true, true, err, sizeof(err));
    ck_assert_msg(p != NULL, "%s", err);
    small_loop();
    jit_observe(w.cpu, p);
    w_run(1000);
    jit_perf_close(p);
    check_dump(w.cpu->translator, dump, (unsigned)getpid());
    check_map(w.cpu->translator, map);
    check_mapping(w.cpu->translator);
    unlink(map);
    unlink(dump);
    ck_assert(mkdir("jit", 0700) == 0 && chdir("jit") == 0 && rmdir("../jit") == 0);
    ck_assert_ptr_null(jit_perf_open(false, true, err, sizeof(err)));
    ck_assert_msg(strstr(err, "cannot create jit-"), "%s", err);
    ck_assert_int_eq(rmdir(dir), 0);
    end();
}
END_TEST

/* ---- a host that forbids executable memory ---- */

/* System call 'call' fails from now on with that error when that argument has one of the bits. */
static void forbid(unsigned call, unsigned argument, u32 bits, u32 error)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (u32)(offsetof(struct seccomp_data, args) + 8 * argument)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_LEN(f), f};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(no_executable_memory)
{
    struct result want = whole(0);
    end();
    if (_i == 0)
        forbid(SYS_mmap, 2, PROT_EXEC, EPERM);
    else
        forbid(SYS_mremap, 3, ~0u, ENOSYS);
    w_start("max");
    w_long(0);
    put_program();
    ck_assert(!jit_attach(w.cpu, SMALL, 0) && errno != ENOMEM);
    struct result got = run_program();
    ck_assert_uint_eq(got.rax, want.rax);
    ck_assert_uint_eq(got.sum, want.sum);
    end();
}
END_TEST

/* A machine with two CPUs and that engine; what building it puts on standard error is in 'said'. */
static struct machine *build_machine(const char *accel, char *said, size_t said_size, char *err, size_t err_size)
{
    char name[] = "/tmp/orrery-test-XXXXXX";
    static struct trace trace;
    struct machine_config c = {
        .type = MACHINE_BARE, .ram_size = 1 << 20, .cpus = 2, .accel = accel, .tb_size = 3 << 20, .trace = &trace};
    trace.out = stderr;
    ck_assert(cpu_model_parse("max", &c.cpu, err, err_size));
    int fd = mkstemp(name), old = dup(2);
    dup2(fd, 2);
    struct machine *m = machine_create(&c, err, err_size);
    dup2(old, 2);
    close(old);
    ssize_t n = pread(fd, said, said_size - 1, 0);
    said[MAX(n, 0)] = 0;
    close(fd);
    unlink(name);
    return m;
}

/* The machine says once why there is no translator, and interprets; lockstep has nothing to compare with then. */
static const struct {
    u32 error;
    const char *why;
} refusals[] = {
    {EPERM, "this host forbids executable memory"},
    {EACCES, "this host forbids executable memory"},
    {ENOMEM, "not enough memory for a translator with tb-size=3, a smaller one may fit"},
};
START_TEST(no_executable_machine)
{
    char err[200], said[400], want[200];
    forbid(SYS_mmap, 2, PROT_EXEC, refusals[_i].error);
    struct machine *m = build_machine("jit", said, sizeof(said), err, sizeof(err));
    ck_assert_msg(m != NULL, "%s", err);
    snprintf(want, sizeof(want), "orrery: %s: interpreting (-accel interp)\n", refusals[_i].why);
    ck_assert_str_eq(said, want);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_str_eq(m->cpu[i]->engine->name, "interp");
    machine_destroy(m);
    ck_assert_ptr_null(build_machine("lockstep", said, sizeof(said), err, sizeof(err)));
    snprintf(want, sizeof(want), "-accel lockstep: %s", refusals[_i].why);
    ck_assert_str_eq(err, want);
    ck_assert_str_eq(said, "");
}
END_TEST

static void add(TCase *t)
{
    tcase_set_timeout(t, 60);
    if (!jit_available())
        return;
    tcase_add_test(t, full_cache);
    tcase_add_test(t, blocks_that_make_room_while_cold);
    tcase_add_test(t, counters);
    tcase_add_test(t, marks);
    tcase_add_test(t, traces);
    tcase_add_test(t, perf);
    tcase_add_loop_test(t, no_executable_memory, 0, 2);
    tcase_add_loop_test(t, no_executable_machine, 0, ARRAY_LEN(refusals));
}
int main(void) { return w_main("jit_seen", add); }
