/*
 * The command line's frame: finds each word's row in options.def, hands its
 * argument to the row's parser, prints -help. Knows no option by name.
 */
#include "frontend/options_parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

enum option_group {
    GROUP_MACHINE,
    GROUP_DISK,
    GROUP_BOOT,
    GROUP_DISPLAY,
    GROUP_CHAR,
    GROUP_DEBUG,
    GROUP_OTHER,
    GROUPS
};

struct option_row {
    const char *name, *argument;
    enum option_group group;
    option_parse *parse;
    const char *help;
};
static const struct option_row rows[] = {
#define OPTION(name, argument, group, parse, help) {name, argument, GROUP_##group, parse, help},
#include "frontend/options.def"
#undef OPTION
};
static const char *const option_names[] = {
#define OPTION(name, argument, group, parse, help) "-" name,
#include "frontend/options.def"
#undef OPTION
};

/* Each group's title, and the common jobs its options are for. */
static const struct {
    const char *title;
    const char *examples[3];
} options_groups[GROUPS] = {
    [GROUP_MACHINE] = {"The machine",
                       {"-m 1G -smp 2 -cpu qemu64,+avx -hda disk.img",
                        "-icount shift=3,sleep=off -rtc base=2020-01-01,clock=vm -hda disk.img",
                        "-M bare -kernel test.elf -device isa-debug-exit,iobase=0xf4,iosize=4"}},
    [GROUP_DISK] = {"Disks",
                    {"-hda disk.img -cdrom install.iso -boot d", "-drive file=disk.img,format=raw,index=1,snapshot=on",
                     "-fda floppy.img -boot a"}},
    [GROUP_BOOT] = {"Booting",
                    {"-kernel vmlinuz -initrd initrd.img -append \"console=ttyS0\" -nographic",
                     "-boot order=dc,menu=on,splash-time=5000 -cdrom install.iso -hda disk.img"}},
    [GROUP_DISPLAY] = {"Screen", {"-nographic -hda disk.img", "-display none -monitor stdio -hda disk.img"}},
    [GROUP_CHAR] = {"Serial ports, monitors and the like",
                    {"-serial file:serial.log -monitor stdio -hda disk.img",
                     "-display none -qmp unix:/tmp/qmp,server,nowait -hda disk.img",
                     "-chardev socket,id=s,path=/tmp/serial,server=on,wait=off -serial chardev:s -hda disk.img"}},
    [GROUP_DEBUG] = {"Debugging",
                     {"-s -S -kernel vmlinux -nographic     then: gdb -ex 'target remote :1234' vmlinux",
                      "-d int,guest_errors -D trace.log -hda disk.img",
                      "-debugcon file:bios.log -global isa-debugcon.iobase=0x402 -hda disk.img"}},
    [GROUP_OTHER] = {"Other", {"-pidfile /run/guest.pid -display none -hda disk.img"}},
};

static void help_row(FILE *out, const struct option_row *row)
{
    enum { COLUMN = 30, WIDTH = 100 };
    int at = fprintf(out, "-%s%s%s", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
    if (at >= COLUMN - 1) {
        fputc('\n', out);
        at = 0;
    }
    at += fprintf(out, "%*s", COLUMN - at, "");
    for (const char *p = row->help; *p;) {
        int n = (int)strcspn(p, " ");
        if (at + 1 + n > WIDTH)
            at = fprintf(out, "\n%*s%.*s", COLUMN, "", n, p) - 1;
        else
            at += fprintf(out, "%s%.*s", p == row->help ? "" : " ", n, p);
        p += n + (p[n] == ' ');
    }
    fputc('\n', out);
}

void options_help(FILE *out, const char *program)
{
    options_version(out);
    fprintf(out, "A whole PC in software\nusage: %s [options] [hard disk image]\n", program);
    for (int g = 0; g < GROUPS; g++) {
        fprintf(out, "\n%s:\n", options_groups[g].title);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            if ((int)rows[i].group == g)
                help_row(out, &rows[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(options_groups[g].examples) && options_groups[g].examples[i]; i++)
            fprintf(out, "%s%s %s\n", i ? "           " : "  example: ", program, options_groups[g].examples[i]);
    }
    fprintf(out, "\nIn all values of the form KEY=VALUE,... a comma inside a value is written twice.\n"
                 "With -nographic or a 'mon:' device: Ctrl-a h help, Ctrl-a x end, Ctrl-a c monitor and back.\n");
}

const char *options_keep(struct options *o, const char *s)
{
    char *copy = o->nowned < ARRAY_LEN(o->owned) ? strdup(s) : NULL;
    if (copy)
        o->owned[o->nowned++] = copy;
    return copy ? copy : "";
}

void options_note(struct options *o, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (o->nnotes < ARRAY_LEN(o->note))
        o->note[o->nnotes++] = options_keep(o, text);
}

static const struct option_row *find_row(const char *word)
{
    const char *name = word + 1;
    if (*name == '-' && name[1])
        name++; /* --kernel is fine too */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!strcmp(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

/* What other programs and plain English call an option. */
static const struct {
    const char *name, *meant;
} option_hints[] = {{"-memory", "-m"},           {"-mem", "-m"},          {"-ram", "-m"},
                    {"-cpus", "-smp"},           {"-cores", "-smp"},      {"-iso", "-cdrom"},
                    {"-cd", "-cdrom"},           {"-dvd", "-cdrom"},      {"-floppy", "-fda"},
                    {"-disk", "-hda"},           {"-hd", "-hda"},         {"-harddisk", "-hda"},
                    {"-cmdline", "-append"},     {"-ramdisk", "-initrd"}, {"-firmware", "-bios"},
                    {"-headless", "-nographic"}, {"-log", "-D"},          {"-debug", "-d"}};

/* "-m512", "-cdrom=a.iso": an option that runs into its argument; its row, *rest is the argument. */
static const struct option_row *joined_row(const char *given, const char **rest)
{
    size_t n = 1 + strcspn(given + 1, "=0123456789");
    if (!given[n])
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].argument && strlen(rows[i].name) == n - 1 && !strncmp(given + 1, rows[i].name, n - 1)) {
            *rest = given + n + (given[n] == '=');
            return &rows[i];
        }
    }
    return NULL;
}

static bool fail_option(const char *given, struct error *e)
{
    const char *names[ARRAY_LEN(option_names) + ARRAY_LEN(option_hints)], *rest;
    const struct option_row *joined = joined_row(given, &rest);
    if (joined)
        return fail(e, "option '%s' is unknown, did you mean '-%s %s'?", given, joined->name, rest);
    memcpy(names, option_names, sizeof(option_names));
    for (size_t i = 0; i < ARRAY_LEN(option_hints); i++)
        names[ARRAY_LEN(option_names) + i] = option_hints[i].name;
    const char *near = text_nearest(given, names, ARRAY_LEN(names));
    for (size_t i = 0; near && i < ARRAY_LEN(option_hints); i++) {
        if (!strcmp(near, option_hints[i].name))
            near = option_hints[i].meant;
    }
    return near ? fail(e, "option '%s' is unknown, did you mean '%s'?", given, near)
                : fail(e, "option '%s' is unknown, -help lists them", given);
}

/* 0: see e, 1: fine, OPTION_DONE; *i moves past the argument. */
static int parse_word(struct options *o, int argc, char *const argv[], int *i, FILE *out, struct error *e)
{
    const char *word = argv[*i];
    if (word[0] != '-' || !word[1])
        return opt_hda(o, word, out, e);
    const struct option_row *row = find_row(word);
    if (!row)
        return fail_option(word[1] == '-' ? word + 1 : word, e);
    const char *arg = NULL;
    if (row->argument) {
        if (*i + 1 >= argc)
            return fail(e, "-%s needs an argument: -%s %s", row->name, row->name, row->argument);
        arg = argv[++*i];
    }
    return row->parse(o, arg, out, e);
}

static void options_init(struct options *o)
{
    memset(o, 0, sizeof(*o));
    struct machine_config *c = &o->config;
    c->type = MACHINE_PC;
    c->ram_size = 128ull << 20;
    c->cpus = 1;
    c->accel = machine_default_accel();
    c->tb_size = (u64)TB_SIZE_DEFAULT << 20;
    c->idle = true;
    c->icount_sleep = true;
    c->vga = c->fd_bootchk = true;
    c->rtc_base = UINT64_MAX;
    c->reboot_timeout_ms = UINT32_MAX;
    o->gdb = o->parallel = STREAM_NONE;
    o->default_monitor = o->window.close_ends = true;
    o->escape = 1; /* Ctrl-a */
}

/* What depends on several options. */
static bool options_finish(struct options *o, struct error *e)
{
    struct machine_config *c = &o->config;
    if (!c->cpu.name && !cpu_model_parse("max", &c->cpu, e->text, sizeof(e->text)))
        return false;
    if ((c->perfmap || c->jitdump) && !strcmp(c->accel, "interp"))
        return fail(e, "%s shows translated code, it needs -accel jit", c->perfmap ? "-perfmap" : "-jitdump");
    if (c->type == MACHINE_NONE && (c->kernel || c->bios || o->gdb != STREAM_NONE))
        return fail(e, "%s needs a processor, and -M none has none",
                    c->kernel ? "-kernel"
                    : c->bios ? "-bios"
                              : "-gdb");
    if (!c->kernel && (c->append || c->initrd))
        return fail(e, "%s only works with -kernel", c->append ? "-append" : "-initrd");
    if (o->nodefaults && !o->vga_given)
        c->vga = false;
    if (c->type != MACHINE_PC)
        c->vga = false;
    if (c->type == MACHINE_NONE)
        c->cpus = 0;
    options_finish_accel(o);
    o->process.guest = c->name;
    return options_finish_memory(o, e) && options_finish_audio(o, e) && options_finish_streams(o, e) &&
           options_finish_drives(o, e);
}

enum options_result options_parse(struct options *o, int argc, char *const argv[], FILE *out, struct error *e)
{
    options_init(o);
    for (int i = 1; i < argc; i++) {
        switch (parse_word(o, argc, argv, &i, out, e)) {
        case 0:
            return OPTIONS_ERROR;
        case OPTION_DONE:
            return OPTIONS_DONE;
        default:
            break;
        }
    }
    return options_finish(o, e) ? OPTIONS_RUN : OPTIONS_ERROR;
}

void options_free(struct options *o)
{
    for (unsigned i = 0; i < o->ndrives; i++)
        free(o->drive[i].changed);
    for (unsigned i = 0; i < o->ndevices; i++)
        device_words_free(&o->device[i]);
    for (unsigned i = 0; i < o->nglobals; i++)
        free(o->global[i].buf);
    o->ndevices = o->nglobals = 0;
    for (unsigned i = 0; i < o->nspecs; i++)
        stream_spec_free(&o->specs[i]);
    for (unsigned i = 0; i < o->nowned; i++)
        free(o->owned[i]);
    o->nspecs = o->nowned = 0;
}
