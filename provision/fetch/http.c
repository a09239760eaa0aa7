// SPDX-License-Identifier: Apache-2.0
/*
 * Transfers by libcurl. What a server says is checked here as far as one answer goes: its size, whether it is whole, whether it was asked for.
 * Proxies are not used, whatever the environment says: a profile comes from the server that is named, or not at all.
 */
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

#define AT_ONCE	      8
#define MAX_REDIRECTS 5
#define MAX_HEADER    256

/* One transfer that is under way. */
struct transfer {
	struct run *run;
	struct vp_get *get;
	CURL *easy;
	struct curl_slist *headers;
	FILE *out;
	size_t size;
	bool over;
	char words[CURL_ERROR_SIZE];
};

struct run {
	struct vp_arena *a;
	const struct vp_get_opts *o;
	CURLM *multi;
	struct transfer at_once[AT_ONCE];
	struct vp_get *items;
	size_t n;
	/* No transfer is begun any more in this round. */
	bool hold;
};

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	t->size += len;
	t->over = t->size > t->get->max;
	return t->over || fwrite(data, 1, len, t->out) != len ? 0 : len;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = arg;

	(void)a, (void)b, (void)c, (void)d;
	return t->run->o->stop && *t->run->o->stop;
}

static void add_header(struct transfer *t, const char *name, const char *value)
{
	if (*value)
		t->headers = curl_slist_append(t->headers, vp_printf(t->run->a, "%s: %s", name, value));
}

static void set_trust(CURL *h, const struct vp_get_opts *o)
{
	if (o->ca_file || o->ca_dir) {
		/* Only these: the system's authorities have no say about a site that has its own. */
		curl_easy_setopt(h, CURLOPT_CAINFO, o->ca_file);
		curl_easy_setopt(h, CURLOPT_CAPATH, o->ca_dir);
	}
	if (o->cert_file)
		curl_easy_setopt(h, CURLOPT_SSLCERT, o->cert_file);
	if (o->key_file)
		curl_easy_setopt(h, CURLOPT_SSLKEY, o->key_file);
}

static void set_limits(CURL *h, const struct vp_get_opts *o)
{
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)(o->get_timeout < 10 ? o->get_timeout : 10));
	curl_easy_setopt(h, CURLOPT_TIMEOUT, 10L * (long)o->get_timeout);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 100L);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)o->get_timeout);
	curl_easy_setopt(h, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
}

static int start(struct transfer *t, struct vp_err *err)
{
	CURL *h = t->easy = curl_easy_init();

	t->out = fopen(t->get->file, "we");
	if (!h || !t->out)
		return vp_fail_errno(err, VP_E_IO, "%s", t->get->file);
	t->size = 0;
	t->over = false;
	t->words[0] = '\0';
	t->headers = NULL;
	t->get->attempts++;
	add_header(t, "If-None-Match", t->get->etag);
	add_header(t, "If-Modified-Since", t->get->modified);
	curl_easy_setopt(h, CURLOPT_URL, t->get->url);
	curl_easy_setopt(h, CURLOPT_PRIVATE, t);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->words);
	curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	curl_easy_setopt(h, CURLOPT_USERAGENT, "vprov/" VP_VERSION);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, strncasecmp(t->get->url, "https:", 6) ? "http,https" : "https");
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_FILETIME, 1L);
	set_limits(h, t->run->o);
	set_trust(h, t->run->o);
	curl_multi_add_handle(t->run->multi, h);
	return 0;
}

/* A header of the last answer, "" where it is absent or nothing that one would want to send back. */
static const char *header(struct transfer *t, const char *name)
{
	struct curl_header *found;
	size_t len;

	if (curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return "";
	len = strlen(found->value);
	for (size_t i = 0; i < len; i++)
		if (found->value[i] < ' ' || found->value[i] > '~')
			return "";
	return len > MAX_HEADER ? "" : vp_strdup(t->run->a, found->value);
}

/* Trying again is of use where the network, the server or the transfer failed; not where the answer is a plain no. */
static bool may_pass(CURLcode rc, long status)
{
	switch (rc) {
	case CURLE_OK: return status >= 500 || status == 408 || status == 429;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM: return true;
	default: return false;
	}
}

static bool is_unreachable(CURLcode rc)
{
	return rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_CONNECT || rc == CURLE_OPERATION_TIMEDOUT;
}

static const char *words_of(struct transfer *t, CURLcode rc)
{
	if (t->over)
		return vp_printf(t->run->a, "larger than %s", vp_size_text(t->run->a, t->get->max));
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return "interrupted";
	if (rc == CURLE_UNSUPPORTED_PROTOCOL)
		return "the server redirects to something that is not http or https";
	if (rc == CURLE_BAD_CONTENT_ENCODING)
		return vp_printf(t->run->a, "the content's encoding is damaged or unknown (%s)", t->words);
	return vp_printable(t->run->a, *t->words ? t->words : curl_easy_strerror(rc), 300);
}

static void fail(struct transfer *t, const char *why, bool again)
{
	bool more = again && t->get->attempts < t->run->o->retrieve_retries;

	t->get->why = why;
	t->get->outcome = more ? VP_GET_PENDING : VP_GET_FAILED;
	if (more)
		vp_debug("%s: %s; trying again", t->get->url, why);
	else
		t->run->hold = true;
}

static void judge_answer(struct transfer *t, long status)
{
	struct vp_get *g = t->get;
	bool asked = *g->etag || *g->modified;
	curl_off_t at = -1;

	if (status == 304 && asked)
		g->outcome = VP_GET_SAME;
	else if (status == 304)
		fail(t, "the server says 304 (not modified) without having been asked", false);
	else if (status == 404 || status == 410) {
		g->outcome = VP_GET_ABSENT;
		g->why = vp_printf(t->run->a, "the server says %ld (not found)", status);
	} else if (status != 200)
		fail(t, vp_printf(t->run->a, "the server says %ld", status), may_pass(CURLE_OK, status));
	else {
		curl_easy_getinfo(t->easy, CURLINFO_FILETIME_T, &at);
		g->modified_at = at;
		g->date = curl_getdate(header(t, "Date"), NULL);
		if (g->date < 0)
			g->date = time(NULL);
		g->etag = header(t, "ETag");
		g->modified = header(t, "Last-Modified");
		g->outcome = VP_GET_NEW;
	}
}

static void finish(struct transfer *t, CURLcode rc)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (fclose(t->out) && rc == CURLE_OK)
		rc = CURLE_WRITE_ERROR;
	t->get->modified_at = -1;
	if (rc == CURLE_OK)
		judge_answer(t, status);
	else
		fail(t, words_of(t, rc), may_pass(rc, status));
	t->run->hold |= is_unreachable(rc);
	if (t->get->outcome != VP_GET_NEW)
		unlink(t->get->file);
	curl_multi_remove_handle(t->run->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	*t = (struct transfer){ .run = t->run };
}

/* Begins as many as there are places; the number of those under way, -1 on failure. */
static int fill(struct run *r, size_t *next, struct vp_err *err)
{
	int busy = 0;

	for (size_t i = 0; i < AT_ONCE; i++) {
		struct transfer *t = &r->at_once[i];

		while (!t->get && !r->hold && *next < r->n) {
			if (r->items[*next].outcome == VP_GET_PENDING) {
				t->get = &r->items[*next];
				if (start(t, err))
					return -1;
			}
			(*next)++;
		}
		busy += !!t->get;
	}
	return busy;
}

static void collect(struct run *r)
{
	int left;

	for (CURLMsg *m; (m = curl_multi_info_read(r->multi, &left));) {
		char *t = NULL;

		if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK)
			finish((struct transfer *)(void *)t, m->data.result);
	}
}

/* All that are pending, once each; fewer where the server cannot be reached. The number that are done then, -1 on failure. */
static ssize_t round_of(struct run *r, void (*done)(void *arg, size_t n), void *arg, struct vp_err *err)
{
	size_t next = 0, ready = 0;
	int busy;

	r->hold = false;
	while ((busy = fill(r, &next, err)) > 0) {
		int running;

		curl_multi_perform(r->multi, &running);
		if (running == busy)
			curl_multi_poll(r->multi, NULL, 0, 200, NULL);
		collect(r);
		if (done) {
			while (ready < r->n && r->items[ready].outcome)
				ready++;
			done(arg, ready);
		}
	}
	if (busy < 0)
		return -1;
	ready = 0;
	for (size_t i = 0; i < r->n; i++)
		ready += r->items[i].outcome != VP_GET_PENDING;
	return (ssize_t)ready;
}

static const struct vp_get *first_failed(const struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].outcome == VP_GET_FAILED)
			return &r->items[i];
	return NULL;
}

static int pause_between(const struct vp_get_opts *o)
{
	for (unsigned ms = 0; ms < 1000 * o->retrieve_wait; ms += 100) {
		if (o->stop && *o->stop)
			return -1;
		poll(NULL, 0, 100);
	}
	return 0;
}

static int rounds(struct run *r, void (*done)(void *arg, size_t n), void *arg, struct vp_err *err)
{
	for (;;) {
		ssize_t ready = round_of(r, done, arg, err);
		const struct vp_get *failed = first_failed(r);

		if (ready < 0)
			return -1;
		if (failed)
			return vp_fail(err, VP_E_FETCH, "%s: %s", failed->url, failed->why);
		if ((size_t)ready == r->n)
			return 0;
		if (pause_between(r->o))
			return vp_fail(err, VP_E_FETCH, "interrupted");
	}
}

static void abandon(struct run *r)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (r->at_once[i].get && r->at_once[i].easy && r->at_once[i].out)
			finish(&r->at_once[i], CURLE_ABORTED_BY_CALLBACK);
		else if (r->at_once[i].easy)
			curl_easy_cleanup(r->at_once[i].easy);
	curl_multi_cleanup(r->multi);
}

int vp_get_all(struct vp_arena *a, const struct vp_get_opts *o, struct vp_get *items, size_t n, void (*done)(void *arg, size_t n), void *arg,
	       struct vp_err *err)
{
	static bool begun;
	struct run r = { .a = a, .o = o, .items = items, .n = n };
	int rc;

	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT))
		return vp_fail(err, VP_E_FETCH, "libcurl could not start");
	begun = true;
	r.multi = curl_multi_init();
	if (!r.multi)
		return vp_fail(err, VP_E_FETCH, "libcurl could not start");
	curl_multi_setopt(r.multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)AT_ONCE);
	for (size_t i = 0; i < AT_ONCE; i++)
		r.at_once[i].run = &r;
	rc = rounds(&r, done, arg, err);
	abandon(&r);
	return rc;
}
