// SPDX-License-Identifier: Apache-2.0
/* Style, script and icons of the status page as NUL-terminated texts in the program: a page must not depend on files that may be missing. */

/* clang-format off */
#define ASSET(name, file)                                                                                                                            \
	__asm__(".pushsection .rodata\n.global " #name "\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.popsection\n")
/* clang-format on */

ASSET(vp_page_css, "pxe/page.css");
ASSET(vp_page_js, "pxe/page.js");
ASSET(vp_page_icons, "pxe/page.svg");
