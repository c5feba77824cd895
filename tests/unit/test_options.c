/*
 * The command line: what each option means, QEMU's defaults, and the sentence
 * for every kind of mistake.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "frontend/options.h"

#include <check.h> /* last: it has a macro called fail */

static struct options o;
static struct error e;
static char printed[65536];

/* Parses "orrery" and the arguments up to NULL. */
static enum options_result parse(const char *first, ...)
{
    char *argv[64] = {(char *)"orrery"};
    int argc = 1;
    va_list ap;
    va_start(ap, first);
    for (const char *a = first; a; a = va_arg(ap, const char *))
        argv[argc++] = (char *)a;
    va_end(ap);
    options_free(&o);
    memset(&e, 0, sizeof(e));
    memset(printed, 0, sizeof(printed));
    FILE *out = fmemopen(printed, sizeof(printed), "w");
    enum options_result r = options_parse(&o, argc, argv, out, &e);
    fclose(out);
    return r;
}
#define RUNS(...) ck_assert_msg(parse(__VA_ARGS__, NULL) == OPTIONS_RUN, "%s", e.text)
#define FAILS(sentence, ...)                                                                                           \
    do {                                                                                                               \
        ck_assert_int_eq(parse(__VA_ARGS__, NULL), OPTIONS_ERROR);                                                     \
        ck_assert_str_eq(e.text, sentence);                                                                            \
    } while (0)

static void teardown(void) { options_free(&o); }

START_TEST(defaults)
{
    ck_assert_int_eq(parse(NULL), OPTIONS_RUN);
    ck_assert_int_eq(o.config.type, MACHINE_PC);
    ck_assert_uint_eq(o.config.ram_size, 128 << 20);
    ck_assert_uint_eq(o.config.cpus, 1);
    ck_assert_str_eq(o.config.cpu.name, "max");
    ck_assert(o.config.vga && o.config.fd_bootchk);
    ck_assert_uint_eq(o.nserial, 1);
    ck_assert_int_eq(o.serial[0], STREAM_NONE);
    ck_assert_int_eq(o.parallel, STREAM_NONE);
    ck_assert_uint_eq(o.nmonitors, 0);
    ck_assert_uint_eq(o.ndrives, 2); /* an empty CD-ROM and an empty floppy drive */
    ck_assert(o.drive[0].bus == DRIVE_IDE && o.drive[0].index == 2 && o.drive[0].cdrom && !o.drive[0].image.path);
    ck_assert(o.drive[1].bus == DRIVE_FLOPPY && o.drive[1].index == 0 && !o.drive[1].image.path);
}
END_TEST

START_TEST(memory_sizes)
{
    static const struct {
        const char *text;
        u64 bytes;
    } good[] = {{"1", 1 << 20},       {"512", 512 << 20},     {"512M", 512 << 20},  {"2G", 2ull << 30},
                {"1.5G", 3ull << 29}, {"size=64M", 64 << 20}, {"65536K", 64 << 20}, {"1g", 1 << 30}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        RUNS("-m", good[i].text);
        ck_assert_uint_eq(o.config.ram_size, good[i].bytes);
    }
    FAILS("-m 0 is too little, the machine needs at least 1M", "-m", "0");
    FAILS("-m 100T is too much, the machine takes at most 512G", "-m", "100T");
    FAILS("-m lots is not a size, write for example 512M or 2G", "-m", "lots");
    FAILS("-m -5 is not a size, write for example 512M or 2G", "-m", "-5");
    FAILS("-m 99999999999999999999 is not a size, write for example 512M or 2G", "-m", "99999999999999999999");
    FAILS("-m key 'sise' is unknown, did you mean 'size'?", "-m", "sise=1,size=5");
    FAILS("-m needs an argument: -m SIZE", "-m");
}
END_TEST

START_TEST(processors)
{
    RUNS("-smp", "4");
    ck_assert_uint_eq(o.config.cpus, 4);
    RUNS("-smp", "cpus=8,maxcpus=8");
    ck_assert_uint_eq(o.config.cpus, 8);
    RUNS("-smp", "sockets=2,cores=2,threads=1");
    ck_assert_uint_eq(o.config.cpus, 4);
    FAILS("-smp 0: the number of processors must be 1 to 8", "-smp", "0");
    FAILS("-smp 9: the number of processors must be 1 to 8", "-smp", "9");
    FAILS("'cpus=two' must be a number from 0 to 1000", "-smp", "two");
    FAILS("-smp key 'core' is unknown, did you mean 'cores'?", "-smp", "2,core=2");
    RUNS("-cpu", "qemu64,-sse3");
    ck_assert_str_eq(o.config.cpu.name, "qemu64");
    ck_assert_int_eq(parse("-cpu", "qemu46", NULL), OPTIONS_ERROR);
    ck_assert_msg(strstr(e.text, "qemu46") && strstr(e.text, "did you mean"), "%s", e.text);
    ck_assert_int_eq(parse("-cpu", "help", NULL), OPTIONS_DONE);
    ck_assert_ptr_nonnull(strstr(printed, "core2duo"));
    ck_assert_ptr_nonnull(strstr(printed, "pclmulqdq"));
}
END_TEST

START_TEST(machines)
{
    RUNS("-M", "bare");
    ck_assert_int_eq(o.config.type, MACHINE_BARE);
    ck_assert(!o.config.vga && o.ndrives == 0);
    RUNS("-machine", "pc,accel=interp");
    ck_assert_uint_eq(o.config.linux_entry, 0);
    RUNS("-machine", "linux-entry=64", "-kernel", "k");
    ck_assert_uint_eq(o.config.linux_entry, 64);
    FAILS("-machine linux-entry=63 must be 16, 32 or 64", "-M", "pc,linux-entry=63");
    FAILS("-machine key 'linux-enrty' is unknown, did you mean 'linux-entry'?", "-M", "pc,linux-enrty=64");
    RUNS("--machine", "type=pc", "-accel", "interp");
    FAILS("machine type 'pcc' is unknown, did you mean 'pc'?", "-M", "pcc");
    FAILS("machine type 'q35' needs the Q35 and ICH9 chips, which are not there yet: use pc", "-M", "q35");
    FAILS("machine type 'pc-q35-7.2' needs the Q35 and ICH9 chips, which are not there yet: use pc", "-M",
          "pc-q35-7.2");
    FAILS("machine type 'isapc' is unknown, there are: pc bare none", "-M", "isapc");
    RUNS("-accel", "jit,tb-size=1");
    ck_assert_str_eq(o.config.accel, "jit");
    ck_assert_uint_eq(o.config.tb_size, 1 << 20);
    RUNS("-accel", "accel=jit,tb-size=1024");
    ck_assert_uint_eq(o.config.tb_size, 1ull << 30);
    RUNS("-accel", "jit");
    ck_assert_uint_eq(o.config.tb_size, (u64)TB_SIZE_DEFAULT << 20);
    FAILS("-accel tb-size=0 must be a number of MiB from 1 to 1024", "-accel", "jit,tb-size=0");
    FAILS("-accel tb-size=1025 must be a number of MiB from 1 to 1024", "-accel", "jit,tb-size=1025");
    FAILS("-accel tb-size=big must be a number of MiB from 1 to 1024", "-accel", "jit,tb-size=big");
    FAILS("-accel interp has no code cache, tb-size=8 is for jit", "-accel", "interp,tb-size=8");
    FAILS("-accel key 'tb-sise' is unknown, did you mean 'tb-size'?", "-accel", "jit,tb-sise=8");
    RUNS("-accel", "jit", "-perfmap", "-jitdump");
    ck_assert(o.config.perfmap && o.config.jitdump);
    FAILS("-perfmap shows translated code, it needs -accel jit", "-accel", "interp", "-perfmap");
    FAILS("-jitdump shows translated code, it needs -accel jit", "-jitdump", "-accel", "interp");
    FAILS("-accel: a name is missing, '-accel help' lists them", "-accel", "tb-size=8");
    FAILS("-hda a: -M bare has no drives", "-M", "bare", "-hda", "a");
}
END_TEST

START_TEST(unknown_options)
{
    FAILS("option '-kernal' is unknown, did you mean '-kernel'?", "-kernal", "x");
    FAILS("option '-cdorm' is unknown, did you mean '-cdrom'?", "--cdorm", "x");
    FAILS("option '-memroy' is unknown, did you mean '-m'?", "-memroy", "1G");
    FAILS("option '-m512' is unknown, did you mean '-m 512'?", "-m512");
    FAILS("option '-cdrom=a.iso' is unknown, did you mean '-cdrom a.iso'?", "-cdrom=a.iso");
    FAILS("option '-x' is unknown, -help lists them", "-x");
    FAILS("option '-H' is unknown, did you mean '-h'?", "-H");
    FAILS("option '-xyzzy' is unknown, -help lists them", "-xyzzy");
    FAILS("network 'user' is unknown, there is no network card, only 'none'", "-net", "user");
    RUNS("-net", "none", "-nic", "none");
}
END_TEST

START_TEST(drives)
{
    RUNS("-hda", "a", "-hdb", "b", "-cdrom", "c", "-fda", "f");
    ck_assert_uint_eq(o.ndrives, 4);
    ck_assert(o.drive[1].index == 1 && !strcmp(o.drive[1].image.path, "b") && !o.drive[1].cdrom);
    ck_assert(o.drive[2].index == 2 && o.drive[2].cdrom && o.drive[2].image.readonly);
    RUNS("disk.img");
    ck_assert(o.drive[0].index == 0 && !strcmp(o.drive[0].image.path, "disk.img"));
    RUNS("-drive", "file=a,,b,format=raw,index=3,snapshot=on", "-drive", "if=floppy,file=f,readonly=on");
    ck_assert_str_eq(o.drive[0].image.path, "a,b");
    ck_assert(o.drive[0].index == 3 && o.drive[0].image.snapshot && !o.drive[0].image.readonly);
    ck_assert(o.drive[1].bus == DRIVE_FLOPPY && o.drive[1].index == 0 && o.drive[1].image.readonly);
    RUNS("-drive", "file=x", "-hda", "y"); /* the free place is the next one */
    ck_assert_int_eq(o.drive[0].index, 1);
    RUNS("-drive", "media=cdrom,id=cd", "-snapshot");
    ck_assert(o.drive[0].cdrom && o.drive[0].image.snapshot && !strcmp(o.drive[0].id, "cd"));
    RUNS("-drive", "file=x,bus=1,unit=1,cache=none,aio=threads");
    ck_assert_int_eq(o.drive[0].index, 3);
    RUNS("-nodefaults");
    ck_assert_uint_eq(o.ndrives, 0);
    RUNS("-drive", "if=none,id=x,file=f", "-drive", "if=none", "-device", "ide-hd,drive=x,bus=ide.0,unit=1");
    ck_assert_uint_eq(o.ndrives, 3); /* with a floppy drive, but no CD-ROM */
    ck_assert(o.drive[0].bus == DRIVE_NONE && !strcmp(o.drive[0].name, "x") && !strcmp(o.drive[1].name, "none1"));
    ck_assert(options_drive_config(&o, &o.drive[1]) == &o.config.loose[1].drive);
    ck_assert(!strcmp(o.device[0].args.bus, "ide.0") && o.device[0].args.nproperties == 2);
    FAILS("Duplicate ID 'x' for drive", "-drive", "if=none,id=x", "-drive", "file=f,id=x");
    FAILS("-drive if=none has no index, bus or unit: they are the device's that names it", "-drive",
          "if=none,id=x,index=1");
    FAILS("-device ide-hd,serail=1: ide-hd property 'serail' is unknown, did you mean 'serial'?", "-device",
          "ide-hd,serail=1");
    FAILS("-hda a and -drive file=b,index=0 are both IDE drive 0, give one of them another index", "-hda", "a",
          "-drive", "file=b,index=0");
    FAILS("-drive key 'fromat' is unknown, did you mean 'format'?", "-drive", "file=a,fromat=raw");
    FAILS("-drive format 'qcow2' is unknown, there are: raw", "-drive", "file=a,format=qcow2");
    FAILS("-drive interface 'flopy' is unknown, did you mean 'floppy'?", "-drive", "file=a,if=flopy");
    FAILS("-drive interface 'virtio' is unknown, there are: ide floppy none", "-drive", "file=a,if=virtio");
    FAILS("-drive media 'cdron' is unknown, did you mean 'cdrom'?", "-drive", "file=a,media=cdron");
    FAILS("'index=4' must be a number from 0 to 3", "-drive", "file=a,index=4");
    FAILS("'readonly=maybe' must be on or off", "-drive", "file=a,readonly=maybe");
    FAILS("-drive index=1: a hard disk needs file=NAME", "-drive", "index=1");
}
END_TEST

START_TEST(booting)
{
    RUNS("-boot", "dca");
    ck_assert_str_eq(o.config.boot_order, "dca");
    RUNS("-boot", "order=c,menu=on,splash-time=5000");
    ck_assert_str_eq(o.config.boot_order, "c");
    ck_assert(o.config.boot_menu && o.config.splash_time_ms == 5000);
    RUNS("-boot", "menu=on");
    ck_assert_ptr_null(o.config.boot_order);
    FAILS("-boot order=cx: 'x' is not a boot device, use a (floppy), c (hard disk), d (CD-ROM), n (network)", "-boot",
          "cx");
    RUNS("-boot", "once=d,order=c");
    ck_assert_str_eq(o.config.boot_order, "c");
    ck_assert_str_eq(o.config.boot_once, "d");
    FAILS("-boot once=dd names 'd' twice", "-boot", "once=dd");
    FAILS("-boot order=cc names 'c' twice", "-boot", "cc");
    FAILS("-boot key 'oder' is unknown, did you mean 'order'?", "-boot", "oder=c");
    RUNS("-kernel", "k", "-initrd", "i", "-append", "console=ttyS0");
    FAILS("-append only works with -kernel", "-append", "x");
    FAILS("-initrd only works with -kernel", "-initrd", "x");
    RUNS("-no-fd-bootchk", "-no-reboot", "-no-shutdown", "-bios", "b");
    ck_assert(!o.config.fd_bootchk && o.config.no_reboot && o.config.no_shutdown);
}
END_TEST

START_TEST(clocks)
{
    RUNS("-rtc", "base=2006-06-17T16:01:21,clock=vm");
    ck_assert_uint_eq(o.config.rtc_base, 1150560081);
    ck_assert_int_eq(o.config.rtc_clock, RTC_CLOCK_VM);
    RUNS("-rtc", "clock=rt");
    ck_assert_int_eq(o.config.rtc_clock, RTC_CLOCK_RT);
    RUNS("-loadvm", "file:a");
    ck_assert_str_eq(o.loadvm, "a");
    FAILS("-loadvm a must name a file that 'savevm -f' wrote: -loadvm file:FILE", "-loadvm", "a");
    RUNS("-seed", "0x1234");
    ck_assert(o.config.seeded && o.config.seed == 0x1234);
    FAILS("-seed x must be a number", "-seed", "x");
    RUNS("-rtc", "2006-06-17");
    ck_assert_uint_eq(o.config.rtc_base, 1150502400);
    RUNS("-rtc", "localtime");
    ck_assert(o.config.rtc_localtime && o.config.rtc_base == UINT64_MAX);
    FAILS("-rtc base=noon must be utc, localtime or a date such as 2006-06-17T16:01:21", "-rtc", "base=noon");
    FAILS("-rtc clock 'hots' is unknown, did you mean 'host'?", "-rtc", "clock=hots");
    RUNS("-icount", "shift=3,sleep=off");
    ck_assert(o.config.icount == ICOUNT_SHIFT && o.config.icount_shift == 3 && !o.config.icount_sleep);
    RUNS("-icount", "7");
    ck_assert(o.config.icount == ICOUNT_SHIFT && o.config.icount_shift == 7 && o.config.icount_sleep);
    RUNS("-icount", "auto");
    ck_assert_int_eq(o.config.icount, ICOUNT_AUTO);
    RUNS("-icount", "auto,sleep=on");
    ck_assert(o.config.icount == ICOUNT_AUTO && o.config.icount_sleep);
    RUNS("-icount", "shift=0,sleep=on,align=off");
    ck_assert(o.config.icount == ICOUNT_SHIFT && o.config.icount_shift == 0 && o.config.icount_sleep);
    FAILS("'sleep=perhaps' must be on or off", "-icount", "3,sleep=perhaps");
    FAILS("-icount shift=-1 must be auto or a number from 0 to 10", "-icount", "shift=-1");
    FAILS("-icount align=on is not supported: virtual time is never slowed to the host's", "-icount", "3,align=on");
    FAILS("-icount shift=99 must be auto or a number from 0 to 10", "-icount", "99");
    FAILS("-icount shift=auto and sleep=off exclude each other", "-icount", "auto,sleep=off");
}
END_TEST

START_TEST(serial_and_monitors)
{
    RUNS("-nographic");
    ck_assert_int_eq(o.display, DISPLAY_NONE);
    ck_assert(o.nserial == 1 && o.serial[0] == 0 && o.nmonitors == 1 && o.monitor[0].stream == 0);
    ck_assert(o.specs[0].kind == STREAM_STDIO && o.specs[0].mux && !o.specs[0].signal);
    RUNS("-nographic", "-monitor", "none");
    ck_assert(o.nmonitors == 0 && o.specs[0].kind == STREAM_STDIO && !o.specs[0].mux && o.specs[0].signal);
    RUNS("-nographic", "-serial", "null");
    ck_assert(o.nmonitors == 1 && o.specs[o.monitor[0].stream].kind == STREAM_STDIO);
    RUNS("-nographic", "-nodefaults");
    ck_assert(o.nserial == 0 && o.nmonitors == 0 && o.parallel == STREAM_ABSENT);
    RUNS("-serial", "mon:stdio", "-serial", "file:x", "-serial", "none", "-parallel", "none");
    ck_assert(o.nserial == 3 && o.serial[2] == STREAM_ABSENT && o.parallel == STREAM_ABSENT && o.nmonitors == 1);
    RUNS("-serial", "unix:/tmp/s,server,nowait", "-qmp", "tcp:localhost:4444,server=on,wait=off");
    ck_assert(o.specs[0].kind == STREAM_UNIX && o.specs[0].server && !o.specs[0].wait);
    ck_assert_str_eq(o.specs[0].path, "/tmp/s");
    ck_assert(o.monitor[0].qmp && o.specs[1].kind == STREAM_TCP && !strcmp(o.specs[1].host, "localhost"));
    ck_assert_str_eq(o.specs[1].port, "4444");
    RUNS("-chardev", "socket,id=s,path=/tmp/x,server=on,wait=off", "-serial", "chardev:s");
    ck_assert_int_eq(o.serial[0], 0);
    RUNS("-serial", "chardev:m", "-mon", "chardev=m,mode=readline", "-chardev", "stdio,id=m,mux=on");
    ck_assert(o.serial[0] == o.monitor[0].stream && o.specs[o.serial[0]].uses == 2);
    FAILS("-serial stdoi: character device 'stdoi' is unknown, did you mean 'stdio'?", "-serial", "stdoi");
    FAILS("-serial null: there are 4 serial ports", "-serial", "null", "-serial", "null", "-serial", "null", "-serial",
          "null", "-serial", "null");
    FAILS("stdio is asked for 2 times, one 'mon:stdio' or a -chardev stdio,mux=on can be shared", "-serial", "stdio",
          "-monitor", "stdio");
    FAILS("character device 'm' has two users, give it mux=on to share it", "-chardev", "null,id=m", "-serial",
          "chardev:m", "-serial", "chardev:m");
    FAILS("character device (-chardev id) 'sreial' is unknown, did you mean 'serial'?", "-chardev", "null,id=serial",
          "-serial", "chardev:sreial");
    FAILS("-chardev backend 'soket' is unknown, did you mean 'socket'?", "-chardev", "soket,id=a");
    FAILS("-chardev file,id=a needs path=FILE", "-chardev", "file,id=a");
    FAILS("-chardev null needs an id=NAME", "-chardev", "null");
    FAILS("-serial tcp:localhost: 'localhost' must be HOST:PORT or :PORT", "-serial", "tcp:localhost");
    FAILS("-serial unix:/tmp/x,sever: socket key 'sever' is unknown, did you mean 'server'?", "-serial",
          "unix:/tmp/x,sever");
}
END_TEST

START_TEST(devices)
{
    RUNS("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04,id=x", "-device", "pvpanic", "-nodefaults");
    ck_assert_uint_eq(o.config.ndevices, 2);
    const struct device_args *a = &o.config.devices[0];
    ck_assert_str_eq(a->driver, "isa-debug-exit");
    ck_assert_str_eq(a->id, "x");
    ck_assert_uint_eq(a->nproperties, 2);
    ck_assert_str_eq(a->property[1].name, "iosize");
    ck_assert_str_eq(a->property[1].value, "0x04");
    RUNS("-device", "isa-debugcon,iobase=0x402,chardev=d", "-chardev", "file,id=d,path=/tmp/x", "-nodefaults");
    ck_assert_str_eq(o.config.devices[0].property[1].value, "d");
    /* what is short for a device: in the order of the words, then ports */
    RUNS("-debugcon", "null", "-global", "isa-debugcon.iobase=0x402", "-serial", "null", "-parallel", "none");
    ck_assert_uint_eq(o.config.ndevices, 2);
    ck_assert_str_eq(o.config.devices[0].driver, "isa-debugcon");
    ck_assert_str_eq(o.config.devices[0].property[0].value, "debugcon0");
    ck_assert_str_eq(o.config.devices[1].driver, "isa-serial");
    ck_assert_str_eq(o.config.globals->property, "iobase");
    ck_assert_str_eq(o.config.globals->value, "0x402");
    FAILS("-device isa-debug-exti: device 'isa-debug-exti' is unknown, did you mean 'isa-debug-exit'?", "-device",
          "isa-debug-exti");
    FAILS("-device iobase=3: a device's name comes first, '-device help' lists them", "-device", "iobase=3");
    FAILS("-device isa-debug-exit,iobase=65536: 'iobase=65536' must be a number from 0 to 65535", "-device",
          "isa-debug-exit,iobase=65536");
    FAILS("-device isa-serial,iobse=1: isa-serial property 'iobse' is unknown, did you mean 'iobase'?", "-device",
          "isa-serial,iobse=1");
    FAILS("-global isa-serial.iobse=1: isa-serial property 'iobse' is unknown, did you mean 'iobase'?", "-global",
          "isa-serial.iobse=1");
    FAILS("character device (-chardev id) 'no' is unknown", "-device", "isa-serial,chardev=no");
    FAILS("character device 'd' has two users, give it mux=on to share it", "-chardev", "null,id=d", "-device",
          "isa-serial,chardev=d", "-serial", "chardev:d");
}
END_TEST

START_TEST(debugging)
{
    RUNS("-s", "-S");
    ck_assert(o.config.start_paused && o.specs[o.gdb].kind == STREAM_TCP && o.specs[o.gdb].server);
    ck_assert_str_eq(o.specs[o.gdb].port, "1234");
    RUNS("-gdb", "tcp::7777");
    ck_assert(!o.specs[o.gdb].wait);
    FAILS("-gdb tcp::1: one debugger at a time (-s is -gdb tcp::1234)", "-s", "-gdb", "tcp::1");
    RUNS("-d", "int,guest_errors", "-D", "log");
    ck_assert(o.trace.mask == (BIT64(TRACE_int) | BIT64(TRACE_guest_errors)));
    FAILS("-d category 'gest_errors' is unknown, did you mean 'guest_errors'?", "-d", "int,gest_errors");
    ck_assert_int_eq(parse("-d", "help", NULL), OPTIONS_DONE);
    ck_assert_ptr_nonnull(strstr(printed, "in_asm"));
    FAILS("display 'sld' is unknown, did you mean 'sdl'?", "-display", "sld");
    FAILS("graphics adapter 'cirrus' is unknown, there are: none std", "-vga", "cirrus");
    RUNS("-nodefaults", "-vga", "std");
    ck_assert(o.config.vga);
    RUNS("-nodefaults");
    ck_assert(!o.config.vga);
}
END_TEST

START_TEST(help_lists_everything)
{
    static const char *const names[] = {
#define OPTION(name, argument, group, parse, help) name,
#include "frontend/options.def"
#undef OPTION
    };
    ck_assert_int_eq(parse("-help", NULL), OPTIONS_DONE);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char line[64];
        snprintf(line, sizeof(line), "\n-%s", names[i]); /* in column 1, where scripts look */
        ck_assert_msg(strstr(printed, line) != NULL, "-help has no %s", names[i]);
    }
    ck_assert_ptr_nonnull(strstr(printed, "example: orrery"));
    ck_assert_int_eq(parse("-version", NULL), OPTIONS_DONE);
    ck_assert_str_eq(printed, "QEMU emulator version 7.2.0 (Orrery " ORRERY_VERSION ")\n");
}
END_TEST

/* How guest code runs, in QEMU's words: the first of ours that is named; a note where hardware was asked for. */
START_TEST(accelerators)
{
    static const struct {
        const char *option, *argument; /* NULL: none */
        const char *accel, *note;      /* NULL: the default one; none */
    } cases[] = {
        {"-enable-kvm", NULL, NULL, "kvm"},
        {"-accel", "kvm", NULL, "kvm"},
        {"-accel", "hvf", NULL, "hvf"},
        {"-accel", "whpx,kernel-irqchip=off", NULL, "whpx"},
        {"-accel", "xen", NULL, "xen"},
        {"-accel", "kvm:tcg", NULL, "kvm"},
        {"-accel", "tcg,thread=multi", NULL, NULL},
        {"-accel", "tcg,thread=single,tb-size=64,split-wx=off", NULL, NULL},
        {"-accel", "kvm:interp:jit", "interp", "kvm"},
        {"-machine", "accel=kvm", NULL, "kvm"},
        {"-machine", "accel=kvm:tcg", NULL, "kvm"},
        {"-machine", "pc,accel=tcg", NULL, NULL},
        {"-no-kvm", NULL, NULL, NULL},
        {"-no-kvm-irqchip", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum options_result r = parse(cases[i].option, cases[i].argument, NULL);
        ck_assert_msg(r == OPTIONS_RUN, "%s %s: %s", cases[i].option, cases[i].argument, e.text);
        ck_assert_str_eq(o.config.accel, cases[i].accel ? cases[i].accel : machine_default_accel());
        ck_assert_uint_eq(o.nnotes, cases[i].note != NULL);
        ck_assert(!cases[i].note || !strncmp(o.note[0], cases[i].note, strlen(cases[i].note)));
    }
    RUNS("-accel", "kvm", "-accel", "interp", "-accel", "jit");
    ck_assert_str_eq(o.config.accel, "interp");
    FAILS("accelerator 'kwm' is unknown, did you mean 'kvm'?", "-accel", "kwm:tcg");
    FAILS("-accel thread=many must be one of single|multi", "-accel", "tcg,thread=many");
    FAILS("-accel split-wx=on: code memory is not mapped twice", "-accel", "tcg,split-wx=on");
}
END_TEST

/* Lines of public projects, by what they say of the machine. */
START_TEST(machine_words)
{
    static const char *const runs[][8] = {
        {"-machine", "pc-i440fx-2.4"},
        {"-M", "pc-i440fx-7.2,accel=kvm,usb=off,dump-guest-core=off"},
        {"-M", "pc-1.0"},
        {"-machine", "pc,vmport=off,kernel_irqchip=on,mem-merge=off,graphics=off"},
        {"-machine", "smm=off,nvdimm=off,hmat=off,suppress-vmdesc=on,i8042=on"},
        {"-machine", "pcspk-audiodev=a0", "-audiodev", "none,id=a0"},
        {"-machine", "memory-backend=r", "-object", "memory-backend-ram,id=r,size=256M,share=on"},
        {"-smp", "4,maxcpus=4,sockets=1,dies=1,clusters=1,cores=2,threads=2"},
        {"-no-user-config", "-nodefconfig", "-msg", "timestamp=on", "-overcommit", "mem-lock=off,cpu-pm=on"},
        {"-only-migratable", "-enable-fips", "-sandbox", "off", "-k", "de-ch", "-mem-prealloc"},
        {"-name", "guest=web,process=web-1,debug-threads=on", "-full-screen", "-chroot", "/", "-runas", "nobody"},
    };
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        const char *const *w = runs[i];
        enum options_result r = parse(w[0], w[1], w[2], w[3], w[4], w[5], w[6], NULL);
        ck_assert_msg(r == OPTIONS_RUN, "%s %s: %s", w[0], w[1], e.text);
        ck_assert_int_eq(o.config.type, MACHINE_PC);
    }
    RUNS("-machine", "acpi=off,hpet=off,pit=off,graphics=off");
    ck_assert(o.config.no_acpi && o.config.no_hpet && o.config.no_pit && o.config.nographic);
    RUNS("-no-acpi", "-no-hpet", "-machine", "pit=on,graphics=on");
    ck_assert(o.config.no_acpi && o.config.no_hpet && !o.config.no_pit && !o.config.nographic);
    RUNS("-machine", "memory-backend=r", "-object", "memory-backend-ram,id=r,size=1G");
    ck_assert_uint_eq(o.config.ram_size, 1 << 30);
    RUNS("-M", "none", "-nodefaults", "-nographic", "-no-user-config", "-daemonize", "-S");
    ck_assert(o.config.type == MACHINE_NONE && o.config.cpus == 0 && o.process.daemonize && !o.ndrives);
    FAILS("-machine usb=on: there is no USB controller", "-machine", "usb=on");
    FAILS("-machine vmport=x must be one of off|auto|on", "-machine", "vmport=x");
    FAILS("-machine acpi=perhaps must be on or off", "-machine", "acpi=perhaps");
    FAILS("-machine memory-backend 'x' is unknown, there are: ram0", "-machine", "memory-backend=x", "-object",
          "memory-backend-ram,id=ram0,size=1M");
    FAILS("-machine memory-backend=r has another size than -m", "-m", "2G", "-machine", "memory-backend=r", "-object",
          "memory-backend-ram,id=r,size=1G");
    FAILS("audio device (-audiodev id) 'a' is unknown", "-machine", "pcspk-audiodev=a");
    FAILS("-smp 4,cores=3: 4 processors do not come in groups of 3", "-smp", "4,cores=3");
    FAILS("-smp 2,maxcpus=4: processors cannot be added later, so maxcpus must be 2", "-smp", "2,maxcpus=4");
    FAILS("-sandbox enable=on: there is no filter of the program's system calls", "-sandbox", "on,obsolete=deny");
    FAILS("keyboard layout 'de-cg' is unknown, did you mean 'de-ch'?", "-k", "de-cg");
    FAILS("-gdb needs a processor, and -M none has none", "-M", "none", "-s");
    FAILS("-hda a: -M none has no drives", "-M", "none", "-hda", "a");
    FAILS(
        "-daemonize leaves the terminal, on which something is to be: use -display none, and another device than stdio",
        "-daemonize", "-nographic");
}
END_TEST

START_TEST(other_words)
{
    RUNS("-uuid", "550e8400-e29b-41d4-a716-446655440000");
    ck_assert(o.config.uuid[0] == 0x55 && o.config.uuid[3] == 0 && o.config.uuid[4] == 0xe2 &&
              o.config.uuid[10] == 0x44);
    FAILS("-uuid 550e8400 must be of the form 550e8400-e29b-41d4-a716-446655440000", "-uuid", "550e8400");
    RUNS("-echr", "0x14", "-localtime", "-L", "/a", "-L", "/b");
    ck_assert(o.escape == 0x14 && o.config.rtc_localtime && o.config.nfirmware_dirs == 2);
    FAILS("-echr 0 must be the number of a character from 1 to 255 (1 is Ctrl-a)", "-echr", "0");
    RUNS("-boot", "order=dcn,strict=on,menu=on,splash=a.bmp,splash-time=100,reboot-timeout=2000");
    ck_assert(o.config.boot_strict && o.config.boot_menu && o.config.reboot_timeout_ms == 2000);
    ck_assert_str_eq(o.config.splash, "a.bmp");
    RUNS("-boot", "reboot-timeout=-1");
    ck_assert_uint_eq(o.config.reboot_timeout_ms, UINT32_MAX);
    FAILS("-boot reboot-timeout=soon must be -1 or a number of milliseconds up to 65535", "-boot",
          "reboot-timeout=soon");
    RUNS("-display", "sdl,window-close=off,gl=off,full-screen=on,grab-mod=lctrl-lalt");
    ck_assert(o.display == DISPLAY_SDL && !o.window.close_ends && o.window.full_screen);
    RUNS("-sdl");
    ck_assert(o.display == DISPLAY_SDL && o.window.close_ends);
    FAILS("-display gl=on: the picture is not drawn with OpenGL", "-display", "sdl,gl=on");
    FAILS("-display key 'window-clsoe' is unknown, did you mean 'window-close'?", "-display", "sdl,window-clsoe=off");
    FAILS("-display key 'window-close' is unknown, there are: type", "-display", "none,window-close=off");
    FAILS("-trace x: QEMU's trace events are not here, '-d help' lists what can be traced", "-trace", "x");
    RUNS("-serial", "tcp:localhost:1,nodelay", "-serial", "tcp:localhost:1,delay,ipv4", "-serial",
         "tcp:localhost:1,ipv4=off", "-serial", "tcp:localhost:1,ipv4,ipv6");
    ck_assert(!o.specs[0].delay && o.specs[0].ip == IP_ANY);
    ck_assert(o.specs[1].delay && o.specs[1].ip == IP_V4);
    ck_assert(o.specs[2].ip == IP_V6 && o.specs[3].ip == IP_ANY);
    FAILS("-serial tcp::1,ipv4=off,ipv6=off: 'serial0': ipv4=off and ipv6=off leave no addresses", "-serial",
          "tcp::1,ipv4=off,ipv6=off");
    static const char *const lists[] = {"-accel",   "-machine",  "-cpu",    "-device", "-display",
                                        "-chardev", "-audiodev", "-netdev", "-net",    "-object",
                                        "-vga",     "-L",        "-d"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        ck_assert_int_eq(parse(lists[i], "help", NULL), OPTIONS_DONE);
        ck_assert_msg(*printed, "%s help prints nothing", lists[i]);
    }
}
END_TEST

/* Any words at all: an answer or a sentence, never a crash. */
START_TEST(garbage)
{
    static const char *const words[] = {"-drive", "-m",      "-serial",  "file=",  ",,,,",    "a=b,c=d",  "=",
                                        "-",      "-device", "-boot",    "order=", "unix:",   "tcp:::::", "-chardev",
                                        "id=",    "mon:",    "-gdb",     "-rtc",   "-icount", "-smp",     "no",
                                        "0x",     "[::1]:1", "chardev:", "-cpu",   "+",       "-,-",      "-name",
                                        "-mon",   "help",    "-d",       ","};
    u32 seed = 1;
    for (int round = 0; round < 20000; round++) {
        const char *w[6];
        for (size_t i = 0; i < ARRAY_LEN(w); i++) {
            seed = seed * 1664525 + 1013904223;
            w[i] = words[(seed >> 16) % ARRAY_LEN(words)];
        }
        if (parse(w[0], w[1], w[2], w[3], w[4], w[5], NULL) == OPTIONS_ERROR)
            ck_assert(e.text[0]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("options");
    TCase *t = tcase_create("options");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, defaults);
    tcase_add_test(t, memory_sizes);
    tcase_add_test(t, processors);
    tcase_add_test(t, machines);
    tcase_add_test(t, unknown_options);
    tcase_add_test(t, drives);
    tcase_add_test(t, booting);
    tcase_add_test(t, clocks);
    tcase_add_test(t, serial_and_monitors);
    tcase_add_test(t, devices);
    tcase_add_test(t, debugging);
    tcase_add_test(t, accelerators);
    tcase_add_test(t, machine_words);
    tcase_add_test(t, other_words);
    tcase_add_test(t, help_lists_everything);
    tcase_add_test(t, garbage);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
