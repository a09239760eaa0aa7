// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "../../provision/base/base.h"
#include "../bench/simulate.h"

static void assert_near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%.15g, not %.15g", got, want);
}

static void logs(const double *x, size_t n, double *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = log(x[i]);
}

/*
 * R 4.2.2 (Debian 12, r-base-core): wilcox.test(log(x), log(y), conf.int = TRUE, exact = TRUE, conf.level = 1 - alpha) and
 * t.test(log(x), log(y), conf.level = 1 - alpha): estimate, limits.
 */
static void test_shift(void **state)
{
	static const struct {
		size_t n, m;
		double alpha, x[32], y[32], hl[3], welch[3];
	} cases[] = {
		{ 6,
		  10,
		  0.05,
		  { 100.6205, 98.4119, 96.1204, 100.0197, 96.8185, 97.5101 },
		  { 100.208, 102.422, 99.3203, 99.5541, 100.0798, 100.1768, 99.9908, 101.1375, 97.8704, 99.4791 },
		  { -0.0182401564351355, -0.0350996426716712, 0.00441938932603758 },
		  { -0.0179655234853264, -0.0372619911427125, 0.00133094417205964 } },
		{ 12,
		  10,
		  0.03,
		  { 100.9058, 94.8715, 92.9504, 95.4433, 95.1293, 103.4731, 97.3551, 95.1508, 94.4812, 96.3803, 94.3337, 97.9988 },
		  { 96.6679, 102.6076, 98.8584, 101.3316, 99.6735, 98.8378, 104.1926, 100.6282, 99.3788, 100.8587 },
		  { -0.0435888010753298, -0.063161288489094, -0.0158183913677021 },
		  { -0.0384841208080591, -0.0644734768564113, -0.0124947647597068 } },
		{ 6,
		  6,
		  0.05,
		  { 97.3201, 98.6954, 95.5282, 94.3186, 90.8672, 97.4678 },
		  { 99.0221, 101.7657, 101.595, 99.3785, 104.5049, 99.3169 },
		  { -0.0466661056174047, -0.0895366924972478, -0.0187936808627125 },
		  { -0.0534051724757703, -0.0871194222862245, -0.019690922665316 } },
		{ 18,
		  18,
		  0.05,
		  { 92.52, 89.6777, 95.9494, 92.5303, 97.2187, 97.563, 97.457, 96.8392, 95.2486, 97.6501, 96.6718, 97.4792, 90.4122, 94.5698, 97.5902,
		    95.1945, 95.7568, 98.5576 },
		  { 99.4036, 104.0195, 100.7723, 100.1727, 100.5594, 97.7654, 101.3881, 99.9254, 97.1703, 99.0414, 100.568, 100.9411, 100.5131,
		    100.031, 97.7199, 100.3451, 96.7269, 101.1028 },
		  { -0.0387118674991451, -0.0550345727662318, -0.0278665939597733 },
		  { -0.0453043030279323, -0.0610830459690346, -0.0295255600868301 } },
		{ 5,
		  4,
		  0.1,
		  { 94.4298, 95.8099, 96.2628, 93.8142, 90.7749 },
		  { 100.6966, 103.4987, 100.3398, 97.5093 },
		  { -0.0657507647737146, -0.100179610156183, -0.0320910567686115 },
		  { -0.0646445741649249, -0.0954010775310093, -0.0338880707988405 } },
		{ 25,
		  31,
		  0.02,
		  { 91.4899,  95.9273, 93.9774, 94.329, 98.9377, 97.1814, 97.6051, 96.8871, 93.6678, 94.5733, 91.3456, 97.8257, 101.0633,
		    100.1863, 96.5552, 94.849,	91.465, 93.1558, 91.7849, 95.6992, 94.7854, 96.2131, 91.1767, 95.5965, 95.1293 },
		  { 97.9185,  96.8125,	102.2641, 96.4597,  98.4857,  99.7231,	100.5078, 99.014,   97.2655, 97.1392,  99.5661,
		    99.9658,  101.9522, 96.7591,  101.3093, 103.6339, 98.5346,	98.634,	  100.677,  97.0868, 100.7964, 100.2634,
		    104.7262, 97.9457,	102.1581, 99.808,   97.9354,  100.7001, 100.6633, 104.7849, 101.4213 },
		  { -0.0471603263763241, -0.0639680698154779, -0.0293563298230879 },
		  { -0.0470943260502201, -0.0639342292518121, -0.0302544228486282 } },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		double x[32], y[32];
		struct vp_shift s;

		logs(cases[i].x, cases[i].n, x);
		logs(cases[i].y, cases[i].m, y);
		s = vp_stat_shift(x, cases[i].n, y, cases[i].m, cases[i].alpha / 2);
		/* R looks for the estimate by a root search, of limited precision, where it does not take the median. */
		assert_near(s.estimate, cases[i].hl[0], 1e-12);
		assert_near(s.low, cases[i].hl[1], 1e-12);
		assert_near(s.high, cases[i].hl[2], 1e-12);
		s = vp_stat_welch(x, cases[i].n, y, cases[i].m, cases[i].alpha / 2);
		assert_near(s.estimate, cases[i].welch[0], 1e-12);
		assert_near(s.low, cases[i].welch[1], 1e-9);
		assert_near(s.high, cases[i].welch[2], 1e-9);
	}
}

/* R: qt(p, df), qnorm(p). */
static void test_quantiles(void **state)
{
	(void)state;
	assert_near(vp_stat_student(0.975, 1), 12.7062047361747, 1e-8);
	assert_near(vp_stat_student(0.975, 2.5), 3.57465484200369, 1e-8);
	assert_near(vp_stat_student(0.95, 7.31), 1.88256033949694, 1e-8);
	assert_near(vp_stat_student(0.995, 30), 2.74999565356723, 1e-8);
	assert_near(vp_stat_student(0.9, 400), 1.2836715995703, 1e-8);
	assert_near(vp_stat_student(0.01, 3), -4.54070285856813, 1e-8);
	assert_near(vp_stat_normal(0.975), 1.95996398454005, 1e-9);
	assert_near(vp_stat_normal(0.0033333333), -2.71305189178642, 1e-9);
	assert_near(vp_stat_normal(0.5), 0, 1e-9);
}

/* Three against three can never give 95 %: the widest interval covers 90 %. Large samples have one by the normal distribution. */
static void test_too_few(void **state)
{
	const double a[] = { 1, 2, 3 }, b[] = { 1.5, 2.5, 3.5 };
	struct vp_compared c = vp_stat_compare(a, 1, b, 3, false, 0.05, VP_STAT_LOOKS);
	struct vp_shift s = vp_stat_shift(a, 3, b, 3, 0.025);
	double x[200], y[200];

	(void)state;
	assert_true(isinf(s.low) && isinf(s.high) && s.low < 0 && s.high > 0);
	s = vp_stat_shift(a, 3, b, 3, 0.05);
	assert_near(s.low, -2.5, 0);
	assert_near(s.high, 1.5, 0);
	assert_int_equal(c.gate, VP_GATE_UNCLEAR);
	assert_true(isinf(c.low) && isinf(c.high) && isinf(c.welch_high));
	for (int i = 0; i < 200; i++) {
		x[i] = i;
		y[i] = i + 50;
	}
	s = vp_stat_shift(x, 200, y, 200, 0.025);
	assert_near(s.estimate, -50, 1e-9);
	assert_true(s.low > -65 && s.low < -50 && s.high < -35 && s.high > -50);
}

static void test_compare(void **state)
{
	static const double base[] = { 100, 100.4, 99.7, 100.2, 99.9, 100.1, 100.3, 99.8, 99.6, 100.5 };
	static const double good[] = { 97.1, 97.3, 96.9, 97.2, 97, 97.4 }, bad[] = { 87, 87.4, 86.8, 87.1, 87.3, 86.9 };
	struct vp_compared c = vp_stat_compare(good, 6, base, 10, false, 0.05, 1);
	double slow[6];

	(void)state;
	assert_int_equal(c.gate, VP_GATE_PASS);
	assert_near(c.loss, 0.0287, 0.001);
	assert_true(c.low < c.loss && c.loss < c.high && c.low > 0.02 && c.high < 0.04 && c.welch_low < c.loss && c.welch_high > c.loss);
	assert_int_equal(vp_stat_compare(good, 6, base, 10, false, 0.029, 1).gate, VP_GATE_UNCLEAR);
	assert_int_equal(vp_stat_compare(bad, 6, base, 10, false, 0.05, 1).gate, VP_GATE_FAIL);
	/* Faster than the baseline is no failure. */
	c = vp_stat_compare(base, 10, good, 6, false, 0.05, 1);
	assert_int_equal(c.gate, VP_GATE_PASS);
	assert_true(c.loss < -0.02);
	/* Of latencies the longer ones are the loss. */
	for (int i = 0; i < 6; i++)
		slow[i] = 10000 / bad[i];
	c = vp_stat_compare(slow, 6, base, 10, true, 0.05, 1);
	assert_int_equal(c.gate, VP_GATE_FAIL);
	assert_near(c.loss, 0.13, 0.005);
	/* What 99 % of confidence does not let pass yet may pass at the last look. */
	c = vp_stat_compare(good, 6, base, 10, false, 0.05, VP_STAT_LOOKS);
	assert_true(c.high < vp_stat_compare(good, 6, base, 10, false, 0.05, 1).high);
}

static void test_design(void **state)
{
	(void)state;
	assert_int_equal(vp_stat_design(0.01, 0.05, 10), 6);
	assert_int_equal(vp_stat_design(0.03, 0.05, 10), 18);
	assert_int_equal(vp_stat_design(0.10, 0.05, 10), 0);
	/* One run of a baseline is none. */
	assert_int_equal(vp_stat_design(0.0001, 0.05, 1), 0);
	assert_int_equal(vp_stat_design(0.01, 0.5, 10), 0);
}

/* What the gate promises; `make bench` prints more of it. Three standard errors are given to the simulation. */
static void test_promise(void **state)
{
	enum { trials = 2000 };
	static const double cvs[] = { 0.01, 0.03 };

	(void)state;
	for (size_t i = 0; i < vp_count(cvs); i++)
		for (int slow = 0; slow < 2; slow++) {
			struct situation s = { .cv = cvs[i], .slow = slow * 0.1, .tau = 0.05, .loss = 0.05, .base = 10 };

			s.runs = (unsigned)vp_stat_design(s.cv, s.tau, s.base);
			assert_true(simulate(&s, trials).fail <= 0.01 + 3 * sqrt(0.01 * 0.99 / trials));
			s.loss = 0.1;
			if (!slow)
				assert_true(simulate(&s, trials).fail >= 0.95 - 3 * sqrt(0.95 * 0.05 / trials));
			s.loss = 0;
			assert_true(simulate(&s, trials).fail <= 0.001);
		}
}

/* R: (x - median(x)) / mad(x); p.adjust(2 * pnorm(-abs(z)), "holm"). */
static void test_outliers(void **state)
{
	static const double x[] = { 1.0, 1.1, 0.9, 1.05, 0.97, 2.0 };
	static const double want[] = { -0.259419522875612, 0.778258568626842,  -1.29709761437807,
				       0.259419522875615,  -0.570722950326349, 10.1173613921489 };
	static const double same[] = { 5, 5, 5, 5, 6 };
	/* Their adjusted probabilities: 0.00011, 0.317, 0.0058, 0.0186. */
	static const double scores[] = { 4.2, 1.0, -3.1, 2.6 };
	bool odd[4];
	double z[6];

	(void)state;
	vp_stat_robust_z(x, 6, z);
	for (int i = 0; i < 6; i++)
		assert_near(z[i], want[i], 1e-12);
	/* Where most are equal there is no MAD; the one that is not is still seen. */
	vp_stat_robust_z(same, 5, z);
	assert_true(z[4] > 3.5 && z[0] >= 0 && z[0] <= 0);
	vp_stat_robust_z(same, 4, z);
	assert_true(z[3] >= 0 && z[3] <= 0);
	vp_stat_holm(scores, 4, 0.018, odd);
	assert_true(odd[0] && !odd[1] && odd[2] && !odd[3]);
	vp_stat_holm(scores, 4, 0.019, odd);
	assert_true(odd[0] && !odd[1] && odd[2] && odd[3]);
	vp_stat_holm(scores, 4, 0.0001, odd);
	assert_true(!odd[0] && !odd[2]);
}

static void test_drift(void **state)
{
	struct situation s = { .cv = 0.01 };
	double x[60];
	unsigned alarms = 0;
	struct vp_drift d;

	(void)state;
	/* 1.5 sigma down from sample 30 on. */
	for (int i = 0; i < 60; i++)
		x[i] = sim_run(&s, i < 30 ? 100 : 98.5);
	d = vp_stat_cusum(x, 60, 20);
	assert_int_equal(d.direction, -1);
	assert_in_range(d.found, 31, 45);
	assert_in_range(d.since, 27, 34);
	for (int i = 0; i < 60; i++)
		x[i] = sim_run(&s, i < 30 ? 100 : 102);
	assert_int_equal(vp_stat_cusum(x, 60, 20).direction, 1);
	/* Nothing happened: seldom an alarm, though mean and sigma are themselves only estimates (3 % were they known). */
	for (int t = 0; t < 200; t++) {
		for (int i = 0; i < 60; i++)
			x[i] = sim_run(&s, 100);
		alarms += vp_stat_cusum(x, 60, 30).direction != 0;
	}
	assert_in_range(alarms, 0, 60);
	assert_int_equal(vp_stat_cusum(x, 60, 1).direction, 0);
	assert_int_equal(vp_stat_cusum(x, 5, 20).direction, 0);
	for (int i = 0; i < 60; i++)
		x[i] = 7;
	assert_int_equal(vp_stat_cusum(x, 60, 20).direction, 0);
}

/* Four guests that were seen: J = 0.9666 hides that the slowest has 0.59 of the fastest. */
static void test_fairness(void **state)
{
	static const double rates[] = { 715308, 563063, 558659, 419111 }, equal[] = { 3, 3, 3 };

	(void)state;
	assert_near(vp_stat_jain(rates, 4), 0.9666, 5e-5);
	assert_near(vp_stat_fairness(rates, 4), 419111 / 564035.25, 1e-9);
	assert_near(vp_stat_jain(equal, 3), 1, 1e-12);
	assert_near(vp_stat_fairness(equal, 3), 1, 1e-12);
	assert_true(isnan(vp_stat_jain(rates, 0)) && isnan(vp_stat_fairness(rates, 0)));
}

static void test_simple(void **state)
{
	static const double x[] = { 4, 1, 3, 2 }, twelve[] = { 1, 6, 3, 4, 5, 2, 7, 8, 9, 10, 11, 12 };
	double low, high;

	(void)state;
	assert_near(vp_stat_median(x, 4), 2.5, 0);
	assert_near(vp_stat_median(x, 3), 3, 0);
	assert_true(isnan(vp_stat_median(x, 0)));
	/* R: sd(c(4, 1, 3, 2)) / mean(c(4, 1, 3, 2)) */
	assert_near(vp_stat_cv(x, 4), 0.516397779494322, 1e-14);
	assert_true(isnan(vp_stat_cv(x, 1)));
	/* The widest of six covers 96.9 %; of nine the second from both ends 96.1 %, of twelve the third. */
	assert_false(vp_stat_median_interval(twelve, 5, &low, &high));
	assert_true(vp_stat_median_interval(twelve, 6, &low, &high));
	assert_true(low <= 1 && high >= 6);
	assert_true(vp_stat_median_interval(twelve, 9, &low, &high));
	assert_near(low, 2, 0);
	assert_near(high, 8, 0);
	assert_true(vp_stat_median_interval(twelve, 12, &low, &high));
	assert_near(low, 3, 0);
	assert_near(high, 10, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),	cmocka_unit_test(test_shift),	 cmocka_unit_test(test_quantiles), cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_design),	 cmocka_unit_test(test_promise),   cmocka_unit_test(test_outliers),
		cmocka_unit_test(test_drift),	cmocka_unit_test(test_fairness),
	};

	return cmocka_run_group_tests_name("stat", tests, NULL, NULL);
}
