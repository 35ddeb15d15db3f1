/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of place an address is: the public Internet, this machine, or something in between. */
#ifndef TRANSPORT_ADDRESS_H
#define TRANSPORT_ADDRESS_H

#include <sys/socket.h>

enum address_kind {
    ADDRESS_PUBLIC,
    ADDRESS_LOOPBACK,
    ADDRESS_SPECIAL, /* private, link-local, shared, multicast, reserved ..., or no IP address */
};

/* An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4 ...) counts as what it stands for, except
 * that none of them is this machine. */
enum address_kind address_kind(const struct sockaddr *address, socklen_t len);

#endif
