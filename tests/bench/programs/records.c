/*
 * What business programs of old did all day: records are copied and linked,
 * short strings compared and assigned, small procedures called with arguments
 * by value and by reference, enumerations and global variables tested.
 */
#include "bench.h"

enum kind { PART, ORDER, CLIENT, KINDS };
enum { NAME = 31, STOCK = 50 };

struct record {
    struct record *link;
    enum kind kind, other;
    int amount;
    char name[NAME];
};

static struct record first, second, clients[KINDS];
static int total, stock[STOCK], ledger[STOCK][STOCK];
static char mark;
static _Bool flag;

static NOINLINE enum kind successor(enum kind kind)
{
    switch (kind) {
    case PART:
        return ORDER;
    case ORDER:
        return total > 100 ? CLIENT : PART;
    default:
        return PART;
    }
}

static NOINLINE _Bool same_letter(char a, char b)
{
    if (a != b)
        return 0;
    mark = a;
    return 1;
}

static NOINLINE _Bool later(const char *a, const char *b)
{
    int i = 2;
    while (i <= 2)
        if (!same_letter(a[i], b[i + 1]))
            i++;
        else
            return 0;
    return strcmp(a, b) > 0;
}

static NOINLINE void add_to(int amount, int *sum) { *sum += amount + 2; }

static NOINLINE void book(int at, int amount)
{
    int last = at + 5;
    stock[last] = amount;
    stock[last + 1] = stock[last];
    for (int i = last; i <= last + 1; i++)
        ledger[last][i] = last;
    ledger[last][last - 1]++;
    ledger[last + 10][last] = stock[last];
    total = 5 + (total & 0xff);
}

static NOINLINE void follow(struct record *record)
{
    struct record *next = record->link;
    *next = first;
    record->amount = 5;
    next->amount = record->amount;
    next->link = record->link;
    if (next->kind == PART) {
        next->amount = 6;
        next->other = successor(record->other);
        add_to(next->amount, &next->amount);
    } else {
        *record = *next;
    }
}

uint64_t bench_records(unsigned count)
{
    uint64_t sum = 0;
    second.link = &second;
    first = (struct record){&second, PART, CLIENT, 40, "RECORDS PROGRAM, SOME STRING"};
    for (unsigned i = 0; i < count * 100; i++) {
        int a = 2, b = 3, c = 0;
        char text[NAME] = "RECORDS PROGRAM, 1'ST STRING", other[NAME];
        strcpy(other, i & 1 ? "RECORDS PROGRAM, 2'ND STRING" : "RECORDS PROGRAM, 3'RD STRING");
        flag = !later(text, other);
        while (a < b) {
            c = 5 * a - b;
            add_to(c, &c);
            a++;
        }
        book((int)(i % 20), c);
        follow(&first);
        for (char letter = 'A'; letter <= 'C'; letter++)
            if (successor(PART) == (enum kind)same_letter(letter, 'C'))
                clients[successor(ORDER)] = second;
        b = c * a;
        a = b / c - (int)(i & 7);
        b = 7 * (b - c) - a + flag;
        sum = mix(sum, (uint64_t)(unsigned)(a + b * 3 + total + mark + clients[PART].amount + second.other));
    }
    return mix_bytes(sum, ledger, sizeof ledger);
}
