/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/loop.h"
#include "transport/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct counter {
    int accepted;
};

static void on_accept(void *ctx, int fd)
{
    struct counter *c = ctx;

    c->accepted++;
    close(fd);
}

static int setup(void **state)
{
    *state = loop_create();
    return 0;
}

static int teardown(void **state)
{
    (void)loop_destroy(*state);
    return 0;
}

static int connect_to(int family, int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)port),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(family, SOCK_STREAM, 0);
    int r = family == AF_INET ? connect(fd, (struct sockaddr *)&in, sizeof(in))
                              : connect(fd, (struct sockaddr *)&in6, sizeof(in6));
    close(fd);
    return r;
}

static void turn_until(struct loop *loop, const int *counter, int value)
{
    for (int i = 0; i < 100000 && *counter < value; i++)
        loop_run_once(loop);
    assert_int_equal(*counter, value);
}

static void listener_accepts_and_hands_over(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct counter c = {0};
    struct listener *l = NULL;
    struct listener_config config = {.address = "127.0.0.1:0", .on_accept = on_accept, .ctx = &c};

    assert_int_equal(listener_open(*state, &config, &l, &err), PARLEY_OK);
    assert_true(listener_port(l) > 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(connect_to(AF_INET, listener_port(l)), 0);
    turn_until(*state, &c.accepted, 3);
    (void)listener_close(l);
}

static void listener_on_all_addresses_takes_both_families(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct counter c = {0};
    struct listener *l = NULL;
    struct listener_config config = {.address = ":0", .on_accept = on_accept, .ctx = &c};
    int expected = 1;

    assert_int_equal(listener_open(*state, &config, &l, &err), PARLEY_OK);
    assert_int_equal(connect_to(AF_INET, listener_port(l)), 0);
    if (connect_to(AF_INET6, listener_port(l)) == 0) /* a machine may have no IPv6 */
        expected++;
    turn_until(*state, &c.accepted, expected);
    (void)listener_close(l);
}

static void listener_refuses_a_port_that_is_taken(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct counter c = {0};
    struct listener *first = NULL, *second = NULL;
    char address[32];
    struct listener_config config = {
        .address = "127.0.0.1:0", .share = true, .first = true, .on_accept = on_accept, .ctx = &c};

    assert_int_equal(listener_open(*state, &config, &first, &err), PARLEY_OK);
    snprintf(address, sizeof(address), "127.0.0.1:%d", listener_port(first));
    config.address = address;
    assert_int_equal(listener_open(*state, &config, &second, &err), PARLEY_E_CONFLICT);
    assert_non_null(strstr(err.message, address));
    assert_non_null(strstr(err.message, "another program listens there"));
    config.share = false;
    assert_int_equal(listener_open(*state, &config, &second, &err), PARLEY_E_CONFLICT);

    config.share = true; /* another worker of this process */
    config.first = false;
    assert_int_equal(listener_open(*state, &config, &second, &err), PARLEY_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(connect_to(AF_INET, listener_port(first)), 0);
    turn_until(*state, &c.accepted, 20);
    (void)listener_close(first);
    (void)listener_close(second);
}

static void listener_paused_leaves_connections_waiting(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct counter c = {0};
    struct listener *l = NULL;
    struct listener_config config = {.address = "localhost:0", .on_accept = on_accept, .ctx = &c};

    assert_int_equal(listener_open(*state, &config, &l, &err), PARLEY_OK);
    listener_pause(l, true);
    assert_int_equal(connect_to(AF_INET, listener_port(l)), 0);
    for (int i = 0; i < 100; i++)
        loop_run_once(*state);
    assert_int_equal(c.accepted, 0);
    listener_pause(l, false);
    turn_until(*state, &c.accepted, 1);
    (void)listener_close(l);
}

static void listener_names_what_is_wrong_with_an_address(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct listener *l = NULL;
    struct listener_config config = {.on_accept = on_accept};
    static const char *const wrong[] = {"",     "8080",        "localhost",      "localhost:",
                                        "h:x",  "::1:8080",    "[::1]",          "127.0.0.1:65536",
                                        "h:-1", "1.2.3.4.5:1", "127.0.0.1:8080x"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        config.address = wrong[i];
        assert_int_equal(listener_open(*state, &config, &l, &err), PARLEY_E_INVALID);
        assert_non_null(strstr(err.message, wrong[i]));
    }
}

static void listener_knows_which_addresses_only_this_machine_reaches(void **state)
{
    (void)state;
    assert_true(listener_is_loopback("127.0.0.1:8080"));
    assert_true(listener_is_loopback("127.1.2.3:8080"));
    assert_true(listener_is_loopback("localhost:8080"));
    assert_true(listener_is_loopback("[::1]:8080"));
    assert_false(listener_is_loopback("0.0.0.0:8080"));
    assert_false(listener_is_loopback(":8080"));
    assert_false(listener_is_loopback("[::]:8080"));
    assert_false(listener_is_loopback("10.0.0.1:8080"));
    assert_false(listener_is_loopback("nonsense"));
}

static void listener_tells_an_address_from_other_text(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(listener_check("0.0.0.0:8080", &err), PARLEY_OK);
    assert_int_equal(listener_check("nonsense", &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "\"nonsense\": must be HOST:PORT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listener_accepts_and_hands_over, setup, teardown),
        cmocka_unit_test_setup_teardown(listener_on_all_addresses_takes_both_families, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(listener_refuses_a_port_that_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(listener_paused_leaves_connections_waiting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(listener_names_what_is_wrong_with_an_address, setup,
                                        teardown),
        cmocka_unit_test(listener_tells_an_address_from_other_text),
        cmocka_unit_test(listener_knows_which_addresses_only_this_machine_reaches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
