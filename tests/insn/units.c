/* units.h: the tables. UNITS names the function that gives them: units_host or units_soft. */
#include "tests/insn/units.h"

#include "cpu/vec/fp_sse.h"

#define ARITH(op)                                                                                                      \
    {"fp80_" #op, UNIT_BINARY, false, {.binary = fp80_##op}},                                                          \
        {"fp80_" #op "_f32", UNIT_BINARY_MEM, false, {.binary_mem = fp80_##op##_f32}},                                 \
        {"fp80_" #op "_f64", UNIT_BINARY_MEM, false, {.binary_mem = fp80_##op##_f64}},                                 \
        {"fp80_" #op "_i16", UNIT_BINARY_MEM, false, {.binary_mem = fp80_##op##_i16}},                                 \
    {                                                                                                                  \
        "fp80_" #op "_i32", UNIT_BINARY_MEM, false, { .binary_mem = fp80_##op##_i32 }                                  \
    }
#define X87(op, SHAPE, shape, transcendental)                                                                          \
    {                                                                                                                  \
#op, UNIT_##SHAPE, transcendental, { .shape = op }                                                             \
    }
#define KERNEL(name)                                                                                                   \
    {                                                                                                                  \
#name, UNIT_KERNEL, false, { .kernel = kernel_##name }                                                         \
    }
#define ALL(name) KERNEL(name##ps), KERNEL(name##pd), KERNEL(name##ss), KERNEL(name##sd)

/* Functions are in a table that is no constant: something to point at. */
#define CALL_BINARY(op)                                                                                                \
    static u32 call_##op(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)                                 \
    {                                                                                                                  \
        return fp80_functions(false)->op(d, s, fcw, fsw);                                                              \
    }
#define CALL_UNARY(op)                                                                                                 \
    static u32 call_##op(struct x87_reg *d, u16 fcw, u16 fsw) { return fp80_functions(false)->op(d, fcw, fsw); }
#define CALL_UNARY2(op)                                                                                                \
    static u32 call_##op(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw)                                  \
    {                                                                                                                  \
        return fp80_functions(false)->op(d, pushed, fcw, fsw);                                                         \
    }
CALL_BINARY(prem)
CALL_BINARY(prem1)
CALL_BINARY(scale)
CALL_BINARY(patan)
CALL_BINARY(yl2x)
CALL_BINARY(yl2xp1)
CALL_UNARY(f2xm1)
CALL_UNARY(sin)
CALL_UNARY(cos)
CALL_UNARY2(ptan)
CALL_UNARY2(sincos)

/* Kernels are inline: something to point at. */
#define DEFINE(name)                                                                                                   \
    static v128 kernel_##name(v128 a, v128 b, unsigned imm) { return fp_##name(a, b, imm); }
#define DEFINE_ALL(name) DEFINE(name##ps) DEFINE(name##pd) DEFINE(name##ss) DEFINE(name##sd)
DEFINE_ALL(add)
DEFINE_ALL(sub)
DEFINE_ALL(mul)
DEFINE_ALL(div)
DEFINE_ALL(min)
DEFINE_ALL(max)
DEFINE_ALL(sqrt)
DEFINE_ALL(cmpeq)
DEFINE_ALL(cmplt)
DEFINE_ALL(cmple)
DEFINE_ALL(cmpunord)
DEFINE_ALL(cmpneq)
DEFINE_ALL(cmpnlt)
DEFINE_ALL(cmpnle)
DEFINE_ALL(cmpord)
DEFINE(rcpps)
DEFINE(rcpss)
DEFINE(rsqrtps)
DEFINE(rsqrtss)
DEFINE(cvtss2sd)
DEFINE(cvtsd2ss)
DEFINE(cvtps2pd)
DEFINE(cvtpd2ps)
DEFINE(cvtdq2ps)
DEFINE(cvtdq2pd)
DEFINE(cvtps2dq)
DEFINE(cvttps2dq)
DEFINE(cvtpd2dq)
DEFINE(cvttpd2dq)

#define INTEGER(name, bits)                                                                                            \
    {"cvt" #name "2si" #bits, UNIT_TO_INTEGER, false, {.to_integer = fp_cvt##name##2si##bits}},                        \
        {"cvtt" #name "2si" #bits, UNIT_TO_INTEGER, false, {.to_integer = fp_cvtt##name##2si##bits}},                  \
    {                                                                                                                  \
        "cvtsi2" #name #bits, UNIT_FROM_INTEGER, false, { .from_integer = fp_cvtsi2##name##bits }                      \
    }

static const struct unit rows[] = {
    ARITH(add),
    ARITH(sub),
    ARITH(subr),
    ARITH(mul),
    ARITH(div),
    ARITH(divr),
    {"fp80_prem", UNIT_BINARY, false, {.binary = call_prem}},
    {"fp80_prem1", UNIT_BINARY, false, {.binary = call_prem1}},
    {"fp80_scale", UNIT_BINARY, false, {.binary = call_scale}},
    {"fp80_patan", UNIT_BINARY, true, {.binary = call_patan}},
    {"fp80_yl2x", UNIT_BINARY, true, {.binary = call_yl2x}},
    {"fp80_yl2xp1", UNIT_BINARY, true, {.binary = call_yl2xp1}},
    X87(fp80_sqrt, UNARY, unary, false),
    X87(fp80_rndint, UNARY, unary, false),
    {"fp80_2xm1", UNIT_UNARY, true, {.unary = call_f2xm1}},
    {"fp80_sin", UNIT_UNARY, true, {.unary = call_sin}},
    {"fp80_cos", UNIT_UNARY, true, {.unary = call_cos}},
    {"fp80_ptan", UNIT_UNARY2, true, {.unary2 = call_ptan}},
    {"fp80_sincos", UNIT_UNARY2, true, {.unary2 = call_sincos}},
    X87(fp80_xtract, UNARY2, unary2, false),
    X87(fp80_com, COMPARE, compare, false),
    X87(fp80_ucom, COMPARE, compare, false),
    X87(fp80_com_f32, COMPARE_MEM, compare_mem, false),
    X87(fp80_com_f64, COMPARE_MEM, compare_mem, false),
    X87(fp80_com_i16, COMPARE_MEM, compare_mem, false),
    X87(fp80_com_i32, COMPARE_MEM, compare_mem, false),
    X87(fp80_from_f32, LOAD, load, false),
    X87(fp80_from_f64, LOAD, load, false),
    X87(fp80_to_f32, STORE, store, false),
    X87(fp80_to_f64, STORE, store, false),
    X87(fp80_to_i16, STORE, store, false),
    X87(fp80_to_i32, STORE, store, false),
    X87(fp80_to_i64, STORE, store, false),
    X87(fp80_to_i16t, STORE, store, false),
    X87(fp80_to_i32t, STORE, store, false),
    X87(fp80_to_i64t, STORE, store, false),
    ALL(add),
    ALL(sub),
    ALL(mul),
    ALL(div),
    ALL(min),
    ALL(max),
    ALL(sqrt),
    ALL(cmpeq),
    ALL(cmplt),
    ALL(cmple),
    ALL(cmpunord),
    ALL(cmpneq),
    ALL(cmpnlt),
    ALL(cmpnle),
    ALL(cmpord),
    KERNEL(rcpps),
    KERNEL(rcpss),
    KERNEL(rsqrtps),
    KERNEL(rsqrtss),
    KERNEL(cvtss2sd),
    KERNEL(cvtsd2ss),
    KERNEL(cvtps2pd),
    KERNEL(cvtpd2ps),
    KERNEL(cvtdq2ps),
    KERNEL(cvtdq2pd),
    KERNEL(cvtps2dq),
    KERNEL(cvttps2dq),
    KERNEL(cvtpd2dq),
    KERNEL(cvttpd2dq),
    {"comiss", UNIT_FLAGS, false, {.flags = fp_comiss}},
    {"comisd", UNIT_FLAGS, false, {.flags = fp_comisd}},
    {"ucomiss", UNIT_FLAGS, false, {.flags = fp_ucomiss}},
    {"ucomisd", UNIT_FLAGS, false, {.flags = fp_ucomisd}},
    INTEGER(ss, 32),
    INTEGER(ss, 64),
    INTEGER(sd, 32),
    INTEGER(sd, 64),
    {"fma_ps", UNIT_FMA, false, {.fma = fp_fma_ps}},
    {"fma_pd", UNIT_FMA, false, {.fma = fp_fma_pd}},
    {"fma_ss", UNIT_FMA, false, {.fma = fp_fma_ss}},
    {"fma_sd", UNIT_FMA, false, {.fma = fp_fma_sd}},
    {0},
};

static u32 get(void) { return fp_host_get(); }
static void set(u32 v) { fp_host_set(v); }

const struct units *UNITS(void)
{
    static const struct units units = {rows, get, set, fp80_to_bcd};
    return &units;
}
