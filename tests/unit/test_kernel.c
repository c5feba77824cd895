/* Kernel files that do not add up: refused with a sentence, whatever their sums wrap to. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "bios/kernel.h"

enum { HEADER = 64, PROGRAM = 56, RAM = 64 << 20 };

static char path[] = "/tmp/orrery-kernel-XXXXXX";
static u8 file[4096];

/* A 64-bit ELF file with a PVH note and one segment to load. */
static void make_elf(u64 offset, u64 paddr, u64 filesz, u64 memsz)
{
    u8 *note = file + HEADER, *load = note + PROGRAM, *text = file + 0x800;
    memset(file, 0, sizeof(file));
    memcpy(file, "\177ELF\2\1\1", 7);
    st64(file + 32, HEADER);
    st16(file + 54, PROGRAM);
    st16(file + 56, 2);
    st32(note, 4);
    st64(note + 8, 0x800);
    st64(note + 32, 20);
    st64(note + 48, 4);
    st32(text, 4);
    st32(text + 4, 4);
    st32(text + 8, 18);
    memcpy(text + 12, "Xen", 4);
    st32(text + 16, 0x100000);
    st32(load, 1);
    st64(load + 8, offset);
    st64(load + 24, paddr);
    st64(load + 32, filesz);
    st64(load + 40, memsz);
}

/* A multiboot file that says by itself where it goes. */
static void make_kludge(u32 header, u32 load, u32 load_end, u32 bss_end)
{
    const u32 words[] = {0x1badb002, 0x10000, -(0x1badb002u + 0x10000), header, load, load_end, bss_end, load};
    memset(file, 0, sizeof(file));
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        st32(file + 4 * i, words[i]);
}

static bool planned(char *err, size_t err_size)
{
    FILE *f = fopen(path, "wb");
    ck_assert(f && fwrite(file, 1, sizeof(file), f) == sizeof(file) && fclose(f) == 0);
    struct bios_config cfg = {.ram_size = RAM, .low_ram = RAM, .cpus = 1, .kernel = path};
    struct boot_plan plan;
    bool ok = kernel_plan(&cfg, &plan, err, err_size);
    if (ok)
        kernel_plan_free(&plan);
    return ok;
}

START_TEST(elf_sums)
{
    static const struct {
        u64 offset, paddr, filesz, memsz;
        bool ok;
    } cases[] = {
        {0, 0x100000, 4096, 0x10000, true},
        {0, RAM - 0x10000, 4096, 0x10000, true},
        {0, RAM - 0x10000, 4096, 0x10001, false},
        {0, -0x1000ull, 4096, 0x2000, false},
        {0, -0x1000ull, 0x800, 0x1000, false},
        {0, 0x100000, 0, ~0ull, false},
        {4096, 0x100000, 1, 1, false},
        {-1ull, 0x100000, 2, 2, false},
        {0x800, 0x100000, -0x800ull, -0x800ull, false},
    };
    char err[256] = "";
    make_elf(cases[_i].offset, cases[_i].paddr, cases[_i].filesz, cases[_i].memsz);
    ck_assert_msg(planned(err, sizeof(err)) == cases[_i].ok, "%s", err);
    ck_assert(cases[_i].ok || strstr(err, "does not fit"));
}
END_TEST

START_TEST(kludge_sums)
{
    static const struct {
        u32 header, load, load_end, bss_end;
        bool ok;
    } cases[] = {
        {0x100000, 0x100000, 0, 0, true},           {0x100000, 0x100000, 0x100400, 0x200000, true},
        {0x100000, 0x100000, 0xfffff, 0, false},    {0xfffff, 0x100000, 0, 0, false},
        {0x100000, 0xfffff, 0, 0, false},           {0xfffffff0, 0xfffffff0, 0, 0, false},
        {0x100000, 0x100000, 0, 0xffffffff, false},
    };
    char err[256] = "";
    make_kludge(cases[_i].header, cases[_i].load, cases[_i].load_end, cases[_i].bss_end);
    ck_assert_msg(planned(err, sizeof(err)) == cases[_i].ok, "%s", err);
    ck_assert(cases[_i].ok || strstr(err, "do not fit"));
}
END_TEST

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return EXIT_FAILURE;
    close(fd);
    Suite *s = suite_create("kernel");
    TCase *t = tcase_create("sums");
    tcase_add_loop_test(t, elf_sums, 0, 9);
    tcase_add_loop_test(t, kludge_sums, 0, 7);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    unlink(path);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
