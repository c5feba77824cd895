/*
 * Runs instruction bytes on the host's CPU. A child process maps the oracle's
 * areas at their addresses and enters the code by IRETQ, with every register
 * loaded; the exception that ends it arrives as a signal on an alternate
 * stack, whose context is the result. A timer ends endless loops. The child
 * is started again if it dies. 16- and 32-bit code runs in local segments
 * (modify_ldt) of the 64-bit child.
 */
#include "tests/insn/oracle.h"

#include "cpu/system/cpuid.h"

#ifdef __x86_64__

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE_PAGE = ORACLE_CODE & ~0xfff, STACK_BYTES = 1 << 16, ENTER_GPR = 512, ENTER_IRET = ENTER_GPR + 16 * 8 };
/* IRET to a 16-bit stack leaves the upper half of ESP, which is then this one's. */
enum { ENTER_ADDRESS = ORACLE_ESP_HIGH };

/* While FS is the test's, nothing may touch thread-local storage: sanitizers' hooks included. */
#define NO_HOOKS __attribute__((no_sanitize("address", "undefined")))

/* What oracle_enter_code() loads. */
struct enter {
    _Alignas(16) u8 fx[512];
    u64 gpr[16];
    u64 iret[5]; /* RIP CS RFLAGS RSP SS */
    u64 ds, es;
};
static_assert(offsetof(struct enter, gpr) == ENTER_GPR && offsetof(struct enter, iret) == ENTER_IRET &&
                  offsetof(struct enter, ds) == 680,
              "used by assembly");

/* Shared between parent and child. */
struct shared {
    struct oracle_case c;
    struct oracle_state out;
};

/* One per process; the child's copy is its own. */
static struct {
    struct shared *shared;
    pid_t child;
    int fd;
    u8 *code, *data, *low; /* writable aliases of the areas */
    u64 fs_base;
    struct enter *enter;
    void *back[5];
    volatile sig_atomic_t running, ticks;
} native;

void oracle_enter_code(
    const struct enter *e); /* does not return, but saying so makes ASan call out before it, without FS */
__asm__(".text\n"
        ".globl oracle_enter_code\n"
        "oracle_enter_code:\n"
        "  pushq $2\n" /* IRET wants NT clear */
        "  popfq\n"
        "  fxrstor64 (%rdi)\n"
        "  mov 680(%rdi), %ds\n"
        "  mov 688(%rdi), %es\n"
        "  lea 640(%rdi), %rsp\n" /* ENTER_IRET */
        "  mov -128(%rsp), %rax\n"
        "  mov -120(%rsp), %rcx\n"
        "  mov -112(%rsp), %rdx\n"
        "  mov -104(%rsp), %rbx\n"
        "  mov -88(%rsp), %rbp\n"
        "  mov -80(%rsp), %rsi\n"
        "  mov -72(%rsp), %rdi\n"
        "  mov -64(%rsp), %r8\n"
        "  mov -56(%rsp), %r9\n"
        "  mov -48(%rsp), %r10\n"
        "  mov -40(%rsp), %r11\n"
        "  mov -32(%rsp), %r12\n"
        "  mov -24(%rsp), %r13\n"
        "  mov -16(%rsp), %r14\n"
        "  mov -8(%rsp), %r15\n"
        "  iretq\n");

ALWAYS_INLINE NO_HOOKS void set_base(int code, u64 base)
{
    register long rax __asm__("rax") = SYS_arch_prctl;
    __asm__ volatile("syscall" : "+r"(rax) : "D"((long)code), "S"(base) : "rcx", "r11", "memory");
}

/*
 * The address sanitizer's shadow of all memory lies where random pointers reach. While the code under test runs,
 * accesses to it fault as they would without.
 */
#ifdef __SANITIZE_ADDRESS__
static NO_HOOKS void open_shadow(bool open)
{
    static const struct {
        u64 from, to;
    } parts[] = {{0x7fff8000, 0x8fff7000}, {0x2008fff7000, 0x10007fff8000}}; /* of low and of high memory */
    for (unsigned i = 0; i < 2; i++) {
        register long rax __asm__("rax") = SYS_mprotect;
        __asm__ volatile("syscall"
                         : "+r"(rax)
                         : "D"(parts[i].from), "S"(parts[i].to - parts[i].from),
                           "d"((long)(open ? PROT_READ | PROT_WRITE : PROT_NONE))
                         : "rcx", "r11", "memory");
    }
}
#else
static void open_shadow(bool open) { (void)open; }
#endif

/* The upper halves of YMM registers, which FXSAVE does not know. */
enum { XSAVE_BYTES = 1024, XSAVE_BV = 512, XSAVE_YMMH = 576, FX_MAGIC = 464, XFEATURE_AVX = 4 };

static void load_ymmh(const u8 *ymmh)
{
    _Alignas(64) u8 area[XSAVE_BYTES] = {0};
    if (!native_has(FEAT_AVX))
        return;
    st64(area + XSAVE_BV, XFEATURE_AVX);
    st32(area + FX_MXCSR, 0x1f80); /* comes with AVX state */
    memcpy(area + XSAVE_YMMH, ymmh, 256);
    __asm__ volatile("xrstor64 %0" : : "m"(area), "a"(XFEATURE_AVX), "d"(0) : "memory");
}
/* From the signal frame: the kernel's standard XSAVE format follows the FXSAVE image when it says so. */
static void fetch_ymmh(u8 *ymmh, const u8 *fx)
{
    bool there = ld32(fx + FX_MAGIC) == FP_XSTATE_MAGIC1 && (ld64(fx + XSAVE_BV) & XFEATURE_AVX);
    if (there)
        memcpy(ymmh, fx + XSAVE_YMMH, 256);
    else
        memset(ymmh, 0, 256);
}

/* Any exception of the code under test. Thread-local storage is out of reach until FS is back. */
static NO_HOOKS void caught(int sig, siginfo_t *info, void *context)
{
    static const u8 slot_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    const ucontext_t *uc = context;
    struct oracle_state *o = &native.shared->out;
    __asm__ volatile("pushfq\n andq $~0x40000, (%%rsp)\n popfq" ::: "memory", "cc"); /* EFLAGS.AC stays set */
    (void)info;
    if (sig == SIGVTALRM && (!native.running || native.ticks++ < 2))
        return;
    set_base(ARCH_SET_FS, native.fs_base);
    open_shadow(true);
    if (!native.running)
        _exit(3);
    for (unsigned i = 0; i < 16; i++)
        o->gpr[i] = (u64)uc->uc_mcontext.gregs[slot_of[i]];
    o->rip = (u64)uc->uc_mcontext.gregs[REG_RIP];
    o->rflags = (u64)uc->uc_mcontext.gregs[REG_EFL];
    o->vector = sig == SIGVTALRM ? ORACLE_TIMEOUT : (unsigned)uc->uc_mcontext.gregs[REG_TRAPNO];
    o->error = (u32)uc->uc_mcontext.gregs[REG_ERR];
    o->cr2 = (u64)uc->uc_mcontext.gregs[REG_CR2];
    memcpy(o->fx, uc->uc_mcontext.fpregs, 512);
    fetch_ymmh(o->ymmh, (const u8 *)uc->uc_mcontext.fpregs);
    __builtin_longjmp(native.back, 1);
}

static NO_HOOKS void child_run(void)
{
    const struct oracle_case *c = &native.shared->c;
    struct oracle_state *o = &native.shared->out;
    struct enter *e = native.enter;
    memset(native.code, 0xcc, PAGE_SIZE);
    memcpy(native.code + (ORACLE_CODE & 0xfff), c->code, c->len);
    memcpy(native.data, c->in.data, sizeof(c->in.data));
    memcpy(native.low, c->in.low, sizeof(c->in.low));
    memcpy(e->fx, c->in.fx, 512);
    memcpy(e->gpr, c->in.gpr, sizeof(e->gpr));
    e->iret[0] = c->in.rip;
    e->iret[1] = oracle_selector(c, CS);
    e->iret[2] = c->in.rflags;
    e->iret[3] = c->in.gpr[RSP];
    e->iret[4] = oracle_selector(c, SS);
    e->ds = oracle_selector(c, DS);
    e->es = oracle_selector(c, ES);
    if (__builtin_setjmp(native.back) == 0) {
        set_base(ARCH_SET_GS, c->in.gs_base);
        native.ticks = 0;
        native.running = 1;
        load_ymmh(c->in.ymmh); /* nothing below touches them */
        if (c->segmented)
            __asm__ volatile("mov %0, %%fs\n mov %1, %%gs" ::"r"((u32)oracle_selector(c, FS)),
                             "r"((u32)oracle_selector(c, GS)));
        else
            set_base(ARCH_SET_FS, c->in.fs_base);
        open_shadow(false);
        oracle_enter_code(e);
    }
    native.running = 0;
    memcpy(o->data, native.data, sizeof(o->data));
    memcpy(o->low, native.low, sizeof(o->low));
}

/* Two views of 'size' fresh bytes: one at 'at' with 'prot', one writable, which is returned. */
static u8 *map_area(u64 at, size_t size, int prot)
{
    int fd = memfd_create("oracle", 0);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        return NULL;
    void *here = mmap((void *)(uintptr_t)at, size, prot, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, 0);
    void *alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return here == (void *)(uintptr_t)at && alias != MAP_FAILED ? alias : NULL;
}

/* The local descriptor table: segmented cases' and the flat code segment; false where the kernel has none. */
static bool child_segments(void)
{
    struct oracle_case c = {.segmented = true};
    struct user_desc flat = {.entry_number = ORACLE_FLAT32 >> 3,
                             .limit = 0xfffff,
                             .seg_32bit = 1,
                             .contents = 2,
                             .limit_in_pages = 1,
                             .useable = 1};
    if (syscall(SYS_modify_ldt, 0x11, &flat, sizeof(flat)) != 0)
        return false;
    for (unsigned bits = 16; bits <= 32; bits += 16)
        for (unsigned s = ES; s < SEG_COUNT; s++) {
            const struct oracle_segment *g = &oracle_segments[s];
            c.bits = bits;
            struct user_desc d = {.entry_number = oracle_selector(&c, s) >> 3,
                                  .base_addr = g->base,
                                  .limit = g->limit,
                                  .seg_32bit = bits == 32,
                                  .contents = g->code   ? 2
                                              : g->down ? 1
                                                        : 0,
                                  .read_exec_only = g->readonly,
                                  .useable = 1};
            if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) != 0)
                return false;
        }
    return true;
}

static void child_signals(void)
{
    static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGVTALRM, SIGSYS};
    stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};
    sigaltstack(&stack, NULL);
    struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART};
    for (unsigned i = 0; i < ARRAY_LEN(signals); i++)
        sigaction(signals[i], &sa, NULL);
    struct itimerval tick = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_VIRTUAL, &tick, NULL);
}

static _Noreturn void child_main(int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    native.code = map_area(CODE_PAGE, PAGE_SIZE, PROT_READ | PROT_EXEC);
    native.data = map_area(ORACLE_DATA, ORACLE_DATA_SIZE, PROT_READ | PROT_WRITE);
    native.low = map_area(ORACLE_LOW, ORACLE_LOW_SIZE, PROT_READ | PROT_WRITE);
    native.enter = mmap((void *)(uintptr_t)ENTER_ADDRESS, sizeof(*native.enter), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (!native.code || !native.data || !native.low || native.enter == MAP_FAILED || !child_segments())
        _exit(2);
    mprotect((void *)(uintptr_t)(ORACLE_DATA + 0x2000), PAGE_SIZE, PROT_READ);
    syscall(SYS_arch_prctl, ARCH_GET_FS, &native.fs_base);
    child_signals();
    char byte;
    while (read(fd, &byte, 1) == 1) {
        child_run();
        if (write(fd, &byte, 1) != 1)
            break;
    }
    _exit(0);
}

static bool child_start(void)
{
    int fds[2];
    if (!native.shared) {
        void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return false;
        native.shared = p;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return false;
    native.child = fork();
    if (native.child == 0) {
        close(fds[0]);
        child_main(fds[1]);
    }
    close(fds[1]);
    native.fd = fds[0];
    return native.child > 0;
}

bool native_available(void) { return true; }

bool native_run(const struct oracle_case *c, struct oracle_state *out)
{
    char byte = 0;
    if (native.child == 0 && !child_start()) {
        fprintf(stderr, "oracle: cannot start the native child\n");
        return false;
    }
    native.shared->c = *c;
    if (write(native.fd, &byte, 1) != 1 || read(native.fd, &byte, 1) != 1) {
        int status = 0;
        waitpid(native.child, &status, 0);
        close(native.fd);
        native.child = 0;
        fprintf(stderr, "oracle: the native child died (status %x)\n", (unsigned)status);
        return false;
    }
    *out = native.shared->out;
    return true;
}

bool native_has(unsigned feature)
{
    u32 r[WORD_COUNT] = {~0u}, a, b, c, d;
    __cpuid(1, a, b, c, d);
    r[WORD_F1_EDX] = d;
    r[WORD_F1_ECX] = c;
    __cpuid_count(7, 0, a, b, c, d);
    r[WORD_F7_EBX] = b;
    r[WORD_F7_ECX] = c;
    r[WORD_F7_EDX] = d;
    __cpuid(0x80000001, a, b, c, d);
    r[WORD_X1_EDX] = d;
    r[WORD_X1_ECX] = c;
    __cpuid_count(13, 1, a, b, c, d);
    r[WORD_FD_EAX] = a;
    return r[feature >> 5] >> (feature & 31) & 1;
}

#else

bool native_available(void) { return false; }
bool native_has(unsigned feature) { return (void)feature, false; }
bool native_run(const struct oracle_case *c, struct oracle_state *out) { return (void)c, (void)out, false; }

#endif
