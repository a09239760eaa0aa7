// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <nettle/eddsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certificate.h"

#define KIND "vprov certificate 1"

static void to_hex(const uint8_t *data, size_t n, char *hex)
{
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
}

static bool from_hex(const char *hex, uint8_t *data, size_t n)
{
	if (!hex || strlen(hex) < 2 * n || strspn(hex, "0123456789abcdef") < 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		data[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return true;
}

static bool read_key(struct vp_arena *a, const char *state_dir, uint8_t key[ED25519_KEY_SIZE])
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	return !vp_read_file(vp_printf(a, "%s/certificate.key", state_dir), 256, &b, NULL) && from_hex(vp_buf_str(&b), key, ED25519_KEY_SIZE);
}

static int own_key(struct vp_arena *a, const char *state_dir, uint8_t key[ED25519_KEY_SIZE], struct vp_err *err)
{
	const char *path = vp_printf(a, "%s/certificate.key", state_dir);
	char hex[2 * ED25519_KEY_SIZE + 1];

	if (read_key(a, state_dir, key))
		return 0;
	if (vp_exists(path))
		return vp_fail(err, VP_E_STATE, "%s: it holds no key", path);
	vp_random_hex(hex, ED25519_KEY_SIZE);
	from_hex(hex, key, ED25519_KEY_SIZE);
	return vp_write_file(path, hex, strlen(hex), 0600, err);
}

/* What is signed: all of it but the signature, in one order and without blanks. malloc. */
static char *signed_text(json_t *certificate)
{
	json_t *copy = json_copy(certificate);
	char *text;

	json_object_del(copy, "signature");
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
	json_decref(copy);
	return text;
}

/* --- Making --- */

static json_t *results_json(const struct vp_results *raw)
{
	json_t *list = json_array();

	for (size_t i = 0; i < raw->n; i++) {
		const struct vp_result *r = &raw->items[i];
		json_t *text = json_stringn(r->data, r->len), *j = json_pack("{s:s, s:s, s:f}", "run", r->run, "name", r->name, "time", r->time);

		/* What is not UTF-8 keeps its bytes all the same. */
		if (text) {
			json_object_set_new(j, "text", text);
		} else {
			char *hex = vp_xcalloc(2 * r->len + 1, 1);

			to_hex((const uint8_t *)r->data, r->len, hex);
			json_object_set_new(j, "hex", json_string(hex));
			free(hex);
		}
		json_array_append_new(list, j);
	}
	return list;
}

/* Only those that its metrics may be compared with. */
static json_t *known_json(const struct vp_verification *v, const struct vp_samples *known)
{
	json_t *list = json_array();

	for (size_t i = 0; known && i < known->n; i++) {
		const struct vp_sample *s = &known->items[i];
		bool near = false;

		for (size_t k = 0; k < v->n; k++)
			near = near || (!strcmp(v->metrics[k].name, s->metric) && !strcmp(v->metrics[k].work, s->work));
		if (near)
			json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:f, s:b, s:s, s:s, s:b, s:f}", "node", s->node, "run", s->run,
							      "metric", s->metric, "unit", s->unit, "value", s->value, "less", s->less, "key", s->key,
							      "work", s->work, "bad", s->bad, "time", s->time));
	}
	return list;
}

/* What of a node decides over its verdict; the rest, with its secrets, is nobody's business. */
static json_t *expect_json(json_t *expect)
{
	static const char *const keys[] = { "name", "hostname", "virt", "vcpus", "memory_mib", "disks", "nics", "verify" };
	json_t *j = json_object();

	for (size_t i = 0; i < vp_count(keys); i++)
		if (json_object_get(expect, keys[i]))
			json_object_set(j, keys[i], json_object_get(expect, keys[i]));
	return j;
}

json_t *vp_certificate_make(struct vp_arena *a, const char *state_dir, const struct vp_verification *v, const struct vp_results *raw, json_t *expect,
			    const struct vp_samples *known, struct vp_err *err)
{
	uint8_t key[ED25519_KEY_SIZE], public[ED25519_KEY_SIZE], signature[ED25519_SIGNATURE_SIZE];
	char hex[2 * ED25519_SIGNATURE_SIZE + 1], stamp[32];
	time_t now = (time_t)vp_wall();
	json_t *j;
	char *text;

	if (own_key(a, state_dir, key, err))
		return NULL;
	ed25519_sha512_public_key(public, key);
	to_hex(public, sizeof(public), hex);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "kind", KIND, "version", VP_VERSION, "time", stamp, "node", v->node, "expect",
		      expect_json(expect), "results", results_json(raw), "known", known_json(v, known), "verification", vp_verify_json(v),
		      "public_key", hex);
	text = signed_text(j);
	ed25519_sha512_sign(public, key, strlen(text), (const uint8_t *)text, signature);
	free(text);
	to_hex(signature, sizeof(signature), hex);
	json_object_set_new(j, "signature", json_string(hex));
	return j;
}

/* --- Checking --- */

static const char *text_of(struct vp_arena *a, json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? vp_strdup(a, s) : "";
}

static int check_signature(struct vp_arena *a, const char *state_dir, json_t *j, struct vp_certificate *out, struct vp_err *err)
{
	uint8_t public[ED25519_KEY_SIZE], own[ED25519_KEY_SIZE], own_public[ED25519_KEY_SIZE], signature[ED25519_SIGNATURE_SIZE];
	const char *hex = text_of(a, j, "public_key");
	char digest[65];
	char *text;
	bool ok;

	if (!from_hex(hex, public, sizeof(public)) || !from_hex(text_of(a, j, "signature"), signature, sizeof(signature)))
		return vp_fail(err, VP_E_VERIFY, "the certificate is not signed");
	text = signed_text(j);
	ok = ed25519_sha512_verify(public, strlen(text), (const uint8_t *)text, signature);
	free(text);
	if (!ok)
		return vp_fail(err, VP_E_VERIFY, "the certificate was changed after it was signed");
	vp_sha256_hex(public, sizeof(public), digest);
	out->signer = vp_strndup(a, digest, 16);
	if (read_key(a, state_dir, own)) {
		ed25519_sha512_public_key(own_public, own);
		out->ours = !memcmp(own_public, public, sizeof(public));
	}
	return 0;
}

static void read_results(struct vp_arena *a, json_t *list, struct vp_results *out)
{
	json_t *j;
	size_t i;

	json_array_foreach (list, i, j) {
		json_t *text = json_object_get(j, "text");
		const char *hex = text_of(a, j, "hex");
		struct vp_result r = { .run = text_of(a, j, "run"),
				       .name = text_of(a, j, "name"),
				       .time = json_number_value(json_object_get(j, "time")) };

		if (text) {
			r.data = text_of(a, j, "text");
			r.len = json_string_length(text);
		} else {
			uint8_t *bytes = vp_alloc(a, strlen(hex) / 2 + 1);

			r.len = from_hex(hex, bytes, strlen(hex) / 2) ? strlen(hex) / 2 : 0;
			r.data = (const char *)bytes;
		}
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(r));
		out->items[out->n++] = r;
	}
}

static void read_known(struct vp_arena *a, json_t *list, struct vp_samples *out)
{
	json_t *j;
	size_t i;

	json_array_foreach (list, i, j) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_sample){
			.node = text_of(a, j, "node"),
			.run = text_of(a, j, "run"),
			.metric = text_of(a, j, "metric"),
			.unit = text_of(a, j, "unit"),
			.value = json_number_value(json_object_get(j, "value")),
			.less = json_is_true(json_object_get(j, "less")),
			.key = text_of(a, j, "key"),
			.work = text_of(a, j, "work"),
			.env = "",
			.bad = json_is_true(json_object_get(j, "bad")),
			.time = json_number_value(json_object_get(j, "time")),
		};
	}
}

/* The first metric that is judged otherwise now, "" for none. Figures are computed again from the same bytes: they are equal, or something is wrong.
 */
static const char *difference(struct vp_arena *a, json_t *was, const struct vp_verification *v)
{
	json_t *now = vp_verify_json(v), *metrics = json_object_get(now, "metrics"), *old = json_object_get(was, "metrics");
	const char *found = "";

	if (json_array_size(metrics) != json_array_size(old))
		found = "it has other metrics";
	for (size_t i = 0; !*found && i < json_array_size(metrics); i++)
		if (!json_equal(json_array_get(metrics, i), json_array_get(old, i)))
			found = vp_printf(a, "%s was %s, and is %s by the evidence", v->metrics[i].name,
					  text_of(a, json_array_get(old, i), "verdict"), vp_verdict_name(v->metrics[i].verdict));
	if (!*found && strcmp(text_of(a, was, "verdict"), vp_verdict_name(v->verdict)) != 0)
		found = "its verdict does not follow from its metrics";
	json_decref(now);
	return found;
}

void vp_certificate_judge(struct vp_arena *a, json_t *j, struct vp_certificate *out)
{
	struct vp_results raw = { 0 };
	struct vp_samples known = { 0 };

	out->node = vp_printable(a, text_of(a, j, "node"), 256);
	out->version = vp_printable(a, text_of(a, j, "version"), 32);
	out->time = vp_printable(a, text_of(a, j, "time"), 32);
	read_results(a, json_object_get(j, "results"), &raw);
	read_known(a, json_object_get(j, "known"), &known);
	vp_verify_judge(a, out->node, &raw, json_object_get(j, "expect"), &known, &out->v);
	out->differs = difference(a, json_object_get(j, "verification"), &out->v);
}

int vp_certificate_check(struct vp_arena *a, const char *state_dir, const char *text, struct vp_certificate *out, struct vp_err *err)
{
	json_error_t where;
	json_t *j = json_loads(text, 0, &where);
	int rc;

	*out = (struct vp_certificate){ .signer = "", .differs = "" };
	if (!j || strcmp(text_of(a, j, "kind"), KIND) != 0) {
		rc = j ? vp_fail(err, VP_E_VERIFY, "this is no certificate of a verification")
		       : vp_fail(err, VP_E_VERIFY, "no JSON: line %d: %s", where.line, vp_printable(a, where.text, 100));
		json_decref(j);
		return rc;
	}
	rc = check_signature(a, state_dir, j, out, err);
	if (!rc)
		vp_certificate_judge(a, j, out);
	json_decref(j);
	return rc;
}

void vp_certificate_print(const struct vp_certificate *c, FILE *f)
{
	fprintf(f, "certificate of %s, by vprov %s on %s, signed by key %s (%s)\n", c->node, c->version, c->time, c->signer,
		c->ours ? "this state directory's" : "not this state directory's: compare it with its owner's");
	vp_verify_print(&c->v, f);
	if (*c->differs)
		fprintf(f, "NOT THE SAME: %s\n", c->differs);
	else
		fputs("computed again from the raw outputs in it: the same\n", f);
}
