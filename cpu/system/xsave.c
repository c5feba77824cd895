/*
 * FXSAVE and the XSAVE family (SDM vol. 1, 10.5 and chapter 13): the 512-byte
 * legacy region, the header, the YMM halves and PKRU, standard and compacted.
 * There is no modified optimisation (XSAVEOPT may always write what is in use)
 * and no supervisor state.
 */
#include "cpu/area.h"
#include "cpu/vec/mxcsr.h"
#include "cpu/system/sys.h"
#include "cpu/x87/x87.h"

enum { XS_X87 = 1, XS_SSE = 2, XS_AVX = 4, XS_PKRU = 1 << 9 };
enum { LEGACY_SIZE = 512, HEADER = 512, HEADER_SIZE = 64, LEGACY_XMM = 160, EXTENDED = 576, EXTENDED_MAX = 256 };
#define XCOMP_COMPACT BIT64(63)

/* Components beyond the legacy region, and where the vendor's silicon has them in the standard form. */
static const struct component {
    u8 number;
    u16 size, intel, amd;
} components[] = {{2, 256, 576, 576}, {9, 8, 2688, 832}};

u64 xsave_supported(const struct cpu *cpu)
{
    return XS_X87 | XS_SSE | (cpu_has(cpu, FEAT_AVX) ? XS_AVX : 0) | (cpu_has(cpu, FEAT_PKU) ? XS_PKRU : 0);
}

/* Where component c is in the standard form, or (compact) among those of 'all'. */
static u32 component_at(const struct cpu *cpu, const struct component *c, u64 all, bool compact)
{
    u32 at = EXTENDED;
    if (!compact)
        return is_amd(cpu) ? c->amd : c->intel;
    for (const struct component *before = components; before < c; before++)
        at += all >> before->number & 1 ? before->size : 0;
    return at;
}

u32 xsave_size(const struct cpu *cpu, u64 all, bool compact)
{
    u32 size = EXTENDED;
    for (const struct component *c = components; c < components + ARRAY_LEN(components); c++)
        if (all >> c->number & 1)
            size = component_at(cpu, c, all, compact) + c->size;
    return size;
}

bool xsave_component(const struct cpu *cpu, unsigned number, u32 *size, u32 *offset)
{
    for (const struct component *c = components; c < components + ARRAY_LEN(components); c++) {
        if (c->number == number && (xsave_supported(cpu) >> number & 1)) {
            *size = c->size;
            *offset = component_at(cpu, c, 0, false);
            return true;
        }
    }
    return false;
}

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
    return XS_X87 | (vec_bits(cpu, 0) || cpu_mxcsr(cpu) != MXCSR_RESET ? XS_SSE : 0) | (vec_bits(cpu, 2) ? XS_AVX : 0) |
           (cpu->pkru ? XS_PKRU : 0);
}

/* ---- the parts, in a buffer laid out as in memory ---- */

/*
 * AMD's before RstrFpErrPtrs store and load FOP, FIP and FDP only with an unmasked exception pending, and leave them,
 * in memory or in the CPU, as they are otherwise (APM vol. 2, 11.4.4). fsw: what is being stored or loaded.
 */
static bool has_pointers(const struct cpu *cpu, u16 fsw)
{
    return !is_amd(cpu) || cpu_has(cpu, FEAT_XSAVEERPTR) || (fsw & FSW_ES);
}

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
    if (has_pointers(cpu, ld16(area + 2))) {
        f->fop = ld16(area + 6) & 0x7ff;
        f->fip = wide ? ld64(area + 8) : ld32(area + 8);
        f->fdp = wide ? ld64(area + 16) : ld32(area + 16);
        f->fcs = wide ? 0 : ld16(area + 12);
        f->fds = wide ? 0 : ld16(area + 20);
    }
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

/* A component beyond the legacy region; bytes of it that the running code has. */
static unsigned put_component(const struct cpu *cpu, unsigned number, u8 *out)
{
    memset(out, 0, EXTENDED_MAX);
    if (BIT(number) == XS_PKRU) {
        st32(out, cpu->pkru);
        return 8;
    }
    for (unsigned i = 0; i < 16; i++) {
        st64(out + 16 * i, VQ(&cpu->xmm[i], 2));
        st64(out + 16 * i + 8, VQ(&cpu->xmm[i], 3));
    }
    return 16 * vec_count(cpu);
}
static void get_component(struct cpu *cpu, unsigned number, const u8 *in)
{
    if (BIT(number) == XS_PKRU) {
        pkru_write(cpu, ld32(in));
        return;
    }
    for (unsigned i = 0; i < vec_count(cpu); i++) {
        VQ(&cpu->xmm[i], 2) = ld64(in + 16 * i);
        VQ(&cpu->xmm[i], 3) = ld64(in + 16 * i + 8);
    }
}

static void init_x87(struct cpu *cpu)
{
    x87_init(&cpu->fpu);
    memset(cpu->fpu.reg, 0, sizeof(cpu->fpu.reg));
    x87_update_ferr(cpu);
}

static void init_xmm(struct cpu *cpu)
{
    for (unsigned i = 0; i < vec_count(cpu); i++)
        VQ(&cpu->xmm[i], 0) = VQ(&cpu->xmm[i], 1) = 0;
}

/* The first 24 bytes of an area that may be written: control, status, tags, and pointers where they go. */
static void write_control(struct cpu *cpu, const struct area *a, const u8 *legacy)
{
    area_write(cpu, a, 0, legacy, has_pointers(cpu, ld16(legacy + 2)) ? 24 : 6);
}

#define SIXTEENS ((struct area_parts){PAGE_SIZE / 16, 16})
/* The area, n bytes of it within the segment's limit, aligned. */
static struct area area_aligned(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align)
{
    struct area a = area_operand(cpu, u, n, u->aux, SIXTEENS);
    if (a.lin & (align - 1))
        raise_gp(cpu, 0);
    return a;
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
    struct area a = area_aligned(cpu, u, LEGACY_SIZE, 16);
    unsigned n = cpu_has(cpu, FEAT_SSE) ? LEGACY_XMM + 16 * vec_count(cpu) : LEGACY_XMM;
    put_x87(cpu, area, u->flags & UF_REXW);
    if (cpu_has(cpu, FEAT_SSE))
        put_mxcsr(cpu, area);
    put_xmm(cpu, area);
    area_probe_write(cpu, &a, 0, n);
    write_control(cpu, &a, area);
    area_write(cpu, &a, 24, area + 24, n - 24);
    NEXT(u);
}

static UOP_FN(fxrstor)
{
    u8 area[LEGACY_SIZE];
    RAISES(cpu, u);
    need_fxsr(cpu);
    struct area a = area_aligned(cpu, u, LEGACY_SIZE, 16);
    area_read(cpu, &a, 0, area, LEGACY_SIZE);
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

/* Raises unless the components in 'rfbm', and the header, may be written. */
static void probe_components(struct cpu *cpu, const struct area *a, u64 rfbm, bool compact)
{
    area_probe_write(cpu, a, 0, EXTENDED);
    for (const struct component *c = components; c < components + ARRAY_LEN(components); c++)
        if (rfbm >> c->number & 1)
            area_probe_write(cpu, a, component_at(cpu, c, rfbm, compact), c->size);
}

/* Writes the components in 'write', of 'rfbm'; MXCSR with any in 'mxcsr_for'. */
static void write_components(struct cpu *cpu, const struct uop *u, const struct area *a, u64 rfbm, u64 write,
                             u64 mxcsr_for, bool compact)
{
    u8 legacy[LEGACY_SIZE] = {0}, part[EXTENDED_MAX];
    put_x87(cpu, legacy, u->flags & UF_REXW);
    put_mxcsr(cpu, legacy);
    put_xmm(cpu, legacy);
    if (write & XS_X87) {
        write_control(cpu, a, legacy);
        area_write(cpu, a, 32, legacy + 32, 128);
    }
    if (mxcsr_for & rfbm)
        area_write(cpu, a, 24, legacy + 24, 8);
    if (write & XS_SSE)
        area_write(cpu, a, LEGACY_XMM, legacy + LEGACY_XMM, 16 * vec_count(cpu));
    for (const struct component *c = components; c < components + ARRAY_LEN(components); c++)
        if (write >> c->number & 1)
            area_write(cpu, a, component_at(cpu, c, rfbm, compact), part, put_component(cpu, c->number, part));
}

static u64 header_read(struct cpu *cpu, const struct area *a)
{
    u8 raw[8];
    area_read(cpu, a, HEADER, raw, 8);
    return ld64(raw);
}
static void header_write(struct cpu *cpu, const struct area *a, unsigned at, u64 val)
{
    u8 raw[8];
    st64(raw, val);
    area_write(cpu, a, HEADER + at, raw, 8);
}

static const struct uop *save_standard(struct cpu *cpu, const struct uop *u, bool optimise)
{
    RAISES(cpu, u);
    u64 rfbm = requested(cpu), inuse = xsave_inuse(cpu);
    struct area a = area_aligned(cpu, u, xsave_size(cpu, rfbm, false), 64);
    probe_components(cpu, &a, rfbm, false);
    u64 old = header_read(cpu, &a);
    write_components(cpu, u, &a, rfbm, optimise ? rfbm & inuse : rfbm, XS_SSE | XS_AVX, false);
    header_write(cpu, &a, 0, (old & ~rfbm) | (inuse & rfbm));
    NEXT(u);
}
static UOP_FN(xsave) { return save_standard(cpu, u, false); }
static UOP_FN(xsaveopt) { return save_standard(cpu, u, true); }

static UOP_FN(xsavec)
{
    RAISES(cpu, u);
    u64 rfbm = requested(cpu), inuse = xsave_inuse(cpu);
    struct area a = area_aligned(cpu, u, xsave_size(cpu, rfbm, true), 64);
    probe_components(cpu, &a, rfbm, true);
    write_components(cpu, u, &a, rfbm, rfbm & inuse, inuse & XS_SSE, true);
    header_write(cpu, &a, 0, rfbm & inuse);
    header_write(cpu, &a, 8, rfbm | XCOMP_COMPACT);
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

/* Components beyond the legacy region, of those in 'load': into parts, one after the other as in components[]. */
static void read_components(struct cpu *cpu, const struct area *a, u64 load, u64 all, bool compact,
                            u8 parts[][EXTENDED_MAX])
{
    for (unsigned i = 0; i < ARRAY_LEN(components); i++) {
        const struct component *c = &components[i];
        if (load >> c->number & 1)
            area_read(cpu, a, component_at(cpu, c, all, compact), parts[i], MIN(c->size, 16 * vec_count(cpu)));
    }
}

/* Once nothing can fault any more: what is in 'load' comes from the area, the rest of rfbm is initialised. */
static void restore_components(struct cpu *cpu, const struct uop *u, const u8 *legacy, u8 parts[][EXTENDED_MAX],
                               u64 rfbm, u64 load)
{
    static const u8 initial[EXTENDED_MAX];
    if (load & XS_X87)
        get_x87(cpu, legacy, u->flags & UF_REXW);
    else if (rfbm & XS_X87)
        init_x87(cpu);
    if (load & XS_SSE)
        get_xmm(cpu, legacy);
    else if (rfbm & XS_SSE)
        init_xmm(cpu);
    for (unsigned i = 0; i < ARRAY_LEN(components); i++)
        if (rfbm >> components[i].number & 1)
            get_component(cpu, components[i].number, load >> components[i].number & 1 ? parts[i] : initial);
}

static UOP_FN(xrstor)
{
    u8 legacy[EXTENDED], parts[ARRAY_LEN(components)][EXTENDED_MAX];
    RAISES(cpu, u);
    u64 rfbm = requested(cpu);
    struct area a = area_aligned(cpu, u, EXTENDED, 64);
    area_read(cpu, &a, 0, legacy, EXTENDED);
    bool compact = ld64(legacy + HEADER + 8) & XCOMP_COMPACT;
    check_header(cpu, legacy + HEADER, compact);
    u64 bv = ld64(legacy + HEADER), comp = ld64(legacy + HEADER + 8), load = rfbm & bv;
    bool wants_mxcsr = compact ? load & XS_SSE : rfbm & (XS_SSE | XS_AVX);
    if (wants_mxcsr && (ld32(legacy + 24) & ~(u32)MXCSR_WRITABLE))
        raise_gp(cpu, 0);
    a = area_operand(cpu, u, xsave_size(cpu, compact ? comp : load, compact), false, SIXTEENS);
    read_components(cpu, &a, load, comp, compact, parts);
    restore_mxcsr(cpu, legacy, rfbm, bv, compact);
    restore_components(cpu, u, legacy, parts, rfbm, load);
    NEXT(u);
}

const struct uop_table uop_fxsave = {{[FORM_M] = ANY_SIZE(fxsave)}};
const struct uop_table uop_fxrstor = {{[FORM_M] = ANY_SIZE(fxrstor)}};
const struct uop_table uop_xsave = {{[FORM_M] = ANY_SIZE(xsave)}};
const struct uop_table uop_xsaveopt = {{[FORM_M] = ANY_SIZE(xsaveopt)}};
const struct uop_table uop_xsavec = {{[FORM_M] = ANY_SIZE(xsavec)}};
const struct uop_table uop_xrstor = {{[FORM_M] = ANY_SIZE(xrstor)}};
