// SPDX-License-Identifier: Apache-2.0
/* The reader of XMLDB, and all behind it. */
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_profile(data, size);
	return 0;
}
