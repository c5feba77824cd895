/* Discovery of superblocks and liveness of flags; see superblock.h. */
#include "jit/superblock.h"

static unsigned hash_of(u64 pa)
{
    static_assert(sizeof(struct insn_set) * 8 == 1 << 16, "the hash's range");
    return (unsigned)((pa * 0x9e3779b97f4a7c15ull) >> 48);
}
bool insn_set_has(const struct insn_set *set, u64 pa) { return set->bits[hash_of(pa) / 64] >> hash_of(pa) % 64 & 1; }
void insn_set_add(struct insn_set *set, u64 pa) { set->bits[hash_of(pa) / 64] |= BIT64(hash_of(pa) % 64); }

bool row_runs_on(const u32 *features, const struct insn_row *row)
{
    bool avx = features[FEAT_AVX >> 5] >> (FEAT_AVX & 31) & 1;
    return (features[row->feature >> 5] >> (row->feature & 31) & 1) && (avx || !(row->attrs & A_AVX));
}

bool uop_is_jcc(const struct uop *u, unsigned *cc)
{
    const u64 props = uop_info[u->op].props;
    *cc = uop_cc(u);
    return (props & UP_HAS_CC) && (props & UP_ENDS);
}

bool uop_has_memory(const struct uop *u)
{
    return u->form == FORM_M || u->form == FORM_RM || u->form == FORM_MR || u->form == FORM_MI;
}

/* Legacy operands of 16 bytes must be, but for MOVUPS and strings; with VEX only those of MOVAPS and the like. */
bool insn_wants_alignment(const struct sb_insn *i, unsigned n)
{
    const u64 props = uop_info[i->u.op].props;
    bool vex = strncmp(i->in.row->encoding, "VEX", 3) == 0;
    return (props & UP_ALIGNED) || (n == 16 && !vex && (props & UP_SSE) && !(props & UP_UNALIGNED));
}

bool uop_touches_memory(const struct uop *u)
{
    const u64 props = uop_info[u->op].props;
    return (props & (UP_MEM_READ | UP_MEM_WRITE)) && (uop_has_memory(u) || (props & UP_IMPLIED) || u->form == FORM_0);
}

static bool is_relative(const struct uop *u) { return (uop_info[u->op].props & UP_DIRECT) && u->form == FORM_I; }

bool uop_goes_near(const struct superblock *sb, const struct uop *u)
{
    if (key_is_segmented(sb->key))
        return sb->page_eip + (u32)u->imm <= sb->last_eip;
    return u->size == ((sb->key & MODE_CODE) == MODE_CODE64 ? 8 : 4);
}

/* The target as EIP has it behind the jump, again from the page's start. */
static void wrap_target(const struct superblock *sb, struct uop *u)
{
    u32 eip = (sb->page_eip + (u32)u->imm) & (u32)size_mask(u->size);
    u->imm = (u64)(i32)(eip - sb->page_eip);
}

/* Whether the segment has those bytes; what reaches beyond its limit is the interpreter's. */
static bool within_limit(const struct superblock *sb, u32 off, unsigned len)
{
    u32 eip = sb->page_eip + off;
    return !key_is_segmented(sb->key) || (u64)eip + len - 1 <= sb->last_eip;
}

static bool may_fault(const struct superblock *sb, const struct uop *u)
{
    const u64 key = sb->key;
    const u64 props = uop_info[u->op].props;
    if (uop_touches_memory(u))
        return true;
    if ((props & UP_DIRECT) && u->form == FORM_I)
        return !uop_goes_near(sb, u) && key_is_segmented(key); /* in flat code all targets are legal */
    if ((props & UP_SSE) && !(props & UP_FP) && !(key & KEY_SSE_CHECKED))
        return false;
    if ((props & UP_FP) && !(props & UP_SSE) && (key & MODE_FPU) && !(key & KEY_X87_CHECKED))
        return false;
    return props & UP_RAISES;
}

static u16 gprs_written(const struct insn *in, const struct uop *u)
{
    const u64 props = uop_info[u->op].props;
    if (props & UP_NO_GPR) {
        u16 gprs = props >> UP_GPR_SHIFT & 0xff;
        if ((props & UP_DST) == UP_DST && u->form != FORM_0 && u->form != FORM_M && u->form != FORM_MR &&
            u->form != FORM_MI)
            gprs |= (u16)BIT(u->size == 1 ? u->dst / 8 : u->dst & 15);
        return (u16)(gprs | ((props & UP_SRC2) == UP_SRC2 ? BIT(u->src2) : 0));
    }
    if (u->op == UOP_JMP && u->form == FORM_I)
        return 0;
    if (!(props & (UP_SSE | UP_FP)))
        return GPRS_ALL;
    return in->noperands && in->op[0].kind == OPK_REG ? (u16)BIT(in->op[0].reg & 15) : 0;
}

static u32 flags_read(const struct uop *u)
{
    const struct uop_info *info = &uop_info[u->op];
    /* Shifts by an immediate that is not zero write all they can. */
    bool fixed = u->form == FORM_RI || u->form == FORM_MI;
    if ((info->props & UP_SHIFT) && fixed && (u->imm & (u->size == 8 ? 63 : 31)))
        return 0;
    if ((u->op == UOP_SCAS || u->op == UOP_CMPS) && !(u->flags & (UF_REP | UF_REPNE)))
        return 0; /* a repetition of none would keep them */
    return info->flags_read;
}

enum step { STEP_ON, STEP_FOLLOW, STEP_END };

/* Decodes the instruction at 'off' of the page; false when it does not lie whole within the limit. */
static bool decode_at(const struct cpu *cpu, const struct superblock *sb, u32 off, struct sb_insn *out)
{
    if (off >= PAGE_SIZE)
        return false;
    u32 mode = key_mode(sb->key);
    enum decode_result r = decode(cpu->features, mode, sb->page + off, MIN(15u, sb->limit - off), &out->in);
    if (r != DECODE_OK || !within_limit(sb, off, out->in.len))
        return false;
    struct uop uops[LOWER_MAX];
    if (lower(&out->in, mode, (u16)off, uops) != 1)
        return false;
    out->u = uops[0];
    if (key_is_segmented(sb->key) && is_relative(&out->u))
        wrap_target(sb, &out->u);
    out->flags_read = flags_read(&out->u);
    out->flags_written = uop_info[out->u.op].flags_written;
    out->may_fault = may_fault(sb, &out->u);
    out->gprs_written = gprs_written(&out->in, &out->u);
    out->ends = (uop_info[out->u.op].props & (UP_ENDS | UP_MODE)) || out->u.op == UOP_GATE;
    return true;
}

/* The translation holds as long as these bytes do. */
static void rely_on(struct superblock *sb, const struct uop *u)
{
    for (u32 b = u->pc_off / 64u; b <= MIN((u->pc_off + u->len - 1u) / 64, 63u); b++)
        sb->chunks |= BIT64(b);
    code_bytes_add(&sb->bytes, u->pc_off, u->len);
}

/* How the superblock goes on after its last instruction; *off: where. */
static enum step next_step(const struct superblock *sb, const struct sb_insn *i, u32 *off)
{
    unsigned cc;
    u32 next = i->u.pc_off + i->u.len;
    if (i->u.op == UOP_JMP && i->u.form == FORM_I) {
        if (!uop_goes_near(sb, &i->u) || i->u.imm >= PAGE_SIZE || i->u.imm < next)
            return STEP_END;
        *off = (u32)i->u.imm;
        return STEP_FOLLOW;
    }
    *off = next;
    /* One that cuts EIP is run in C, which ends the block either way. */
    return !i->ends || (uop_is_jcc(&i->u, &cc) && uop_goes_near(sb, &i->u)) ? STEP_ON : STEP_END;
}

static bool is_shift_by_cl(const struct uop *u)
{
    return (uop_info[u->op].props & UP_SHIFT) && u->form != FORM_RI && u->form != FORM_MI;
}

/* Flags needed where a direct jump goes; one that cuts EIP goes nobody knows where. */
static u32 flags_needed_at_target(const struct cpu *cpu, struct superblock *sb, const struct uop *u)
{
    return uop_goes_near(sb, u) ? superblock_flags_needed_at(cpu, sb, u->imm, NULL) : FL_ARITH;
}

/* STAC and CLAC where they change the rights of accesses: what follows is of another key. */
static bool changes_rights(const struct uop *u, u64 key)
{
    unsigned idx = key >> KEY_MMU_SHIFT & (MMU_COUNT - 1);
    return u->op == UOP_SET_AC && idx != (u->aux ? MMU_KERNEL : MMU_KERNEL_SMAP);
}

/* Backwards: what each instruction's flags are needed for. */
static void find_needs(const struct cpu *cpu, struct superblock *sb)
{
    const struct sb_insn *last = &sb->insn[sb->n - 1];
    u32 hard = FL_ARITH, soft = 0;
    unsigned cc;
    if (last->u.op == UOP_JMP && last->u.form == FORM_I)
        hard = flags_needed_at_target(cpu, sb, &last->u);
    else if (!last->ends || uop_is_jcc(&last->u, &cc))
        hard = superblock_flags_needed_at(cpu, sb, sb->end_off, NULL);
    for (unsigned k = sb->n; k-- > 0;) {
        struct sb_insn *i = &sb->insn[k];
        if (uop_is_jcc(&i->u, &cc))
            hard |= flags_needed_at_target(cpu, sb, &i->u);
        if (i->operand.slot || i->stack.slot)
            soft = FL_ARITH; /* a leader's check may send us to another translation, in which members can fault */
        i->needed = hard;
        i->needed_by_fault = soft & ~hard;
        if (!(hard | soft) && is_shift_by_cl(&i->u))
            i->flags_read = 0; /* a count of zero would keep flags that nobody needs */
        hard = (hard & ~i->flags_written) | i->flags_read;
        soft = (soft & ~i->flags_written) | (i->may_fault ? FL_ARITH : 0);
    }
}

static bool is_far(u64 from_page) { return from_page + FAR_JUMP >= 2u * FAR_JUMP; }
/* Direct jumps and calls; and offsets from RIP for FS and GS, which must be canonical for themselves (cpu/mem.h). */
static bool reaches_far(const struct uop *u)
{
    unsigned cc;
    if (uop_has_memory(u) && u->base == SLOT_RIP && u->amode == AM_SEG64 && u->seg >= FS && u->asize == 8)
        return u->index != SLOT_ZERO || is_far((u64)(i64)u->disp);
    return (uop_is_jcc(u, &cc) || ((u->op == UOP_JMP || u->op == UOP_CALL) && u->form == FORM_I)) && is_far(u->imm);
}

bool superblock_find(const struct cpu *cpu, struct superblock *sb)
{
    u32 off = sb->pa & 0xfff;
    enum step step = STEP_ON;
    sb->n = 0;
    sb->chunks = 0;
    sb->bytes = (struct code_bytes){0};
    sb->far = false;
    unsigned most = sb->pa2 == ~0ull ? SUPERBLOCK_MAX : 1;
    while (sb->n < most && step != STEP_END && decode_at(cpu, sb, off, &sb->insn[sb->n])) {
        struct sb_insn *i = &sb->insn[sb->n];
        i->u.index_in_block = (u8)sb->n++;
        rely_on(sb, &i->u);
        sb->far |= reaches_far(&i->u);
        step = next_step(sb, i, &off);
        if (changes_rights(&i->u, sb->key))
            step = STEP_END;
    }
    sb->end_off = off;
    if (sb->n) {
        superblock_group(sb);
        find_needs(cpu, sb);
    }
    return sb->n != 0;
}

u32 superblock_flags_needed_at(const struct cpu *cpu, struct superblock *sb, u64 off, u16 *gprs)
{
    enum { LOOK = 6 };
    struct sb_insn i;
    u16 written = 0, ignored;
    gprs = gprs ? gprs : &ignored;
    *gprs = GPRS_ALL;
    bool fault = false, merged = false;
    for (unsigned k = 0; k < LOOK && off < PAGE_SIZE && sb->pa2 == ~0ull; k++) {
        if (!decode_at(cpu, sb, (u32)off, &i) || i.flags_read || i.ends)
            return FL_ARITH;
        fault |= i.may_fault;
        rely_on(sb, &i.u);
        if (i.flags_written == FL_ARITH) {
            *gprs = merged ? GPRS_ALL : written;
            return fault ? FL_ARITH : 0;
        }
        merged |= i.flags_written; /* into what was there */
        written |= i.gprs_written;
        off += i.u.len;
    }
    return FL_ARITH;
}
