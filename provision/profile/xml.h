/* SPDX-License-Identifier: Apache-2.0 */
/* What the two kinds of XML share: one document on its way through libxml2 (which only xml.c knows). Private to provision/profile. */
#ifndef VP_XML_H
#define VP_XML_H

#include "build.h"

/* Of the text of a scalar. */
enum vp_encoding { VP_PLAIN, VP_BASE64, VP_BASE64_GZIP };

struct vp_xml_level {
	/* Of the element: equal names are equal pointers. */
	const char *name;
	/* Its attribute list; 0 where it has none. */
	unsigned list;
	/* No element: the list that a run of elements makes. */
	bool run;
};

struct vp_xml {
	struct vp_builder *b;
	void *ctxt;
	/* "name" and the elements of pan XML by type, in libxml2's dictionary. */
	const unsigned char *name, *types[VP_BOOL + 1];
	/* XMLDB, otherwise pan. */
	bool xmldb;
	/* An error made the rest meaningless. */
	bool stopped;
	/* The scalar that is being read. */
	bool in_scalar;
	enum vp_type type;
	enum vp_encoding encoding;
	unsigned line;
	const char *key;
	struct vp_buf text;
	/* XMLDB: what the levels of the builder are. */
	struct vp_xml_level levels[VP_MAX_DEPTH];
};

/* Attributes as libxml2 hands them over: name, prefix, URI, value and its end. */
struct vp_xml_attributes {
	const unsigned char **at;
	int n;
};

/* Nothing more is read; only the first of such errors is told. */
void vp_xml_stop(struct vp_xml *x, const char *fmt, ...) VP_PRINTF(2, 3);
/* After a limit: the error was told already. */
void vp_xml_halt(struct vp_xml *x);
unsigned vp_xml_line(const struct vp_xml *x);
/* The value of the attribute "encoding"; stops at one that is unknown. */
enum vp_encoding vp_xml_encoding(struct vp_xml *x, const char *value, size_t len);
/* What follows is the text of a scalar. key: as for vp_build_scalar(). */
void vp_xml_scalar(struct vp_xml *x, enum vp_type type, const char *key, enum vp_encoding encoding);

/* Elements of XMLDB that are no scalar, or not yet; the first one is the root. */
void vp_xmldb_start(struct vp_xml *x, const char *name, const struct vp_xml_attributes *a);
void vp_xmldb_end(struct vp_xml *x);
/* Text that is not blank, outside of a scalar. */
void vp_xmldb_text(struct vp_xml *x, const char *text, size_t len);

#endif
