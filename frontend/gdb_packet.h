/*
 * The frame of the gdb remote protocol: $data#checksum, acknowledgements,
 * escapes, the interrupt character. Knows nothing of what packets mean.
 */
#ifndef ORRERY_FRONTEND_GDB_PACKET_H
#define ORRERY_FRONTEND_GDB_PACKET_H

#include "cpu/base.h"

enum { GDB_PACKET_MAX = 0x4000 };

enum gdb_input {
    GDB_NOTHING,   /* feed on */
    GDB_PACKET,    /* data[0, len) is a packet (NUL follows); escapes are gone */
    GDB_BAD,       /* checksum or length: ask for it again */
    GDB_INTERRUPT, /* Ctrl-c */
    GDB_ACK,
    GDB_NACK,
};
struct gdb_parser {
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPED, GDB_SUM1, GDB_SUM2 } state;
    u8 data[GDB_PACKET_MAX + 1];
    unsigned len;
    u8 sum, given;
    bool too_long;
    bool check; /* checksums count: until QStartNoAckMode */
};
enum gdb_input gdb_feed(struct gdb_parser *p, u8 c);

int gdb_hex_digit(u8 c); /* -1: none */
/* Reads hex digits at *p (at most 16), moves it; false when there is not one. */
bool gdb_hex(const char **p, u64 *out);
/* 2n digits into n bytes; false when they are not all there. */
bool gdb_from_hex(const char *text, u8 *out, size_t n);
void gdb_to_hex(const u8 *bytes, size_t n, char *out); /* NUL-terminated */

#endif
