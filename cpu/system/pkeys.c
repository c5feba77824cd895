/*
 * Protection keys (SDM vol. 3, 4.6.2): bits 59 to 62 of a leaf entry name one of
 * sixteen keys, PKRU says for each what it denies to data accesses of user
 * pages, IA32_PKRS to those of supervisor pages. The TLB knows what rights were
 * when its entries came, and which key they depend on: a change drops those.
 */
#include "cpu/system/sys.h"
#include "cpu/system/tlb.h"

enum { USER_KEYS = 16 };

int pkey_of(const struct cpu *cpu, u64 leaf, bool user)
{
    if (likely(!(cpu->cr4 & (user ? CR4_PKE : CR4_PKS))) || !is_long(cpu))
        return -1;
    return (int)(leaf >> 59 & 15) + (user ? USER_KEYS : 0);
}

unsigned pkey_denies(const struct cpu *cpu, int key, bool user)
{
    u32 bits = (key >= USER_KEYS ? cpu->pkru : cpu->pkrs) >> (key % USER_KEYS * 2) & 3;
    if (bits & 1)
        return PKEY_DENIES_ALL;
    return bits && (user || (cpu->cr0 & CR0_WP)) ? PKEY_DENIES_WRITE : 0;
}

/* Keys whose two bits differ. */
static u32 keys_changed(u32 a, u32 b)
{
    u32 differ = a ^ b, keys = 0;
    for (unsigned k = 0; differ; k++, differ >>= 2)
        keys |= (differ & 3 ? 1u : 0u) << k;
    return keys;
}

void pkru_write(struct cpu *cpu, u32 val)
{
    u32 keys = keys_changed(cpu->pkru, val);
    cpu->pkru = val;
    tlb_flush_keys(cpu, keys << USER_KEYS);
}

bool pkrs_write(struct cpu *cpu, u32 val)
{
    u32 keys = keys_changed(cpu->pkrs, val);
    cpu->pkrs = val;
    tlb_flush_keys(cpu, keys);
    return true;
}

static void need_pke(struct cpu *cpu, bool writes)
{
    if (!(cpu->cr4 & CR4_PKE))
        raise_ud(cpu);
    if ((u32)cpu->gpr[RCX] || (writes && (u32)cpu->gpr[RDX]))
        raise_gp(cpu, 0);
}

static UOP_FN(rdpkru)
{
    RAISES(cpu, u);
    need_pke(cpu, false);
    cpu->gpr[RAX] = cpu->pkru;
    cpu->gpr[RDX] = 0;
    NEXT(u);
}

static UOP_FN(wrpkru)
{
    RAISES(cpu, u);
    need_pke(cpu, true);
    pkru_write(cpu, (u32)cpu->gpr[RAX]);
    NEXT(u);
}

const struct uop_table uop_rdpkru = {{[FORM_0] = ANY_SIZE(rdpkru)}};
const struct uop_table uop_wrpkru = {{[FORM_0] = ANY_SIZE(wrpkru)}};
