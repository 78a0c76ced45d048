/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand threads, two thousand processes, a fork bomb, thousands of descriptors. */
#include "guest.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready, go, sum;

static void *worker(void *a)
{
	pthread_mutex_lock(&lock);
	ready++;
	pthread_cond_broadcast(&cond);
	while (!go)
		pthread_cond_wait(&cond, &lock);
	sum += (int) (long) a;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void threads(int n)
{
	static pthread_t t[1000];
	pthread_attr_t at;

	pthread_attr_init(&at);
	pthread_attr_setstacksize(&at, 65536);
	for (int i = 0; i < n; i++)
		CHECK(pthread_create(&t[i], &at, worker, (void *) (long) i) == 0);
	pthread_mutex_lock(&lock);
	while (ready < n)
		pthread_cond_wait(&cond, &lock);
	go = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	printf("%d threads: %d\n", n, sum);
	fflush(stdout);
}

static void processes(int n)
{
	int p[2], total = 0;
	char b;

	CHECK(pipe(p) == 0);
	for (int i = 0; i < n; i++) {
		pid_t c = fork();

		CHECK(c >= 0);
		if (!c) {
			close(p[1]);
			read(p[0], &b, 1); /* until all are there */
			_exit(i & 63);
		}
	}
	close(p[0]);
	close(p[1]);
	for (int i = 0; i < n; i++) {
		int st;

		CHECK(wait(&st) > 0);
		total += WEXITSTATUS(st);
	}
	printf("%d processes: %d\n", n, total);
	fflush(stdout);
}

static void descriptors(void)
{
	struct rlimit r;
	fd_set *s = calloc(1, 65536 / 8);
	int n, high = 0;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max < 4000 ? r.rlim_max : 4000;
	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
	for (n = 0; n < 3900; n++) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd < 0)
			break;
		high = fd;
	}
	printf("%d descriptors, the highest %d\n", n, high);
	for (int fd = 3; fd <= high; fd++)
		((uint8_t *) s)[fd / 8] |= (uint8_t) (1 << fd % 8);
	printf("select: %d\n", select(high + 1, s, NULL, NULL, NULL));
	close(high);
	((uint8_t *) s)[high / 8] |= (uint8_t) (1 << high % 8);
	CHECK(select(high + 1, s, NULL, NULL, NULL) < 0 && errno == EBADF);
	closefrom(3);
	free(s);
}

int main(void)
{
	threads(1000);
	processes(2000);
	descriptors();
	return 0;
}
