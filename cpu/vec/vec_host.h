/*
 * Kernels that the host has as one instruction and the compiler does not find
 * by itself. Each has its portable twin, vec_NAME, next to where it is used:
 * VEC_BEST(NAME) names the better one, VEC_IF(feature, NAME) asks the host.
 * ORRERY_PORTABLE_SIMD builds without any of this, as other hosts do.
 */
#ifndef ORRERY_CPU_VEC_HOST_H
#define ORRERY_CPU_VEC_HOST_H

#include "cpu/vec/vec.h"

#if defined(__x86_64__) && !defined(ORRERY_PORTABLE_SIMD)

#define VEC_BEST(name) host_##name
#define VEC_IF(feature, name, a, b)                                                                                    \
    (likely(__builtin_cpu_supports(feature)) ? host_##name(a, b, 0) : vec_##name(a, b, 0))
#define HOST_BINARY(name)                                                                                              \
    VEC_KERNEL(host_##name)                                                                                            \
    {                                                                                                                  \
        __asm__(#name " %1, %0" : "+x"(a) : "x"(b));                                                                   \
        return a;                                                                                                      \
    }
HOST_BINARY(paddsb)
HOST_BINARY(paddsw)
HOST_BINARY(paddusb)
HOST_BINARY(paddusw)
HOST_BINARY(psubsb)
HOST_BINARY(psubsw)
HOST_BINARY(psubusb)
HOST_BINARY(psubusw)
HOST_BINARY(pavgb)
HOST_BINARY(pavgw)
HOST_BINARY(pmulhuw)
HOST_BINARY(psadbw)
HOST_BINARY(pmaddwd)
HOST_BINARY(punpcklbw)
HOST_BINARY(punpcklwd)
HOST_BINARY(punpckldq)
HOST_BINARY(punpckhbw)
HOST_BINARY(punpckhwd)
HOST_BINARY(punpckhdq)
HOST_BINARY(packsswb)
HOST_BINARY(packuswb)
HOST_BINARY(packssdw)
HOST_BINARY(pshufb)
HOST_BINARY(pmaddubsw)
HOST_BINARY(aesenc)
HOST_BINARY(aesenclast)
HOST_BINARY(aesdec)
HOST_BINARY(aesdeclast)
VEC_KERNEL(host_aesimc)
{
    __asm__("aesimc %1, %0" : "=x"(a) : "x"(b));
    return a;
}
VEC_KERNEL(host_pclmul_low)
{
    __asm__("pclmulqdq $0, %1, %0" : "+x"(a) : "x"(b));
    return a;
}
ALWAYS_INLINE u32 host_sign_mask_b(v128 v)
{
    u32 r;
    __asm__("pmovmskb %1, %0" : "=r"(r) : "x"(v));
    return r;
}

#else

#define VEC_BEST(name)              vec_##name
#define VEC_IF(feature, name, a, b) vec_##name(a, b, 0)

#endif
#endif
