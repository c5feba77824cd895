/*
 * What others ask of a CPU. Its caches (TLB, blocks, translations) are touched by nobody but their owner, the thread
 * that runs it, or has it for the moment while nobody does; everybody else leaves a request. Requests are few kinds and
 * may be merged, so there is always room: forgetting more than was asked for is only slower.
 */
#include "cpu/cpu.h"

#include <sched.h>

static u64 this_thread(void) { return (u64)pthread_self(); }

static void merge_protect(struct cpu_asked *a, const u8 *host)
{
    if (a->nhosts < ARRAY_LEN(a->host))
        a->host[a->nhosts++] = host;
    else
        a->flush = true;
}

/* The last range grows over what lies between, where there is no room for another. */
static void merge_code(struct cpu_asked *a, u64 pa, u64 len)
{
    struct cpu_asked_range *last = a->nranges ? &a->range[a->nranges - 1] : NULL;
    if (last && (a->nranges == ARRAY_LEN(a->range) || pa == last->end)) {
        last->pa = MIN(last->pa, pa);
        last->end = MAX(last->end, pa + len);
    } else {
        a->range[a->nranges++] = (struct cpu_asked_range){pa, pa + len};
    }
}

static void merge(struct cpu_asked *a, const struct cpu_request *r)
{
    switch (r->kind) {
    case CPU_FLUSH:
        a->flush = true;
        break;
    case CPU_PROTECT:
        merge_protect(a, r->host);
        break;
    case CPU_CODE_WRITTEN:
        merge_code(a, r->pa, r->len);
        break;
    case CPU_A20:
        a->a20 = true;
        a->a20_mask = r->pa;
        break;
    }
}

/* Whether some is left in the 64 bytes around. */
static bool forget_code(struct cpu *cpu, u64 pa, u64 end)
{
    enum { MOST = 1 << 30 };
    bool left = false;
    for (u64 n; pa < end; pa += n) {
        n = MIN(end - pa, (u64)MOST);
        left |= cpu->engine->code_written(cpu, pa, (unsigned)n);
    }
    return left;
}

static void set_a20(struct cpu *cpu, u64 mask)
{
    cpu->a20_mask = mask;
    tlb_flush(cpu, true);
}

static bool do_now(struct cpu *cpu, const struct cpu_request *r)
{
    switch (r->kind) {
    case CPU_FLUSH:
        tlb_flush(cpu, true);
        break;
    case CPU_PROTECT:
        tlb_protect_host_page(cpu, r->host);
        break;
    case CPU_CODE_WRITTEN:
        return forget_code(cpu, r->pa, r->pa + r->len);
    case CPU_A20:
        set_a20(cpu, r->pa);
        break;
    }
    return false;
}

static void do_all(struct cpu *cpu, const struct cpu_asked *a)
{
    if (a->a20)
        set_a20(cpu, a->a20_mask);
    else if (a->flush)
        tlb_flush(cpu, true);
    else
        for (unsigned i = 0; i < a->nhosts; i++)
            tlb_protect_host_page(cpu, a->host[i]);
    for (unsigned i = 0; i < a->nranges; i++)
        forget_code(cpu, a->range[i].pa, a->range[i].end);
}

static bool take(struct cpu *cpu)
{
    u64 nobody = 0;
    return __atomic_compare_exchange_n(&cpu->owner, &nobody, this_thread(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool cpu_ask(struct cpu *cpu, const struct cpu_request *r)
{
    bool mine = __atomic_load_n(&cpu->owner, __ATOMIC_RELAXED) == this_thread(), lent = !mine && take(cpu);
    if (mine || lent) {
        bool left = do_now(cpu, r);
        if (lent)
            cpu_disown(cpu);
        return left;
    }
    pthread_mutex_lock(&cpu->asked_lock);
    merge(&cpu->asked, r);
    __atomic_store_n(&cpu->asked.count, cpu->asked.count + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&cpu->asked_lock);
    cpu_raise_attention(cpu, ATT_REQUEST);
    return true;
}

void cpu_answer(struct cpu *cpu)
{
    cpu_clear_attention(cpu, ATT_REQUEST);
    pthread_mutex_lock(&cpu->asked_lock);
    struct cpu_asked a = cpu->asked;
    cpu->asked = (struct cpu_asked){.count = a.count};
    pthread_mutex_unlock(&cpu->asked_lock);
    do_all(cpu, &a);
    __atomic_store_n(&cpu->answered, a.count, __ATOMIC_RELEASE);
}

bool cpu_has_answered(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->answered, __ATOMIC_ACQUIRE) == __atomic_load_n(&cpu->asked.count, __ATOMIC_ACQUIRE);
}

void cpu_own(struct cpu *cpu)
{
    while (!take(cpu))
        sched_yield(); /* whoever asks has it for a moment */
    if (__atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) & ATT_REQUEST)
        cpu_answer(cpu);
}

void cpu_disown(struct cpu *cpu) { __atomic_store_n(&cpu->owner, 0, __ATOMIC_RELEASE); }
