/*
 * What Linux perf is told of emitted code: the map file (a line per translation,
 * which perf report reads afterwards) and the jitdump (its specification is the
 * kernel's tools/perf/Documentation/jitdump-specification.txt), which keeps the
 * code itself and tells apart what lay at one address at different times. One
 * pair of files for all CPUs; all run on one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "jit/engine.h"
#include "jit/jit.h"

enum { JITDUMP_MAGIC = 0x4a695444, JITDUMP_VERSION = 1, JIT_CODE_LOAD = 0, JIT_CODE_CLOSE = 3 };

struct jit_perf {
    FILE *map, *dump;
    void *marker; /* the mapping of the dump by which perf record learns of it */
    u64 loads;
};

struct dump_header {
    u32 magic, version, total_size, elf_mach, pad, pid;
    u64 timestamp, flags;
};
struct dump_record {
    u32 id, total_size;
    u64 timestamp;
};
struct dump_load {
    struct dump_record head;
    u32 pid, tid;
    u64 vma, code_addr, code_size, code_index;
};
static_assert(sizeof(struct dump_header) == 40 && sizeof(struct dump_record) == 16 && sizeof(struct dump_load) == 56,
              "as in the file");

/* perf record is to use the same clock: -k mono */
static u64 timestamp(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

/* A new file: never one that somebody else put there under a name that can be guessed. */
static FILE *create(const char *path, char *err, size_t err_size)
{
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f)
        snprintf(err, err_size, "cannot create %s: %s", path, strerror(errno));
    if (!f && fd >= 0)
        close(fd);
    return f;
}

/* The machine our own program was built for. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool start_dump(struct jit_perf *p, const char *path, char *err, size_t err_size)
{
    struct dump_header h = {.magic = JITDUMP_MAGIC,
                            .version = JITDUMP_VERSION,
                            .total_size = sizeof(h),
                            .elf_mach = __ehdr_start.e_machine,
                            .pid = (u32)getpid(),
                            .timestamp = timestamp()};
    p->dump = create(path, err, err_size);
    if (!p->dump)
        return false;
    fwrite(&h, sizeof(h), 1, p->dump);
    fflush(p->dump);
    void *m = mmap(NULL, sizeof(h), PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(p->dump), 0);
    p->marker = m == MAP_FAILED ? NULL : m;
    if (!p->marker)
        snprintf(err, err_size, "cannot map %s for perf to see: %s", path, strerror(errno));
    return p->marker;
}

struct jit_perf *jit_perf_open(bool map, bool dump, char *err, size_t err_size)
{
    char path[64];
    struct jit_perf *p = calloc(1, sizeof(*p));
    if (!p) {
        snprintf(err, err_size, "not enough memory");
        return NULL;
    }
    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    bool ok = !map || (p->map = create(path, err, err_size));
    if (ok && p->map)
        setvbuf(p->map, NULL, _IOLBF, 0); /* perf reads it even if we are killed */
    snprintf(path, sizeof(path), "jit-%d.dump", (int)getpid());
    if (ok && (!dump || start_dump(p, path, err, err_size)))
        return p;
    jit_perf_close(p);
    return NULL;
}

void jit_perf_close(struct jit_perf *p)
{
    if (!p)
        return;
    if (p->map)
        fclose(p->map);
    if (p->marker) {
        struct dump_record r = {JIT_CODE_CLOSE, sizeof(r), timestamp()};
        fwrite(&r, sizeof(r), 1, p->dump);
        munmap(p->marker, sizeof(struct dump_header));
    }
    if (p->dump)
        fclose(p->dump);
    free(p);
}

static void tell(const struct jit *jit, size_t offset, size_t length, const char *name)
{
    struct jit_perf *p = jit->perf;
    u64 at = (u64)(uintptr_t)(jit->exec + offset);
    if (p->map)
        fprintf(p->map, "%llx %zx %s\n", (unsigned long long)at, length, name);
    if (!p->dump)
        return;
    size_t name_size = strlen(name) + 1;
    struct dump_load l = {.head = {JIT_CODE_LOAD, (u32)(sizeof(l) + name_size + length), timestamp()},
                          .pid = (u32)getpid(),
                          .tid = (u32)gettid(),
                          .vma = at,
                          .code_addr = at,
                          .code_size = length,
                          .code_index = p->loads++};
    fwrite(&l, sizeof(l), 1, p->dump);
    fwrite(name, name_size, 1, p->dump);
    fwrite(jit->exec + offset, length, 1, p->dump);
}

void jit_observe(struct cpu *cpu, struct jit_perf *perf)
{
    struct jit *jit = cpu->translator;
    if (!jit || !perf)
        return;
    jit->perf = perf;
    tell(jit, 0, jit->stubs, "orrery-stubs");
}

void jit_perf_show(const struct jit *jit, const struct translation_block *tb)
{
    char name[48];
    bool user = (tb->key >> KEY_MMU_SHIFT & 3) == MMU_USER || (tb->key >> KEY_MMU_SHIFT & 3) == MMU_USER_AC;
    snprintf(name, sizeof(name), "%s:0x%llx", user ? "user" : "kernel",
             (unsigned long long)jit_linear(jit->cpu, jit->cpu->gpr[SLOT_RIP]));
    tell(jit, tb->entry, tb->length, name);
}
