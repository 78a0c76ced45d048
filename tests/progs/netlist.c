/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that there are, as /proc/net lists them: addresses, states, what waits, inodes. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int inet(int family, int type, unsigned port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int s = socket(family, type, 0);

	if (bind(s, family == AF_INET ? (void *) &four : &six,
		    family == AF_INET ? sizeof four : sizeof six) < 0)
		perror("bind");
	if (type == SOCK_STREAM)
		listen(s, 5);
	return s;
}

static void local(const char *name, size_t n, int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, type, 0);

	memcpy(a.sun_path, name, n);
	if (bind(s, (void *) &a, (socklen_t) (sizeof(sa_family_t) + n)) < 0)
		perror("bind");
	if (type == SOCK_STREAM)
		listen(s, 5);
}

static int to(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(s, (void *) &a, sizeof a) < 0)
		perror("connect");
	return s;
}

static void show(const char *name)
{
	char line[512];
	FILE *f = fopen(name, "r");

	printf("%s\n", name);
	while (f && fgets(line, sizeof line, f))
		fputs(line, stdout);
	if (f)
		fclose(f);
}

static void all(void)
{
	show("/proc/net/tcp");
	show("/proc/net/tcp6");
	show("/proc/self/net/udp");
	show("/proc/net/unix");
}

int main(void)
{
	char name[64], where[64];
	struct stat st;
	int l, c, d;

	unlink("/tmp/netlist");
	all();
	inet(AF_INET, SOCK_STREAM, 8080);
	l = inet(AF_INET, SOCK_STREAM, 2525);
	inet(AF_INET6, SOCK_STREAM, 9000);
	inet(AF_INET, SOCK_DGRAM, 53);
	local("\0first", 6, SOCK_DGRAM);
	local("/tmp/netlist", 12, SOCK_STREAM);
	c = to(2525);
	to(2525);
	write(c, "hello", 5);
	d = accept(l, NULL, NULL);
	all();
	fstat(l, &st);
	snprintf(name, sizeof name, "/proc/self/fd/%d", l);
	where[readlink(name, where, sizeof where - 1)] = 0;
	printf("%lu %s\n", (unsigned long) st.st_ino, where);
	close(c);
	close(d);
	all();
	return 0;
}
