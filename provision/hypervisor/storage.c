// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../templates/mustache.h"
#include "inside.h"
#include "storage.h"

#define OWN "vprov"
/* An L1 table of so many entries is that of a qcow2 of 32 TiB. */
#define MAX_L1 65536
#define CHUNK  262144

static void freep_pool(virStoragePoolPtr *pool)
{
	if (*pool)
		virStoragePoolFree(*pool);
}
#define POOL vp_cleanup(freep_pool) virStoragePoolPtr

static void freep_vol(virStorageVolPtr *vol)
{
	if (*vol)
		virStorageVolFree(*vol);
}
#define VOL vp_cleanup(freep_vol) virStorageVolPtr

static void freep_stream(virStreamPtr *stream)
{
	if (*stream)
		virStreamFree(*stream);
}
#define STREAM vp_cleanup(freep_stream) virStreamPtr

static void buf_freep(struct vp_buf *b)
{
	vp_buf_free(b);
}
#define BUF vp_cleanup(buf_freep) struct vp_buf

/* --- Pools --- */

/* The text of the first element of that name; libvirt's own XML has it in one piece. */
static bool has_text(const char *xml, const char *element, const char *text)
{
	BUF want = { 0 };

	vp_buf_addf(&want, "<%s>", element);
	vp_escape_xml(&want, text, strlen(text));
	vp_buf_addf(&want, "</%s>", element);
	return strstr(xml, want.data);
}

static bool is_at(virStoragePoolPtr pool, const char *dir)
{
	vp_cleanup(vp_freep) char *xml = virStoragePoolGetXMLDesc(pool, 0);

	return xml && has_text(xml, "path", dir);
}

/* 1 found (and active, where it may be started), 0 none, -1 error. */
static int find_pool(struct vp_hv *hv, const char *dir, virStoragePoolPtr *out, struct vp_err *err)
{
	virStoragePoolPtr *all = NULL;
	int n = virConnectListAllStoragePools(vp_virt_conn(hv), &all, 0);

	*out = NULL;
	if (n < 0)
		return vp_virt_fail(err, "list the storage pools of", hv->uri);
	for (int i = 0; i < n; i++) {
		if (!*out && is_at(all[i], dir))
			*out = all[i];
		else
			virStoragePoolFree(all[i]);
	}
	free(all);
	if (!*out)
		return 0;
	if (!hv->readonly && !virStoragePoolIsActive(*out))
		virStoragePoolCreate(*out, 0);
	virStoragePoolRefresh(*out, 0);
	return 1;
}

static int make_pool(struct vp_hv *hv, const char *dir, virStoragePoolPtr *out, struct vp_err *err)
{
	BUF xml = { 0 };

	if (!strncmp(dir, "/dev/", 5))
		return vp_fail(err, VP_E_NOTFOUND, "%s: no storage pool of %s has this volume group; `virsh pool-define-as NAME logical --target %s`",
			       dir, hv->uri, dir);
	vp_buf_adds(&xml, "<pool type='dir'><name>" OWN);
	for (const char *p = dir; *p; p++)
		vp_escape_xml(&xml, *p == '/' ? "-" : p, 1);
	vp_buf_adds(&xml, "</name><target><path>");
	vp_escape_xml(&xml, dir, strlen(dir));
	vp_buf_adds(&xml, "</path></target></pool>");
	*out = virStoragePoolDefineXML(vp_virt_conn(hv), xml.data, 0);
	if (!*out)
		return vp_virt_fail(err, "define a storage pool for", dir);
	if (virStoragePoolBuild(*out, 0) || virStoragePoolCreate(*out, 0)) {
		vp_virt_fail(err, "start a storage pool for", dir);
		virStoragePoolUndefine(*out);
		return -1;
	}
	virStoragePoolSetAutostart(*out, 1);
	return 0;
}

/* Nothing of ours stays that is empty: neither the pool nor, where libvirt can remove it, the directory. */
static void drop_pool(virStoragePoolPtr pool)
{
	if (strncmp(virStoragePoolGetName(pool), OWN "-", strlen(OWN "-")) != 0 || virStoragePoolNumOfVolumes(pool))
		return;
	virStoragePoolDestroy(pool);
	virStoragePoolDelete(pool, 0);
	virStoragePoolUndefine(pool);
}

/* "/a/b/c": "/a/b" in the buffer, and the name. */
static const char *split(const char *path, struct vp_buf *dir)
{
	const char *slash = strrchr(path, '/');

	vp_buf_add(dir, path, (size_t)(slash - path));
	return slash + 1;
}

/* 1 both found, 0 the volume is none (pool may be NULL), -1 error. */
static int find_vol(struct vp_hv *hv, const char *path, virStoragePoolPtr *pool, virStorageVolPtr *vol, struct vp_err *err)
{
	BUF dir = { 0 };
	const char *name = split(path, &dir);
	int rc = find_pool(hv, dir.data, pool, err);

	*vol = NULL;
	if (rc <= 0)
		return rc;
	*vol = virStorageVolLookupByName(*pool, name);
	if (*vol)
		return 1;
	if (virGetLastErrorCode() == VIR_ERR_NO_STORAGE_VOL)
		return 0;
	return vp_virt_fail(err, "look for", path);
}

/* --- Contents --- */

/* Exactly so many bytes, or an error. */
static int download(struct vp_hv *hv, virStorageVolPtr vol, uint64_t offset, char *out, size_t len)
{
	STREAM stream = virStreamNew(vp_virt_conn(hv), 0);
	char rest;
	size_t got = 0;
	int n = 1;

	if (!stream || virStorageVolDownload(vol, stream, offset, len, 0))
		return -1;
	/* Its end has to be read, too. */
	while (n > 0 && got <= len) {
		n = virStreamRecv(stream, got < len ? out + got : &rest, got < len ? len - got : 1);
		got += n > 0 ? (size_t)n : 0;
	}
	if (!n && got == len)
		return virStreamFinish(stream);
	virStreamAbort(stream);
	return -1;
}

static bool all_zero(const char *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

static uint64_t big_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | (unsigned char)*p++;
	return v;
}

/* A qcow2 whose first table names no second one holds no data of a guest; what it may have behind it is not ours to judge. */
static bool qcow2_blank(struct vp_hv *hv, virStorageVolPtr vol)
{
	vp_cleanup(vp_freep) char *table = NULL;
	char head[48];
	uint64_t entries;

	if (download(hv, vol, 0, head, sizeof(head)) || memcmp(head, "QFI\xfb", 4) != 0 || big_endian(head + 8, 8))
		return false;
	entries = big_endian(head + 36, 4);
	if (entries > MAX_L1)
		return false;
	table = vp_xcalloc(entries + 1, 8);
	return !download(hv, vol, big_endian(head + 40, 8), table, entries * 8) && all_zero(table, entries * 8);
}

/* No table, file system or volume begins on it. */
static bool begins_blank(struct vp_hv *hv, virStorageVolPtr vol)
{
	vp_cleanup(vp_freep) char *data = vp_xcalloc(1, VP_MIB);

	return !download(hv, vol, 0, data, VP_MIB) && all_zero(data, VP_MIB);
}

static bool is_blank(struct vp_hv *hv, virStorageVolPtr vol, const virStorageVolInfo *info, const char *format)
{
	if (info->type == VIR_STORAGE_VOL_BLOCK)
		return begins_blank(hv, vol);
	return strcmp(format, "raw") ? qcow2_blank(hv, vol) : !info->allocation;
}

/* --- Disks --- */

static int storage_info(void *ctx, const char *path, struct vp_disk_info *out, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *xml = NULL;
	virStorageVolInfo info;
	const char *format;
	POOL pool = NULL;
	VOL vol = NULL;
	int rc = find_vol(ctx, path, &pool, &vol, err);

	if (rc <= 0)
		return rc;
	xml = virStorageVolGetXMLDesc(vol, 0);
	if (!xml || virStorageVolGetInfo(vol, &info))
		return vp_virt_fail(err, "look at", path);
	format = strstr(xml, "<format type='");
	format = format && info.type != VIR_STORAGE_VOL_BLOCK ? format + strlen("<format type='") : "raw";
	snprintf(out->format, sizeof(out->format), "%.*s", (int)strcspn(format, "'"), format);
	out->size = info.capacity;
	out->used = info.allocation;
	out->blank = is_blank(ctx, vol, &info, out->format);
	return 1;
}

static int send_bytes(virStreamPtr stream, const char *data, size_t len)
{
	while (len) {
		int n = virStreamSend(stream, data, len);

		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A new volume may lie where an old one was. */
static int clear_start(struct vp_hv *hv, virStorageVolPtr vol)
{
	vp_cleanup(vp_freep) char *zeros = vp_xcalloc(1, VP_MIB);
	STREAM stream = virStreamNew(vp_virt_conn(hv), 0);

	if (!stream || virStorageVolUpload(vol, stream, 0, VP_MIB, 0))
		return -1;
	if (!send_bytes(stream, zeros, VP_MIB))
		return virStreamFinish(stream);
	virStreamAbort(stream);
	return -1;
}

/* The pool of the volume, made where it is missing; NULL with err. */
static virStoragePoolPtr pool_for(struct vp_hv *hv, const char *path, struct vp_err *err)
{
	virStoragePoolPtr pool = NULL;
	BUF dir = { 0 };

	split(path, &dir);
	if (!find_pool(hv, dir.data, &pool, err))
		make_pool(hv, dir.data, &pool, err);
	return pool;
}

static virStorageVolPtr make_vol(virStoragePoolPtr pool, const char *path, const char *format, uint64_t size)
{
	const char *name = strrchr(path, '/') + 1;
	bool group = !strncmp(path, "/dev/", 5);
	BUF xml = { 0 };

	/* Volumes of a group are as large as they are. */
	vp_buf_adds(&xml, "<volume><name>");
	vp_escape_xml(&xml, name, strlen(name));
	vp_buf_addf(&xml, "</name><capacity unit='bytes'>%" PRIu64 "</capacity>", size);
	if (!group)
		vp_buf_addf(&xml, "<allocation>0</allocation><target><format type='%s'/><permissions><mode>0600</mode></permissions></target>",
			    format);
	vp_buf_adds(&xml, "</volume>");
	return virStorageVolCreateXML(pool, xml.data, 0);
}

static int storage_create(void *ctx, const char *path, const char *format, uint64_t size, struct vp_err *err)
{
	POOL pool = pool_for(ctx, path, err);
	virStoragePoolInfo info;
	VOL vol = NULL;

	if (!pool)
		return vp_context(err, "disk %s", path);
	if (!virStoragePoolGetInfo(pool, &info) && info.capacity && size > info.capacity)
		return vp_fail(err, VP_E_NOSPACE, "disk %s: %" PRIu64 " MiB are more than its storage pool could ever hold (%llu MiB)", path,
			       size / VP_MIB, info.capacity / VP_MIB);
	vol = make_vol(pool, path, format, size);
	if (!vol && virGetLastErrorCode() == VIR_ERR_STORAGE_VOL_EXIST)
		return vp_fail(err, VP_E_IO, "disk %s exists already", path);
	if (!vol)
		return vp_virt_fail(err, "make the disk", path);
	if (strncmp(path, "/dev/", 5) || !clear_start(ctx, vol))
		return 0;
	vp_virt_fail(err, "clear the disk", path);
	virStorageVolDelete(vol, 0);
	return -1;
}

static int storage_remove(void *ctx, const char *path, struct vp_err *err)
{
	POOL pool = NULL;
	VOL vol = NULL;
	int rc = find_vol(ctx, path, &pool, &vol, err);

	if (rc == 1 && virStorageVolDelete(vol, 0) && virGetLastErrorCode() != VIR_ERR_NO_STORAGE_VOL)
		rc = vp_virt_fail(err, "remove the disk", path);
	if (rc >= 0 && pool)
		drop_pool(pool);
	return rc < 0 ? -1 : 0;
}

const struct vp_disk_ops vp_hv_disk = { storage_info, storage_create, storage_remove };

/* --- Files --- */

static int send_file(virStreamPtr stream, int fd, const char *file, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *chunk = vp_xcalloc(1, CHUNK);
	ssize_t n;

	while ((n = read(fd, chunk, CHUNK)) > 0)
		if (send_bytes(stream, chunk, (size_t)n))
			return vp_virt_fail(err, "send", file);
	return n < 0 ? vp_fail_errno(err, VP_E_IO, "%s", file) : 0;
}

int vp_hv_upload(struct vp_hv *hv, const char *file, const char *path, struct vp_err *err)
{
	vp_cleanup(vp_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	STREAM stream = virStreamNew(vp_virt_conn(hv), 0);
	POOL pool = NULL;
	VOL vol = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return vp_fail_errno(err, VP_E_IO, "%s", file);
	if (find_vol(hv, path, &pool, &vol, err) == 1)
		virStorageVolDelete(vol, 0);
	if (!pool)
		pool = pool_for(hv, path, err);
	if (!pool)
		return -1;
	freep_vol(&vol);
	vol = make_vol(pool, path, "raw", (uint64_t)st.st_size);
	if (!vol || !stream || virStorageVolUpload(vol, stream, 0, (unsigned long long)st.st_size, 0))
		return vp_virt_fail(err, "make", path);
	if (send_file(stream, fd, file, err)) {
		virStreamAbort(stream);
		return -1;
	}
	return virStreamFinish(stream) ? vp_virt_fail(err, "send", file) : 0;
}

int vp_hv_room(struct vp_hv *hv, const char *path, uint64_t *total, uint64_t *avail, struct vp_err *err)
{
	virStoragePoolInfo info;
	POOL pool = NULL;
	BUF dir = { 0 };
	int rc;

	split(path, &dir);
	rc = find_pool(hv, dir.data, &pool, err);
	if (rc <= 0)
		return rc;
	if (virStoragePoolGetInfo(pool, &info))
		return vp_virt_fail(err, "look at the storage pool of", path);
	*total = info.capacity;
	*avail = info.available;
	return 1;
}
