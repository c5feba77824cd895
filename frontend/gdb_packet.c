/*
 * Packet framing (gdb_packet.h). Takes any bytes: what is not a packet is
 * skipped.
 */
#include "frontend/gdb_packet.h"

int gdb_hex_digit(u8 c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum gdb_input idle(struct gdb_parser *p, u8 c)
{
    switch (c) {
    case '$':
        p->state = GDB_DATA;
        p->len = 0;
        p->sum = 0;
        p->too_long = false;
        return GDB_NOTHING;
    case 3:
        return GDB_INTERRUPT;
    case '+':
        return GDB_ACK;
    case '-':
        return GDB_NACK;
    default:
        return GDB_NOTHING;
    }
}

static void put(struct gdb_parser *p, u8 c)
{
    if (p->len < GDB_PACKET_MAX)
        p->data[p->len++] = c;
    else
        p->too_long = true;
}

static enum gdb_input finish(struct gdb_parser *p, u8 c)
{
    int low = gdb_hex_digit(c);
    p->state = GDB_IDLE;
    p->data[p->len] = 0;
    bool good = low >= 0 && p->given != 0xff && (u8)(p->given << 4 | low) == p->sum;
    return p->too_long || (p->check && !good) ? GDB_BAD : GDB_PACKET;
}

enum gdb_input gdb_feed(struct gdb_parser *p, u8 c)
{
    int digit;
    switch (p->state) {
    case GDB_IDLE:
        return idle(p, c);
    case GDB_DATA:
        if (c == '#') {
            p->state = GDB_SUM1;
        } else if (c == '$') {
            return idle(p, c); /* the previous one was cut short */
        } else {
            p->sum += c;
            if (c == '}')
                p->state = GDB_ESCAPED;
            else
                put(p, c);
        }
        return GDB_NOTHING;
    case GDB_ESCAPED:
        p->sum += c;
        put(p, c ^ 0x20);
        p->state = GDB_DATA;
        return GDB_NOTHING;
    case GDB_SUM1:
        digit = gdb_hex_digit(c);
        p->given = digit < 0 ? 0xff : (u8)digit;
        p->state = GDB_SUM2;
        return GDB_NOTHING;
    default:
        return finish(p, c);
    }
}

bool gdb_hex(const char **p, u64 *out)
{
    unsigned n = 0;
    *out = 0;
    for (int d; n < 16 && (d = gdb_hex_digit((u8) * *p)) >= 0; n++, (*p)++)
        *out = *out << 4 | (unsigned)d;
    return n > 0;
}

bool gdb_from_hex(const char *text, u8 *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = gdb_hex_digit((u8)text[2 * i]);
        int low = high < 0 ? -1 : gdb_hex_digit((u8)text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (u8)(high << 4 | low);
    }
    return true;
}

void gdb_to_hex(const u8 *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = 0;
}
