/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: columns as wide as their contents, cut at the edge of a terminal only. */
#ifndef VP_TABLE_H
#define VP_TABLE_H

#include <stdio.h>

struct vp_table;

/* Both lists end with NULL. Cells are copied. */
struct vp_table *vp_table_new(const char *const *columns);
void vp_table_row(struct vp_table *t, const char *const *cells);
/* Prints and frees it. */
void vp_table_print(struct vp_table *t, FILE *f);

#endif
