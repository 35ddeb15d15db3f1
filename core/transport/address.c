/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/address.h"

#include "base/cleanup.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- IPv4 ---- */

/* Not for the public Internet, by IANA's registry of special addresses. */
static const struct {
    uint32_t prefix;
    unsigned bits;
} special4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8: this network; Linux takes 0.0.0.0 for this machine */
    {0x0A000000, 8},  /* 10.0.0.0/8: private */
    {0x64400000, 10}, /* 100.64.0.0/10: shared by a provider's customers */
    {0xA9FE0000, 16}, /* 169.254.0.0/16: link-local, with the clouds' metadata */
    {0xAC100000, 12}, /* 172.16.0.0/12: private */
    {0xC0000000, 24}, /* 192.0.0.0/24: protocol assignments */
    {0xC0000200, 24}, /* 192.0.2.0/24: documentation */
    {0xC0586300, 24}, /* 192.88.99.0/24: former 6to4 relays */
    {0xC0A80000, 16}, /* 192.168.0.0/16: private */
    {0xC6120000, 15}, /* 198.18.0.0/15: benchmarks */
    {0xC6336400, 24}, /* 198.51.100.0/24: documentation */
    {0xCB007100, 24}, /* 203.0.113.0/24: documentation */
    {0xE0000000, 3},  /* 224.0.0.0/4 multicast, 240.0.0.0/4 reserved, broadcast */
    {0xA83F8110, 32}, /* 168.63.129.16: the platform of Azure, which only looks public */
};

static enum address_kind kind4(uint32_t address)
{
    if (address >> 24 == 127)
        return ADDRESS_LOOPBACK;
    for (size_t i = 0; i < ARRAY_LEN(special4); i++) {
        if (address >> (32 - special4[i].bits) == special4[i].prefix >> (32 - special4[i].bits))
            return ADDRESS_SPECIAL;
    }
    return ADDRESS_PUBLIC;
}

/* ---- IPv6 ---- */

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool begins(const uint8_t *bytes, const char *prefix, size_t len)
{
    return memcmp(bytes, prefix, len) == 0;
}

/* The IPv4 address that this one leads to. */
static bool embedded4(const uint8_t *b, uint32_t *ret)
{
    static const char zeros[12] = {0};

    if (begins(b, zeros, 12) || begins(b, "\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12) ||
        begins(b, "\0\0\0\0\0\0\0\0\xFF\xFF\0\0", 12) ||   /* compatible, mapped, translated */
        begins(b, "\0\x64\xFF\x9B\0\0\0\0\0\0\0\0", 12)) { /* NAT64 */
        *ret = word_at(b + 12);
        return true;
    }
    if (begins(b, "\x20\x02", 2)) { /* 6to4 */
        *ret = word_at(b + 2);
        return true;
    }
    return false;
}

/* Global unicast is 2000::/3; of it these are not the public Internet. */
static bool is_special6(const uint8_t *b)
{
    return (b[0] & 0xE0) != 0x20 || begins(b, "\x20\x01\0\0", 4) || /* Teredo */
           (begins(b, "\x20\x01", 2) && b[2] < 2) ||                /* protocol assignments */
           begins(b, "\x20\x01\x0D\xB8", 4) ||                      /* documentation */
           (begins(b, "\x3F\xFF", 2) && b[2] < 0x10);               /* documentation */
}

static enum address_kind kind6(const uint8_t *b)
{
    static const uint8_t loopback[16] = {[15] = 1};
    uint32_t inner;

    if (memcmp(b, loopback, 16) == 0)
        return ADDRESS_LOOPBACK;
    if (embedded4(b, &inner))
        return kind4(inner) == ADDRESS_PUBLIC ? ADDRESS_PUBLIC : ADDRESS_SPECIAL;
    return is_special6(b) ? ADDRESS_SPECIAL : ADDRESS_PUBLIC;
}

enum address_kind address_kind(const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    if (address->sa_family == AF_INET && len >= (socklen_t)sizeof(in4)) {
        memcpy(&in4, address, sizeof(in4));
        return kind4(ntohl(in4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6 && len >= (socklen_t)sizeof(in6)) {
        memcpy(&in6, address, sizeof(in6));
        return kind6(in6.sin6_addr.s6_addr);
    }
    return ADDRESS_SPECIAL;
}
