/*
 * Writes down what a process does to the files of one directory, so that a test can work out which of it a power cut
 * would have left (see disk.ts). Loaded with LD_PRELOAD on 64-bit Linux; every call goes on to the kernel as it is.
 *
 *   POWER_CUT_ROOT     the directory, as an absolute path without symbolic links
 *   POWER_CUT_LOG      the file that the log is appended to; it lies elsewhere
 *   POWER_CUT_SYNC_US  how long a sync takes, in microseconds; nothing is really synced, the log is the disk
 *   POWER_CUT_LIE      how the disk lies about syncs. "omitted": they report success and put nothing on the disk; "late": what
 *                      one puts there is there only when so many more (LATE_BY), of whatever files, have begun
 *
 * One entry of the log for each call, in the order of the calls: a header, a path relative to the root, bytes. A kill can
 * cut the last one short. What this library cannot follow is written down as such, and the test refuses the whole log.
 * SQLite's wal-index (-shm) is left out: it is memory that happens to have a name, and is made anew after a crash.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, CREATE, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, UNLINK, RENAME, LINK, MAKE_DIRECTORY, UNFOLLOWED };

struct header {
  uint32_t type, path_length;
  uint64_t inode, offset, data_length;
};

#define MAX_HANDLES 65536
/* Exit code of a process that cannot be watched any more. */
#define FAILED 97
static ino_t inodes[MAX_HANDLES]; /* by file descriptor; 0: not ours */
static dev_t device;
static char root[4096];
static size_t root_length;
static int log_handle = -1;
static enum { NO_LIE, OMITTED, LATE } lie;
static long sync_us;
/* Around a call and its entry, so that the order of the log is the order of the calls. Forks take no lock. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what) {
  static const char prefix[] = "power-cut preload: ";
  syscall(SYS_write, 2, prefix, sizeof prefix - 1);
  syscall(SYS_write, 2, what, strlen(what));
  syscall(SYS_write, 2, "\n", 1);
  syscall(SYS_exit_group, FAILED);
}

__attribute__((constructor)) static void begin(void) {
  const char *directory = getenv("POWER_CUT_ROOT"), *log = getenv("POWER_CUT_LOG"), *us = getenv("POWER_CUT_SYNC_US");
  const char *told = getenv("POWER_CUT_LIE");
  if (directory == NULL || log == NULL) return;
  root_length = strlen(directory);
  if (root_length >= sizeof root) fail("POWER_CUT_ROOT is too long");
  memcpy(root, directory, root_length + 1);
  if (told != NULL && strcmp(told, "omitted") == 0) lie = OMITTED;
  else if (told != NULL && strcmp(told, "late") == 0) lie = LATE;
  else if (told != NULL) fail("POWER_CUT_LIE is neither omitted nor late");
  sync_us = us == NULL ? 0 : atol(us);
  log_handle = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log_handle < 0) fail("the log cannot be opened");
}

static void note(uint32_t type, const char *path, uint64_t inode, uint64_t offset, const void *data, size_t length) {
  struct header header = {type, (uint32_t)strlen(path), inode, offset, length};
  struct iovec parts[3] = {{&header, sizeof header}, {(void *)path, header.path_length}, {(void *)data, length}};
  ssize_t whole = (ssize_t)(sizeof header + header.path_length + length);
  int kept = errno;
  if (syscall(SYS_writev, log_handle, parts, 3) != whole) fail("the log cannot be written");
  errno = kept;
}

/* The path below the root ("" for the root itself), or NULL when it is elsewhere or a wal-index. */
static const char *below(int at, const char *path) {
  size_t length;
  if (log_handle < 0 || path == NULL || path[0] != '/') return NULL;
  (void)at; /* an absolute path; the server and SQLite use no others */
  if (strncmp(path, root, root_length) != 0) return NULL;
  if (path[root_length] != '/' && path[root_length] != 0) return NULL;
  length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return NULL;
  return path + root_length + (path[root_length] == '/');
}

/* libuv closes some handles past the C library, and the kernel gives their numbers to others: asked anew each time. */
static int ours(int handle) {
  struct stat now;
  int kept = errno;
  if (log_handle < 0 || handle < 0 || handle >= MAX_HANDLES || inodes[handle] == 0) return 0;
  if (fstat(handle, &now) != 0 || now.st_ino != inodes[handle] || now.st_dev != device) inodes[handle] = 0;
  errno = kept;
  return inodes[handle] != 0;
}

static void unfollowed(const char *call) { note(UNFOLLOWED, call, 0, 0, "", 0); }

/* ---- opening and closing ---- */

static int open_any(int at, const char *path, int flags, mode_t mode) {
  const char *name = below(at, path);
  struct stat before, after;
  int handle, existed;
  if (name == NULL) return (int)syscall(SYS_openat, at, path, flags, mode);
  pthread_mutex_lock(&turn);
  existed = lstat(path, &before) == 0;
  handle = (int)syscall(SYS_openat, at, path, flags, mode);
  if (handle >= 0) {
    if (handle >= MAX_HANDLES || fstat(handle, &after) != 0) fail("too many handles");
    inodes[handle] = after.st_ino;
    device = after.st_dev; /* the same for all: the directory holds no other file system */
    note(existed ? OPEN : CREATE, name, after.st_ino, 0, "", 0);
    if (existed && (flags & O_TRUNC) && before.st_size > 0) note(TRUNCATE, "", after.st_ino, 0, "", 0);
    if (flags & (O_TMPFILE & ~O_DIRECTORY)) unfollowed("O_TMPFILE");
  }
  pthread_mutex_unlock(&turn);
  return handle;
}

#define MODE(flags, last, mode)                      \
  mode_t mode = 0;                                   \
  if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
    va_list rest;                                    \
    va_start(rest, last);                            \
    mode = (mode_t)va_arg(rest, int);                \
    va_end(rest);                                    \
  }

int open(const char *path, int flags, ...) {
  MODE(flags, flags, mode)
  return open_any(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags, flags, mode)
  return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int at, const char *path, int flags, ...) {
  MODE(flags, flags, mode)
  return open_any(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
  MODE(flags, flags, mode)
  return open_any(at, path, flags | O_LARGEFILE, mode);
}

int close(int handle) {
  if (ours(handle)) {
    pthread_mutex_lock(&turn);
    inodes[handle] = 0;
    pthread_mutex_unlock(&turn);
  }
  return (int)syscall(SYS_close, handle);
}

/* ---- writing ---- */

/* @param offset -1: where the handle stands. */
static ssize_t write_any(int handle, const struct iovec *parts, int count, off_t offset) {
  struct stat now;
  ssize_t written, left;
  off_t from;
  int index;
  pthread_mutex_lock(&turn);
  if (fstat(handle, &now) != 0) fail("fstat");
  from = offset;
  if (offset < 0) from = fcntl(handle, F_GETFL) & O_APPEND ? now.st_size : (off_t)syscall(SYS_lseek, handle, 0, SEEK_CUR);
  written = offset < 0 ? syscall(SYS_writev, handle, parts, count)
                       : syscall(SYS_pwritev, handle, parts, count, (long)offset, 0L);
  left = written;
  for (index = 0; index < count && left > 0; index += 1) {
    size_t length = parts[index].iov_len < (size_t)left ? parts[index].iov_len : (size_t)left;
    note(WRITE, "", now.st_ino, (uint64_t)from, parts[index].iov_base, length);
    from += (off_t)length;
    left -= (ssize_t)length;
  }
  pthread_mutex_unlock(&turn);
  return written;
}

ssize_t write(int handle, const void *data, size_t length) {
  struct iovec part = {(void *)data, length};
  return ours(handle) ? write_any(handle, &part, 1, -1) : syscall(SYS_write, handle, data, length);
}
ssize_t writev(int handle, const struct iovec *parts, int count) {
  return ours(handle) ? write_any(handle, parts, count, -1) : syscall(SYS_writev, handle, parts, count);
}
ssize_t pwrite64(int handle, const void *data, size_t length, off64_t offset) {
  struct iovec part = {(void *)data, length};
  return ours(handle) ? write_any(handle, &part, 1, offset) : syscall(SYS_pwrite64, handle, data, length, offset);
}
ssize_t pwrite(int handle, const void *data, size_t length, off_t offset) {
  return pwrite64(handle, data, length, offset);
}
ssize_t pwritev64(int handle, const struct iovec *parts, int count, off64_t offset) {
  return ours(handle) ? write_any(handle, parts, count, offset)
                      : syscall(SYS_pwritev, handle, parts, count, (long)offset, 0L);
}
ssize_t pwritev(int handle, const struct iovec *parts, int count, off_t offset) {
  return pwritev64(handle, parts, count, offset);
}

int ftruncate64(int handle, off64_t length) {
  int result;
  if (!ours(handle)) return (int)syscall(SYS_ftruncate, handle, length);
  pthread_mutex_lock(&turn);
  result = (int)syscall(SYS_ftruncate, handle, length);
  if (result == 0) note(TRUNCATE, "", inodes[handle], (uint64_t)length, "", 0);
  pthread_mutex_unlock(&turn);
  return result;
}
int ftruncate(int handle, off_t length) { return ftruncate64(handle, length); }

/* ---- syncing: what was written before it began is on disk when it has ended ---- */

/* A client hears of a commit when the next one may have begun: a disk that is late by one sync cannot be told from here. */
#define LATE_BY 8

/* A sync that has begun takes its place among those that are owed; the oldest ends. */
static void owe_sync(uint64_t inode, uint64_t number) {
  static struct { uint64_t inode, number; } owed[LATE_BY];
  unsigned place = (unsigned)(number % LATE_BY);
  if (owed[place].inode != 0) note(SYNC_END, "", owed[place].inode, owed[place].number, "", 0);
  owed[place].inode = inode;
  owed[place].number = number;
}

static int sync_any(int handle) {
  static uint64_t count;
  struct timespec pause = {sync_us / 1000000, sync_us % 1000000 * 1000};
  uint64_t inode = inodes[handle], number;
  pthread_mutex_lock(&turn);
  number = count++;
  if (lie != OMITTED) note(SYNC_BEGIN, "", inode, number, "", 0);
  if (lie == LATE) owe_sync(inode, number);
  pthread_mutex_unlock(&turn);
  while (sync_us > 0 && nanosleep(&pause, &pause) != 0 && errno == EINTR) continue;
  pthread_mutex_lock(&turn);
  if (lie == NO_LIE) note(SYNC_END, "", inode, number, "", 0);
  pthread_mutex_unlock(&turn);
  return 0;
}

int fsync(int handle) { return ours(handle) ? sync_any(handle) : (int)syscall(SYS_fsync, handle); }
int fdatasync(int handle) { return ours(handle) ? sync_any(handle) : (int)syscall(SYS_fdatasync, handle); }

/* ---- names ---- */

static int unlink_any(int at, const char *path, int flags) {
  const char *name = below(at, path);
  int result;
  if (name == NULL) return (int)syscall(SYS_unlinkat, at, path, flags);
  pthread_mutex_lock(&turn);
  result = (int)syscall(SYS_unlinkat, at, path, flags);
  if (result == 0) {
    if (flags & AT_REMOVEDIR) unfollowed("rmdir");
    else note(UNLINK, name, 0, 0, "", 0);
  }
  pthread_mutex_unlock(&turn);
  return result;
}
int unlink(const char *path) { return unlink_any(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlink_any(at, path, flags); }
int rmdir(const char *path) { return unlink_any(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  int result = unlink(path);
  return result != 0 && errno == EISDIR ? rmdir(path) : result;
}

/* Renames and links: the new name is in the entry's bytes. */
static int name_any(uint32_t type, int from_at, const char *from, int to_at, const char *to, int flags) {
  const char *old = below(from_at, from), *new = below(to_at, to);
  int result;
  pthread_mutex_lock(&turn);
  result = type == RENAME ? (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags)
                          : (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
  if (result == 0 && old != NULL && new != NULL && flags == 0) note(type, old, 0, 0, new, strlen(new));
  else if (result == 0 && (old != NULL || new != NULL)) unfollowed("a rename or link across the root");
  pthread_mutex_unlock(&turn);
  return result;
}
int rename(const char *from, const char *to) { return name_any(RENAME, AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return name_any(RENAME, from_at, from, to_at, to, 0); }
int link(const char *from, const char *to) { return name_any(LINK, AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  return name_any(LINK, from_at, from, to_at, to, flags);
}

int mkdir(const char *path, mode_t mode) {
  const char *name = below(AT_FDCWD, path);
  int result;
  if (name == NULL) return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  pthread_mutex_lock(&turn);
  result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (result == 0) note(MAKE_DIRECTORY, name, 0, 0, "", 0);
  pthread_mutex_unlock(&turn);
  return result;
}

/* ---- what cannot be followed ---- */

static void refuse(int handle, const char *call) {
  if (!ours(handle)) return;
  pthread_mutex_lock(&turn);
  unfollowed(call);
  pthread_mutex_unlock(&turn);
}

void *mmap64(void *address, size_t length, int protection, int flags, int handle, off64_t offset) {
  if ((flags & MAP_SHARED) && (protection & PROT_WRITE)) refuse(handle, "mmap");
  return (void *)syscall(SYS_mmap, address, length, protection, flags, handle, offset);
}
void *mmap(void *address, size_t length, int protection, int flags, int handle, off_t offset) {
  return mmap64(address, length, protection, flags, handle, offset);
}
int fallocate64(int handle, int mode, off64_t offset, off64_t length) {
  refuse(handle, "fallocate");
  return (int)syscall(SYS_fallocate, handle, mode, offset, length);
}
int fallocate(int handle, int mode, off_t offset, off_t length) { return fallocate64(handle, mode, offset, length); }
ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  refuse(to, "sendfile");
  return syscall(SYS_sendfile, to, from, offset, count);
}
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
  refuse(to, "copy_file_range");
  return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}
static int duplicate(int handle, int result) {
  refuse(handle, "dup");
  return result;
}
int dup(int handle) { return duplicate(handle, (int)syscall(SYS_dup, handle)); }
