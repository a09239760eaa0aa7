// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "stat.h"

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double *sorted(const double *x, size_t n)
{
	double *s = vp_xcalloc(n ? n : 1, sizeof(*s));

	if (n)
		memcpy(s, x, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_size);
	return s;
}

static double middle(const double *s, size_t n)
{
	if (!n)
		return NAN;
	return n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

double vp_stat_median(const double *x, size_t n)
{
	double *s = sorted(x, n), v = middle(s, n);

	free(s);
	return v;
}

bool vp_stat_median_interval(const double *x, size_t n, double *low, double *high)
{
	/* The k-th from both ends, k the largest with P(B < k) <= 0.025, B binomial of n and one half. */
	double p = pow(0.5, (double)n), below = 0;
	size_t k = 0;
	double *s;

	for (; k < n && below + p <= 0.025; k++) {
		below += p;
		p *= (double)(n - k) / (double)(k + 1);
	}
	if (!k)
		return false;
	s = sorted(x, n);
	*low = s[k - 1];
	*high = s[n - k];
	free(s);
	return true;
}

static double mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

static double variance(const double *x, size_t n)
{
	double m = mean(x, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (x[i] - m) * (x[i] - m);
	return sum / (double)(n - 1);
}

double vp_stat_cv(const double *x, size_t n)
{
	return n < 2 ? NAN : sqrt(variance(x, n)) / mean(x, n);
}

/* --- Quantiles, by halving: nothing here is called often. --- */

static double halve(double (*cdf)(double x, double arg), double arg, double p)
{
	double low = -1e9, high = 1e9;

	for (int i = 0; i < 200; i++) {
		double at = (low + high) / 2;

		if (cdf(at, arg) < p)
			low = at;
		else
			high = at;
	}
	return (low + high) / 2;
}

static double normal_cdf(double x, double unused)
{
	(void)unused;
	return erfc(-x / sqrt(2)) / 2;
}

double vp_stat_normal(double p)
{
	return halve(normal_cdf, 0, p);
}

/* Continued fraction of the incomplete beta function by Lentz's method (Abramowitz and Stegun 26.5.8). */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), f = d;

	for (int i = 1; i < 500; i++) {
		double even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i));
		double odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1)), step;

		d = 1 / (1 + even * d);
		c = 1 + even / c;
		f *= c * d;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		step = c * d;
		f *= step;
		if (fabs(step - 1) < 1e-15)
			break;
	}
	return f;
}

static double beta_regular(double x, double a, double b)
{
	double front;

	if (x <= 0 || x >= 1)
		return x >= 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

static double student_cdf(double t, double df)
{
	double tail = beta_regular(df / (df + t * t), df / 2, 0.5) / 2;

	return t < 0 ? tail : 1 - tail;
}

double vp_stat_student(double p, double df)
{
	return halve(student_cdf, df, p);
}

/* --- Two samples --- */

/*
 * How many arrangements of n and m give each value of the rank-sum statistic: the coefficients of the Gaussian binomial, as a product of
 * (1 - q^(m+i)) / (1 - q^i). Modulo 2^64, so that what overflows in between does not matter.
 */
static uint64_t *arrangements(size_t n, size_t m)
{
	size_t top = n * m;
	uint64_t *c = vp_xcalloc(top + 1, sizeof(*c));

	c[0] = 1;
	for (size_t i = 1; i <= n; i++) {
		for (size_t u = top; u >= m + i; u--)
			c[u] -= c[u - m - i];
		for (size_t u = i; u <= top; u++)
			c[u] += c[u - i];
	}
	return c;
}

/* The largest k with P(U < k) <= tail. */
static size_t rank_limit(size_t n, size_t m, double tail)
{
	double all = lgamma((double)(n + m + 1)) - lgamma((double)(n + 1)) - lgamma((double)(m + 1)), below = 0;
	double pairs = (double)n * (double)m;
	size_t k = 0;
	uint64_t *c;

	if (all > 63 * log(2)) {
		double at = floor(pairs / 2 + vp_stat_normal(tail) * sqrt(pairs * (double)(n + m + 1) / 12));

		return at > 0 ? (size_t)at : 0;
	}
	c = arrangements(n, m);
	/* A little is given for exp(): the probabilities are multiples of 1 by the number of arrangements. */
	while (k < n * m && (below + (double)c[k]) * exp(-all) <= tail * (1 + 1e-9))
		below += (double)c[k++];
	free(c);
	return k;
}

struct vp_shift vp_stat_shift(const double *x, size_t n, const double *y, size_t m, double tail)
{
	double *d = vp_xcalloc(n * m + 1, sizeof(*d));
	struct vp_shift s = { NAN, -INFINITY, INFINITY };
	size_t k = n && m ? rank_limit(n, m, tail) : 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < m; j++)
			d[i * m + j] = x[i] - y[j];
	qsort(d, n * m, sizeof(*d), by_size);
	s.estimate = middle(d, n * m);
	if (k) {
		s.low = d[k - 1];
		s.high = d[n * m - k];
	}
	free(d);
	return s;
}

struct vp_shift vp_stat_welch(const double *x, size_t n, const double *y, size_t m, double tail)
{
	struct vp_shift s = { NAN, -INFINITY, INFINITY };
	double vx, vy, df, t;

	if (!n || !m)
		return s;
	s.estimate = mean(x, n) - mean(y, m);
	if (n < 2 || m < 2)
		return s;
	vx = variance(x, n) / (double)n;
	vy = variance(y, m) / (double)m;
	if (!(vx + vy > 0)) {
		s.low = s.high = s.estimate;
		return s;
	}
	df = (vx + vy) * (vx + vy) / (vx * vx / (double)(n - 1) + vy * vy / (double)(m - 1));
	t = vp_stat_student(1 - tail, df) * sqrt(vx + vy);
	s.low = s.estimate - t;
	s.high = s.estimate + t;
	return s;
}

/*
 * What each look may spend of VP_STAT_FALSE_FAIL: little at first, because the last one has the most to say. Together 0.0099, where the runs of three
 * blocks of equal size are independent; less with a baseline that all share.
 */
static const double fail_tails[VP_STAT_LOOKS] = { 0.001, 0.003, 0.008 };

/* Higher is better in these, and a difference is a ratio. */
static double *logarithms(const double *x, size_t n, bool less)
{
	double *y = vp_xcalloc(n ? n : 1, sizeof(*y));

	for (size_t i = 0; i < n; i++)
		y[i] = less ? -log(x[i]) : log(x[i]);
	return y;
}

struct vp_compared vp_stat_compare(const double *x, size_t n, const double *base, size_t m, bool less, double tau, unsigned look)
{
	double *a = logarithms(x, n, less), *b = logarithms(base, m, less), tail = look < VP_STAT_LOOKS ? 0.005 : 0.025;
	struct vp_shift s = vp_stat_shift(a, n, b, m, tail), w = vp_stat_welch(a, n, b, m, tail);
	struct vp_shift sure = vp_stat_shift(a, n, b, m, fail_tails[look < VP_STAT_LOOKS ? look - 1 : VP_STAT_LOOKS - 1]);
	/* Much gained is little lost: the limits change places. */
	struct vp_compared c = { .loss = 1 - exp(s.estimate),
				 .low = 1 - exp(s.high),
				 .high = 1 - exp(s.low),
				 .welch_low = 1 - exp(w.high),
				 .welch_high = 1 - exp(w.low),
				 .surely = 1 - exp(sure.high),
				 .n = n,
				 .m = m,
				 .gate = VP_GATE_UNCLEAR };

	/* exp(-inf) is 0, but a loss of everything is not what too few samples say. */
	c.high = isinf(s.low) ? INFINITY : c.high;
	c.welch_high = isinf(w.low) ? INFINITY : c.welch_high;
	if (c.surely > tau)
		c.gate = VP_GATE_FAIL;
	else if (c.high <= tau)
		c.gate = VP_GATE_PASS;
	free(a);
	free(b);
	return c;
}

size_t vp_stat_design(double cv, double tau, size_t m)
{
	/* The shift between tau and 2 tau. */
	double gap = log((1 - tau) / (1 - 2 * tau)), tail = fail_tails[VP_STAT_LOOKS - 1];

	for (size_t looks = 1; looks <= VP_STAT_LOOKS; looks++) {
		size_t n = looks * VP_STAT_BLOCK;
		double df = (double)(n + m) - 2, t = vp_stat_student(1 - tail, df) + vp_stat_student(0.95, df);
		/* 3/pi is the efficiency of ranks where the noise is normal. */
		double se = cv * sqrt((1 / (double)n + 1 / (double)m) * M_PI / 3);

		if (tau < 0.5 && gap >= t * se && rank_limit(n, m, tail))
			return n;
	}
	return 0;
}

/* --- Many --- */

void vp_stat_robust_z(const double *x, size_t n, double *z)
{
	double center = vp_stat_median(x, n), spread;

	for (size_t i = 0; i < n; i++)
		z[i] = fabs(x[i] - center);
	spread = 1.4826 * vp_stat_median(z, n);
	/* More than half are equal: the mean deviation is left (1.2533 of it is sigma, too). */
	if (!(spread > 0) && n)
		spread = 1.2533 * mean(z, n);
	for (size_t i = 0; i < n; i++)
		z[i] = spread > 0 ? (x[i] - center) / spread : 0;
}

void vp_stat_holm(const double *z, size_t n, double alpha, bool *odd)
{
	memset(odd, 0, n * sizeof(*odd));
	for (size_t step = 0; step < n; step++) {
		size_t most = n;

		for (size_t i = 0; i < n; i++)
			if (!odd[i] && (most == n || fabs(z[i]) > fabs(z[most])))
				most = i;
		if (erfc(fabs(z[most]) / sqrt(2)) > alpha / (double)(n - step))
			return;
		odd[most] = true;
	}
}

struct vp_drift vp_stat_cusum(const double *x, size_t n, size_t reference)
{
	double *y = logarithms(x, n, false), center, sigma, up = 0, down = 0;
	struct vp_drift d = { 0 };
	size_t up_since = 0, down_since = 0;

	if (reference < 2 || reference > n) {
		free(y);
		return d;
	}
	center = mean(y, reference);
	sigma = sqrt(variance(y, reference));
	for (size_t i = reference; i < n && !d.direction && sigma > 1e-9; i++) {
		double step = (y[i] - center) / sigma;

		up_since = up > 0 ? up_since : i;
		down_since = down > 0 ? down_since : i;
		up = fmax(0, up + step - 0.5);
		down = fmax(0, down - step - 0.5);
		if (up > 5 || down > 5)
			d = (struct vp_drift){ up > 5 ? 1 : -1, up > 5 ? up_since : down_since, i };
	}
	free(y);
	return d;
}

double vp_stat_jain(const double *x, size_t n)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		sum += x[i];
		squares += x[i] * x[i];
	}
	return squares > 0 ? sum * sum / ((double)n * squares) : NAN;
}

double vp_stat_fairness(const double *x, size_t n)
{
	double least = INFINITY;

	for (size_t i = 0; i < n; i++)
		least = fmin(least, x[i]);
	return n && mean(x, n) > 0 ? least / mean(x, n) : NAN;
}
