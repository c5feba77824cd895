/*
 * What goes through the kernel: calls, processes, memory, pipes, files.
 */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REGION = 1 << 20, PAGE = 4096, FILES = 16 };

uint64_t bench_syscall(unsigned count)
{
    long parent = syscall(SYS_getppid);
    for (unsigned i = 0; i < count * 100; i++)
        if (syscall(SYS_getppid) != parent)
            bench_die("syscall: another parent");
    return mix(0, count);
}

uint64_t bench_forkexec(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int status;
        pid_t child = fork();
        if (child < 0)
            bench_die("forkexec: fork failed");
        if (!child) {
            execl("/proc/self/exe", "bench", "exit", (char *)NULL);
            _exit(127);
        }
        if (waitpid(child, &status, 0) != child || status)
            bench_die("forkexec: the child failed");
    }
    return mix(0, count);
}

uint64_t bench_faults(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        volatile uint8_t *p = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            bench_die("faults: mmap failed");
        for (unsigned at = 0; at < REGION; at += PAGE) {
            sum += p[at];
            p[at] = (uint8_t)i;
        }
        sum = mix(sum, p[i % 256 * PAGE]);
        if (munmap((void *)p, REGION))
            bench_die("faults: munmap failed");
    }
    return sum;
}

static _Noreturn void answer(int from, int to)
{
    uint8_t byte;
    while (read(from, &byte, 1) == 1) {
        byte ^= 0x55;
        if (write(to, &byte, 1) != 1)
            break;
    }
    _exit(0);
}

uint64_t bench_pipe(unsigned count)
{
    int there[2], back[2], status;
    uint64_t sum = 0;
    if (pipe(there) || pipe(back))
        bench_die("pipe: no pipe");
    pid_t child = fork();
    if (child < 0)
        bench_die("pipe: fork failed");
    if (!child) {
        close(there[1]);
        answer(there[0], back[1]);
    }
    for (unsigned i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)i, reply;
        if (write(there[1], &byte, 1) != 1 || read(back[0], &reply, 1) != 1)
            bench_die("pipe: the other end is gone");
        sum = mix(sum, reply);
    }
    close(there[1]);
    if (waitpid(child, &status, 0) != child || status)
        bench_die("pipe: the child failed");
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return sum;
}

static void one_file(const char *name, const char *renamed, uint8_t *block, size_t bytes)
{
    struct stat st;
    int f = open(name, O_CREAT | O_TRUNC | O_RDWR, 0600);
    if (f < 0 || write(f, block, bytes) != (ssize_t)bytes)
        bench_die("files: cannot write in /dev/shm");
    memset(block, 0, bytes);
    if (fstat(f, &st) || st.st_size != (off_t)bytes || pread(f, block, bytes, 0) != (ssize_t)bytes)
        bench_die("files: not what was written");
    if (close(f) || rename(name, renamed) || unlink(renamed))
        bench_die("files: cannot rename or unlink in /dev/shm");
}

uint64_t bench_files(unsigned count)
{
    static uint8_t block[FILES * 512];
    uint32_t random = 31;
    uint64_t sum = 0;
    char name[64], renamed[64];
    snprintf(name, sizeof name, "/dev/shm/bench.%d", (int)getpid());
    snprintf(renamed, sizeof renamed, "/dev/shm/bench.%d.renamed", (int)getpid());
    for (unsigned i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)next_random(&random);
    for (unsigned i = 0; i < count; i++) {
        for (size_t n = 1; n <= FILES; n++)
            one_file(name, renamed, block, n * 512);
        sum = mix(sum, block[i % sizeof block]++);
    }
    return sum;
}
