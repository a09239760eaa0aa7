// SPDX-License-Identifier: Apache-2.0
#include <libsmartcols.h>

#include "table.h"

static struct libscols_table *inside(struct vp_table *t)
{
	return (struct libscols_table *)t;
}

struct vp_table *vp_table_new(const char *const *columns)
{
	struct libscols_table *t = scols_new_table();

	for (; *columns; columns++)
		scols_table_new_column(t, *columns, 0, 0);
	return (struct vp_table *)t;
}

void vp_table_row(struct vp_table *t, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(inside(t), NULL);

	for (size_t i = 0; cells[i]; i++)
		scols_line_set_data(line, i, *cells[i] ? cells[i] : "-");
}

void vp_table_print(struct vp_table *t, FILE *f)
{
	scols_table_set_stream(inside(t), f);
	scols_print_table(inside(t));
	scols_unref_table(inside(t));
}
