/*
 * How the handlers of an integer micro-op are made. A "shape" is an inline
 * function that fetches operands, applies a meaning and stores the result;
 * BY_SIZE makes its four handlers, in which size (and the meaning, passed as a
 * function) are constants the compiler folds. Also: linear addresses of
 * operands that are not described by base, index and disp of the micro-op.
 */
#ifndef ORRERY_CPU_HANDLERS_H
#define ORRERY_CPU_HANDLERS_H

#include "cpu/flags.h"
#include "cpu/mem.h"
#include "cpu/uop.h"

/* The handlers NAME_SHAPE_1 .. _8, each SHAPE(cpu, u, size, more...). */
#define BY_SIZE(name, shape, ...)                                                                  \
    static UOP_FN(name##_##shape##_1) { return shape(cpu, u, 1, ##__VA_ARGS__); }                  \
    static UOP_FN(name##_##shape##_2) { return shape(cpu, u, 2, ##__VA_ARGS__); }                  \
    static UOP_FN(name##_##shape##_4) { return shape(cpu, u, 4, ##__VA_ARGS__); }                  \
    static UOP_FN(name##_##shape##_8) { return shape(cpu, u, 8, ##__VA_ARGS__); }
/* The same for ops that have no byte size. */
#define BY_SIZE_248(name, shape, ...)                                                              \
    static UOP_FN(name##_##shape##_2) { return shape(cpu, u, 2, ##__VA_ARGS__); }                  \
    static UOP_FN(name##_##shape##_4) { return shape(cpu, u, 4, ##__VA_ARGS__); }                  \
    static UOP_FN(name##_##shape##_8) { return shape(cpu, u, 8, ##__VA_ARGS__); }
#define BY_SIZE_48(name, shape, ...)                                                               \
    static UOP_FN(name##_##shape##_4) { return shape(cpu, u, 4, ##__VA_ARGS__); }                  \
    static UOP_FN(name##_##shape##_8) { return shape(cpu, u, 8, ##__VA_ARGS__); }
/* Their columns in a uop_table. */
#define SIZES(name, shape) {name##_##shape##_1, name##_##shape##_2, name##_##shape##_4, name##_##shape##_8}
#define SIZES_248(name, shape) {NULL, name##_##shape##_2, name##_##shape##_4, name##_##shape##_8}
#define SIZES_48(name, shape) {NULL, NULL, name##_##shape##_4, name##_##shape##_8}

/* NAME, once for each condition code, with the number and Intel's spelling. */
#define CONDITIONS(X)                                                                              \
    X(0, o) X(1, no) X(2, b) X(3, ae) X(4, e) X(5, ne) X(6, be) X(7, a)                            \
    X(8, s) X(9, ns) X(10, p) X(11, np) X(12, l) X(13, ge) X(14, le) X(15, g)

ALWAYS_INLINE u64 sign_bit(u64 v, unsigned size) { return (v >> (size * 8 - 1)) & 1; }
/* v cut to the address size of u. */
ALWAYS_INLINE u64 addr_wrap(const struct uop *u, u64 v)
{
    return u->asize == 8 ? v : u->asize == 4 ? (u32)v : (u16)v;
}
/* Linear address of offset 'off' (already wrapped) in segment s. */
ALWAYS_INLINE u64 lin_at(struct cpu *cpu, const struct uop *u, unsigned s, u64 off, unsigned size, bool write)
{
    cpu->cur = u;
    if ((cpu->mode & MODE_CODE) == MODE_CODE64)
        return s >= FS ? off + cpu->seg[s].base : off;
    if ((cpu->mode & MODE_FLAT) && s < FS && s != CS)
        return (u32)off;
    return seg_lin(cpu, (enum segreg)s, off, size, write);
}

#endif
