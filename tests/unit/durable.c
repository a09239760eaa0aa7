// SPDX-License-Identifier: Apache-2.0
/* Logs of writes whose promises are kept, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "../../provision/guest/record.h"
#include "../../provision/verify/durable.h"
#include "arena.h"

enum { FLUSH = 1, FUA = 2 };

/* A log in the making, and what the guest said meanwhile. */
struct log {
	struct vp_buf b;
	struct vp_durable_ack acks[64];
	size_t nacks;
};

static void word(struct log *l, uint64_t v)
{
	vp_buf_add(&l->b, &v, 8);
}

static void pad(struct log *l)
{
	static const char zeros[512];

	vp_buf_add(&l->b, zeros, (512 - l->b.len % 512) % 512);
}

static struct log begin(void)
{
	struct log l = { 0 };
	uint32_t sector = 512;

	word(&l, UINT64_C(0x6a736677736872));
	word(&l, 1);
	word(&l, 0);
	vp_buf_add(&l.b, &sector, 4);
	pad(&l);
	return l;
}

/* n records from first on; n 0: a flush. */
static void entry(struct log *l, unsigned first, unsigned n, uint64_t flags)
{
	char record[VP_GUEST_RECORD];

	word(l, first);
	word(l, n);
	word(l, flags);
	word(l, 0);
	pad(l);
	for (unsigned i = 0; i < n; i++) {
		vp_guest_record(first + i, record);
		vp_buf_add(&l->b, record, sizeof(record));
	}
}

static void promise(struct log *l, unsigned records)
{
	l->acks[l->nacks++] = (struct vp_durable_ack){ l->b.len, records };
}

static struct vp_durable replay(struct log *l)
{
	struct vp_durable d;
	struct vp_err err = { 0 };

	if (vp_durable_replay(arena, l->b.data, l->b.len, l->acks, l->nacks, &d, &err))
		fail_msg("%s", err.msg);
	vp_buf_free(&l->b);
	return d;
}

static void an_honest_disk_loses_nothing(void **state)
{
	struct log l = begin();
	struct vp_durable d;

	(void)state;
	for (unsigned i = 0; i < 40; i += 4) {
		entry(&l, i, 1, 0);
		entry(&l, i + 1, 3, 0);
		entry(&l, 0, 0, FLUSH);
		promise(&l, i + 4);
	}
	d = replay(&l);
	assert_int_equal(d.lost_states, 0);
	assert_int_equal(d.records, 40);
	assert_int_equal(d.writes, 20);
	assert_int_equal(d.flushes, 10);
	/* After each entry all subsets of what is not flushed, 2, 4 and 1; and the torn write of three sectors, two parts, with and without the
	 * other. */
	assert_int_equal(d.states, 10 * (2 + 4 + 1 + 4));
	assert_string_equal(d.first, "");
}

/* Promised before the flush: only the cuts in between see it. */
static void a_promise_too_early_is_seen(void **state)
{
	struct log l = begin();
	struct vp_durable d;

	(void)state;
	entry(&l, 0, 1, 0);
	promise(&l, 1);
	entry(&l, 1, 1, 0);
	entry(&l, 0, 0, FLUSH);
	d = replay(&l);
	/* Of the subsets of one write, and of two, those without the first one. */
	assert_int_equal(d.lost_states, 1 + 2);
	assert_int_equal(d.lost_most, 1);
	assert_string_equal(d.first, "after write 1 of 3, with nothing of what was not flushed: 1 of 1 records that had been acknowledged are gone");
}

static void a_lying_cache_is_seen(void **state)
{
	struct log l = begin();
	struct vp_durable d;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		entry(&l, i, 1, 0);
		promise(&l, i + 1);
	}
	d = replay(&l);
	assert_int_equal(d.flushes, 0);
	assert_true(d.lost_states > d.states / 2);
	assert_int_equal(d.lost_most, 20);
}

/* Writing through: each write says that it is durable itself; what came before it is not thereby. */
static void force_unit_access_is_of_one_write(void **state)
{
	struct log l = begin(), m = begin();

	(void)state;
	entry(&l, 0, 2, FUA);
	promise(&l, 2);
	assert_int_equal(replay(&l).lost_states, 0);
	entry(&m, 0, 1, 0);
	entry(&m, 1, 1, FUA);
	promise(&m, 2);
	assert_int_equal(replay(&m).lost_most, 1);
}

static void what_is_no_log_is_refused(void **state)
{
	struct log l = begin(), half = begin();
	struct vp_durable d;
	struct vp_err err = { 0 };

	(void)state;
	assert_int_equal(vp_durable_replay(arena, "nothing of that kind, but long enough", 37, NULL, 0, &d, &err), -1);
	assert_int_equal(vp_durable_replay(arena, l.b.data, l.b.len, NULL, 0, &d, &err), -1);
	assert_non_null(strstr(err.msg, "wrote nothing"));
	entry(&half, 0, 2, 0);
	assert_int_equal(vp_durable_replay(arena, half.b.data, half.b.len - 1, NULL, 0, &d, &err), -1);
	half.b.data[512 + 15] = 0x7f;
	assert_int_equal(vp_durable_replay(arena, half.b.data, half.b.len, NULL, 0, &d, &err), -1);
	vp_buf_free(&l.b);
	vp_buf_free(&half.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_honest_disk_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_promise_too_early_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lying_cache_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(force_unit_access_is_of_one_write, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_log_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
