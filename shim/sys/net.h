/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the socket family: making and naming in net.c, moving data in netio.c. */
#ifndef DETRUN_SYS_NET_H
#define DETRUN_SYS_NET_H

#include <linux/netlink.h>
#include <sys/socket.h>

#include "shim/sys/io.h"

/** Give an internet socket that has no port yet the next one of the container. */
void net_autobind(struct call *c, int fd);
/** Stage the address that the kernel gave as output @addr, its length as @len. */
void net_addr_out(struct call *c, unsigned addr, unsigned len);
int net_option(int fd, int name);
/** netio.c: what was received of a raw socket has the kernel's number of the packet: it becomes 0. */
bool net_raw(struct world *w, int fd);
void net_raw_canonical(uint8_t *p, size_t n);
/** netwatch.c: from now on net_outside() tells of the socket; @fd a duplicate of it. */
void net_watch(struct world *w, int fd);
/**
 * netio.c: when SO_RCVTIMEO or SO_SNDTIMEO (@option) is over, counted from the call's first try; kept in
 * c->scratch[@slot]. NO_DEADLINE: never, and for what is no socket.
 */
uint64_t net_deadline(struct call *c, int fd, int option, unsigned slot);
/** netclock.c: data has come by the socket, @from there, or NULL: from its peer. */
void net_set_clock(struct call *c, int fd, const struct sockaddr_storage *from);
/** Is it a TCP socket? */
bool net_tcp(int fd);
/** Of @n bytes that are asked for, those that a TCP socket has; @n where it has none, and for what is none. */
size_t net_there(int fd, size_t n);
/** Something was sent: if it is to the container's NOTIFY_SOCKET, take it at once. */
void net_sent(struct world *w);

/* netlink.c */
/** socket(2) asks for devices that come, or for the interfaces of a network of the container's own. */
bool netlink_ours(const struct call *c);
long netlink_socket_enter(struct call *c);
/** The socket is made, @fd a duplicate of it. */
void netlink_made(struct call *c, int fd);
/** Is @fd one of them? *@ret: its own address. */
bool netlink_is(struct world *w, int fd, struct sockaddr_nl *ret);
/** The guest's requests: answered at once, into the socket's queue. */
long netlink_send(struct call *c, int fd, const struct xfer *x);

long sendto_enter(struct call *c);
long sendmsg_enter(struct call *c);
long sendmmsg_enter(struct call *c);
void send_leave(struct call *c);
void sendmmsg_leave(struct call *c);
long recvfrom_enter(struct call *c);
long recvmsg_enter(struct call *c);
long recvmmsg_enter(struct call *c);
void recvmsg_leave(struct call *c);
void recvmmsg_leave(struct call *c);

#endif
