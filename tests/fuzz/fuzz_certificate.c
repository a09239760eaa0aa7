// SPDX-License-Identifier: Apache-2.0
/* Input: the JSON of a certificate, as if its signature were right. */
#include <stdlib.h>

#include "../../provision/verify/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *j = json_loadb((const char *)data, size, 0, NULL), *shown;
	struct vp_arena *a = vp_arena_new();
	struct vp_certificate c = { .signer = "", .differs = "" };

	if (json_is_object(j)) {
		vp_certificate_judge(a, j, &c);
		shown = vp_verify_json(&c.v);
		/* Every metric can be shown, whatever the samples were. */
		if (json_array_size(json_object_get(shown, "metrics")) != c.v.n)
			abort();
		json_decref(shown);
	}
	json_decref(j);
	vp_arena_free(a);
	return 0;
}
