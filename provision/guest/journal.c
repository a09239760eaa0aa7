// SPDX-License-Identifier: Apache-2.0
/*
 * The whole system of a guest whose power will be cut: writes records to a disk, makes them durable, says so, and goes on when it is told to. What
 * was said to be durable has to be there afterwards (provision/verify/durable.h).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

static void load_drivers(void)
{
	FILE *list = fopen("/modules.list", "re");
	char path[512];

	while (list && fgets(path, sizeof(path), list)) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			syscall(SYS_finit_module, fd, "", 0);
			close(fd);
		}
	}
	if (list)
		fclose(list);
}

static int open_disk(const char *path)
{
	int fd = -1;

	for (int i = 0; i < 100 && (fd = open(path, O_RDWR | O_CLOEXEC)) < 0; i++)
		usleep(100000);
	return fd;
}

/* Records from `first` on, in one write: whatever is torn of it was not acknowledged. */
static int append(int fd, unsigned first, unsigned n)
{
	static char block[64 * VP_GUEST_RECORD];

	for (unsigned i = 0; i < n; i++)
		vp_guest_record(first + i, block + i * VP_GUEST_RECORD);
	return pwrite(fd, block, n * VP_GUEST_RECORD, (off_t)first * VP_GUEST_RECORD) == (ssize_t)n * VP_GUEST_RECORD ? fdatasync(fd) : -1;
}

/*
 * One write that promises nothing, behind all records (of eight transactions one has 64). Where a disk says that it has no cache, QEMU flushes after
 * each write, and it counts that write only afterwards: its node for the log believes of the very first one that there is nothing to flush, and hands
 * the flush to the disk without logging it (block/io.c, bdrv_co_flush(): "flushed_gen == current_gen").
 */
static void begin(int fd, unsigned transactions)
{
	static const char block[VP_GUEST_RECORD] = "vprov";

	if (pwrite(fd, block, sizeof(block), (off_t)(transactions / 8 + 1) * 72 * VP_GUEST_RECORD) == (ssize_t)sizeof(block))
		fdatasync(fd);
}

int vp_guest_journal(const char *disk, unsigned transactions)
{
	char go[64];
	unsigned next = 0;
	int fd;

	/* As the first process of a ramdisk there is nothing yet. */
	if (getpid() == 1) {
		mount("dev", "/dev", "devtmpfs", 0, NULL);
		load_drivers();
	}
	fd = open_disk(disk);
	if (fd < 0)
		return VP_GUEST_FAILED;
	begin(fd, transactions);
	printf("vprov-journal begins\n");
	fflush(stdout);
	for (unsigned i = 0; i < transactions; i++) {
		unsigned n = i % 8 == 7 ? 64 : 1;

		if (append(fd, next, n)) {
			printf("vprov-journal failed %u\n", next);
			break;
		}
		next += n;
		printf("vprov-journal durable %u\n", next);
		fflush(stdout);
		if (!fgets(go, sizeof(go), stdin))
			break;
	}
	printf("vprov-journal ends\n");
	fflush(stdout);
	/* The first process may not end. */
	while (getpid() == 1)
		pause();
	return VP_GUEST_OK;
}
