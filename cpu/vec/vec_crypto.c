/*
 * AES-NI, PCLMULQDQ and SHA (SDM vol. 2 under each name; FIPS 197, FIPS 180-4).
 * Where the host lacks them tables are looked up with guest data, so timing
 * depends on it, as does every access the guest makes here.
 */
#include "cpu/vec/vec_host.h"

/* FIPS 197, figures 7 and 14. */
static const u8 aes_sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9,
    0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f,
    0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07,
    0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3,
    0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58,
    0xcf, 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3,
    0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f,
    0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88,
    0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac,
    0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a,
    0xae, 0x08, 0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70,
    0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
    0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42,
    0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};
static const u8 aes_inverse_sbox[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb, 0x7c, 0xe3, 0x39,
    0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb, 0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2,
    0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e, 0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76,
    0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25, 0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc,
    0x5d, 0x65, 0xb6, 0x92, 0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d,
    0x84, 0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06, 0xd0, 0x2c,
    0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b, 0x3a, 0x91, 0x11, 0x41, 0x4f,
    0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73, 0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85,
    0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e, 0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62,
    0x0e, 0xaa, 0x18, 0xbe, 0x1b, 0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd,
    0x5a, 0xf4, 0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f, 0x60,
    0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef, 0xa0, 0xe0, 0x3b, 0x4d,
    0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61, 0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6,
    0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};

ALWAYS_INLINE u32 rotate_right(u32 x, unsigned n) { return x >> n | x << (32 - n); }
ALWAYS_INLINE u32 rotate_left(u32 x, unsigned n) { return x << n | x >> (32 - n); }

/* Four bytes times x in GF(2^8). */
ALWAYS_INLINE u32 aes_times_x(u32 c) { return (c & 0x7f7f7f7f) << 1 ^ (c >> 7 & 0x01010101) * 0x1b; }
/* A column; its first byte is the low one. */
ALWAYS_INLINE u32 aes_mix_column(u32 c)
{
    u32 next = rotate_right(c, 8);
    return aes_times_x(c ^ next) ^ next ^ rotate_right(c, 16) ^ rotate_right(c, 24);
}
ALWAYS_INLINE u32 aes_unmix_column(u32 c)
{
    c ^= aes_times_x(aes_times_x(c ^ rotate_right(c, 16)));
    return aes_mix_column(c);
}
ALWAYS_INLINE v128 aes_mix_columns(v128 v, u32 (*mix)(u32))
{
    union lanes x = {.v = v};
    for (unsigned i = 0; i < 4; i++)
        x.d[i] = mix(x.d[i]);
    return x.v;
}
/* ShiftRows and SubBytes: row r moves by r columns, left to encrypt (1), right to decrypt (3). */
ALWAYS_INLINE v128 aes_shift_sub(v128 v, const u8 *box, unsigned step)
{
    union lanes x = {.v = v}, r;
    for (unsigned i = 0; i < 16; i++)
        LB(r, i) = box[LB(x, (i + 4 * step * (i & 3)) & 15)];
    return r.v;
}
VEC_KERNEL(vec_aesenc) { return aes_mix_columns(aes_shift_sub(a, aes_sbox, 1), aes_mix_column) ^ b; }
VEC_KERNEL(vec_aesenclast) { return aes_shift_sub(a, aes_sbox, 1) ^ b; }
VEC_KERNEL(vec_aesdec) { return aes_mix_columns(aes_shift_sub(a, aes_inverse_sbox, 3), aes_unmix_column) ^ b; }
VEC_KERNEL(vec_aesdeclast) { return aes_shift_sub(a, aes_inverse_sbox, 3) ^ b; }
VEC_KERNEL(vec_aesimc) { return aes_mix_columns(b, aes_unmix_column); }

ALWAYS_INLINE u32 aes_sub_word(u32 x)
{
    return aes_sbox[x & 255] | (u32)aes_sbox[x >> 8 & 255] << 8 | (u32)aes_sbox[x >> 16 & 255] << 16 |
           (u32)aes_sbox[x >> 24] << 24;
}
VEC_KERNEL(vec_aeskeygenassist)
{
    union lanes x = {.v = b}, r;
    u32 x1 = aes_sub_word(LD(x, 1)), x3 = aes_sub_word(LD(x, 3));
    LD(r, 0) = x1;
    LD(r, 1) = rotate_right(x1, 8) ^ imm;
    LD(r, 2) = x3;
    LD(r, 3) = rotate_right(x3, 8) ^ imm;
    return r.v;
}
VEC_KERNEL(best_aesenc) { return VEC_IF("aes", aesenc, a, b); }
VEC_OP(AESENC, best_aesenc)
VEC_KERNEL(best_aesenclast) { return VEC_IF("aes", aesenclast, a, b); }
VEC_OP(AESENCLAST, best_aesenclast)
VEC_KERNEL(best_aesdec) { return VEC_IF("aes", aesdec, a, b); }
VEC_OP(AESDEC, best_aesdec)
VEC_KERNEL(best_aesdeclast) { return VEC_IF("aes", aesdeclast, a, b); }
VEC_OP(AESDECLAST, best_aesdeclast)
VEC_KERNEL(best_aesimc) { return VEC_IF("aes", aesimc, a, b); }
VEC_OP(AESIMC, best_aesimc)
VEC_OP(AESKEYGENASSIST, vec_aeskeygenassist)

/* ---- carry-less product: imm[0] chooses a's qword, imm[4] b's; four bits at a time ---- */
VEC_KERNEL(vec_pclmul_low)
{
    u64 x = a[0], y = b[0];
    u128 multiple[16], r = 0;
    multiple[0] = 0;
    multiple[1] = x;
    for (unsigned i = 2; i < 16; i += 2) {
        multiple[i] = multiple[i / 2] << 1;
        multiple[i + 1] = multiple[i] ^ x;
    }
    for (int i = 60; i >= 0; i -= 4)
        r = r << 4 ^ multiple[y >> i & 15];
    return (v128){(u64)r, (u64)(r >> 64)};
}
VEC_KERNEL(best_pclmulqdq)
{
    v128 x = {a[imm & 1], 0}, y = {b[imm >> 4 & 1], 0};
    return VEC_IF("pclmul", pclmul_low, x, y);
}
VEC_OP(PCLMULQDQ, best_pclmulqdq)

/* ---- SHA-1: A is the top dword of a vector, W0 too. AMD's silicon wants no alignment of any SHA operand ---- */
ALWAYS_INLINE u32 sha1_function(unsigned which, u32 b, u32 c, u32 d)
{
    return which == 0 ? (b & c) ^ (~b & d) : which == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
}
VEC_KERNEL(vec_sha1rnds4)
{
    static const u32 constant[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    union lanes s = {.v = a}, w = {.v = b}, r;
    u32 va = LD(s, 3), vb = LD(s, 2), vc = LD(s, 1), vd = LD(s, 0), ve = 0; /* E is in W0 already */
    for (unsigned i = 0; i < 4; i++) {
        u32 t = sha1_function(imm & 3, vb, vc, vd) + rotate_left(va, 5) + LD(w, 3 - i) + ve + constant[imm & 3];
        ve = vd, vd = vc, vc = rotate_left(vb, 30), vb = va, va = t;
    }
    LD(r, 3) = va, LD(r, 2) = vb, LD(r, 1) = vc, LD(r, 0) = vd;
    return r.v;
}
VEC_KERNEL(vec_sha1nexte)
{
    union lanes x = {.v = a}, r = {.v = b};
    LD(r, 3) += rotate_left(LD(x, 3), 30);
    return r.v;
}
VEC_KERNEL(vec_sha1msg1)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    LD(r, 3) = LD(x, 1) ^ LD(x, 3);
    LD(r, 2) = LD(x, 0) ^ LD(x, 2);
    LD(r, 1) = LD(y, 3) ^ LD(x, 1);
    LD(r, 0) = LD(y, 2) ^ LD(x, 0);
    return r.v;
}
VEC_KERNEL(vec_sha1msg2)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    LD(r, 3) = rotate_left(LD(x, 3) ^ LD(y, 2), 1);
    LD(r, 2) = rotate_left(LD(x, 2) ^ LD(y, 1), 1);
    LD(r, 1) = rotate_left(LD(x, 1) ^ LD(y, 0), 1);
    LD(r, 0) = rotate_left(LD(x, 0) ^ LD(r, 3), 1);
    return r.v;
}
VEC_OP_MEM(SHA1RNDS4, vec_sha1rnds4, 16, 1)
VEC_OP_MEM(SHA1NEXTE, vec_sha1nexte, 16, 1)
VEC_OP_MEM(SHA1MSG1, vec_sha1msg1, 16, 1)
VEC_OP_MEM(SHA1MSG2, vec_sha1msg2, 16, 1)

/* ---- SHA-256 ---- */
ALWAYS_INLINE u32 sha256_sum0(u32 x) { return rotate_right(x, 2) ^ rotate_right(x, 13) ^ rotate_right(x, 22); }
ALWAYS_INLINE u32 sha256_sum1(u32 x) { return rotate_right(x, 6) ^ rotate_right(x, 11) ^ rotate_right(x, 25); }
ALWAYS_INLINE u32 sha256_sigma0(u32 x) { return rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3; }
ALWAYS_INLINE u32 sha256_sigma1(u32 x) { return rotate_right(x, 17) ^ rotate_right(x, 19) ^ x >> 10; }

VEC_KERNEL(vec_sha256msg1)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 4; i++)
        LD(r, i) = LD(x, i) + sha256_sigma0(i < 3 ? LD(x, i + 1) : LD(y, 0));
    return r.v;
}
VEC_KERNEL(vec_sha256msg2)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    LD(r, 0) = LD(x, 0) + sha256_sigma1(LD(y, 2));
    LD(r, 1) = LD(x, 1) + sha256_sigma1(LD(y, 3));
    LD(r, 2) = LD(x, 2) + sha256_sigma1(LD(r, 0));
    LD(r, 3) = LD(x, 3) + sha256_sigma1(LD(r, 1));
    return r.v;
}
VEC_OP_MEM(SHA256MSG1, vec_sha256msg1, 16, 1)
VEC_OP_MEM(SHA256MSG2, vec_sha256msg2, 16, 1)

/* Two rounds: C D G H in a, A B E F in b, message plus constants in the low qword of XMM0. */
static v128 sha256_rounds2(v128 a, v128 b, u64 wk)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    u32 va = LD(y, 3), vb = LD(y, 2), ve = LD(y, 1), vf = LD(y, 0);
    u32 vc = LD(x, 3), vd = LD(x, 2), vg = LD(x, 1), vh = LD(x, 0);
    for (unsigned i = 0; i < 2; i++, wk >>= 32) {
        u32 t = ((ve & vf) ^ (~ve & vg)) + sha256_sum1(ve) + (u32)wk + vh;
        u32 s = ((va & vb) ^ (va & vc) ^ (vb & vc)) + sha256_sum0(va);
        vh = vg, vg = vf, vf = ve, ve = vd + t, vd = vc, vc = vb, vb = va, va = t + s;
    }
    LD(r, 3) = va, LD(r, 2) = vb, LD(r, 1) = ve, LD(r, 0) = vf;
    return r.v;
}
static UOP_FN(SHA256RNDS2_rr)
{
    xmm_set(cpu, u->dst, 0, sha256_rounds2(xmm_get(cpu, u->dst, 0), xmm_get(cpu, u->src, 0), VQ(&cpu->xmm[0], 0)));
    NEXT(u);
}
MEM_FN(SHA256RNDS2_rm, 16, 1,
       xmm_set(cpu, u->dst, 0, sha256_rounds2(xmm_get(cpu, u->dst, 0), m.h[0], VQ(&cpu->xmm[0], 0))))
const struct uop_table SHA256RNDS2_table = {
    {[FORM_RR] = ANY_SIZE(SHA256RNDS2_rr), [FORM_RM] = ANY_SIZE(SHA256RNDS2_rm)}};
