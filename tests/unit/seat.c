/* SPDX-License-Identifier: Apache-2.0 */
/* When a run goes to another CPU: fed with figures, as a machine might show them. */
#include "tests/check.h"

#include "shim/seat.h"

enum { TICK = 400, CPUS = 4 };

/* A machine of four CPUs: what each tick adds. */
struct machine {
	struct seat s;
	cpu_set_t seats;
	uint64_t now, used, idle[CPU_SETSIZE];
	unsigned get, idles[CPUS]; /* of each tick's time, per cent */
	unsigned here, begin, chance;
	bool blind; /* nobody says who idles */
	int asked;  /* how often the CPUs were looked at */
};

static struct machine machine(void)
{
	struct machine m = { .now = 5000, .used = 700, .get = 50 };

	CPU_ZERO(&m.seats);
	for (size_t i = 0; i < CPUS; i++)
		CPU_SET(i, &m.seats);
	return m;
}

static int tick(struct machine *m)
{
	enum seat_need need;
	struct seat_figures f;

	m->now += TICK;
	m->used += TICK * m->get / 100;
	for (size_t i = 0; i < CPUS; i++)
		m->idle[i] += TICK * m->idles[i] / 100;
	need = seat_need(&m->s, m->now);
	m->asked += need == SEAT_IDLE;
	f = (struct seat_figures){
		.now_ms = m->now,
		.used_ms = need == SEAT_USED ? m->used : 0,
		.idle_ms = need == SEAT_IDLE && !m->blind ? m->idle : NULL,
		.seats = &m->seats,
		.here = (int) m->here,
		.chance = m->chance,
		.begin = m->begin,
	};
	return seat_choose(&m->s, &f);
}

/* The CPU that is chosen within @n ticks, or -1; *@ret_n: after so many. */
static int within(struct machine *m, int n, int *ret_n)
{
	for (int i = 1; i <= n; i++) {
		int cpu = tick(m);

		if (cpu >= 0) {
			if (ret_n)
				*ret_n = i;
			return cpu;
		}
	}
	return -1;
}

TEST(a_crowded_run_goes_to_who_idles)
{
	struct machine m = machine();
	int n = 0;

	m.idles[2] = 95;
	EQ(within(&m, 20, &n), 2);
	EQ(n, 6); /* two looks at what it got, one second apart; one at the CPUs, another one */
}

TEST(who_has_a_cpu_stays)
{
	struct machine m = machine();

	m.get = 98;
	m.idles[1] = m.idles[2] = 100;
	EQ(within(&m, 1000, NULL), -1);
	EQ(m.asked, 0);
	m.get = 75; /* not less than three quarters */
	EQ(within(&m, 1000, NULL), -1);
	EQ(m.asked, 0);
	m.get = 74;
	EQ(within(&m, 100, NULL), 1);
}

TEST(nobody_goes_where_others_work)
{
	struct machine m = machine();

	m.idles[1] = 60;
	m.idles[3] = 59;
	EQ(within(&m, 100, NULL), -1);
	OK(m.asked > 0);
}

TEST(what_is_not_ours_to_take_is_left)
{
	struct machine m = machine();

	m.idles[1] = m.idles[3] = 100;
	CPU_CLR(1, &m.seats);
	EQ(within(&m, 100, NULL), 3);
	m = machine();
	m.idles[1] = 100;
	CPU_CLR(1, &m.seats);
	EQ(within(&m, 100, NULL), -1);
}

/* A quota of half a CPU: for the other half nobody has it. */
TEST(a_quota_is_no_crowd)
{
	struct machine m = machine();

	m.here = 1;
	m.idles[1] = 48;
	m.idles[0] = m.idles[2] = m.idles[3] = 100;
	EQ(within(&m, 1000, NULL), -1);
	OK(m.asked > 0);
	m.idles[1] = 3; /* and then somebody comes */
	EQ(within(&m, 1000, NULL), 0);
}

TEST(two_begin_at_different_cpus)
{
	struct machine m = machine(), other = machine();

	m.idles[1] = m.idles[2] = m.idles[3] = 100;
	memcpy(other.idles, m.idles, sizeof m.idles);
	other.begin = 3;
	EQ(within(&m, 20, NULL), 1);
	EQ(within(&other, 20, NULL), 3);
}

TEST(two_look_at_different_times)
{
	int last = 0;

	for (unsigned chance = 0; chance < 4; chance++) {
		struct machine m = machine();
		int n = 0;

		m.chance = chance;
		m.idles[2] = 95;
		EQ(within(&m, 20, &n), 2);
		OK(n > last);
		last = n;
	}
}

/* Only what a CPU idled since it was asked counts, not what it did before. */
TEST(the_past_does_not_count)
{
	struct machine m = machine();

	m.idle[2] = 1000000;
	EQ(within(&m, 100, NULL), -1);
	OK(m.asked > 0);
}

TEST(trying_in_vain_gets_seldom)
{
	struct machine m = machine();
	int first, later;

	within(&m, 100, NULL);
	first = m.asked;
	for (int i = 0; i < 900; i++)
		tick(&m);
	later = m.asked;
	for (int i = 0; i < 100; i++)
		tick(&m);
	OK(first >= 8);
	OK(m.asked - later <= 2);
	m.get = 100; /* it gets what it wants: from then on it is looked at quickly again */
	for (int i = 0; i < 200; i++)
		tick(&m);
	m.get = 50;
	m.idles[3] = 100;
	EQ(within(&m, 10, NULL), 3);
}

TEST(without_figures_nobody_moves)
{
	struct machine m = machine();

	m.idles[1] = 100;
	m.blind = true;
	EQ(within(&m, 200, NULL), -1);
	m = machine();
	m.idles[1] = 100;
	while (!m.s.asked_ms)
		tick(&m);
	m.blind = true; /* at the second look alone */
	EQ(tick(&m), -1);
}

CHECK_MAIN
