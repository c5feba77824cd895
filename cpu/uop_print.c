/* Micro-ops in words, for -d uop: one line each, stable from run to run. */
#include "cpu/cpu.h"
#include "cpu/uop.h"

static const char *slot_name(unsigned slot)
{
    static const char *const ours[SLOT_COUNT] = {
        [SLOT_ZERO] = "0", [SLOT_T0] = "t0", [SLOT_T1] = "t1", [SLOT_4G] = "4g"};
    const char *name = slot < SLOT_COUNT ? cpu_gpr_name(slot) : "?";
    return name ? name : ours[slot];
}
static const char *const amode_names[] = {
    [AM_FLAT64] = "flat64", [AM_FLAT32] = "flat32", [AM_SEG64] = "", [AM_SEG] = ""};

/* General registers by name where the micro-op works on them; all else is a number. */
static void print_register(FILE *out, const struct uop *u, const char *what, unsigned reg)
{
    bool general = !(uop_info[u->op].props & (UP_FP | UP_SSE | UP_OTHER_REGS));
    if (!general)
        fprintf(out, " %s=%u", what, reg);
    else if (u->size == 1 && reg < SLOT_COUNT * 8)
        fprintf(out, " %s=%s.%u", what, slot_name(reg / 8), reg % 8);
    else
        fprintf(out, " %s=%s", what, slot_name(reg));
}

static void print_memory(FILE *out, const struct uop *u)
{
    const char *how = amode_names[u->amode];
    fprintf(out, " mem=%s[", *how ? how : cpu_seg_name(u->seg < SEG_COUNT ? u->seg : DS));
    if (u->base != SLOT_ZERO)
        fprintf(out, "%s", slot_name(u->base));
    if (u->index != SLOT_ZERO)
        fprintf(out, "+%s*%u", slot_name(u->index), 1u << u->scale);
    fprintf(out, "%s0x%x]", u->disp < 0 ? "-" : "+", u->disp < 0 ? 0u - (u32)u->disp : (u32)u->disp);
}

void uop_print(FILE *out, const struct uop *u)
{
    static const struct {
        bool dst, src, mem, imm;
    } shape[FORM_COUNT] = {[FORM_R] = {.dst = true},
                           [FORM_M] = {.mem = true},
                           [FORM_I] = {.imm = true},
                           [FORM_RR] = {.dst = true, .src = true},
                           [FORM_RM] = {.dst = true, .mem = true},
                           [FORM_MR] = {.mem = true, .src = true},
                           [FORM_RI] = {.dst = true, .imm = true},
                           [FORM_MI] = {.mem = true, .imm = true}};
    fprintf(out, "  +%03x %s.%u", u->pc_off, uop_info[u->op].name, u->size);
    if (shape[u->form].dst)
        print_register(out, u, "dst", u->dst);
    if (shape[u->form].mem)
        print_memory(out, u);
    if (shape[u->form].src)
        print_register(out, u, "src", u->src);
    if (shape[u->form].imm || u->imm)
        fprintf(out, " imm=0x%llx", (unsigned long long)u->imm);
    fprintf(out, "%s%s%s\n", u->flags & UF_LOCK ? " lock" : "", u->flags & UF_REP ? " rep" : "",
            u->flags & UF_REPNE ? " repne" : "");
}
