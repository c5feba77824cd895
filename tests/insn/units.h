/*
 * The operations behind fp80.h and fp_sse.h as tables: units.c is built once
 * with the host's units and once, as a shared object of its own, with the
 * software ones, so that a test can hold both.
 */
#ifndef ORRERY_TESTS_UNITS_H
#define ORRERY_TESTS_UNITS_H

#include "cpu/x87/fp80.h"
#include "cpu/vec/vec.h"

enum unit_shape {
    UNIT_BINARY,
    UNIT_BINARY_MEM,
    UNIT_COMPARE,
    UNIT_COMPARE_MEM,
    UNIT_UNARY,
    UNIT_UNARY2,
    UNIT_LOAD,
    UNIT_STORE,
    UNIT_KERNEL,
    UNIT_FLAGS,
    UNIT_TO_INTEGER,
    UNIT_FROM_INTEGER,
    UNIT_FMA,
};
struct unit {
    const char *name; /* NULL: the end */
    enum unit_shape shape;
    bool transcendental;
    union {
        fp80_binary *binary;
        fp80_binary_mem *binary_mem;
        fp80_compare *compare;
        fp80_compare_mem *compare_mem;
        fp80_unary *unary;
        fp80_unary2 *unary2;
        fp80_load *load;
        fp80_store *store;
        vec_kernel *kernel;
        u32 (*flags)(v128 a, v128 b);
        u64 (*to_integer)(v128 b);
        v128 (*from_integer)(v128 a, u64 v);
        v128 (*fma)(unsigned which, v128 a, v128 b, v128 c);
    };
};
struct units {
    const struct unit *row;
    u32 (*mxcsr_get)(void);
    void (*mxcsr_set)(u32 v);
    u32 (*to_bcd)(u8 bcd[10], const struct x87_reg *s, u16 fcw, u16 fsw);
};
__attribute__((visibility("default"))) const struct units *units_host(void);
__attribute__((visibility("default"))) const struct units *units_soft(void);

#endif
