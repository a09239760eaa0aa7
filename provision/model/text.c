// SPDX-License-Identifier: Apache-2.0
/* What single values may look like. Whitelists: what is not named here does not get into a node, and so into no file or command line. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "bind.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"
#define ALNUM LOWER UPPER DIGIT

static bool only(const char *s, const char *set, size_t max)
{
	size_t n = strlen(s);

	return n && n <= max && strspn(s, set) == n;
}

static bool word(const char *s, const char *set, size_t max)
{
	return only(s, set, max) && isalnum((unsigned char)s[0]);
}

bool vp_ip4(const char *text, uint32_t *out)
{
	struct in_addr in;

	/* inet_pton() takes the plain dotted form only, and no leading zeros. */
	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*out = ntohl(in.s_addr);
	return true;
}

char *vp_ip4_text(struct vp_arena *a, uint32_t ip)
{
	return vp_printf(a, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static uint32_t mask_of(unsigned prefix)
{
	return prefix ? ~UINT32_C(0) << (32 - prefix) : 0;
}

bool vp_netmask(const char *text, unsigned *prefix)
{
	uint32_t mask;

	if (!vp_ip4(text, &mask))
		return false;
	*prefix = (unsigned)__builtin_popcount(mask);
	return *prefix >= 1 && *prefix <= 30 && mask == mask_of(*prefix);
}

bool vp_same_net(uint32_t a, uint32_t b, unsigned prefix)
{
	return !((a ^ b) & mask_of(prefix));
}

static bool host_ip(const char *s)
{
	uint32_t ip;

	return vp_ip4(s, &ip) && ip >> 24 != 0 && ip >> 24 != 127 && ip >> 24 < 224;
}

/* Of this machine, for those on it as well: 127.0.0.1. */
static bool own_ip(const char *s)
{
	uint32_t ip;

	return host_ip(s) || (vp_ip4(s, &ip) && ip >> 24 == 127);
}

bool vp_cidr(const char *text, uint32_t *ip, unsigned *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[INET_ADDRSTRLEN] = "";
	uint64_t bits;
	uint32_t host;

	if (!slash || (size_t)(slash - text) >= sizeof(addr) || !vp_parse_u64(slash + 1, 1, 30, &bits))
		return false;
	memcpy(addr, text, (size_t)(slash - text));
	if (!host_ip(addr) || !vp_ip4(addr, ip))
		return false;
	*prefix = (unsigned)bits;
	host = *ip & ~mask_of(*prefix);
	return host && host != ~mask_of(*prefix);
}

static bool cidr(const char *s)
{
	unsigned prefix;
	uint32_t ip;

	return vp_cidr(s, &ip, &prefix);
}

static bool netmask(const char *s)
{
	unsigned prefix;

	return vp_netmask(s, &prefix);
}

static bool any_ip(const char *s)
{
	struct in6_addr six;

	return host_ip(s) || inet_pton(AF_INET6, s, &six) == 1;
}

static bool any_address(const char *s)
{
	struct in6_addr six;
	uint32_t four;

	return vp_ip4(s, &four) || inet_pton(AF_INET6, s, &six) == 1;
}

static bool label_of(const char *s, size_t n)
{
	return n && n <= 63 && s[0] != '-' && s[n - 1] != '-' && strspn(s, ALNUM "-") >= n;
}

static bool dotted(const char *s)
{
	size_t len = strlen(s);

	if (len > VP_MAX_NAME)
		return false;
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!label_of(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool ifname(const char *s)
{
	return word(s, ALNUM "._-", 15);
}

static bool diskname(const char *s)
{
	return word(s, ALNUM "._-/", 32) && !strstr(s, "..");
}

/* Six bytes, not all zero, not a group address. */
static bool mac(const char *s)
{
	bool any = false;

	if (strlen(s) != 17 || strchr("13579bdfBDF", s[1]))
		return false;
	for (size_t i = 0; i < 17; i++) {
		if (i % 3 == 2 ? s[i] != s[2] || !strchr(":-", s[i]) : !isxdigit((unsigned char)s[i]))
			return false;
		any |= i % 3 != 2 && s[i] != '0';
	}
	return any;
}

/* No "." or ".." or empty element. */
static bool plain_path(const char *s, size_t max)
{
	if (*s != '/' || !only(s, ALNUM "/._+@=-", max))
		return false;
	for (; *s; s += strcspn(s, "/")) {
		size_t n;

		s++;
		n = strcspn(s, "/");
		if (!n || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
	}
	return true;
}

static bool dir(const char *s)
{
	return plain_path(s, 1024);
}

static bool mountpoint(const char *s)
{
	return !strcmp(s, "swap") || !strcmp(s, "/") || plain_path(s, 255);
}

static bool args(const char *s)
{
	return !*s || word(s, ALNUM " ._,:=/+@-", 1024);
}

static bool options(const char *s)
{
	return word(s, ALNUM "._,:=/+-", 255);
}

static bool fslabel(const char *s)
{
	return word(s, ALNUM "._/-", 16);
}

/* "TYPE BASE64 [COMMENT]", without options: they could run commands. */
static bool ssh_key(const char *s)
{
	size_t type = strspn(s, LOWER DIGIT "-@."), key;

	if ((strncmp(s, "ssh-", 4) && strncmp(s, "ecdsa-", 6) && strncmp(s, "sk-", 3)) || s[type] != ' ')
		return false;
	s += type + 1;
	key = strspn(s, ALNUM "+/=");
	if (key < 32 || key > 4096)
		return false;
	return !s[key] || (s[key] == ' ' && (!s[key + 1] || only(s + key + 1, ALNUM " ._@+:/=-", 255)));
}

static bool crypt_hash(const char *s)
{
	if (*s != '$')
		return strlen(s) == 13 && only(s, ALNUM "./", 13);
	return strlen(s) > 12 && strchr(s + 1, '$') && only(s, ALNUM "$./=,", 255);
}

static bool package(const char *s)
{
	return strlen(s) > 1 && word(s, LOWER DIGIT "+.-", 128);
}

static bool uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return !s[36];
}

static bool key(const char *s)
{
	return word(s, ALNUM "._/+-", 255);
}

/* Printable; bytes above ASCII may be anything. */
static bool line(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)s[i]))
			return false;
	return len <= 4096;
}

/* As lvm takes it. */
static bool volume(const char *s)
{
	return only(s, ALNUM "+_.-", 127) && *s != '-' && strcmp(s, ".") && strcmp(s, "..");
}

static bool uri(const char *s)
{
	return word(s, ALNUM "._:/?&=@%,+[]~-", 500) && strchr(s, ':');
}

static bool place(const char *s)
{
	static const char *const schemes[] = { "http://", "https://", "file:///", "dir:///", "/" };

	for (size_t i = 0; i < vp_count(schemes); i++)
		if (!strncmp(s, schemes[i], strlen(schemes[i])))
			return only(s, ALNUM "._:/?&=@%,+~-", 1000);
	return false;
}

static bool url(const char *s)
{
	return (!strncmp(s, "http://", 7) || !strncmp(s, "https://", 8)) && place(s);
}

static bool bootfile(const char *s)
{
	return url(s) || dir(s);
}

/* "disk.*=25%" */
static bool tolerance(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-*?");
	double percent;
	char sign, more;

	return n && n < 64 && s[n] == '=' && s[n + 1] >= '0' && s[n + 1] <= '9' && sscanf(s + n + 1, "%lf%c%c", &percent, &sign, &more) == 2 &&
	       sign == '%' && percent > 0 && percent < 100;
}

bool vp_assignment(const char *text, size_t *path, const char **value)
{
	size_t len = strlen(text), i = 0;
	int depth = 0;
	char quote = 0;

	if (len > VP_MAX_ASSIGNMENT || (*text != '.' && *text != '/'))
		return false;
	for (size_t k = 0; k < len; k++)
		if (iscntrl((unsigned char)text[k]))
			return false;
	/* The first '=' that belongs to no condition. */
	for (; text[i] && (quote || depth || text[i] != '='); i++)
		if (quote)
			quote = text[i] == quote ? 0 : quote;
		else if (strchr("'\"", text[i]))
			quote = text[i];
		else
			depth += !!strchr("[(", text[i]) - !!strchr("])", text[i]);
	if (!text[i])
		return false;
	*value = text + i + 1 + strspn(text + i + 1, " ");
	while (i && text[i - 1] == ' ')
		i--;
	*path = i;
	return i;
}

/* "USER", "USER:GROUP", ":GROUP" */
static bool owner(const char *s)
{
	size_t n = strcspn(s, ":");

	return only(s, ALNUM "._-:", 65) && (s[n] ? s[n + 1] && !strchr(s + n + 1, ':') : n);
}

/* "0-3,8,^2" */
static bool cpuset(const char *s)
{
	return only(s, DIGIT ",-^", 255) && isdigit((unsigned char)s[strlen(s) - 1]) && *s != '-' && *s != ',' && !strstr(s, ",,") &&
	       !strstr(s, "--");
}

static bool pin(const char *s)
{
	size_t n = strncmp(s, "emulator=", 9) ? strspn(s, DIGIT) : 8;

	return n && n <= 8 && s[n] == '=' && cpuset(s + n + 1);
}

static bool model(const char *s)
{
	return word(s, ALNUM "._-", 63);
}

static bool assignment(const char *s)
{
	const char *value;
	size_t path;

	return vp_assignment(s, &path, &value);
}

const struct vp_check vp_is_label = { dotted, "a host name: letters, digits and hyphens" };
const struct vp_check vp_is_domain = { dotted, "a domain name: letters, digits and hyphens between dots" };
const struct vp_check vp_is_ifname = { ifname, "a device name: at most 15 letters, digits, or any of . _ -" };
const struct vp_check vp_is_diskname = { diskname, "a disk name: at most 32 letters, digits, or any of . _ - /" };
const struct vp_check vp_is_mac = { mac, "a MAC address of one card: 52:54:00:12:34:56" };
const struct vp_check vp_is_ip = { any_ip, "an IPv4 address of a host, or an IPv6 address" };
const struct vp_check vp_is_host_ip = { host_ip, "an IPv4 address of a host" };
const struct vp_check vp_is_own_ip = { own_ip, "an IPv4 address of this machine" };
static bool vlans(const char *s)
{
	char first[5];
	size_t n = strcspn(s, "-");
	uint64_t from, to;

	if (n >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)n, s);
	return vp_parse_u64(first, 1, 4094, &from) && (!s[n] || vp_parse_u64(s + n + 1, from, 4094, &to));
}
const struct vp_check vp_is_vlans = { vlans, "a VLAN from 1 to 4094, or a range of them like 10-20" };
const struct vp_check vp_is_netmask = { netmask, "a netmask from 128.0.0.0 to 255.255.255.252" };
const struct vp_check vp_is_cidr = { cidr, "an IPv4 address of a host and a prefix length up to 30: 10.9.8.1/24" };
const struct vp_check vp_is_dir = { dir, "an absolute path of letters, digits, or any of . _ + @ = - /" };
const struct vp_check vp_is_args = { args, "words of letters, digits, or any of . _ , : = / + @ -" };
const struct vp_check vp_is_ssh_key = { ssh_key, "a line of authorized_keys without options: ssh-ed25519 AAAA... comment" };
const struct vp_check vp_is_crypt = { crypt_hash, "a crypt(3) hash: $6$..." };
const struct vp_check vp_is_tolerance = { tolerance, "a metric, which may be a pattern, and a share of its value: disk.*=25%" };
const struct vp_check vp_is_assignment = { assignment, "an XPath in the domain and what is to be there: ./devices/disk[1]/driver/@cache = none" };
const struct vp_check vp_is_cpuset = { cpuset, "numbers and ranges of them: 0-3,8" };
const struct vp_check vp_is_pin = { pin, "a processor of the guest, or emulator, and processors of the host: 0=2-3" };
const struct vp_check vp_is_owner = { owner, "a user, a user and a group, or a group: libvirt-qemu:kvm" };
const struct vp_check vp_is_model = { model, "the name of a processor's model" };
const struct vp_check vp_is_package = { package, "the name of a Debian package" };
const struct vp_check vp_is_mountpoint = { mountpoint, "an absolute path of letters, digits, or any of . _ + @ = - /, or swap" };
const struct vp_check vp_is_options = { options, "mount options" };
const struct vp_check vp_is_fslabel = { fslabel, "a label of at most 16 letters, digits, or any of . _ - /" };
const struct vp_check vp_is_uuid = { uuid, "a UUID" };
const struct vp_check vp_is_key = { key, "a name below /system/blockdevices" };
const struct vp_check vp_is_uri = { uri, "a libvirt URI: qemu:///system" };
const struct vp_check vp_is_place = { place, "an absolute path, or a URL with http, https, file or dir" };
const struct vp_check vp_is_bootfile = { bootfile, "an absolute path, or a URL with http or https" };
const struct vp_check vp_is_url = { url, "a URL with http or https" };
const struct vp_check vp_is_address = { any_address, "an address or netmask, of IPv4 or IPv6" };
const struct vp_check vp_is_line = { line, "one line of text" };
const struct vp_check vp_is_volume = { volume, "a name of LVM: letters, digits, or any of . _ + -" };

uint64_t vp_node_memory_max(const struct vp_node *n)
{
	return n->tuning.memory_max > n->memory ? n->tuning.memory_max : n->memory;
}

unsigned vp_node_vcpus_max(const struct vp_node *n)
{
	return n->tuning.vcpus_max > n->vcpus ? n->tuning.vcpus_max : n->vcpus;
}
