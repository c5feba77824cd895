/*
 * What the two halves of the system test share. Each case's outcome is a line of text; lines are not printed
 * but summed (FNV-1a) by groups, and a group's name, number of lines and sum go to the debug console. Built
 * with -DVERBOSE the lines themselves are printed, to be compared between two emulators.
 */
#ifndef ORRERY_TESTS_SYSTEM_H
#define ORRERY_TESTS_SYSTEM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned u32;
typedef unsigned long long u64;

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { PORT_CONSOLE = 0xe9, PORT_EXIT = 0xf4, PORT_BOCHS = 0x8900 };

static const char *group_name;
static u32 group_sum, group_lines;

static inline void outb(u16 port, u8 v) { asm volatile("outb %0,%1" : : "a"(v), "Nd"(port)); }
static void console(const char *s)
{
    while (*s)
        outb(PORT_CONSOLE, (u8)*s++);
}
static void put(char c)
{
    group_sum = (group_sum ^ (u8)c) * 16777619u;
    group_lines += c == '\n';
#ifdef VERBOSE
    outb(PORT_CONSOLE, (u8)c);
#endif
}
static void text(const char *s)
{
    while (*s)
        put(*s++);
}
static void hex(u64 v, int digits)
{
    while (digits--)
        put("0123456789abcdef"[(v >> (4 * digits)) & 15]);
}
static void console_hex(u32 v)
{
    for (int i = 8; i--;)
        outb(PORT_CONSOLE, (u8) "0123456789abcdef"[(v >> (4 * i)) & 15]);
}
/* Ends the group before and starts the next; NULL: that was the last. */
static void group(const char *name)
{
    if (group_name) {
        console(group_name);
        console(" ");
        console_hex(group_lines);
        console(" ");
        console_hex(group_sum);
        console("\n");
    }
    group_name = name;
    group_sum = 2166136261u;
    group_lines = 0;
}
/* A case's name: the operation, where it ran and what it met. */
static void line(const char *name, u32 a, u32 b, u32 c)
{
    text(name);
    put(' ');
    hex(a, 2);
    put(' ');
    hex(b, 2);
    put(' ');
    hex(c, 4);
    put(' ');
}
static void finish(void)
{
    group(0);
    console("END\n");
    outb(PORT_EXIT, 0);
    for (const char *p = "Shutdown"; *p; p++)
        outb(PORT_BOCHS, (u8)*p);
    for (;;)
        asm volatile("hlt");
}

/* Segment descriptors and gates; attr: bits 40..55 of the descriptor, limit's high bits left out. */
static u64 descriptor(u32 base, u32 limit, u32 attr)
{
    return (u64)(limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
           (u64)(limit >> 16 & 15) << 48 | (u64)(attr >> 12 & 15) << 52 | (u64)(base >> 24) << 56;
}
static u64 gate(u16 sel, u32 off, u32 type, u32 n)
{
    return (u64)(off & 0xffff) | (u64)sel << 16 | (u64)n << 32 | (u64)type << 40 | (u64)(off >> 16) << 48;
}
/* Vectors that push an error code. */
static int has_error(u32 v) { return v == 8 || (v >= 10 && v <= 14) || v == 17; }

#endif
