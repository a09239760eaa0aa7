// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/verify/tools.h"
#include "arena.h"

/* One output: what is read of it ("name=value" words, "name=?" for not measured), or part of the reason for reading nothing. */
struct output {
	const char *tool, *text;
	struct vp_asked asked;
	const char *figures, *why;
};

static bool same_number(double got, const char *want)
{
	double w = strtod(want, NULL);

	return want[0] == '?' ? isnan(got) : fabs(got - w) <= fabs(w) * 1e-6;
}

/* Every figure of the reading, in its order, and no other. */
static bool same_figures(const struct vp_reading *r, const char *want)
{
	char *copy = vp_strdup(arena, want), *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save), n++) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		if (n >= r->n || strcmp(r->items[n].name, word) != 0 || !same_number(r->items[n].value, value))
			return false;
	}
	return n == r->n;
}

static void check(const struct output *o, const char *name)
{
	struct vp_reading r;
	struct vp_err err = { 0 };
	int rc = vp_tool_read(arena, o->tool, &o->asked, o->text, &r, &err);
	bool good = o->figures ? !rc && same_figures(&r, o->figures) : rc == -1 && err.code == VP_E_VERIFY && !r.n && strstr(err.msg, o->why);

	if (good)
		return;
	print_error("%s: %s: '%s'\n", o->tool, name, err.msg);
	for (size_t i = 0; i < r.n; i++)
		print_error("  %s=%.10g %s\n", r.items[i].name, r.items[i].value, r.items[i].unit);
	fail();
}

static void check_all(const struct output *outputs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&outputs[i], vp_printf(arena, "output %zu", i));
}

/* Every beginning of a good output that does not happen to be a whole one gives nothing. */
static void check_cuts(const struct output *o)
{
	size_t len = strlen(o->text);

	for (size_t n = 0; n < len; n++) {
		struct vp_reading r;
		struct vp_err err = { 0 };

		if (o->text[n + strspn(o->text + n, "\r\n")] == '\0')
			continue;
		if (vp_tool_read(arena, o->tool, &o->asked, vp_strndup(arena, o->text, n), &r, &err))
			continue;
		/* What was cut between two lines may be whole, as far as it goes: only who knows how much was asked for sees it. */
		if (o->asked.streams || n == 0 || o->text[n - 1] != '\n')
			fail_msg("%s: %zu bytes of %zu are taken for the whole", o->tool, n, len);
	}
}

/* --- bonnie++ --- */

#define TAIL ",,,,,,,,,,,,,,,,,,,1us,2us,,3us,4us,,,,,,"

static void test_bonnie(void **state)
{
	static const struct output outputs[] = {
		{ "bonnie",
		  "1.98,2.00a,n,1,7,2G,,8192,5,501,99,2048,30,1024,20,700,90,4096,12,99.5,3" TAIL "\n",
		  { 0 },
		  "putc=501 put_block=2048 rewrite=1024 getc=700 get_block=4096 seeks=99.5",
		  NULL },
		/* 1.94 has no fields on seeks: all figures come two places earlier. */
		{ "bonnie",
		  "1.97,1.97,n,1,7,300M,,501,99,2048,30,1024,20,700,90,4096,12,99.5,391" TAIL "\n",
		  { 0 },
		  "putc=501 put_block=2048 rewrite=1024 getc=700 get_block=4096 seeks=99.5",
		  NULL },
		{ "bonnie",
		  "n,300M,501,99,2048,30,1024,20,700,90,4096,12,99.5,3,16,30,1,+++++,+++,40,2,50,3,60,4,+++++,+++\n",
		  { 0 },
		  "putc=501 put_block=2048 rewrite=1024 getc=700 get_block=4096 seeks=99.5 seq_create=30 seq_stat=? seq_del=40 ran_create=50 "
		  "ran_stat=60 ran_del=?",
		  NULL },
		/* Pluses are not measured, and no zero; empty was not asked for. */
		{ "bonnie",
		  "1.98,2.00a,n,1,7,64M,,8192,5,,,+++++,+++,77,9,,,+++++,+++,+++++,+++" TAIL "\n",
		  { 0 },
		  "put_block=? rewrite=77 get_block=? seeks=?",
		  NULL },
		{ "bonnie",
		  "Using uid:0, gid:0.\nWriting intelligently...done\n1.98,2.00a,n,1,7,64M,,8192,5,,,8,9,77,9,,,,,," TAIL "\n",
		  { 0 },
		  "put_block=8 rewrite=77",
		  NULL },
		{ "bonnie", "", { 0 }, NULL, "printed nothing" },
		{ "bonnie", "1.98,2.00a,n\n", { 0 }, NULL, "no row" },
		{ "bonnie", ",2.00a,n,1,7,64M,,8192,5,,,1,1,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "format" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,12x,+++,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "'12x' for put_block" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,-5,+++,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "no figure" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,nan,+++,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "no figure" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,0x10,+++,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "no figure" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,0,+++,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "no figure" },
		{ "bonnie", "1.98,2.00a,n,1,7,64Q,,8192,5,,,1,+++,77,9,,,1,1,1,1" TAIL "\n", { 0 }, NULL, "no size" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,1,1,77,9,,,1,1,1" TAIL "\n", { 0 }, NULL, "this one 49" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,1,1,77,9,,,1,1,1,1,1" TAIL "\n", { 0 }, NULL, "at least 51" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,1,1,77,9,,,1,1,1,1" TAIL, { 0 }, NULL, "cut short" },
		{ "bonnie",
		  "1.98,2.00a,n,1,7,64M,,8192,5,,,1,1,77,9,,,1,1,1,1" TAIL "\n1.98,2.00a,n,1,7,65M,,8192,5,,,1,1,77,9,,,1,1,1,1" TAIL "\n",
		  { 0 },
		  NULL,
		  "different tests" },
		{ "bonnie", "1.98,2.00a,n,1,7,64M,,8192,5,,,1,1,77,9,,,1,1,1,1" TAIL "\n", { .streams = 2 }, NULL, "1 rows of 2" },
	};

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[0]);
	check_cuts(&outputs[2]);
}

/* --- iperf 2 --- */

#define T1   "20091026120000,10.0.0.1,40000,10.0.0.2,5001,3,"
#define T2   "20091026120000,10.0.0.1,40001,10.0.0.2,5001,4,"
#define BACK "20091026120000,10.0.0.2,50000,10.0.0.1,5002,5,"

static void test_iperf2(void **state)
{
	static const struct output outputs[] = {
		{ "iperf2", T1 "0.0-10.0,1000000000,800000000\n", { .seconds = 10 }, "send=800", NULL },
		/* 2.0.4: a total with id -1, its peer left out or not; it is checked, not added. */
		{ "iperf2",
		  T1 "0.0-10.0,1000000000,800000000\n" T2 "0.0-10.0,500000000,400000000\n20091026120000,,,,,-1,0.0-10.0,1500000000,1200000000\n",
		  { .streams = 2 },
		  "send=1200",
		  NULL },
		{ "iperf2",
		  T1 "0.0-10.0,1000000000,800000000\n" T2
		     "0.0-10.0,500000000,400000000\n20091026120000,10.0.0.1,0,10.0.0.2,5001,-1,0.0-10.0,1500000000,1200000000\n",
		  { 0 },
		  "send=1200",
		  NULL },
		{ "iperf2",
		  T1 "0.0-10.0,1000000000,800000000\n" T2 "0.0-10.0,500000000,400000000\n20091026120000,,,,,-1,0.0-10.0,2500000000,2000000000\n",
		  { 0 },
		  NULL,
		  "not the sum" },
		{ "iperf2", "20091026120000,,,,,-1,0.0-10.0,1500000000,1200000000\n", { 0 }, NULL, "without streams" },
		/* Intervals, of two streams in any order, before their totals. */
		{ "iperf2",
		  T2 "0.0-1.0,100000000,800000000\n" T1 "0.0-1.0,110000000,880000000\n" T1 "1.0-2.0,110000000,880000000\n" T2
		     "1.0-2.0,100000000,800000000\n" T2 "0.0-2.0,200000000,800000000\n" T1 "0.0-2.0,220000000,880000000\n",
		  { .seconds = 2, .streams = 2 },
		  "send=1680",
		  NULL },
		{ "iperf2", T1 "0.0-1.0,110000000,880000000\n" T1 "1.0-2.0,110000000,880000000\n", { 0 }, NULL, "no total" },
		{ "iperf2", T1 "0.0-1.0,110000000,880000000\n", { .seconds = 10 }, NULL, "cut short, 1.0 of 10 s" },
		/* Both directions: only the port tells them apart. */
		{ "iperf2",
		  T1 "0.0-10.0,1000000000,800000000\n" BACK "0.0-10.0,500000000,400000000\n",
		  { .port = 5001 },
		  "send=800 receive=400",
		  NULL },
		{ "iperf2",
		  BACK "0.0-10.0,500000000,400000000\n" T1 "0.0-10.0,1000000000,800000000\n",
		  { .port = 5001 },
		  "send=800 receive=400",
		  NULL },
		{ "iperf2", T1 "0.0-10.0,1000000000,800000000\n" BACK "0.0-10.0,500000000,400000000\n", { 0 }, NULL, "which is which" },
		/* UDP: the receiver's report, and a sender without one. */
		{ "iperf2", T1 "0.0-10.0,12500000,10000000,0.125,25,1000,2.500,0\n", { 0 }, "send=10 send.delivered=97.5 send.jitter=0.125", NULL },
		{ "iperf2", T1 "0.0-10.0,12500000,10000000,0.000,0,1000,0.000,0\n", { 0 }, "send=10 send.delivered=100 send.jitter=?", NULL },
		{ "iperf2", T1 "0.0-10.0,12500000,10000000,0.000,0,-1,-0.000,0\n", { 0 }, NULL, "report did not come" },
		{ "iperf2", T1 "0.0-10.0,12500000,10000000,0.125,2500,1000,250.000,0\n", { 0 }, NULL, "more packets were lost" },
		/* Banners of a server are no rows; its tests one after the other are no streams side by side. */
		{ "iperf2",
		  "------------------------------------------------------------\nServer listening on TCP port 5001\n" T1
		  "0.0-10.0,1000000000,800000000\n",
		  { 0 },
		  "send=800",
		  NULL },
		{ "iperf2", T1 "0.0-10.0,1000000000,800000000\n" T2 "0.0-5.0,500000000,800000000\n", { 0 }, NULL, "different tests" },
		{ "iperf2", T1 "0.0-10.0,1000000000,800000000\n" T2 "0.0-10.0,500000000,400000000\n", { .streams = 1 }, NULL, "2 streams of 1" },
		{ "iperf2", "connect failed: Connection refused\n", { 0 }, NULL, "no row: 'connect failed" },
		{ "iperf2", "------------------------------------------------------------\n", { 0 }, NULL, "refused" },
		{ "iperf2", T1 "0.0-10.0,1000000000,800000000", { 0 }, NULL, "cut short" },
		{ "iperf2", T1 "0.0-10.0,1000000000,900000000\n", { 0 }, NULL, "does not fit" },
		{ "iperf2", T1 "0.0-10.0,0,0\n", { 0 }, NULL, "nothing transferred" },
		{ "iperf2", T1 "0.0-10.0,1000000000\n", { 0 }, NULL, "this one 8" },
		{ "iperf2", T1 "10.0-0.0,1000000000,800000000\n", { 0 }, NULL, "none" },
	};

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[2]);
	check_cuts(&outputs[5]);
	check_cuts(&outputs[11]);
}

/* --- iperf3 --- */

#define IPERF3(start, end)	  "{\"start\":{\"test_start\":{\"duration\":10,\"num_streams\":1" start "}},\"end\":{" end "}}"
#define SUM(bytes, seconds, rate) "\"sum_received\":{\"bytes\":" bytes ",\"seconds\":" seconds ",\"bits_per_second\":" rate "}"
#define UDP_SUM(lost, packets, percent)                                                                                                              \
	"\"sum_received\":{\"bytes\":1250000,\"seconds\":10,\"bits_per_second\":1e6,\"jitter_ms\":0.5,\"lost_packets\":" lost                        \
	",\"packets\":" packets ",\"lost_percent\":" percent "}"

static void test_iperf3(void **state)
{
	static const struct output outputs[] = {
		{ "iperf3", IPERF3("", SUM("1250000000", "10", "1e9")), { .seconds = 10 }, "send=1000", NULL },
		{ "iperf3", IPERF3(",\"reverse\":1", SUM("1250000000", "10", "1e9")), { 0 }, "receive=1000", NULL },
		{ "iperf3",
		  IPERF3(",\"protocol\":\"UDP\"", UDP_SUM("25", "1000", "2.5")),
		  { 0 },
		  "send=1 send.delivered=97.5 send.jitter=0.5",
		  NULL },
		{ "iperf3", IPERF3(",\"protocol\":\"UDP\"", UDP_SUM("25", "1000", "1.5")), { 0 }, NULL, "do not fit its packets" },
		{ "iperf3", IPERF3(",\"protocol\":\"UDP\"", UDP_SUM("1000", "1000", "100")), { 0 }, NULL, "is no figure" },
		{ "iperf3", "[]", { 0 }, NULL, "saw nothing" },
		{ "iperf3", "{\"end\":{},\"error\":\"unable to connect to server: Connection refused\"}", { 0 }, NULL, "Connection refused" },
		{ "iperf3", "{\"end\":{" SUM("1250", "10", "1000") "},\"error\":\"the server is busy\"}", { 0 }, NULL, "busy" },
		{ "iperf3", IPERF3("", ""), { 0 }, NULL, "saw nothing" },
		{ "iperf3", IPERF3("", SUM("0", "10", "0")), { 0 }, NULL, "saw nothing" },
		{ "iperf3", IPERF3("", SUM("1000", "4", "2000")), { 0 }, NULL, "cut short" },
		{ "iperf3", IPERF3("", SUM("1000", "10", "8000")), { 0 }, NULL, "does not fit" },
		{ "iperf3", IPERF3("", SUM("1250", "10", "1000")), { .seconds = 30 }, NULL, "was to run for 30 s" },
		{ "iperf3", IPERF3("", SUM("1250", "10", "1000")), { .streams = 4 }, NULL, "1 streams of 4" },
		{ "iperf3", "warning: this system does not seem to support IPv6\n{}", { 0 }, NULL, "no JSON" },
		{ "iperf3", IPERF3("", SUM("1250", "10", "1000")) IPERF3("", SUM("1250", "10", "1000")), { 0 }, NULL, "no JSON" },
	};

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[2]);
}

/* --- fio --- */

#define FIO(error, io) "{\"jobs\":[{\"error\":" error ",\"job options\":{\"bs\":\"4k\"}," io "}]}"
#define IO(ms, bytes, bw, n, iops)                                                                                                                   \
	"{\"runtime\":" ms ",\"io_bytes\":" bytes ",\"bw_bytes\":" bw ",\"total_ios\":" n ",\"iops\":" iops                                          \
	",\"clat_ns\":{\"percentile\":{\"50.000000\":7000,\"99.000000\":17024}}}"

static void test_fio(void **state)
{
	static const struct output outputs[] = {
		{ "fio",
		  FIO("0", "\"write\":" IO("2000", "8192000", "4096000", "2000", "1000")),
		  { 0 },
		  "write.bw=4000 write.iops=1000 write.p50=7 write.p99=17.024",
		  NULL },
		/* The number of syncs is 0 where their latencies are all the same. */
		{ "fio",
		  FIO("0", "\"sync\":{\"total_ios\":0,\"lat_ns\":{\"N\":700,\"percentile\":{\"50.000000\":2000000}}}"),
		  { 0 },
		  "sync.p50=2000 sync.p99=?",
		  NULL },
		{ "fio", FIO("5", "\"write\":" IO("2000", "8192000", "4096000", "2000", "1000")), { 0 }, NULL, "error 5" },
		{ "fio", FIO("0", "\"write\":" IO("50", "204800", "4096000", "50", "1000")), { 0 }, NULL, "too short" },
		{ "fio", FIO("0", "\"write\":" IO("2000", "8192000", "8192000", "2000", "1000")), { 0 }, NULL, "do not fit" },
		{ "fio", FIO("0", "\"write\":" IO("2000", "8192000", "4096000", "2000", "2000")), { 0 }, NULL, "do not fit" },
		{ "fio", FIO("0", "\"write\":" IO("2000", "0", "0", "2000", "1000")), { 0 }, NULL, "nothing was transferred" },
		{ "fio", FIO("0", "\"read\":{\"total_ios\":0}"), { 0 }, NULL, "did nothing" },
		{ "fio", "{\"jobs\":[{},{}]}", { 0 }, NULL, "2 jobs" },
		{ "fio", "{}", { 0 }, NULL, "0 jobs" },
		{ "fio", "fio: failed\n", { 0 }, NULL, "no JSON" },
	};

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[0]);
}

/* --- HEP-SPEC06 and HEPscore --- */

#define CFP(n, ratio)                                                                                                                                \
	"==> result/CFP2006." n ".ref.txt <==\n444.namd          8020        741      10.8  S\n444.namd          8020        739      " ratio        \
	"  *\n447.dealII       11440        953      12.0  *\n450.soplex        8340        758      11.0  *\n"                                      \
	"453.povray        5320        443      12.0  *\n"
#define CINT(n)                                                                                                                                      \
	"==> result/CINT2006." n ".ref.txt <==\n400.perlbench                                NR\n471.omnetpp       6250       1157      5.40  *\n"   \
	"473.astar         7020       1032      6.80  *\n483.xalancbmk     6900       1000      6.90  *\n471.omnetpp       6250       1157      "    \
	"5.40  *\n"
#define M32 "    C++ benchmarks: -O2 -pthread -fPIC -m32\n"

/* Of 10.9 12 11 12 5.4 6.8 6.9: exp of the mean of the logarithms. */
#define MEAN "8.885968655"

static void test_hs06(void **state)
{
	static const struct output outputs[] = {
		{ "hs06", CFP("003", "10.9") CINT("003") M32, { .streams = 1 }, "hs06_32=" MEAN, NULL },
		{ "hs06", CINT("004") CFP("003", "10.9") M32 CFP("004", "10.9") CINT("003"), { .streams = 2 }, "hs06_32=17.77193731", NULL },
		{ "hs06", CFP("003", "10.9") CINT("003"), { .bits = 64 }, "hs06_64=" MEAN, NULL },
		{ "hs06", CFP("003", "10.9") CINT("003"), { 0 }, NULL, "32 or 64" },
		{ "hs06", CFP("003", "10.9") CINT("003") M32, { .bits = 64 }, NULL, "was to be 64" },
		{ "hs06", CFP("003", "10.9") M32 CINT("003") "-m64\n", { 0 }, NULL, "together" },
		{ "hs06", CFP("003", "10.9") M32, { 0 }, NULL, "471.omnetpp has no result" },
		{ "hs06", CFP("003", "10.9") CINT("004") M32, { 0 }, NULL, "has no result" },
		{ "hs06", CFP("003", "9.10") CINT("003") M32, { 0 }, NULL, "does not fit its seconds" },
		{ "hs06", CFP("003", "10.9") CINT("003") CFP("003", "10.8") M32, { 0 }, NULL, "two different medians" },
		{ "hs06", CFP("003", "10.9") CINT("003") M32, { .streams = 8 }, NULL, "1 copies of 8" },
		{ "hs06", "444.namd          8020        739      10.9  *\n", { 0 }, NULL, "name of their file" },
		{ "hs06",
		  "==> result/CFP2006.003.ref.txt <==\n444.namd          8020         --        --  RE\n",
		  { 0 },
		  NULL,
		  "ended with an error" },
		{ "hs06", "runspec: command not found\n", { 0 }, NULL, "no result of SPEC" },
	};

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[2]);
}

/* The recipe that everybody copied reads 8.33 of these; right is 8.4034. */
static void test_hs06_exact(void **state)
{
	static const char text[] =
		"==> CFP2006.001.ref.txt <==\n444.namd 8020 739 10.9 *\n447.dealII 11440 1009 11.3 *\n450.soplex 8340 1117 7.47 *\n"
		"453.povray 5320 401 13.3 *\n==> CINT2006.001.ref.txt <==\n471.omnetpp 6250 1066 5.86 *\n"
		"473.astar 7020 1136 6.18 *\n483.xalancbmk 6900 1053 6.55 *\n-m32\n";
	double want = pow(10.9 * 11.3 * 7.47 * 13.3 * 5.86 * 6.18 * 6.55, 1.0 / 7);
	struct vp_reading r;
	struct vp_err err;

	(void)state;
	assert_int_equal(vp_tool_read(arena, "hs06", NULL, text, &r, &err), 0);
	assert_true(fabs(r.items[0].value - want) < 1e-12 * want);
	assert_true(r.items[0].value > floor(r.items[0].value * 100) / 100);
}

#define WL(score, ref) "{\"gen\":" score ",\"gen_ref\":" ref "}"
#define HEP(status, total)                                                                                                                           \
	"{\"settings\":{\"scaling\":1018},\"wl-scores\":{\"atlas-gen\":" WL("19.29", "38.58") ",\"belle2\":" WL("30.8", "15.4") "}," status          \
																"\"score\":" total   \
																"}"
#define SUITE(version, hepscore) "{\"json_version\":\"" version "\",\"host\":{},\"profiles\":{" hepscore "}}"
#define SEVEN(r)                                                                                                                                     \
	"\"444.namd\":[" r "],\"447.dealII\":[" r "],\"450.soplex\":[" r "],\"453.povray\":[" r "],\"471.omnetpp\":[" r "],\"473.astar\":[" r "],"
#define HS06(score) "\"hs06_64\":{\"copies\":2,\"score\":" score ",\"bmks\":{" SEVEN("10.0,12.0") "\"483.xalancbmk\":[10.0,12.0]}}"

static void test_hepscore(void **state)
{
	static const struct output outputs[] = {
		{ "hepscore", HEP("\"status\":\"success\",", "1018.0"), { 0 }, "hepscore=1018", NULL },
		{ "hepscore", SUITE("3.1", "\"hepscore\":" HEP("\"status\":\"success\",", "1018.0")), { 0 }, "hepscore=1018", NULL },
		/* 2.0 has no status, and texts for numbers. */
		{ "hepscore", SUITE("2.0", "\"hepscore\":" HEP("", "\"1018.0\"")), { 0 }, "hepscore=1018", NULL },
		{ "hepscore", SUITE("2.0", "\"hepscore\":{\"score\":144.01}"), { 0 }, "hepscore=144.01", NULL },
		{ "hepscore", SUITE("2.0", HS06("22.0")), { 0 }, "hs06_64=22", NULL },
		{ "hepscore", SUITE("2.0", HS06("23.0")), { 0 }, NULL, "does not follow" },
		{ "hepscore",
		  SUITE("3.1", "\"hs06_32\":{\"copies\":1,\"score\":10,\"bmks\":{\"453.povray\":[10]}}"),
		  { 0 },
		  NULL,
		  "1 of 7 programs" },
		{ "hepscore", SUITE("3.1", "\"hepscore\":" HEP("", "1018.0")), { 0 }, NULL, "status is ''" },
		{ "hepscore", SUITE("3.1", "\"hepscore\":" HEP("\"status\":\"failed\",", "-1")), { 0 }, NULL, "status is 'failed'" },
		{ "hepscore", HEP("\"status\":\"success\",", "-1"), { 0 }, NULL, "workload failed" },
		{ "hepscore", HEP("\"status\":\"success\",", "1100"), { 0 }, NULL, "does not follow" },
		{ "hepscore", SUITE("9.0", ""), { 0 }, NULL, "'9.0' is not known" },
		{ "hepscore", SUITE("3.1", ""), { 0 }, NULL, "neither" },
		{ "hepscore", "{}", { 0 }, NULL, "status is ''" },
		{ "hepscore", "HEPscore Benchmark = 144.01\n", { 0 }, NULL, "no JSON" },
	};

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[1]);
}

/* --- CPU kernel --- */

#define LAP(n, wall, cpu) "lap=" n " iterations=1250000 wall=" wall " cpu=" cpu " checksum=" VP_CPU_CHECKSUM "\n"

static void test_cpu(void **state)
{
	static const struct output outputs[] = {
		{ "cpu", LAP("1", "0.5", "0.5") LAP("2", "0.25", "0.25"), { 0 }, "variates=2.5 variates=5", NULL },
		/* A lap that was disturbed is no sample; where most were, none is. */
		{ "cpu", LAP("1", "0.5", "0.5") LAP("2", "0.50", "0.25"), { 0 }, "variates=2.5", NULL },
		{ "cpu", LAP("1", "0.8", "0.5") LAP("2", "0.6", "0.5") LAP("3", "0.5", "0.5"), { 0 }, NULL, "shared" },
		{ "cpu", LAP("1", "0.25", "0.5"), { 0 }, NULL, "clocks is wrong" },
		{ "cpu", LAP("1", "0.5", "0.5"), { .streams = 2 }, NULL, "1 laps of 2" },
		{ "cpu", "lap=1 iterations=5 wall=1 cpu=1\n", { 0 }, NULL, "unknown line" },
		{ "cpu", LAP("2", "1", "1"), { 0 }, NULL, "lap 1 was due" },
		{ "cpu", LAP("1", "1", "1") LAP("1", "1", "1"), { 0 }, NULL, "lap 2 was due" },
		{ "cpu", LAP("1", "0", "1"), { 0 }, NULL, "no time" },
		{ "cpu", LAP("1", "nan", "1"), { 0 }, NULL, "no time" },
		{ "cpu", LAP("1", "inf", "1"), { 0 }, NULL, "no time" },
		{ "cpu", "lap=1 iterations=0 wall=1 cpu=1 checksum=" VP_CPU_CHECKSUM "\n", { 0 }, NULL, "did nothing" },
		{ "cpu", "lap=1 iterations=5 wall=1 cpu=1 checksum=" VP_CPU_CHECKSUM " more\n", { 0 }, NULL, "unknown line" },
		{ "cpu", "lap=1 iterations=5 wall=1 cpu=1 checksum=1\n", { 0 }, NULL, "computes wrongly" },
		{ "cpu", "Segmentation fault\n", { 0 }, NULL, "unknown line" },
	};
	struct vp_reading r;
	struct vp_err err;

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[0]);
	/* That is the machine's fault, not the measurement's. */
	assert_int_equal(vp_tool_read(arena, "cpu", NULL, "lap=1 iterations=5 wall=1 cpu=1 checksum=1\n", &r, &err), -1);
	assert_non_null(r.wrong);
}

/* --- A site's own --- */

static void test_lines(void **state)
{
	static const struct output outputs[] = {
		{ "lines", "nfs_read 88.5 MiB/s\nstat 12 us less\nend\n", { 0 }, "nfs_read=88.5 stat=12", NULL },
		{ "lines", "nfs_read 88.5 MiB/s\n", { 0 }, NULL, "no end" },
		{ "lines", "nfs_read 88.5 MiB/s\nend\nmore 1 x\n", { 0 }, NULL, "follows its end" },
		{ "lines", "end\n", { 0 }, NULL, "no figure" },
		{ "lines", "nfs_read fast MiB/s\nend\n", { 0 }, NULL, "is not NAME VALUE UNIT" },
		{ "lines", "nfs_read 1k MiB/s\nend\n", { 0 }, NULL, "is not NAME VALUE UNIT" },
		{ "lines", "nfs_read 88.5\nend\n", { 0 }, NULL, "is not NAME VALUE UNIT" },
		{ "lines", "nfs_read 88.5 MiB/s more\nend\n", { 0 }, NULL, "is not NAME VALUE UNIT" },
		{ "lines", "nfs_read 0 MiB/s\nend\n", { 0 }, NULL, "no figure" },
	};
	struct vp_reading r;
	struct vp_err err;

	(void)state;
	check_all(outputs, vp_count(outputs));
	check_cuts(&outputs[0]);
	assert_int_equal(vp_tool_read(arena, "lines", NULL, outputs[0].text, &r, &err), 0);
	assert_false(r.items[0].less);
	assert_true(r.items[1].less);
	assert_true(vp_tool_known("fio") && !vp_tool_known("dd"));
}

/* --- Real outputs --- */

/* The file without the line that says how it was made; NULL, and a skipped test, where it is not there. */
static const char *sample(const char *name)
{
	const char *top = getenv("VP_TOP"), *dir = getenv("VP_SHARED");
	const char *path = vp_printf(arena, "%s/tool-output/%s", dir ? dir : vp_printf(arena, "%s/../shared", top ? top : "."), name);
	struct vp_buf b = { 0 };
	struct vp_err err = { 0 };
	const char *text = NULL;

	if (!vp_read_file(path, 1u << 20, &b, &err))
		text = vp_strdup(arena, vp_buf_str(&b));
	vp_buf_free(&b);
	if (!text) {
		print_message("no sample %s in VP_SHARED\n", name);
		skip();
		return NULL;
	}
	return text[0] == '$' ? strchr(text, '\n') + 1 : text;
}

static void test_samples(void **state)
{
	static const struct output samples[] = {
		{ "bonnie", "bonnie2_direct.csv", { 0 }, "put_block=299413 rewrite=473671 get_block=? seeks=?", NULL },
		{ "bonnie",
		  "bonnie2_f.csv",
		  { 0 },
		  "put_block=? rewrite=? get_block=? seeks=? seq_create=? seq_stat=? seq_del=? ran_create=? ran_stat=? ran_del=?",
		  NULL },
		{ "bonnie",
		  "bonnie2_full.csv",
		  { 0 },
		  "putc=3503 put_block=825316 rewrite=? getc=4832 get_block=? seeks=? seq_create=5830 seq_stat=? seq_del=? ran_create=7049 "
		  "ran_stat=? "
		  "ran_del=?",
		  NULL },
		{ "bonnie", "bonnie2_s0.csv", { 0 }, "seq_create=? seq_stat=? seq_del=? ran_create=? ran_stat=? ran_del=?", NULL },
		{ "bonnie",
		  "bonnie2_x3.csv",
		  { .streams = 3 },
		  "put_block=? rewrite=? get_block=? seeks=? put_block=? rewrite=? get_block=? seeks=? put_block=? rewrite=? get_block=? seeks=?",
		  NULL },
		{ "bonnie", "bonnie2_direct.txt", { 0 }, NULL, "no row" },
		{ "bonnie", "bonnie2_f.txt", { 0 }, NULL, "no row" },
		{ "bonnie", "bonnie2_full.txt", { 0 }, NULL, "no row" },
		{ "bonnie", "bonnie2_full_csv2txt.txt", { 0 }, NULL, "no row" },
		{ "bonnie", "bonnie2_x3.txt", { 0 }, NULL, "no row" },
		{ "bonnie", "bonnie2_full.html", { 0 }, NULL, "no row" },
		{ "iperf2", "iperf2_yC_tcp.txt", { .seconds = 3 }, "send=42170.014181", NULL },
		{ "iperf2", "iperf2_yC_e.txt", { 0 }, "send=36588.409258", NULL },
		{ "iperf2", "iperf2_yC_P2.txt", { .streams = 2 }, "send=86621.269123", NULL },
		{ "iperf2", "iperf2_yC_P2_i1.txt", { .streams = 2, .seconds = 2 }, "send=66931.274067", NULL },
		{ "iperf2", "iperf2_yC_r.txt", { .port = 15001 }, "send=48006.295856 receive=48020.825206", NULL },
		{ "iperf2", "iperf2_yC_d.txt", { .port = 15001 }, "send=21630.007004 receive=24050.324559", NULL },
		{ "iperf2", "iperf2_yC_d.txt", { 0 }, NULL, "which is which" },
		{ "iperf2", "iperf2_yC_udp.txt", { 0 }, NULL, "report did not come" },
		{ "iperf2", "iperf2_server_udp_yC.csv", { .port = 15004 }, "send=100.014828 send.delivered=100 send.jitter=?", NULL },
		{ "iperf2", "iperf2_server_yC.csv", { .port = 15001 }, NULL, "different tests" },
		{ "iperf2", "iperf2_P2_sumonly.txt", { 0 }, NULL, "no row: '[SUM" },
		{ "iperf2", "iperf2_human.txt", { 0 }, NULL, "no row: '[" },
		{ "iperf2", "iperf2_human_e.txt", { 0 }, NULL, "no row: '" },
		{ "iperf2", "iperf2_human_r.txt", { 0 }, NULL, "no row: '[" },
		{ "iperf2", "iperf2_txstart_1.txt", { 0 }, NULL, "no row: '" },
		{ "iperf2", "iperf2_txstart_2.txt", { 0 }, NULL, "no row: '" },
		{ "iperf3", "iperf3_tcp.json", { 0 }, "send=44924.58362822332", NULL },
		{ "iperf3",
		  "iperf3_udp.json",
		  { .seconds = 2 },
		  "send=99.992237218756661 send.delivered=100 send.jitter=0.0062603687648550973",
		  NULL },
		{ "iperf3", "iperf3_bidir.json", { 0 }, "send=22465.266463441433 receive=21763.030511752041", NULL },
		{ "iperf3", "iperf3_error.json", { 0 }, NULL, "Connection refused" },
		{ "fio", "fio_seqw.json", { 0 }, "write.bw=362077.3477 write.iops=353.59116 write.p50=1531.904 write.p99=8847.36", NULL },
		{ "fio",
		  "fio_randrw.json",
		  { 0 },
		  "read.bw=124937.0205 read.iops=31234.255248 read.p50=81.408 read.p99=321.536 write.bw=124495.834 write.iops=31123.95868 "
		  "write.p50=93.696 write.p99=2408.448",
		  NULL },
		{ "fio",
		  "fio_fdatasync.json",
		  { 0 },
		  "write.bw=1484.514648 write.iops=371.128871 write.p50=7.456 write.p99=17.024 sync.p50=2670.592 sync.p99=7962.624",
		  NULL },
		/* What another tool printed. */
		{ "bonnie", "iperf2_yC_tcp.txt", { 0 }, NULL, "fields" },
		{ "iperf2", "bonnie2_direct.csv", { 0 }, NULL, "fields" },
		{ "iperf3", "fio_seqw.json", { 0 }, NULL, "saw nothing" },
		{ "fio", "iperf3_tcp.json", { 0 }, NULL, "0 jobs" },
		{ "hepscore", "fio_seqw.json", { 0 }, NULL, "status is ''" },
		{ "hs06", "sysbench_cpu.txt", { 0 }, NULL, "no result of SPEC" },
		{ "cpu", "stressng.txt", { 0 }, NULL, "unknown line" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(samples); i++) {
		struct output o = samples[i];

		o.text = sample(samples[i].text);
		check(&o, samples[i].text);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bonnie),     TEST(test_iperf2),   TEST(test_iperf3), TEST(test_fio),	 TEST(test_hs06),
		TEST(test_hs06_exact), TEST(test_hepscore), TEST(test_cpu),    TEST(test_lines), TEST(test_samples),
	};

	return cmocka_run_group_tests_name("tools", tests, NULL, NULL);
}
