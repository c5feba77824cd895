/* LDMXCSR and STMXCSR: the guest's view of MXCSR (mxcsr.h). */
#include "cpu/mem.h"
#include "cpu/vec/mxcsr.h"

static UOP_FN(ldmxcsr)
{
    u32 v = (u32)mem_read(cpu, uop_lin(cpu, u, 4, false), 4);
    if (v & ~(u32)MXCSR_WRITABLE)
        raise_gp(cpu, 0);
    cpu_set_mxcsr(cpu, v);
    NEXT(u);
}
static UOP_FN(stmxcsr)
{
    mem_write(cpu, uop_lin(cpu, u, 4, true), cpu_mxcsr(cpu), 4);
    NEXT(u);
}
const struct uop_table LDMXCSR_table = {{[FORM_M] = ANY_SIZE(ldmxcsr)}};
const struct uop_table STMXCSR_table = {{[FORM_M] = ANY_SIZE(stmxcsr)}};
