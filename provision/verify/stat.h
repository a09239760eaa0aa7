/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics of a verdict: pure functions of numbers. Speeds are compared by their logarithms, so that a difference is a ratio:
 * loss = 1 - exp(shift). A sample is one run of a tool; laps inside a run are not samples of their own.
 */
#ifndef VP_STAT_H
#define VP_STAT_H

#include <stdbool.h>
#include <stddef.h>

struct vp_shift {
	double estimate;
	/* Where too few samples allow no interval of that confidence: minus and plus infinity. */
	double low, high;
};

/* Runs of one block, and blocks at most: after each one is looked whether it is clear already. */
#define VP_STAT_BLOCK 6
#define VP_STAT_LOOKS 3
/* A good node, one whose loss is at most the tolerance, fails with at most this probability, all looks together. */
#define VP_STAT_FALSE_FAIL 0.01

enum vp_gate { VP_GATE_PASS, VP_GATE_FAIL, VP_GATE_UNCLEAR };

struct vp_compared {
	/* Share that is lost against the baseline; negative for a gain. */
	double loss;
	/* 95 % confidence limits; 99 % before the last look. Infinite where there are too few samples. */
	double low, high;
	/* By Welch's t test on the logarithms, to see whether the two agree. */
	double welch_low, welch_high;
	/* What the loss is at least, at the confidence that a FAIL needs. */
	double surely;
	size_t n, m;
	enum vp_gate gate;
};

double vp_stat_median(const double *x, size_t n);
/* 95 % interval of the median by order statistics; false below six samples, which have none. */
bool vp_stat_median_interval(const double *x, size_t n, double *low, double *high);
/* Coefficient of variation, sd by mean; NaN below two samples. */
double vp_stat_cv(const double *x, size_t n);

/*
 * Hodges and Lehmann (1963): the median of all x[i] - y[j], with the limits that the rank-sum test leaves (Bauer 1972): the k-th smallest and the
 * k-th largest difference, k the largest with P(U < k) <= tail. Exact as long as the number of arrangements fits into 64 bits, else by the normal
 * distribution. tail is that of one side: 0.025 for 95 %.
 */
struct vp_shift vp_stat_shift(const double *x, size_t n, const double *y, size_t m, double tail);
/* Welch (1947): difference of means, unequal variances. */
struct vp_shift vp_stat_welch(const double *x, size_t n, const double *y, size_t m, double tail);

/*
 * Samples of a node (all > 0) against those of its baseline. FAIL where the loss is surely above tau, PASS where its interval ends below tau, else
 * unclear: more samples are needed, or there will never be enough. look counts from 1; the last is VP_STAT_LOOKS. less: a smaller sample is a better
 * one.
 */
struct vp_compared vp_stat_compare(const double *x, size_t n, const double *base, size_t m, bool less, double tau, unsigned look);
/* Runs, in whole blocks, by which a loss of 2 tau is found with 95 % probability at that variation and baseline; 0: more than VP_STAT_LOOKS blocks.
 */
size_t vp_stat_design(double cv, double tau, size_t m);

/* z[i] = (x[i] - median) / (1.4826 MAD): how far each is from the others, whatever the far ones are (Iglewicz and Hoaglin: odd above 3.5). */
void vp_stat_robust_z(const double *x, size_t n, double *z);
/* Holm (1979): odd[i] is set where |z[i]| stays significant at level alpha among all n. */
void vp_stat_holm(const double *z, size_t n, double alpha, bool *odd);

struct vp_drift {
	/* -1 down, 1 up, 0 none. */
	int direction;
	/* Sample where the sum began to grow that crossed the limit, and the one where it did. */
	size_t since, found;
};
/* CUSUM (Page 1954) on the logarithms with k = 0.5 sigma and h = 5 sigma; mean and sigma are those of the first `reference` samples. */
struct vp_drift vp_stat_cusum(const double *x, size_t n, size_t reference);

/* Jain's index, 1 for equal shares, and the smallest share by the mean. */
double vp_stat_jain(const double *x, size_t n);
double vp_stat_fairness(const double *x, size_t n);

/* Quantile of the standard normal distribution, and of Student's t with df degrees of freedom. */
double vp_stat_normal(double p);
double vp_stat_student(double p, double df);

#endif
