// SPDX-License-Identifier: Apache-2.0
/*
 * Real guests by libvirt's QEMU driver: embedded, by a daemon of the system and by one of the session, in namespaces of their own
 * (the program runs itself again by tests/lib/ns). Every "process" here is one, so that nothing but the world connects them.
 */
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/hypervisor/virt.h"

#define NAME   "vm.test"
#define UUID   "6e9d5b32-0000-5000-8000-00000000000a"
#define BRIDGE "vptbr0"

static char work[256], embed[300];
static const char *uri;
/* Who the processes run as. */
static uid_t user;

/* Boot sector: says `text` on the serial port, then powers off by APM, or idles. */
static void write_disk(const char *name, const char *text, bool off)
{
	static const unsigned char code[] = {
		0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x20, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03, 0xee,
		0xeb, 0xf5, 0xb8, 0x07, 0x53, 0xbb, 0x01, 0x00, 0xb9, 0x03, 0x00, 0xcd, 0x15, 0xf4, 0xeb, 0xfd,
	};
	static char disk[1 << 20];
	char path[512];

	memset(disk, 0, sizeof(disk));
	memcpy(disk, code, sizeof(code));
	if (!off)
		memset(disk + 27, 0x90, 2);
	snprintf(disk + sizeof(code), 256, "%s\n", text);
	disk[510] = 0x55;
	disk[511] = (char)0xaa;
	snprintf(path, sizeof(path), "%s/%s", work, name);
	assert_int_equal(vp_write_file(path, disk, sizeof(disk), 0600, NULL), 0);
}

static void domain(struct vp_buf *b, const char *type, const char *emulator, const char *disk)
{
	/* Only root's QEMU may be a port of a bridge. */
	const char *nic = user ? ""
			       : "<interface type='bridge'><source bridge='" BRIDGE "'/><target dev='vpttap0'/><model type='virtio'/>"
				 "<rom enabled='no'/></interface>";

	vp_buf_addf(b,
		    "<domain type='%s'><name>" NAME "</name><uuid>" UUID "</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
		    "<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>"
		    "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><devices><emulator>%s</emulator>"
		    "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s/%s'/><target dev='vda' bus='virtio'/></disk>%s"
		    "<serial type='pty'><log file='%s/console.log' append='on'/></serial>"
		    "<console type='pty'><target type='serial' port='0'/></console><memballoon model='none'/></devices></domain>",
		    type, emulator, work, disk, nic, work);
}

#define EMULATOR "/usr/bin/qemu-system-x86_64"

/* The body of a process: it prints what it did not like, and then ends it. */
#define CHECK(what)                                                                                                                                  \
	do {                                                                                                                                         \
		if (!(what)) {                                                                                                                       \
			printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #what, err.msg);                                                             \
			fflush(stdout);                                                                                                              \
			_exit(1);                                                                                                                    \
		}                                                                                                                                    \
	} while (0)

static struct vp_hv *open_hv(struct vp_err *err)
{
	const struct vp_hv_opts opts = { .connect = uri };

	return vp_hv_open(&opts, err);
}

static bool console_says(const char *text)
{
	vp_cleanup(vp_buf_free) struct vp_buf log = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/console.log", work);
	return !vp_read_file(path, VP_MAX_CHILD_OUTPUT, &log, NULL) && strstr(vp_buf_str(&log), text);
}

static bool active(struct vp_hv *hv, struct vp_virt_dom *d)
{
	return hv->ops->lookup(hv, NAME, d, NULL) == 1 && d->active;
}

/* Waits up to a minute. */
#define WAIT(what)                                                                                                                                   \
	do {                                                                                                                                         \
		for (int i = 0; i < 600 && !(what); i++)                                                                                             \
			nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);                                                                 \
		CHECK(what);                                                                                                                         \
	} while (0)

static void file_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", work, name);
}

/* Defines to boot from one disk, starts from the other for the first life. */
static void first_process(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf idle = { 0 }, off = { 0 }, bad = { 0 }, before = { 0 }, after = { 0 };
	struct vp_err err = { 0 };
	struct vp_virt_dom d;
	struct vp_hv *hv = open_hv(&err);
	char path[512];

	CHECK(hv);
	CHECK(hv->local && !strcmp(hv->type, "QEMU"));
	domain(&idle, "qemu", EMULATOR, "idle.img");
	domain(&off, "qemu", EMULATOR, "off.img");
	domain(&bad, "qemu", EMULATOR, "absent.img");
	CHECK(!hv->ops->lookup(hv, NAME, &d, &err));
	CHECK(!hv->ops->define(hv, idle.data, &err));
	CHECK(!hv->ops->xml(hv, NAME, &before, &err));
	CHECK(!hv->ops->define(hv, before.data, &err));
	CHECK(!hv->ops->xml(hv, NAME, &after, &err));
	CHECK(!strcmp(before.data, after.data));

	CHECK(hv->ops->start(hv, NAME, bad.data, &err) && strstr(err.msg, "absent.img"));
	err.msg[0] = '\0';
	CHECK(hv->ops->lookup(hv, NAME, &d, &err) == 1 && d.persistent && !d.active);
	after.len = 0;
	CHECK(!hv->ops->xml(hv, NAME, &after, &err));
	CHECK(!strcmp(before.data, after.data));

	CHECK(!hv->ops->start(hv, NAME, off.data, &err));
	CHECK(active(hv, &d) && d.persistent && d.memory == 32 * VP_MIB && d.vcpus == 1);
	file_path(path, sizeof(path), "before.xml");
	CHECK(!vp_write_file(path, before.data, before.len, 0600, &err));
	/* Ends as if killed: nothing is closed. */
	_exit(0);
}

/* The guest powered itself off: the persistent definition is what it was, and boots the other disk. */
static void second_process(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf before = { 0 }, after = { 0 };
	struct vp_err err = { 0 };
	struct vp_virt_dom d;
	struct vp_virt_stats one, two;
	struct vp_hv *hv = open_hv(&err);
	char path[512], pty[64];

	CHECK(hv);
	WAIT(console_says("first life"));
	WAIT(!active(hv, &d));
	CHECK(hv->ops->lookup(hv, NAME, &d, &err) == 1 && d.persistent);
	snprintf(err.msg, sizeof(err.msg), "%s", d.state);
	/* "daemon" where the guest went just while the driver was taking it up. */
	CHECK(!strcmp(d.state, "shut off (shutdown)") || !strcmp(d.state, "shut off (daemon)"));
	file_path(path, sizeof(path), "before.xml");
	CHECK(!vp_read_file(path, VP_MAX_TEMPLATE, &before, &err) && !hv->ops->xml(hv, NAME, &after, &err));
	CHECK(!strcmp(before.data, after.data));

	CHECK(!hv->ops->start(hv, NAME, NULL, &err));
	WAIT(console_says("second life"));
	CHECK(active(hv, &d) && !strcmp(d.state, "running (booted)"));
	CHECK(!hv->ops->stats(hv, NAME, &one, &err) && one.cpu_ns && one.block_bytes >= 512);
	WAIT(!hv->ops->stats(hv, NAME, &two, &err) && two.cpu_ns > one.cpu_ns);
	CHECK(!hv->ops->console(hv, NAME, pty, sizeof(pty), &err) && !strncmp(pty, "/dev/pts/", 9));
	CHECK(!hv->ops->reset(hv, NAME, &err));
	hv->ops->close(hv);
	_exit(0);
}

static void third_process(void)
{
	struct vp_err err = { 0 };
	struct vp_virt_dom d;
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	CHECK(active(hv, &d) && !strncmp(d.state, "running", 7));
	CHECK(!hv->ops->destroy(hv, NAME, &err));
	CHECK(hv->ops->lookup(hv, NAME, &d, &err) == 1 && !d.active);
	snprintf(err.msg, sizeof(err.msg), "%s", d.state);
	CHECK(!strcmp(d.state, "shut off (destroyed)"));
	CHECK(!hv->ops->undefine(hv, NAME, &err));
	CHECK(!hv->ops->lookup(hv, NAME, &d, &err));
	hv->ops->close(hv);
	_exit(0);
}

/* What libvirt's words leave open is said. */
static void refused_process(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf kvm = { 0 }, emulator = { 0 };
	struct vp_err no_kvm = { 0 }, no_emulator = { 0 }, err = { 0 };
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	domain(&kvm, "kvm", EMULATOR, "idle.img");
	domain(&emulator, "qemu", "/usr/bin/qemu-system-absent", "idle.img");
	CHECK(hv->ops->define(hv, kvm.data, &no_kvm));
	err = no_kvm;
	CHECK(strstr(err.msg, "--virt qemu"));
	CHECK(hv->ops->define(hv, emulator.data, &no_emulator));
	err = no_emulator;
	CHECK(strstr(err.msg, "qemu-system-x86"));
	hv->ops->close(hv);
	_exit(0);
}

static void run_process(void (*body)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		assert_false(user && (setgid(user) || setuid(user)));
		body();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Processes of that name in this namespace. */
static unsigned count_processes(const char *name)
{
	DIR *dir = opendir("/proc");
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(dir));) {
		vp_cleanup(vp_buf_free) struct vp_buf comm = { 0 };
		char path[300];

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		if (*e->d_name >= '1' && *e->d_name <= '9' && !vp_read_file(path, 64, &comm, NULL) && !strncmp(comm.data, name, strlen(name)))
			n++;
	}
	closedir(dir);
	return n;
}

static void run_tool(const char *const *argv)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	const struct vp_child child = { .argv = argv, .out = &out, .timeout_ms = 30000 };
	struct vp_err err = { 0 };

	if (vp_run(&child, &err))
		fail_msg("%s", err.msg);
}

static void life_of_a_guest(void)
{
	char path[512];

	file_path(path, sizeof(path), "console.log");
	unlink(path);
	run_process(first_process);
	run_process(second_process);
	assert_int_equal(count_processes("qemu-system"), 1);
	assert_int_equal(vp_exists("/sys/class/net/vpttap0"), !user);
	run_process(third_process);
	assert_int_equal(count_processes("qemu-system"), 0);
	assert_false(vp_exists("/sys/class/net/vpttap0"));
	run_process(refused_process);
}

static void test_embed(void **state)
{
	char path[512];

	(void)state;
	uri = embed;
	life_of_a_guest();
	file_path(path, sizeof(path), "qemu");
	run_tool((const char *const[]){ "sh", "-c", "! find \"$0\" | grep -F " NAME, path, NULL });
}

static void hold_process(void)
{
	struct vp_err err = { 0 };
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	CHECK(write(STDIN_FILENO, "x", 1) == 1);
	pause();
}

static void waiting_process(void)
{
	struct vp_err err = { 0 };

	CHECK(open_hv(&err));
	_exit(0);
}

static void locked_process(void)
{
	struct vp_err err = { 0 };

	CHECK(!open_hv(&err) && err.code == VP_E_LOCKED);
	_exit(0);
}

static void leaving_process(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf off = { 0 };
	struct vp_err err = { 0 };
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	domain(&off, "qemu", EMULATOR, "off.img");
	CHECK(!hv->ops->define(hv, off.data, &err));
	CHECK(!hv->ops->start(hv, NAME, NULL, &err));
	_exit(0);
}

static void late_process(void)
{
	struct vp_err err = { 0 };
	struct vp_virt_dom d;
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	CHECK(hv->ops->lookup(hv, NAME, &d, &err) == 1 && !d.active);
	CHECK(!strcmp(d.state, "shut off (shutdown)"));
	CHECK(!hv->ops->undefine(hv, NAME, &err));
	_exit(0);
}

/* A guest that powers itself off while no process has the driver open is off for the next one that looks. */
static void test_embed_alone(void **state)
{
	char path[512];

	(void)state;
	uri = embed;
	file_path(path, sizeof(path), "console.log");
	unlink(path);
	run_process(leaving_process);
	for (int i = 0; i < 600 && !console_says("first life"); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	/* It powers off right after its words. */
	sleep(1);
	assert_int_equal(count_processes("qemu-system"), 1);
	run_process(late_process);
	assert_int_equal(count_processes("qemu-system"), 0);
}

/* Two processes cannot have the same root open; the second waits a moment, and then is told. */
static void test_embed_locked(void **state)
{
	char x;
	int fds[2], status;
	pid_t pid;

	(void)state;
	uri = embed;
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDIN_FILENO);
		hold_process();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &x, 1), 1);
	run_process(locked_process);
	fflush(stdout);
	if (!fork())
		waiting_process();
	nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
	close(fds[0]);
}

static void starting_process(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf idle = { 0 };
	struct vp_err err = { 0 };
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	domain(&idle, "qemu", EMULATOR, "idle.img");
	CHECK(!hv->ops->define(hv, idle.data, &err));
	CHECK(!hv->ops->start(hv, NAME, NULL, &err));
	_exit(0);
}

static void cleaning_process(void)
{
	struct vp_err err = { 0 };
	struct vp_virt_dom d;
	struct vp_hv *hv = open_hv(&err);

	CHECK(hv);
	CHECK(!hv->ops->destroy(hv, NAME, &err));
	CHECK(!hv->ops->undefine(hv, NAME, &err));
	CHECK(!hv->ops->lookup(hv, NAME, &d, &err));
	_exit(0);
}

/* Kills it after so many milliseconds; with 0, as soon as the driver has written down that it is about to start a guest. */
static void kill_start(unsigned ms)
{
	char status[512];
	pid_t pid;

	file_path(status, sizeof(status), "qemu/run/qemu/" NAME ".xml");
	fflush(stdout);
	pid = fork();
	if (!pid)
		starting_process();
	for (unsigned i = 0; ms ? i < ms : !vp_exists(status) && i < 60000; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Killed at any time of a start: the next process can take it away, and no guest is left without an owner. */
static void test_embed_killed(void **state)
{
	(void)state;
	uri = embed;
	for (unsigned ms = 0; ms < 900; ms += 90) {
		kill_start(ms);
		run_process(cleaning_process);
		assert_int_equal(count_processes("qemu-system"), 0);
	}
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(vp_write_file(path, text, strlen(text), 0600, NULL), 0);
}

/* A directory of the machine's libvirt becomes an empty one of this namespace. */
static void cover(const char *dir)
{
	assert_int_equal(vp_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, NULL), 0);
}

static pid_t start_daemon(void)
{
	pid_t pid;

	for (const char *const *dir = (const char *const[]){ "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", NULL };
	     *dir; dir++)
		cover(*dir);
	write_text("/etc/libvirt/qemu.conf",
		   "stdio_handler = \"file\"\nnamespaces = []\nuser = \"root\"\ngroup = \"root\"\ncgroup_controllers = []\n");
	write_text("/etc/libvirt/libvirtd.conf", "auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* Its log goes to stderr. */
		assert_non_null(freopen("/run/libvirtd.log", "w", stderr));
		execlp("libvirtd", "libvirtd", NULL);
		_exit(127);
	}
	return pid;
}

/* Without a URI the daemon is found by its socket. */
static void found_process(void)
{
	const struct vp_hv_opts opts = { .state_dir = work };
	struct vp_err err = { 0 };
	struct vp_hv *hv = NULL;

	for (int i = 0; i < 300 && !vp_exists("/run/libvirt/libvirt-sock"); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	hv = vp_hv_open(&opts, &err);
	CHECK(hv);
	snprintf(err.msg, sizeof(err.msg), "%s", hv->uri);
	CHECK(!strcmp(hv->uri, "qemu:///system"));
	_exit(0);
}

static void test_system(void **state)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	const char *const list[] = { "virsh", "-c", "qemu:///system", "domuuid", NAME, NULL };
	const char *const undefine[] = { "virsh", "-c", "qemu:///system", "undefine", NAME, NULL };
	char path[512];
	pid_t pid = start_daemon();

	(void)state;
	run_process(found_process);
	uri = "qemu:///system";
	life_of_a_guest();
	/* What virsh defines is ours, too, and the other way round. */
	domain(&xml, "qemu", EMULATOR, "idle.img");
	file_path(path, sizeof(path), "virsh.xml");
	write_text(path, xml.data);
	run_tool((const char *const[]){ "virsh", "-c", "qemu:///system", "define", path, NULL });
	run_tool(list);
	run_tool(undefine);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Nobody's own daemon, which libvirt starts where there is none. */
static void test_session(void **state)
{
	static const char *const own[] = { "", "/idle.img", "/off.img", "/console.log", "/session", NULL };
	char path[512];

	(void)state;
	file_path(path, sizeof(path), "session");
	assert_int_equal(vp_mkdirs(path, 0700, NULL), 0);
	for (const char *const *name = (const char *const[]){ "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", NULL };
	     *name; name++)
		setenv(*name, path, 1);
	user = 65534;
	for (size_t i = 0; own[i]; i++) {
		snprintf(path, sizeof(path), "%s%s", work, own[i]);
		if (vp_exists(path))
			assert_int_equal(chown(path, user, user), 0);
	}
	uri = "qemu:///session";
	life_of_a_guest();
	user = 0;
}

static void hide_process(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_err err = { 0 };
	const char *why = "";

	CHECK(!vp_kvm_usable(&why) && strstr(why, "neither vmx nor svm"));
	CHECK(vp_kvm_hide(&err) == 1);
	CHECK(access("/dev/kvm", W_OK));
	/* Still the reason, not the hiding. */
	CHECK(!vp_kvm_usable(&why) && strstr(why, "neither vmx nor svm"));
	CHECK(!vp_kvm_hide(&err));
	_exit(0);
}

/* A /dev/kvm that opens on a CPU that cannot: hidden from the process and its children, and from nobody else. */
static void test_kvm_hide(void **state)
{
	vp_cleanup(vp_buf_free) struct vp_buf cpuinfo = { 0 };

	(void)state;
	assert_int_equal(vp_read_file("/proc/cpuinfo", VP_MAX_CHILD_OUTPUT, &cpuinfo, NULL), 0);
	if (vp_cpu_virtualises(cpuinfo.data)) {
		print_message("%s\n", "the CPU has vmx or svm");
		skip();
	}
	assert_int_equal(vp_write_file("/dev/kvm", "", 0, 0600, NULL), 0);
	assert_int_equal(mount("/dev/null", "/dev/kvm", NULL, MS_BIND, NULL), 0);
	/* As on a machine with systemd, where a mount would show everywhere. */
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	run_process(hide_process);
	assert_int_equal(access("/dev/kvm", W_OK), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(umount("/dev/kvm"), 0);
	assert_int_equal(unlink("/dev/kvm"), 0);
}

static volatile sig_atomic_t asked;

static void on_term(int sig)
{
	asked = sig;
}

/* PID 1 of a namespace. The pipe tells it the PID of a process whose parent has gone. */
static void init_process(void)
{
	struct vp_err err = { 0 };
	int fds[2];
	pid_t orphan;

	CHECK(getpid() == 1);
	vp_be_init();
	CHECK(getpid() != 1 && getppid() == 1);
	signal(SIGTERM, on_term);
	CHECK(!pipe(fds));
	if (!fork()) {
		orphan = fork();
		if (!orphan)
			_exit(0);
		_exit(write(fds[1], &orphan, sizeof(orphan)) != sizeof(orphan));
	}
	CHECK(read(fds[0], &orphan, sizeof(orphan)) == sizeof(orphan));
	CHECK(wait(NULL) > 0);
	/* Nobody but PID 1 can have collected it. */
	WAIT(kill(orphan, 0) < 0);
	CHECK(!kill(1, SIGTERM));
	WAIT(asked);
	_exit(7);
}

static void outer_process(void)
{
	struct vp_err err = { 0 };
	int status;
	pid_t pid;

	CHECK(!unshare(CLONE_NEWPID));
	pid = fork();
	if (!pid)
		init_process();
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	_exit(0);
}

static void test_be_init(void **state)
{
	(void)state;
	run_process(outer_process);
}

static int setup(void **state)
{
	(void)state;
	/* Short: the paths of QEMU's sockets are below it. */
	snprintf(work, sizeof(work), "/run/t");
	assert_int_equal(vp_mkdirs(work, 0755, NULL), 0);
	snprintf(embed, sizeof(embed), "qemu:///embed?root=%s/qemu", work);
	write_disk("idle.img", "second life", false);
	write_disk("off.img", "first life", true);
	run_tool((const char *const[]){ "ip", "link", "add", BRIDGE, "type", "bridge", NULL });
	return 0;
}

static void test_skipped(void **state)
{
	(void)state;
	print_message("%s\n", "needs root, for namespaces");
	skip();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kvm_hide),	 cmocka_unit_test(test_be_init),
					    cmocka_unit_test(test_embed),	 cmocka_unit_test(test_embed_alone),
					    cmocka_unit_test(test_embed_locked), cmocka_unit_test(test_embed_killed),
					    cmocka_unit_test(test_system),	 cmocka_unit_test(test_session) };
	const struct CMUnitTest none[] = { cmocka_unit_test(test_skipped) };
	const char *top = getenv("VP_TOP");
	char ns[4096];

	if (geteuid())
		return cmocka_run_group_tests_name("qemu", none, NULL, NULL);
	if (argc > 1 && !strcmp(argv[1], "inside"))
		return cmocka_run_group_tests_name("qemu", tests, setup, NULL);
	snprintf(ns, sizeof(ns), "%s/tests/lib/ns", top ? top : ".");
	execl(ns, ns, argv[0], "inside", NULL);
	perror(ns);
	return 1;
}
