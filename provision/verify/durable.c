// SPDX-License-Identifier: Apache-2.0
#include <endian.h>
#include <string.h>

#include "../guest/record.h"
#include "durable.h"

#define MAGIC	 UINT64_C(0x6a736677736872)
#define FLUSH	 1u
#define FUA	 2u
#define DISCARD	 4u
#define MAX_LOG	 (256u << 20)
#define MAX_DISK (64u << 20)
/* All subsets of so many writes are tried. */
#define SUBSETS 8

struct entry {
	/* Of the disk, in bytes. */
	uint64_t at, len;
	uint64_t flags;
	const char *data;
	/* End of the entry in the log. */
	uint64_t log_end;
};

struct replay {
	struct vp_arena *a;
	struct entry *entries;
	size_t n, cap;
	uint64_t sector;
	/* The disk with everything up to the last flush, and a state of it. */
	char *base, *disk;
	size_t size;
	const struct vp_durable_ack *acks;
	size_t nacks;
	struct vp_durable *out;
};

static uint64_t word(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* --- The log --- */

/* An entry at *at, which moves behind it; false at the end of what was written whole. */
static bool next_entry(struct replay *r, const char *log, size_t len, uint64_t *at)
{
	uint64_t sector, n, flags, bytes;
	struct entry e;

	if (*at + r->sector > len || *at + 32 > len)
		return false;
	sector = word(log + *at);
	n = word(log + *at + 8);
	flags = word(log + *at + 16);
	/* A log is preallocated by nobody, but its last entry may be half there. */
	bytes = flags & DISCARD ? 0 : n * r->sector;
	if (n > MAX_DISK / r->sector || sector > MAX_DISK / r->sector || *at + r->sector + bytes > len || flags > 15)
		return false;
	e = (struct entry){ sector * r->sector, n * r->sector, flags, flags & DISCARD ? NULL : log + *at + r->sector, *at + r->sector + bytes };
	*at = e.log_end;
	if (e.at + e.len > MAX_DISK)
		return false;
	r->entries = vp_grow_in(r->a, r->entries, r->n, &r->cap, sizeof(e));
	r->entries[r->n++] = e;
	r->size = e.at + e.len > r->size ? (size_t)(e.at + e.len) : r->size;
	return true;
}

static int read_log(struct replay *r, const char *log, size_t len, struct vp_err *err)
{
	uint64_t at;

	if (len < 28 || len > MAX_LOG || word(log) != MAGIC || word(log + 8) != 1)
		return vp_fail(err, VP_E_VERIFY, "it is no log of writes");
	r->sector = word(log + 24) & 0xffffffff;
	if (r->sector < 512 || r->sector > 4096 || r->sector & (r->sector - 1))
		return vp_fail(err, VP_E_VERIFY, "a sector of %ju bytes", (uintmax_t)r->sector);
	at = r->sector;
	while (next_entry(r, log, len, &at))
		;
	return r->n ? 0 : vp_fail(err, VP_E_VERIFY, "the log is empty: the guest wrote nothing");
}

/* --- States of the disk --- */

static void apply(char *disk, const struct entry *e, uint64_t bytes)
{
	bytes = bytes < e->len ? bytes : e->len;
	if (e->flags & DISCARD)
		memset(disk + e->at, 0, bytes);
	else
		memcpy(disk + e->at, e->data, bytes);
}

/* How many records had been called durable when the log ended there. */
static unsigned promised(const struct replay *r, uint64_t log_end)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->nacks; i++)
		if (r->acks[i].log_bytes <= log_end && r->acks[i].records > n)
			n = r->acks[i].records;
	return n;
}

static void look(struct replay *r, size_t cut, const char *what)
{
	unsigned want = promised(r, r->entries[cut].log_end), lost = 0;
	char record[VP_GUEST_RECORD];

	r->out->states++;
	for (unsigned i = 0; i < want; i++) {
		vp_guest_record(i, record);
		lost += (size_t)(i + 1) * VP_GUEST_RECORD > r->size || memcmp(r->disk + (size_t)i * VP_GUEST_RECORD, record, sizeof(record)) != 0;
	}
	if (!lost)
		return;
	if (!r->out->lost_states++)
		r->out->first = vp_printf(r->a, "after write %zu of %zu, %s: %u of %u records that had been acknowledged are gone", cut + 1, r->n,
					  what, lost, want);
	r->out->lost_most = lost > r->out->lost_most ? lost : r->out->lost_most;
}

/* With those of the pending writes whose bits are set (more than 64 have no bits: all or none). */
static void state(struct replay *r, size_t from, size_t cut, uint64_t bits, const char *what)
{
	memcpy(r->disk, r->base, r->size);
	for (size_t i = from; i <= cut; i++)
		if (r->entries[i].flags & FUA || bits >> (i - from < 64 ? i - from : 63) & 1)
			apply(r->disk, &r->entries[i], UINT64_MAX);
	look(r, cut, what);
}

/* Only a part of the last write arrived; those before it all, or none. */
static void torn(struct replay *r, size_t from, size_t cut)
{
	const struct entry *e = &r->entries[cut];

	for (int others = 0; others < 2; others++)
		for (uint64_t part = r->sector; part < e->len && part <= 8 * r->sector; part += r->sector) {
			memcpy(r->disk, r->base, r->size);
			for (size_t i = from; i < cut && others; i++)
				apply(r->disk, &r->entries[i], UINT64_MAX);
			apply(r->disk, e, part);
			look(r, cut, "the last write torn");
		}
}

/* All that may be there where the power goes right after entry `cut`; those before `from` are durable. */
static void cut_here(struct replay *r, size_t from, size_t cut)
{
	size_t n = cut + 1 - from;

	if (n <= SUBSETS) {
		for (uint64_t bits = 0; bits < UINT64_C(1) << n; bits++)
			state(r, from, cut, bits, bits ? "with a part of what was not flushed" : "with nothing of what was not flushed");
	} else {
		state(r, from, cut, 0, "with nothing of what was not flushed");
		state(r, from, cut, UINT64_MAX, "with all of what was not flushed");
		for (size_t i = 0; i < n && i < 64; i++)
			state(r, from, cut, ~(UINT64_C(1) << i), "with one write missing");
	}
	/* One that is durable when it is done arrived whole. */
	if (!(r->entries[cut].flags & FUA))
		torn(r, from, cut);
}

int vp_durable_replay(struct vp_arena *a, const void *log, size_t len, const struct vp_durable_ack *acks, size_t nacks, struct vp_durable *out,
		      struct vp_err *err)
{
	struct replay r = { .a = a, .acks = acks, .nacks = nacks, .out = out };
	size_t from = 0;

	*out = (struct vp_durable){ .first = "" };
	if (read_log(&r, log, len, err))
		return -1;
	r.base = vp_alloc(a, r.size + 1);
	r.disk = vp_alloc(a, r.size + 1);
	memset(r.base, 0, r.size);
	out->records = promised(&r, UINT64_MAX);
	for (size_t i = 0; i < r.n; i++) {
		/* What a flush follows is durable. */
		if (r.entries[i].flags & FLUSH) {
			for (; from < i; from++)
				apply(r.base, &r.entries[from], UINT64_MAX);
			from += !r.entries[i].len;
			out->flushes++;
		}
		out->writes += r.entries[i].len > 0;
		cut_here(&r, from, i);
	}
	return 0;
}
