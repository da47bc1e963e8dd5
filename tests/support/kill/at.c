/* Loaded into the program under test (LD_PRELOAD): counts every system call that writes to a file or a socket, in all threads together, and
 * kills the process as it is about to make the wanted one. So each is a point at which a crash can be rehearsed, in one order for the whole
 * process: a tracer counts each thread on its own. Pipes (the log) and descriptors that only wake a thread keep nothing and are not counted.
 *
 * KILL_AT names a file of 256 bytes that the test shares: see tests/support/kill/mod.rs. KILL_UNDO names a file to which goes, before each write to the
 * database's files, what stood there, and after each flush that it was flushed: from it the test makes what a loss of power may leave. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct order {
  _Atomic unsigned long armed;   /* counts while this is not zero */
  _Atomic unsigned long kill_at; /* the call that is not made any more, from 1; 0: none */
  _Atomic unsigned long count;   /* calls so far */
  char what[232];                /* the call that was not made, in words */
};

static struct order *order;

enum { WRITTEN = 1, FLUSHED = 2 };

struct undo {
  unsigned long kind, at, length, size_before; /* of what stood there, and of the file */
  char name[96];                               /* of the file, without its folder */
};

static int undo_file = -1;
static pthread_mutex_t undo_turn = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("KILL_AT");
  if (!path) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *shared = mmap(NULL, sizeof(struct order), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared != MAP_FAILED) order = shared;
  close(fd);
  const char *undo = getenv("KILL_UNDO");
  if (undo) undo_file = open(undo, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The name of a file of the database, but for the one that no restart reads; 0: something else. */
static int of_database(int fd, char name[96]) {
  char link[64], target[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, target, sizeof target - 1);
  if (length <= 0) return 0;
  target[length] = 0;
  const char *slash = strrchr(target, '/');
  if (!slash || !strstr(slash, ".sqlite") || strstr(slash, "-shm")) return 0;
  memset(name, 0, 96);
  strncpy(name, slash + 1, 95);
  return 1;
}

static void note(unsigned long kind, int fd, unsigned long at, size_t n) {
  struct undo undo = {.kind = kind, .at = at};
  struct stat about;
  if (undo_file < 0 || !order || !order->armed || !of_database(fd, undo.name) || fstat(fd, &about) != 0) return;
  undo.size_before = about.st_size;
  char *stood = NULL;
  if (kind == WRITTEN && at < (unsigned long)about.st_size) {
    undo.length = at + n > (unsigned long)about.st_size ? about.st_size - at : n;
    stood = malloc(undo.length);
    if (!stood || syscall(SYS_pread64, fd, stood, undo.length, at) != (long)undo.length) abort();
  }
  pthread_mutex_lock(&undo_turn);
  struct iovec parts[2] = {{&undo, sizeof undo}, {stood, undo.length}};
  if (syscall(SYS_writev, undo_file, parts, 2) != (long)(sizeof undo + undo.length)) abort();
  pthread_mutex_unlock(&undo_turn);
  free(stood);
}

static void describe(const char *call, int fd, const char *path) {
  char link[64], target[160] = "";
  if (path) {
    strncpy(target, path, sizeof target - 1);
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length >= 0) target[length] = 0;
  }
  const char *slash = strrchr(target, '/');
  snprintf(order->what, sizeof order->what, "%s %s", call, strncmp(target, "socket:", 7) == 0 ? "socket" : slash ? slash + 1 : target);
}

static void point(const char *call, int fd, const char *path) {
  if (!order || !order->armed) return;
  if (!path) {
    struct stat about;
    if (fstat(fd, &about) != 0 || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode) || S_ISSOCK(about.st_mode))) return;
  }
  unsigned long wanted = order->kill_at, number = atomic_fetch_add(&order->count, 1) + 1;
  if (wanted == 0 || number < wanted) return;
  if (number == wanted) {
    describe(call, fd, path);
    kill(getpid(), SIGKILL);
  }
  /* Whoever comes after the fatal call makes none either. */
  for (;;) pause();
}

ssize_t write(int fd, const void *bytes, size_t n) { point("write", fd, NULL); return syscall(SYS_write, fd, bytes, n); }
ssize_t writev(int fd, const struct iovec *parts, int n) { point("writev", fd, NULL); return syscall(SYS_writev, fd, parts, n); }
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) { point("pwrite64", fd, NULL); note(WRITTEN, fd, at, n); return syscall(SYS_pwrite64, fd, bytes, n, at); }
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { point("pwrite64", fd, NULL); note(WRITTEN, fd, at, n); return syscall(SYS_pwrite64, fd, bytes, n, at); }
ssize_t send(int fd, const void *bytes, size_t n, int flags) { point("sendto", fd, NULL); return syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0); }
ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t size) {
  point("sendto", fd, NULL);
  return syscall(SYS_sendto, fd, bytes, n, flags, to, size);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) { point("sendmsg", fd, NULL); return syscall(SYS_sendmsg, fd, message, flags); }
int fsync(int fd) {
  point("fsync", fd, NULL);
  int done = syscall(SYS_fsync, fd);
  if (done == 0) note(FLUSHED, fd, 0, 0);
  return done;
}
int fdatasync(int fd) {
  point("fdatasync", fd, NULL);
  int done = syscall(SYS_fdatasync, fd);
  if (done == 0) note(FLUSHED, fd, 0, 0);
  return done;
}
int ftruncate(int fd, off_t length) { point("ftruncate", fd, NULL); note(WRITTEN, fd, length, (size_t)1 << 40); return syscall(SYS_ftruncate, fd, length); }
int ftruncate64(int fd, off64_t length) { point("ftruncate", fd, NULL); note(WRITTEN, fd, length, (size_t)1 << 40); return syscall(SYS_ftruncate, fd, length); }
int posix_fallocate(int fd, off_t at, off_t length) { point("fallocate", fd, NULL); return syscall(SYS_fallocate, fd, 0, at, length) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off64_t at, off64_t length) { point("fallocate", fd, NULL); return syscall(SYS_fallocate, fd, 0, at, length) == 0 ? 0 : errno; }
int unlink(const char *path) { point("unlink", -1, path); return syscall(SYS_unlinkat, AT_FDCWD, path, 0); }
int rename(const char *from, const char *to) { point("rename", -1, to); return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); }
