// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../pxe/boot.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define NOW   1000.0

static void an_unknown_mac_is_refused(void **state)
{
	(void)state;
	assert_int_equal(vp_boot_decide(NULL, NOW, NULL), VP_ANSWER_REFUSE);
}

/* What the contract says, in its own words: install only while armed and before any configuration was handed out. */
static bool may_install(const struct vp_node_row *r)
{
	return r->armed && r->installs == 0 && r->life >= VP_ARMED && r->life < VP_CONFIG && r->health != VP_FAILED && r->token[0] &&
	       (r->armed_until == 0 || r->armed_until > NOW);
}

static void every_combination_of_a_row(void **state)
{
	unsigned installs = 0, all = 0;

	(void)state;
	for (int life = 0; life < VP_LIFE__COUNT; life++)
		for (int health = 0; health < VP_HEALTH__COUNT; health++)
			for (unsigned bits = 0; bits < 64; bits++) {
				const struct vp_node_row r = { .life = (enum vp_life)life,
							       .health = (enum vp_health)health,
							       .armed = bits & 1,
							       .installs = bits >> 1 & 1,
							       .token_live = bits >> 2 & 1,
							       .token = bits & 8 ? TOKEN : "",
							       .armed_until = bits & 16 ? NOW : 0,
							       .rescue_until = bits & 32 ? NOW : 0 };
				enum vp_boot_answer a = vp_boot_decide(&r, NOW, NULL);

				assert_int_equal(a, may_install(&r) ? VP_ANSWER_INSTALL : VP_ANSWER_LOCAL);
				installs += a == VP_ANSWER_INSTALL;
				all++;
			}
	assert_int_equal(all, 3520);
	/* Four states, four healths, token live or not, a rescue over or none: everything else boots its disk. */
	assert_int_equal(installs, 4 * 4 * 2 * 2);
}

/* Whatever evidence comes in whatever order: once the configuration is out, no answer is "install" again. */
static void no_order_of_evidence_installs_twice(void **state)
{
	struct vp_node_row r = { .token = TOKEN, .installs = 1, .armed = false };

	(void)state;
	for (int life = VP_CONFIG; life < VP_LIFE__COUNT; life++)
		for (int first = 0; first < VP_EV__COUNT; first++)
			for (int second = 0; second < VP_EV__COUNT; second++) {
				r.life = (enum vp_life)life;
				r.health = VP_OK;
				r.life = vp_life_next(r.life, (enum vp_evidence)first, &r.health);
				assert_int_equal(vp_boot_decide(&r, NOW, NULL), VP_ANSWER_LOCAL);
				r.life = vp_life_next(r.life, (enum vp_evidence)second, &r.health);
				assert_int_equal(vp_boot_decide(&r, NOW, NULL), VP_ANSWER_LOCAL);
				/* Even where one of the three marks is wrong. */
				r.armed = true;
				assert_int_equal(vp_boot_decide(&r, NOW, NULL), VP_ANSWER_LOCAL);
				r.armed = false;
			}
}

static void answers_have_names(void **state)
{
	(void)state;
	assert_string_equal(vp_boot_answer_name(VP_ANSWER_REFUSE), "refuse");
	assert_string_equal(vp_boot_answer_name(VP_ANSWER_LOCAL), "local");
	assert_string_equal(vp_boot_answer_name(VP_ANSWER_INSTALL), "install");
	assert_string_equal(vp_boot_answer_name(VP_ANSWER_RESCUE), "rescue");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_mac_is_refused),
		cmocka_unit_test(every_combination_of_a_row),
		cmocka_unit_test(no_order_of_evidence_installs_twice),
		cmocka_unit_test(answers_have_names),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
