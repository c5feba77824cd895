/*
 * Words every part of Orrery shares: integer names, bit helpers, little-endian
 * access to unaligned memory, and the trace sink. Relies on nothing but C17
 * and GNU attributes; knows no CPU, device or front end.
 */
#ifndef ORRERY_BASE_H
#define ORRERY_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef unsigned __int128 u128;
typedef __int128 i128;

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)       (1u << (n))
#define BIT64(n)     (1ull << (n))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))
#define likely(x)    __builtin_expect(!!(x), 1)
#define unlikely(x)  __builtin_expect(!!(x), 0)
/* A page of the guest */
#define PAGE_SIZE         4096u
#define PAGE_MASK         (~(u64)0xfff)
#define ALWAYS_INLINE     static inline __attribute__((always_inline))
#define NOINLINE          __attribute__((noinline))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
/* From a pointer to a member to the struct that holds it. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HOST_BIG_ENDIAN 1
#define LE16(x)         __builtin_bswap16(x)
#define LE32(x)         __builtin_bswap32(x)
#define LE64(x)         __builtin_bswap64(x)
#else
#define HOST_BIG_ENDIAN 0
#define LE16(x)         ((u16)(x))
#define LE32(x)         ((u32)(x))
#define LE64(x)         ((u64)(x))
#endif

/* Little-endian access to host memory at any alignment. */
ALWAYS_INLINE u16 ld16(const void *p)
{
    u16 v;
    memcpy(&v, p, 2);
    return LE16(v);
}
ALWAYS_INLINE u32 ld32(const void *p)
{
    u32 v;
    memcpy(&v, p, 4);
    return LE32(v);
}
ALWAYS_INLINE u64 ld64(const void *p)
{
    u64 v;
    memcpy(&v, p, 8);
    return LE64(v);
}
ALWAYS_INLINE void st16(void *p, u16 v)
{
    v = LE16(v);
    memcpy(p, &v, 2);
}
ALWAYS_INLINE void st32(void *p, u32 v)
{
    v = LE32(v);
    memcpy(p, &v, 4);
}
ALWAYS_INLINE void st64(void *p, u64 v)
{
    v = LE64(v);
    memcpy(p, &v, 8);
}

/* A member of 1, 2, 4 or 8 bytes as this host has it. */
ALWAYS_INLINE u64 host_value(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return *(const u8 *)p;
    case 2:
        return *(const u16 *)p;
    case 4:
        return *(const u32 *)p;
    default:
        return *(const u64 *)p;
    }
}
ALWAYS_INLINE void set_host_value(void *p, u64 v, unsigned size)
{
    switch (size) {
    case 1:
        *(u8 *)p = (u8)v;
        break;
    case 2:
        *(u16 *)p = (u16)v;
        break;
    case 4:
        *(u32 *)p = (u32)v;
        break;
    default:
        *(u64 *)p = v;
        break;
    }
}
/* A little-endian integer of 1, 2, 4 or 8 bytes. */
ALWAYS_INLINE u64 ld_le(const void *p, unsigned size)
{
    return size == 1 ? *(const u8 *)p : size == 2 ? ld16(p) : size == 4 ? ld32(p) : ld64(p);
}
ALWAYS_INLINE void st_le(void *p, u64 v, unsigned size)
{
    if (size == 1)
        *(u8 *)p = (u8)v;
    else if (size == 2)
        st16(p, (u16)v);
    else if (size == 4)
        st32(p, (u32)v);
    else
        st64(p, v);
}

/* The low 'bytes' bytes of v, sign-extended to 64 bits (bytes 1, 2, 4, 8). */
ALWAYS_INLINE u64 sext(u64 v, unsigned bytes)
{
    return bytes == 1 ? (u64)(i8)v : bytes == 2 ? (u64)(i16)v : bytes == 4 ? (u64)(i32)v : v;
}
/* All ones in the low 'bytes' bytes. */
ALWAYS_INLINE u64 size_mask(unsigned bytes) { return ~0ull >> (64 - 8 * bytes); }

/*
 * Tracing (-d CATEGORIES -D FILE). A category is a bit; trace.def is the list
 * of them with the names users type. Where tracing is off the cost is one test.
 */
enum trace_category {
#define TRACE(name, text) TRACE_##name,
#include "cpu/trace.def"
#undef TRACE
    TRACE_COUNT
};
struct trace {
    u64 mask; /* BIT64(category) */
    FILE *out;
    /* Prints the instruction at bytes[0, n), whose address is addr; returns its length. NULL: hex will do.
     * bits: 16, 32, 64. */
    unsigned (*disasm)(FILE *out, u64 addr, const u8 *bytes, unsigned n, unsigned bits);
};
#define tracing(t, cat) unlikely((t)->mask &BIT64(TRACE_##cat))
/* One line of trace in category 'cat'; evaluates its arguments only when on. */
#define trace(t, cat, ...)                                                                                             \
    do {                                                                                                               \
        if (tracing(t, cat))                                                                                           \
            trace_line(t, TRACE_##cat, __VA_ARGS__);                                                                   \
    } while (0)
void trace_line(struct trace *t, enum trace_category cat, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Parses "pic,ide" into t->mask; false and *bad = the unknown word otherwise. */
bool trace_parse(struct trace *t, const char *list, const char **bad);

#endif
