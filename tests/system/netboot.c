// SPDX-License-Identifier: Apache-2.0
/*
 * netboot install|tftp SERVER CACHE <CLIENTS : machines that boot from the network, all at once; a line of CLIENTS is "PATH INTERFACE MAC ADDRESS
 * NAME".
 *
 * install: each gets its lease, its loader, its boot configuration and, by HTTP, kernel and ramdisk, byte for byte those of CACHE; then it does
 * what the installer does, once, and reports in as the installed system. tftp: all open a transfer and hold it for HOLD seconds: a client whose
 * request was not answered until then starves. Prints a line for each that fails, then "N clients, N failed"; exit status 1 where one did.
 *
 * The loaders are imitated with their timeouts and options: RFC 2131, RFC 4578 (client architecture), RFC 1350 with 2348 and 2349.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../provision/base/base.h"

#define HTTP_PORT  8420
#define MAX_CLIENT 1024
/* Loaders ask again after 1, 2, 4 ... s; so often. */
#define TRIES 5
#define HOLD  12
#define BLOCK "1408"

struct client {
	/* How it boots: a row of `loaders`. */
	char path[16];
	char nic[IFNAMSIZ];
	char mac[18], ip[16], name[128];
	unsigned char hw[6];
	/* What DHCP said. */
	char given[16], file[256];
	/* What the loader's configuration said. */
	char kernel[256], initrd[256], args[1024];
};

static const char *server, *cache;

/* The child that is this client ends here. */
__attribute__((format(printf, 2, 3), noreturn)) static void fail(const struct client *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("%s: %s\n", c->name, text);
	fflush(stdout);
	_exit(1);
}

static bool readable(int fd, int ms)
{
	return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, ms) > 0;
}

static int64_t now_ms(void)
{
	return (int64_t)(vp_now_ns() / 1000000);
}

/* --- DHCP, from the client's own MAC, before it has an address --- */

struct dhcp {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16];
	char sname[64], file[128];
	uint32_t cookie;
	uint8_t options[312];
};

struct frame {
	struct iphdr ip;
	struct udphdr udp;
	struct dhcp dhcp;
};

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static uint8_t *option(uint8_t *p, uint8_t code, const void *data, size_t len)
{
	*p++ = code;
	*p++ = (uint8_t)len;
	memcpy(p, data, len);
	return p + len;
}

static const uint8_t *find_option(const struct dhcp *d, size_t len, uint8_t code)
{
	const uint8_t *p = d->options, *end = (const uint8_t *)d + len;

	while (p + 1 < end && *p != 255) {
		if (*p == code && p + 2 + p[1] <= end)
			return p;
		p += *p ? 2 + p[1] : 1;
	}
	return NULL;
}

/* What a loader says of itself: user class and architecture (RFC 4578). */
struct identity {
	uint16_t arch;
	const char *vendor, *user_class;
};

static void build(const struct client *c, const struct identity *id, uint8_t type, uint32_t xid, uint32_t wanted, uint32_t from, struct frame *f)
{
	static const uint8_t asked[] = { 1, 3, 6, 12, 15, 43, 60, 66, 67, 175 }, undi[] = { 1, 2, 1 };
	const uint16_t arch = htons(id->arch);
	uint8_t uuid[17] = { 0 }, *p;

	*f = (struct frame){ .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = ~0u, .tot_len = htons(sizeof(*f)) },
			     .udp = { .source = htons(68), .dest = htons(67), .len = htons(sizeof(*f) - sizeof(f->ip)) },
			     .dhcp = { .op = 1, .htype = 1, .hlen = 6, .xid = xid, .flags = htons(0x8000), .cookie = htonl(0x63825363) } };
	f->ip.check = checksum(&f->ip, sizeof(f->ip));
	memcpy(f->dhcp.chaddr, c->hw, 6);
	memcpy(uuid + 11, c->hw, 6);
	p = option(f->dhcp.options, 53, &type, 1);
	p = option(p, 55, asked, sizeof(asked));
	p = option(p, 60, id->vendor, strlen(id->vendor));
	if (id->user_class)
		p = option(p, 77, id->user_class, strlen(id->user_class));
	p = option(p, 93, &arch, sizeof(arch));
	p = option(p, 94, undi, sizeof(undi));
	p = option(p, 97, uuid, sizeof(uuid));
	if (wanted) {
		p = option(p, 50, &wanted, 4);
		p = option(p, 54, &from, 4);
	}
	*p = 255;
}

/* Sends and waits for an answer of this type, as often as a loader does. */
static void exchange(const struct client *c, int fd, const struct frame *f, uint8_t want, struct frame *got, size_t *len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6, .sll_ifindex = (int)if_nametoindex(c->nic)
	};

	memset(to.sll_addr, 0xff, 6);
	for (int try = 0; try < TRIES; try++) {
		int64_t end = now_ms() + (1000 << try), left;

		if (sendto(fd, f, sizeof(*f), 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
			fail(c, "%s: %s", c->nic, strerror(errno));
		while ((left = end - now_ms()) > 0 && readable(fd, (int)left)) {
			ssize_t n = recv(fd, got, sizeof(*got), 0);
			const uint8_t *type;

			*len = n > 28 ? (size_t)n - 28 : 0;
			if (*len < 240 || got->udp.dest != htons(68) || got->dhcp.xid != f->dhcp.xid || memcmp(got->dhcp.chaddr, c->hw, 6) != 0)
				continue;
			type = find_option(&got->dhcp, *len, 53);
			if (type && type[2] == want)
				return;
			if (type && type[2] == 6)
				fail(c, "DHCPNAK");
		}
	}
	fail(c, "no DHCP answer of type %u", want);
}

/* The lease, and the boot file, which may be in an option instead of its field. */
static void dhcp(struct client *c, const struct identity *id)
{
	struct frame f, got;
	const uint8_t *p;
	uint32_t xid, from = 0;
	size_t len;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));

	if (fd < 0 || bind(fd,
			   (const struct sockaddr *)&(struct sockaddr_ll){
				   .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex(c->nic) },
			   sizeof(struct sockaddr_ll)))
		fail(c, "%s: %s", c->nic, strerror(errno));
	memcpy(&xid, c->hw + 2, 4);
	build(c, id, 1, xid, 0, 0, &f);
	exchange(c, fd, &f, 2, &got, &len);
	p = find_option(&got.dhcp, len, 54);
	if (p)
		memcpy(&from, p + 2, 4);
	build(c, id, 3, xid, got.dhcp.yiaddr, from, &f);
	exchange(c, fd, &f, 5, &got, &len);
	close(fd);
	inet_ntop(AF_INET, &got.dhcp.yiaddr, c->given, sizeof(c->given));
	p = find_option(&got.dhcp, len, 67);
	if (p)
		snprintf(c->file, sizeof(c->file), "%.*s", p[1], (const char *)p + 2);
	else
		snprintf(c->file, sizeof(c->file), "%.128s", got.dhcp.file);
	if (strcmp(c->given, c->ip) != 0)
		fail(c, "DHCP gave it %s instead of %s", c->given, c->ip);
}

/* The address becomes the interface's, as a loader's own network code would have it. */
static void use_address(const struct client *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET }, mask = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xffff0000) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };

	inet_pton(AF_INET, c->ip, &at.sin_addr);
	memcpy(r.ifr_name, c->nic, sizeof(r.ifr_name));
	memcpy(&r.ifr_addr, &at, sizeof(at));
	if (ioctl(fd, SIOCSIFADDR, &r))
		fail(c, "%s: %s", c->nic, strerror(errno));
	memcpy(&r.ifr_netmask, &mask, sizeof(mask));
	ioctl(fd, SIOCSIFNETMASK, &r);
	close(fd);
}

static int open_socket(const struct client *c, int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, c->ip, &at.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, c->nic, (socklen_t)strlen(c->nic)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		fail(c, "%s: %s", c->nic, strerror(errno));
	return fd;
}

static struct sockaddr_in server_at(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, server, &to.sin_addr);
	return to;
}

/* --- TFTP --- */

enum { RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };

struct tftp {
	const struct client *c;
	const char *file;
	int fd;
	struct sockaddr_in peer;
	/* The packet that is sent again until something new comes. */
	unsigned char out[600];
	size_t outlen;
	unsigned char in[2048];
	ssize_t inlen;
};

static unsigned word(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put_text(struct tftp *t, const char *s)
{
	size_t n = strlen(s) + 1;

	memcpy(t->out + t->outlen, s, n);
	t->outlen += n;
}

static void put_ack(struct tftp *t, unsigned block)
{
	const unsigned char ack[] = { 0, ACK, (unsigned char)(block >> 8), (unsigned char)block };

	memcpy(t->out, ack, t->outlen = sizeof(ack));
}

static void send_again(const struct tftp *t)
{
	sendto(t->fd, t->out, t->outlen, 0, (const struct sockaddr *)&t->peer, sizeof(t->peer));
}

/* Sends what there is until a packet comes from the transfer's own port; false where none does. */
static bool turn(struct tftp *t)
{
	for (int try = 0; try < TRIES; try++) {
		int64_t end = now_ms() + (1000 << try), left;

		send_again(t);
		while ((left = end - now_ms()) > 0 && readable(t->fd, (int)left)) {
			struct sockaddr_in from;
			socklen_t len = sizeof(from);

			t->inlen = recvfrom(t->fd, t->in, sizeof(t->in), 0, (struct sockaddr *)&from, &len);
			if (t->inlen < 4 || from.sin_addr.s_addr != t->peer.sin_addr.s_addr)
				continue;
			if (t->peer.sin_port != htons(69) && from.sin_port != t->peer.sin_port)
				continue;
			t->peer.sin_port = from.sin_port;
			return true;
		}
	}
	return false;
}

static void request(struct tftp *t, const struct client *c, const char *file)
{
	*t = (struct tftp){ .c = c, .file = file, .fd = open_socket(c, SOCK_DGRAM), .peer = server_at(69) };
	t->out[1] = RRQ;
	t->outlen = 2;
	put_text(t, file);
	put_text(t, "octet");
	put_text(t, "tsize");
	put_text(t, "0");
	put_text(t, "blksize");
	put_text(t, BLOCK);
}

/* A whole file; false where the server has none of that name. size_only: what PXE ROMs do first, which leaves an aborted transfer behind. */
static bool tftp_get(const struct client *c, const char *file, bool size_only, struct vp_buf *out)
{
	static const unsigned char enough[] = "\0\5\0\10size";
	const size_t block = (size_t)atoi(BLOCK);
	struct tftp t;
	unsigned want = 1;

	request(&t, c, file);
	for (;;) {
		if (!turn(&t))
			fail(c, "TFTP %s: no answer after %zu bytes", file, out->len);
		if (word(t.in) == ERROR) {
			close(t.fd);
			return false;
		}
		if (word(t.in) == OACK) {
			if (size_only)
				sendto(t.fd, enough, sizeof(enough), 0, (const struct sockaddr *)&t.peer, sizeof(t.peer));
			if (size_only)
				break;
			put_ack(&t, 0);
		} else if (word(t.in) == DATA && word(t.in + 2) == (want & 0xffff)) {
			vp_buf_add(out, (const char *)t.in + 4, (size_t)t.inlen - 4);
			put_ack(&t, want++);
			if ((size_t)t.inlen - 4 < block) {
				send_again(&t);
				break;
			}
		}
	}
	close(t.fd);
	return true;
}

/* Starves unless the first answer comes while all others hold theirs. */
static void tftp_hold(struct client *c)
{
	int64_t end = now_ms() + HOLD * 1000, left;
	struct tftp t;

	use_address(c);
	request(&t, c, "pxelinux.0");
	for (int wait = 1000; now_ms() < end - 1000; wait *= 2) {
		send_again(&t);
		if (readable(t.fd, wait)) {
			/* Block 0 is never acknowledged: the server keeps the transfer open. */
			while ((left = end - now_ms()) > 0)
				poll(NULL, 0, (int)left);
			_exit(0);
		}
	}
	fail(c, "starved: no answer to its TFTP request in %d s", HOLD - 1);
}

/* --- HTTP --- */

/* A request over a connection of its own; the body goes to *out (NULL: thrown away). The status, or the end of the client. */
static int http(const struct client *c, const char *method, const char *path, const char *body, struct vp_buf *out)
{
	vp_cleanup(vp_buf_free) struct vp_buf all = { 0 };
	struct sockaddr_in to = server_at(HTTP_PORT);
	int fd = open_socket(c, SOCK_STREAM), status = 0;
	char head[2048], block[65536], *start;
	ssize_t n;

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		fail(c, "%s %s: %s", method, path, strerror(errno));
	snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", method, path, server,
		 strlen(body), body);
	if (write(fd, head, strlen(head)) < 0)
		fail(c, "%s %s: %s", method, path, strerror(errno));
	while (readable(fd, 60000) && (n = read(fd, block, sizeof(block))) > 0)
		vp_buf_add(&all, block, (size_t)n);
	close(fd);
	start = strstr(vp_buf_str(&all), "\r\n\r\n");
	if (!start || sscanf(all.data, "HTTP/1.1 %d", &status) != 1)
		fail(c, "%s %s: no answer (%zu bytes)", method, path, all.len);
	if (out)
		vp_buf_add(out, start + 4, all.len - (size_t)(start + 4 - all.data));
	return status;
}

static void expect(const struct client *c, const char *method, const char *path, const char *body, int want, struct vp_buf *out)
{
	int got = http(c, method, path, body, out);

	if (got != want)
		fail(c, "%s %.*s: %d instead of %d", method, (int)strcspn(path, "?"), path, got, want);
}

/* "http://SERVER:PORT/path" -> "/path" */
static const char *path_of(const struct client *c, const char *url)
{
	char base[64];

	snprintf(base, sizeof(base), "http://%s:%d/", server, HTTP_PORT);
	if (strncmp(url, base, strlen(base)) != 0)
		fail(c, "it was sent to '%s'", url);
	return url + strlen(base) - 1;
}

/* The same bytes as the file of the cache. */
static void fetch_same(const struct client *c, const char *path, const char *file)
{
	vp_cleanup(vp_buf_free) struct vp_buf got = { 0 }, want = { 0 };
	char name[512];

	snprintf(name, sizeof(name), "%s/%s", cache, file);
	if (vp_read_file(name, 256u << 20, &want, NULL))
		fail(c, "%s cannot be read", name);
	expect(c, "GET", path, "", 200, &got);
	if (got.len != want.len || memcmp(got.data, want.data, want.len) != 0)
		fail(c, "%s arrived with %zu bytes, or others than the %zu that it has", file, got.len, want.len);
}

/* --- Loaders --- */

/* The rest of the line that starts with this word; "" where there is none. */
static void line_of(const char *text, const char *key, char *out, size_t size)
{
	*out = '\0';
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *q = p + strspn(p, " ");

		if (!strncmp(q, key, strlen(key)) && q[strlen(key)] == ' ') {
			q += strlen(key) + 1;
			snprintf(out, size, "%.*s", (int)strcspn(q, "\n"), q);
			return;
		}
	}
}

static void pxelinux_config(const struct client *c, struct vp_buf *out)
{
	char name[64], dashed[18];

	/* It looks for its UUID first, then for its MAC. */
	snprintf(name, sizeof(name), "pxelinux.cfg/00000000-0000-0000-0000-%02x%02x%02x%02x%02x%02x", c->hw[0], c->hw[1], c->hw[2], c->hw[3],
		 c->hw[4], c->hw[5]);
	if (tftp_get(c, name, false, out))
		fail(c, "there is a %s", name);
	snprintf(dashed, sizeof(dashed), "%s", c->mac);
	for (char *p = dashed; *p; p++)
		*p = *p == ':' ? '-' : *p;
	snprintf(name, sizeof(name), "pxelinux.cfg/01-%s", dashed);
	if (!tftp_get(c, name, false, out))
		fail(c, "there is no %s", name);
}

static void boot_pxelinux(struct client *c)
{
	static const struct identity rom = { 0, "PXEClient:Arch:00000:UNDI:002001", NULL };
	vp_cleanup(vp_buf_free) struct vp_buf loader = { 0 }, part = { 0 }, conf = { 0 };

	dhcp(c, &rom);
	use_address(c);
	if (!tftp_get(c, c->file, true, &loader) || !tftp_get(c, c->file, false, &loader) || loader.len < 20000)
		fail(c, "the boot file '%s' is not there, or too small", c->file);
	if (!tftp_get(c, "ldlinux.c32", false, &part) || part.len < 50000)
		fail(c, "ldlinux.c32 is not there, or too small");
	pxelinux_config(c, &conf);
	line_of(vp_buf_str(&conf), "KERNEL", c->kernel, sizeof(c->kernel));
	line_of(vp_buf_str(&conf), "INITRD", c->initrd, sizeof(c->initrd));
	line_of(vp_buf_str(&conf), "APPEND", c->args, sizeof(c->args));
}

/* iPXE asks for the URL that it was given, with the MAC where it says so. */
static void ipxe_script(const struct client *c, struct vp_buf *out)
{
	const char *path = path_of(c, c->file), *mac = strstr(path, "${netX/mac}");
	char filled[512];

	if (!mac)
		fail(c, "iPXE was given '%s'", c->file);
	snprintf(filled, sizeof(filled), "%.*s%s", (int)(mac - path), path, c->mac);
	expect(c, "GET", filled, "", 200, out);
}

static void boot_ipxe(struct client *c)
{
	static const struct identity rom = { 0, "PXEClient:Arch:00000:UNDI:002001", "iPXE" };
	vp_cleanup(vp_buf_free) struct vp_buf script = { 0 };
	char line[1400], *url;

	dhcp(c, &rom);
	use_address(c);
	ipxe_script(c, &script);
	line_of(vp_buf_str(&script), "kernel", line, sizeof(line));
	url = strstr(line, "http:");
	if (!url)
		fail(c, "iPXE is told no kernel");
	snprintf(c->kernel, sizeof(c->kernel), "%.*s", (int)strcspn(url, " "), url);
	snprintf(c->args, sizeof(c->args), "%s", url + strcspn(url, " "));
	line_of(vp_buf_str(&script), "initrd", line, sizeof(line));
	url = strstr(line, "http:");
	snprintf(c->initrd, sizeof(c->initrd), "%s", url ? url : "");
}

static const struct loader {
	const char *name;
	/* Fills in kernel, initrd and args. */
	void (*boot)(struct client *c);
	/* What a second boot is told, where it can be asked without starting one. */
	void (*again)(const struct client *c, struct vp_buf *out);
} loaders[] = { { "pxelinux", boot_pxelinux, pxelinux_config }, { "ipxe", boot_ipxe, ipxe_script } };

/* --- The installer, and the installed system --- */

static void argument(const struct client *c, const char *key, char *out, size_t size)
{
	const char *p = strstr(c->args, key);

	if (!p)
		fail(c, "the kernel is not told %s", key);
	p += strlen(key);
	snprintf(out, size, "%.*s", (int)strcspn(p, " "), p);
}

static void install(struct client *c, const struct loader *l)
{
	static const char *const phases[] = { "partition 100", "format 100", "unpack 50", "unpack 100", "bootloader 100", "ack 0" };
	vp_cleanup(vp_buf_free) struct vp_buf conf = { 0 }, next = { 0 };
	char token[128], path[512], image[160];

	argument(c, "vprov.token=", token, sizeof(token));
	snprintf(path, sizeof(path), "/boot/%s/config?token=%s", c->name, token);
	expect(c, "GET", path, "", 200, &conf);
	if (!strstr(vp_buf_str(&conf), c->name))
		fail(c, "the configuration is another node's");
	expect(c, "GET", path, "", 409, NULL);
	snprintf(image, sizeof(image), "%.72s", strstr(conf.data, "IMAGE=") ? strstr(conf.data, "IMAGE=") + 6 : "");
	snprintf(path, sizeof(path), "/node/%s/event?token=%s", c->name, token);
	for (size_t i = 0; i < vp_count(phases); i++) {
		expect(c, "POST", path, phases[i], 200, NULL);
		if (strncmp(phases[i], "format", 6) != 0)
			continue;
		char url[200];

		snprintf(url, sizeof(url), "/image/%s", image);
		fetch_same(c, url, image);
	}
	snprintf(path, sizeof(path), "/node/%s/ack?token=%s", c->name, token);
	expect(c, "POST", path, "", 200, NULL);
	l->again(c, &next);
	if (strstr(vp_buf_str(&next), "vprov.token="))
		fail(c, "it would be installed again");
	snprintf(path, sizeof(path), "/node/%s/up?token=%s", c->name, token);
	expect(c, "POST", path, "root=/dev/vda1\n", 200, NULL);
}

static void boot_and_install(struct client *c)
{
	for (size_t i = 0; i < vp_count(loaders); i++) {
		if (strcmp(loaders[i].name, c->path) != 0)
			continue;
		loaders[i].boot(c);
		fetch_same(c, path_of(c, c->kernel), "key/vmlinuz");
		fetch_same(c, path_of(c, c->initrd), "key/initrd");
		install(c, &loaders[i]);
		return;
	}
	fail(c, "no loader '%s'", c->path);
}

int main(int argc, char **argv)
{
	static struct client clients[MAX_CLIENT];
	unsigned n = 0, failed = 0;
	int status;

	if (argc != 4)
		return 2;
	server = argv[2];
	cache = argv[3];
	for (struct client *c = clients; n < MAX_CLIENT && scanf("%15s %15s %17s %15s %127s", c->path, c->nic, c->mac, c->ip, c->name) == 5; c++) {
		n++;
		if (sscanf(c->mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &c->hw[0], &c->hw[1], &c->hw[2], &c->hw[3], &c->hw[4], &c->hw[5]) != 6)
			return 2;
	}
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid)
			continue;
		(strcmp(argv[1], "tftp") ? boot_and_install : tftp_hold)(&clients[i]);
		_exit(0);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%u clients, %u failed\n", n, failed);
	return failed || !n;
}
