/* A disk that fails: from the chosen fsync or fdatasync of the history on, each of them is EIO. LD_PRELOAD.
 *
 * FAIL_HISTORY: its file; those whose names begin like it count, too. FAIL_ARMED: nothing fails until this file
 * exists. FAIL_FROM: which one of them is the first, from 1 on. FAIL_WRITES: if set, nothing can be written or
 * truncated from then on, either.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int seen;
static int failing;

static int of_history(int fd)
{
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0)
        return 0;
    name[length] = 0;
    const char *history = getenv("FAIL_HISTORY");
    return history != NULL && strncmp(name, history, strlen(history)) == 0;
}

static int sync_fails(int fd)
{
    const char *armed = getenv("FAIL_ARMED");
    if (armed == NULL || access(armed, F_OK) != 0 || !of_history(fd))
        return 0;
    if (++seen >= atoi(getenv("FAIL_FROM")))
        failing = 1;
    return failing;
}

static int write_fails(int fd)
{
    return failing && getenv("FAIL_WRITES") != NULL && of_history(fd);
}

#define FAIL_IF(condition) \
    if (condition) {       \
        errno = EIO;       \
        return -1;         \
    }

int fsync(int fd)
{
    FAIL_IF(sync_fails(fd))
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
    FAIL_IF(sync_fails(fd))
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

ssize_t write(int fd, const void *octets, size_t count)
{
    FAIL_IF(write_fails(fd))
    return ((ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, octets, count);
}

ssize_t pwrite64(int fd, const void *octets, size_t count, off64_t offset)
{
    FAIL_IF(write_fails(fd))
    return ((ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(fd, octets, count, offset);
}

ssize_t pwrite(int fd, const void *octets, size_t count, off_t offset)
{
    FAIL_IF(write_fails(fd))
    return ((ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite"))(fd, octets, count, offset);
}

int ftruncate64(int fd, off64_t length)
{
    FAIL_IF(write_fails(fd))
    return ((int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64"))(fd, length);
}

int ftruncate(int fd, off_t length)
{
    FAIL_IF(write_fails(fd))
    return ((int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate"))(fd, length);
}
