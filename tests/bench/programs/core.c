/*
 * The kinds of work small controllers do, in turn: a linked list is searched,
 * reversed and merge-sorted; 16-bit matrices are multiplied; a state machine
 * tells integers from decimals in text; a CRC-16 covers every result.
 */
#include "bench.h"

enum { NODES = 200, ORDER = 24, TEXT = 2000 };

struct node {
    struct node *next;
    int16_t key, tag;
};

enum state { START, SIGN, DIGITS, POINT, FRACTION, EXPONENT, POWER, BAD, STATES };

static uint16_t crc16(uint16_t crc, unsigned value)
{
    for (int i = 0; i < 16; i++, value >>= 1)
        crc = (crc ^ value) & 1 ? (uint16_t)(crc >> 1 ^ 0xa001) : crc >> 1;
    return crc;
}

static struct node *merge(struct node *a, struct node *b)
{
    struct node head, *tail = &head;
    while (a && b) {
        struct node **least = a->key <= b->key ? &a : &b;
        tail = tail->next = *least;
        *least = (*least)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static struct node *sort(struct node *list)
{
    if (!list || !list->next)
        return list;
    struct node *middle = list, *end = list->next;
    while (end && end->next) {
        middle = middle->next;
        end = end->next->next;
    }
    struct node *second = middle->next;
    middle->next = NULL;
    return merge(sort(list), sort(second));
}

static struct node *reverse(struct node *list)
{
    struct node *done = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static NOINLINE uint16_t lists(uint16_t crc, uint32_t *random)
{
    static struct node pool[NODES];
    struct node *list = NULL;
    for (int i = 0; i < NODES; i++) {
        pool[i] = (struct node){list, (int16_t)(next_random(random) & 0x3ff), (int16_t)i};
        list = &pool[i];
    }
    for (int wanted = 0; wanted < 0x400; wanted += 16) {
        const struct node *n = list;
        while (n && n->key != wanted)
            n = n->next;
        crc = crc16(crc, n ? (unsigned)n->tag : 0xffffu);
        list = reverse(list);
    }
    for (const struct node *n = list = sort(list); n; n = n->next)
        crc = crc16(crc, (unsigned)n->key);
    return crc;
}

static NOINLINE uint16_t matrices(uint16_t crc, uint32_t *random)
{
    static int16_t a[ORDER][ORDER], b[ORDER][ORDER];
    static int32_t c[ORDER][ORDER];
    for (int i = 0; i < ORDER * ORDER; i++) {
        a[i / ORDER][i % ORDER] = (int16_t)next_random(random);
        b[i / ORDER][i % ORDER] = (int16_t)(next_random(random) & 0xff);
    }
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j++) {
            int32_t sum = 0;
            for (int k = 0; k < ORDER; k++)
                sum += a[i][k] * b[k][j] >> 2;
            c[i][j] = sum;
        }
    for (int i = 0; i < ORDER; i++) {
        int32_t row = 0, last = 0;
        for (int j = 0; j < ORDER; j++) {
            row += c[i][j] > last ? 10 : c[i][j] & 0xff;
            last = c[i][j];
        }
        crc = crc16(crc, (unsigned)row);
    }
    return crc;
}

static enum state step(enum state state, char c)
{
    int digit = c >= '0' && c <= '9';
    switch (state) {
    case START:
        return digit ? DIGITS : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : BAD;
    case SIGN:
        return digit ? DIGITS : c == '.' ? POINT : BAD;
    case DIGITS:
        return digit ? DIGITS : c == '.' ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case POINT:
        return digit ? FRACTION : BAD;
    case FRACTION:
        return digit ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT:
        return digit || c == '-' ? POWER : BAD;
    case POWER:
        return digit ? POWER : BAD;
    default:
        return BAD;
    }
}

static NOINLINE uint16_t machine(uint16_t crc, uint32_t *random)
{
    static const char alphabet[] = "0123456789012345678901234567,,,,+-.e";
    static char text[TEXT + 1];
    unsigned seen[STATES] = {0};
    for (int i = 0; i < TEXT; i++)
        text[i] = alphabet[next_random(random) % (sizeof alphabet - 1)];
    enum state state = START;
    for (const char *p = text; *p; p++) {
        if (*p == ',') {
            seen[state]++;
            state = START;
        } else {
            state = step(state, *p);
        }
    }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, seen[i]);
    return crc;
}

uint64_t bench_core(unsigned count)
{
    uint32_t random = 0x3415;
    uint16_t crc = 0;
    for (unsigned i = 0; i < count; i++) {
        crc = lists(crc, &random);
        crc = matrices(crc, &random);
        crc = machine(crc, &random);
    }
    return mix(crc, random);
}
