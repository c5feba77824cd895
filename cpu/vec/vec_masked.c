/*
 * Memory by element: VMASKMOVPS/PD, VPMASKMOVD/Q, and the gathers of AVX2.
 * Elements whose mask is positive are not touched and cannot fault.
 */
#include "cpu/handlers.h"
#include "cpu/vec/vec.h"

ALWAYS_INLINE u64 element_get(const union vec *v, unsigned elem, unsigned i) { return elem == 4 ? VD(v, i) : VQ(v, i); }
ALWAYS_INLINE void element_set(union vec *v, unsigned elem, unsigned i, u64 x)
{
    if (elem == 4)
        VD(v, i) = (u32)x;
    else
        VQ(v, i) = x;
}
ALWAYS_INLINE bool element_chosen(const union vec *mask, unsigned elem, unsigned i)
{
    return element_get(mask, elem, i) >> (elem * 8 - 1);
}

/*
 * ---- masked moves; the mask is src2 ----
 * The operand's address is cut to the address size once, and elements run on from there (seen on Zen 5): past 4 GiB in
 * 64-bit code, beyond any segment's limit elsewhere.
 */
ALWAYS_INLINE u64 element_lin(struct cpu *cpu, const struct uop *u, u64 ea, unsigned elem, bool write)
{
    if (unlikely(ea >> 32) && (cpu->mode & MODE_CODE) != MODE_CODE64)
        cpu_raise_error(cpu, u->seg == SS ? EXC_SS : EXC_GP, 0);
    return lin_at(cpu, u, u->seg, ea, elem, write);
}
ALWAYS_INLINE void masked_load(struct cpu *cpu, const struct uop *u, unsigned elem)
{
    union vec r = {.q = {0}};
    u64 ea = uop_ea(cpu, u);
    RAISES(cpu, u);
    for (unsigned i = 0; i < u->size / elem; i++)
        if (element_chosen(&cpu->xmm[u->src2], elem, i))
            element_set(&r, elem, i, mem_read(cpu, element_lin(cpu, u, ea + i * elem, elem, false), elem));
    cpu->xmm[u->dst] = r;
}
ALWAYS_INLINE void masked_store(struct cpu *cpu, const struct uop *u, unsigned elem)
{
    const union vec *mask = &cpu->xmm[u->src2], *v = &cpu->xmm[u->src];
    u64 ea = uop_ea(cpu, u);
    RAISES(cpu, u);
    for (unsigned i = 0; i < u->size / elem; i++) {
        if (!element_chosen(mask, elem, i))
            continue;
        u64 lin = element_lin(cpu, u, ea + i * elem, elem, true);
        if (!tlb_write_ptr(cpu, lin, elem, cpu->mmu_idx))
            mem_probe_write(cpu, lin, elem, cpu->mmu_idx);
    }
    for (unsigned i = 0; i < u->size / elem; i++)
        if (element_chosen(mask, elem, i))
            mem_write(cpu, element_lin(cpu, u, ea + i * elem, elem, true), element_get(v, elem, i), elem);
}
static UOP_FN(vmaskmovps_rm)
{
    masked_load(cpu, u, 4);
    NEXT(u);
}
static UOP_FN(vmaskmovps_mr)
{
    masked_store(cpu, u, 4);
    NEXT(u);
}
static UOP_FN(vmaskmovpd_rm)
{
    masked_load(cpu, u, 8);
    NEXT(u);
}
static UOP_FN(vmaskmovpd_mr)
{
    masked_store(cpu, u, 8);
    NEXT(u);
}
const struct uop_table VMASKMOVPS_table = {{[FORM_RM] = ANY_SIZE(vmaskmovps_rm), [FORM_MR] = ANY_SIZE(vmaskmovps_mr)}};
const struct uop_table VMASKMOVPD_table = {{[FORM_RM] = ANY_SIZE(vmaskmovpd_rm), [FORM_MR] = ANY_SIZE(vmaskmovpd_mr)}};

/*
 * ---- gathers ----
 * From the lowest element up: each that arrived is in dst with its mask
 * cleared when a later one faults (SDM vol. 2, VGATHERDPS). u->index is a
 * vector register; dst, mask (src2) and index must differ.
 */
ALWAYS_INLINE void gather(struct cpu *cpu, const struct uop *u, unsigned elem, unsigned index_size)
{
    RAISES(cpu, u);
    if (u->dst == u->src2 || u->dst == u->index || u->src2 == u->index)
        raise_ud(cpu);
    unsigned lanes = u->size / MAX(elem, index_size);
    union vec *dst = &cpu->xmm[u->dst], *mask = &cpu->xmm[u->src2];
    const union vec *index = &cpu->xmm[u->index];
    for (unsigned i = 0; i < lanes; i++) {
        if (element_chosen(mask, elem, i)) {
            u64 n = sext(element_get(index, index_size, i), index_size);
            u64 ea = addr_wrap(u, cpu->gpr[u->base] + (n << u->scale) + (u64)(i64)u->disp);
            element_set(dst, elem, i, mem_read(cpu, lin_at(cpu, u, u->seg, ea, elem, false), elem));
        }
        element_set(mask, elem, i, 0);
    }
    for (unsigned i = lanes; i < 32 / elem; i++)
        element_set(dst, elem, i, 0);
    memset(mask, 0, sizeof(*mask));
}
static UOP_FN(vgatherdps)
{
    gather(cpu, u, 4, 4);
    NEXT(u);
}
static UOP_FN(vgatherqps)
{
    gather(cpu, u, 4, 8);
    NEXT(u);
}
static UOP_FN(vgatherdpd)
{
    gather(cpu, u, 8, 4);
    NEXT(u);
}
static UOP_FN(vgatherqpd)
{
    gather(cpu, u, 8, 8);
    NEXT(u);
}
const struct uop_table VGATHERDPS_table = {{[FORM_RM] = ANY_SIZE(vgatherdps)}};
const struct uop_table VGATHERQPS_table = {{[FORM_RM] = ANY_SIZE(vgatherqps)}};
const struct uop_table VGATHERDPD_table = {{[FORM_RM] = ANY_SIZE(vgatherdpd)}};
const struct uop_table VGATHERQPD_table = {{[FORM_RM] = ANY_SIZE(vgatherqpd)}};
