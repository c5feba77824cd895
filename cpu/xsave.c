/*
 * FXSAVE and the XSAVE family (SDM vol. 1, 10.5 and chapter 13): the 512-byte
 * legacy region, the header and the YMM halves, standard and compacted. There
 * is no modified optimisation (XSAVEOPT may always write what is in use) and
 * no supervisor state.
 */
#include "cpu/mxcsr.h"
#include "cpu/sys.h"
#include "cpu/x87.h"

enum { XS_X87 = 1, XS_SSE = 2, XS_AVX = 4 };
enum { LEGACY_SIZE = 512, HEADER = 512, HEADER_SIZE = 64, AVX_OFFSET = 576, AVX_SIZE = 256, LEGACY_XMM = 160 };
#define XCOMP_COMPACT BIT64(63)

u64 xsave_supported(const struct cpu *cpu) { return XS_X87 | XS_SSE | (cpu_has(cpu, FEAT_AVX) ? XS_AVX : 0); }

u32 xsave_size(u64 components) { return components & XS_AVX ? AVX_OFFSET + AVX_SIZE : AVX_OFFSET; }

/* XMM and YMM registers the running code has. */
static unsigned vec_count(const struct cpu *cpu) { return is_code64(cpu) ? 16 : 8; }

static bool vec_bits(const struct cpu *cpu, unsigned quad)
{
    u64 any = 0;
    for (unsigned i = 0; i < 16; i++)
        any |= VQ(&cpu->xmm[i], quad) | VQ(&cpu->xmm[i], quad + 1);
    return any != 0;
}

u64 xsave_inuse(struct cpu *cpu)
{
    return XS_X87 | (vec_bits(cpu, 0) || cpu_mxcsr(cpu) != MXCSR_RESET ? XS_SSE : 0) | (vec_bits(cpu, 2) ? XS_AVX : 0);
}

/* ---- the parts, in a buffer laid out as in memory ---- */

static void put_x87(const struct cpu *cpu, u8 *area, bool wide)
{
    const struct fpu *f = &cpu->fpu;
    st16(area, f->fcw);
    st16(area + 2, x87_fsw(f));
    area[4] = f->ftw;
    area[5] = 0;
    st16(area + 6, f->fop);
    if (wide) {
        st64(area + 8, f->fip);
        st64(area + 16, f->fdp);
    } else {
        st64(area + 8, (u32)f->fip | (u64)f->fcs << 32);
        st64(area + 16, (u32)f->fdp | (u64)f->fds << 32);
    }
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_reg *r = &f->reg[x87_phys(f, i)];
        st64(area + 32 + 16 * i, r->man);
        st64(area + 40 + 16 * i, r->se);
    }
}

static void put_mxcsr(struct cpu *cpu, u8 *area)
{
    st32(area + 24, cpu_mxcsr(cpu));
    st32(area + 28, MXCSR_WRITABLE);
}

static void put_xmm(const struct cpu *cpu, u8 *area)
{
    for (unsigned i = 0; i < 16; i++) {
        st64(area + LEGACY_XMM + 16 * i, VQ(&cpu->xmm[i], 0));
        st64(area + LEGACY_XMM + 16 * i + 8, VQ(&cpu->xmm[i], 1));
    }
}

static void get_x87(struct cpu *cpu, const u8 *area, bool wide)
{
    struct fpu *f = &cpu->fpu;
    x87_set_fsw(f, ld16(area + 2));
    f->ftw = area[4];
    f->fop = ld16(area + 6) & 0x7ff;
    f->fip = wide ? ld64(area + 8) : ld32(area + 8);
    f->fdp = wide ? ld64(area + 16) : ld32(area + 16);
    f->fcs = wide ? 0 : ld16(area + 12);
    f->fds = wide ? 0 : ld16(area + 20);
    for (unsigned i = 0; i < 8; i++)
        f->reg[x87_phys(f, i)] = (struct x87_reg){ld64(area + 32 + 16 * i), ld16(area + 40 + 16 * i)};
    x87_load_fcw(cpu, ld16(area));
    x87_update_ferr(cpu);
}

static void get_xmm(struct cpu *cpu, const u8 *area)
{
    for (unsigned i = 0; i < vec_count(cpu); i++) {
        VQ(&cpu->xmm[i], 0) = ld64(area + LEGACY_XMM + 16 * i);
        VQ(&cpu->xmm[i], 1) = ld64(area + LEGACY_XMM + 16 * i + 8);
    }
}

static void get_ymm(struct cpu *cpu, const u8 *high)
{
    for (unsigned i = 0; i < vec_count(cpu); i++) {
        VQ(&cpu->xmm[i], 2) = ld64(high + 16 * i);
        VQ(&cpu->xmm[i], 3) = ld64(high + 16 * i + 8);
    }
}

static void init_x87(struct cpu *cpu)
{
    x87_init(&cpu->fpu);
    memset(cpu->fpu.reg, 0, sizeof(cpu->fpu.reg));
    x87_update_ferr(cpu);
}

static void init_vec(struct cpu *cpu, unsigned quad)
{
    for (unsigned i = 0; i < vec_count(cpu); i++)
        VQ(&cpu->xmm[i], quad) = VQ(&cpu->xmm[i], quad + 1) = 0;
}

/* Linear address of the area, n bytes of it within the segment's limit, aligned. */
static u64 area_lin(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align)
{
    u64 lin = uop_lin(cpu, u, n, u->aux);
    if (lin & (align - 1))
        raise_gp(cpu, 0);
    return lin;
}

/* ---- FXSAVE, FXRSTOR; aux: 1 for the one that writes ---- */

static void need_fxsr(struct cpu *cpu)
{
    if (cpu->cr0 & CR0_EM)
        raise_ud(cpu);
    if (cpu->cr0 & CR0_TS)
        raise_nm(cpu);
}

static UOP_FN(fxsave)
{
    u8 area[LEGACY_SIZE] = {0};
    RAISES(cpu, u);
    need_fxsr(cpu);
    u64 lin = area_lin(cpu, u, LEGACY_SIZE, 16);
    unsigned n = cpu_has(cpu, FEAT_SSE) ? LEGACY_XMM + 16 * vec_count(cpu) : LEGACY_XMM;
    put_x87(cpu, area, u->flags & UF_REXW);
    if (cpu_has(cpu, FEAT_SSE))
        put_mxcsr(cpu, area);
    put_xmm(cpu, area);
    mem_write_bytes(cpu, lin, area, n, cpu->mmu_idx);
    NEXT(u);
}

static UOP_FN(fxrstor)
{
    u8 area[LEGACY_SIZE];
    RAISES(cpu, u);
    need_fxsr(cpu);
    mem_read_bytes(cpu, area_lin(cpu, u, LEGACY_SIZE, 16), area, LEGACY_SIZE, cpu->mmu_idx);
    u32 mxcsr = ld32(area + 24);
    bool sse = cpu_has(cpu, FEAT_SSE) && (cpu->cr4 & CR4_OSFXSR);
    if (sse && (mxcsr & ~(u32)MXCSR_WRITABLE))
        raise_gp(cpu, 0);
    get_x87(cpu, area, u->flags & UF_REXW);
    if (sse) {
        cpu_set_mxcsr(cpu, mxcsr);
        get_xmm(cpu, area);
    }
    NEXT(u);
}

/* ---- XSAVE, XSAVEOPT, XSAVEC ---- */

static u64 requested(struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
    if (cpu->cr0 & CR0_TS)
        raise_nm(cpu);
    return cpu->xcr0 & (cpu->gpr[RDX] << 32 | (u32)cpu->gpr[RAX]);
}

/* A piece of the area that is to be written. */
static void write_piece(struct cpu *cpu, u64 lin, const u8 *area, unsigned offset, unsigned n)
{
    mem_write_bytes(cpu, lin + offset, area + offset, n, cpu->mmu_idx);
}

/* Writes the components in 'write' in standard offsets; YMM halves at avx_offset. */
static void write_components(struct cpu *cpu, const struct uop *u, u64 lin, u64 write, u64 mxcsr_for, u32 avx_offset)
{
    u8 area[AVX_OFFSET] = {0}, high[AVX_SIZE];
    put_x87(cpu, area, u->flags & UF_REXW);
    put_mxcsr(cpu, area);
    put_xmm(cpu, area);
    if (write & XS_X87) {
        write_piece(cpu, lin, area, 0, 24);
        write_piece(cpu, lin, area, 32, 128);
    }
    if (write & mxcsr_for)
        write_piece(cpu, lin, area, 24, 8);
    if (write & XS_SSE)
        write_piece(cpu, lin, area, LEGACY_XMM, 16 * vec_count(cpu));
    if (write & XS_AVX) {
        for (unsigned i = 0; i < 16; i++) {
            st64(high + 16 * i, VQ(&cpu->xmm[i], 2));
            st64(high + 16 * i + 8, VQ(&cpu->xmm[i], 3));
        }
        mem_write_bytes(cpu, lin + avx_offset, high, 16 * vec_count(cpu), cpu->mmu_idx);
    }
}

static const struct uop *save_standard(struct cpu *cpu, const struct uop *u, bool optimise)
{
    RAISES(cpu, u);
    u64 rfbm = requested(cpu), inuse = xsave_inuse(cpu);
    u32 size = xsave_size(rfbm);
    u64 lin = area_lin(cpu, u, size, 64);
    mem_probe_write(cpu, lin, size, cpu->mmu_idx);
    u64 old = mem_read(cpu, lin + HEADER, 8);
    write_components(cpu, u, lin, optimise ? rfbm & inuse : rfbm, XS_SSE | XS_AVX, AVX_OFFSET);
    if (optimise && (rfbm & (XS_SSE | XS_AVX))) {
        u8 mxcsr[32] = {0};
        put_mxcsr(cpu, mxcsr);
        write_piece(cpu, lin, mxcsr, 24, 8);
    }
    mem_write(cpu, lin + HEADER, (old & ~rfbm) | (inuse & rfbm), 8);
    NEXT(u);
}
static UOP_FN(xsave) { return save_standard(cpu, u, false); }
static UOP_FN(xsaveopt) { return save_standard(cpu, u, true); }

static UOP_FN(xsavec)
{
    RAISES(cpu, u);
    u64 rfbm = requested(cpu), inuse = xsave_inuse(cpu);
    u32 size = xsave_size(rfbm);
    u64 lin = area_lin(cpu, u, size, 64);
    mem_probe_write(cpu, lin, size, cpu->mmu_idx);
    write_components(cpu, u, lin, rfbm & inuse, XS_SSE, AVX_OFFSET);
    mem_write(cpu, lin + HEADER, rfbm & inuse, 8);
    mem_write(cpu, lin + HEADER + 8, rfbm | XCOMP_COMPACT, 8);
    NEXT(u);
}

/* ---- XRSTOR ---- */

static bool all_zero(const u8 *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* SDM vol. 1, 13.8: what makes a header unacceptable. */
static void check_header(struct cpu *cpu, const u8 *header, bool compact)
{
    u64 bv = ld64(header), comp = ld64(header + 8);
    bool bad;
    if (compact)
        bad = !cpu_has(cpu, FEAT_XSAVEC) || (comp & ~XCOMP_COMPACT & ~cpu->xcr0) || (bv & ~comp) ||
              !all_zero(header + 16, HEADER_SIZE - 16);
    else
        bad = comp || (bv & ~cpu->xcr0) || !all_zero(header + 8, 16);
    if (bad)
        raise_gp(cpu, 0);
}

/* MXCSR: the standard form loads it with either vector component, the compacted one as part of SSE. */
static void restore_mxcsr(struct cpu *cpu, const u8 *area, u64 rfbm, u64 bv, bool compact)
{
    if (!compact && (rfbm & (XS_SSE | XS_AVX)))
        cpu_set_mxcsr(cpu, ld32(area + 24));
    else if (compact && (rfbm & XS_SSE))
        cpu_set_mxcsr(cpu, bv & XS_SSE ? ld32(area + 24) : MXCSR_RESET);
}

static UOP_FN(xrstor)
{
    u8 area[AVX_OFFSET + AVX_SIZE] = {0};
    RAISES(cpu, u);
    u64 rfbm = requested(cpu);
    u64 lin = area_lin(cpu, u, AVX_OFFSET, 64);
    mem_read_bytes(cpu, lin, area, AVX_OFFSET, cpu->mmu_idx);
    bool compact = ld64(area + HEADER + 8) & XCOMP_COMPACT;
    check_header(cpu, area + HEADER, compact);
    u64 bv = ld64(area + HEADER), load = rfbm & bv;
    bool wants_mxcsr = compact ? load & XS_SSE : rfbm & (XS_SSE | XS_AVX);
    if (wants_mxcsr && (ld32(area + 24) & ~(u32)MXCSR_WRITABLE))
        raise_gp(cpu, 0);
    if (load & XS_AVX)
        mem_read_bytes(cpu, lin + AVX_OFFSET, area + AVX_OFFSET, 16 * vec_count(cpu), cpu->mmu_idx);
    if (load & XS_X87)
        get_x87(cpu, area, u->flags & UF_REXW);
    else if (rfbm & XS_X87)
        init_x87(cpu);
    restore_mxcsr(cpu, area, rfbm, bv, compact);
    if (load & XS_SSE)
        get_xmm(cpu, area);
    else if (rfbm & XS_SSE)
        init_vec(cpu, 0);
    if (load & XS_AVX)
        get_ymm(cpu, area + AVX_OFFSET);
    else if (rfbm & XS_AVX)
        init_vec(cpu, 2);
    NEXT(u);
}

const struct uop_table uop_fxsave = {{[FORM_M] = ANY_SIZE(fxsave)}};
const struct uop_table uop_fxrstor = {{[FORM_M] = ANY_SIZE(fxrstor)}};
const struct uop_table uop_xsave = {{[FORM_M] = ANY_SIZE(xsave)}};
const struct uop_table uop_xsaveopt = {{[FORM_M] = ANY_SIZE(xsaveopt)}};
const struct uop_table uop_xsavec = {{[FORM_M] = ANY_SIZE(xsavec)}};
const struct uop_table uop_xrstor = {{[FORM_M] = ANY_SIZE(xrstor)}};
