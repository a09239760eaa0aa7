/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VP_WORDS_H
#define VP_WORDS_H

#include <stddef.h>

/* A list of strings; of a dict: name, value, name, value ... */
struct vp_words {
	const char **items;
	size_t n;
};

#endif
