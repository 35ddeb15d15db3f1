/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are the public Internet. */
#include "transport/address.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static enum address_kind kind_of(const char *text)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return address_kind((const struct sockaddr *)&in4, sizeof(in4));
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        fail_msg("%s is no address", text);
    return address_kind((const struct sockaddr *)&in6, sizeof(in6));
}

static void expect_all(const char *const *texts, size_t count, enum address_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        if (kind_of(texts[i]) != kind)
            fail_msg("%s is taken for kind %d, not %d", texts[i], kind_of(texts[i]), kind);
    }
}

static void address_of_the_internet_is_public(void **state)
{
    static const char *const texts[] = {
        "1.1.1.1",        "8.8.8.8",         "9.255.255.255",   "11.0.0.0",
        "100.63.255.255", "100.128.0.0",     "169.253.255.255", "169.255.0.0",
        "172.15.255.255", "172.32.0.0",      "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0",      "223.255.255.255", "126.255.255.255",
        "128.0.0.0",      "2606:4700::1111", "2a00:1450::1",    "2001:200::1",
        "3fff:1000::1",   "3ffe::1",
    };

    (void)state;
    expect_all(texts, ARRAY_LEN(texts), ADDRESS_PUBLIC);
}

static void address_of_this_machine_is_loopback(void **state)
{
    static const char *const texts[] = {"127.0.0.1", "127.0.0.2", "127.255.255.255", "::1"};

    (void)state;
    expect_all(texts, ARRAY_LEN(texts), ADDRESS_LOOPBACK);
}

static void address_with_a_special_use_is_not_public(void **state)
{
    static const char *const texts[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2001:1::1",
        "3fff::1",
        "64:ff9b:1::1",
        "4000::1",
    };

    (void)state;
    expect_all(texts, ARRAY_LEN(texts), ADDRESS_SPECIAL);
}

static void address_inside_another_counts_as_what_it_stands_for(void **state)
{
    static const char *const special[] = {
        "::ffff:10.0.0.1",    "::ffff:127.0.0.1",   "::ffff:169.254.169.254", "::ffff:0.0.0.0",
        "::127.0.0.1",        "::10.0.0.1",         "::ffff:0:192.168.1.1",   "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",         "2002:a00:1::",
        "2002:c0a8:101::1",
    };
    static const char *const public[] = {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"};

    (void)state;
    expect_all(special, ARRAY_LEN(special), ADDRESS_SPECIAL);
    expect_all(public, ARRAY_LEN(public), ADDRESS_PUBLIC);
}

static void address_of_another_family_is_not_public(void **state)
{
    const struct sockaddr_un un = {.sun_family = AF_UNIX};
    const struct sockaddr_in cut = {.sin_family = AF_INET, .sin_addr = {0x08080808}};

    (void)state;
    assert_int_equal(address_kind((const struct sockaddr *)&un, sizeof(un)), ADDRESS_SPECIAL);
    assert_int_equal(address_kind((const struct sockaddr *)&cut, 4), ADDRESS_SPECIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_of_the_internet_is_public),
        cmocka_unit_test(address_of_this_machine_is_loopback),
        cmocka_unit_test(address_with_a_special_use_is_not_public),
        cmocka_unit_test(address_inside_another_counts_as_what_it_stands_for),
        cmocka_unit_test(address_of_another_family_is_not_public),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
