/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients and upstream of a relay in one program, and what the relay's process costs meanwhile.
 *
 *   relay_load --upstream PORT --sessions N --seconds S --pid PID[,PID...] --relay PORT
 *              [--path PATH] [--turn-ms N]
 *
 * Every session sends an input_audio_buffer.append of 20 ms every 20 ms (1.4 KB), and its upstream
 * a response.output_audio.delta of 100 ms every 100 ms (6.6 KB); with --turn-ms the response ends
 * after so long, with its usage, and another begins. Prints one line:
 *   messages=DELIVERED cpu_ns=CPU-OF-THE-PIDS ns_per_message=... lost=NOT-DELIVERED p50_ns=...
 * p99_ns=... The last two are how long deltas were on their way from the upstream to the client.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define UP_PERIOD_NS   20000000ull
#define DOWN_PERIOD_NS 100000000ull
#define UP_AUDIO       1280 /* base64 of 20 ms at 24 kHz */
#define DOWN_AUDIO     6400
#define HEAD_MAX       4096
#define MAX_SESSIONS   4000
#define PEEK_MAX       512 /* of a message, in which the client looks for the time */
#define MAX_TIMES      2000000
#define TIME_DIGITS    16 /* hexadecimal, which base64 has, too */
#define MARK           "\"delta\":\""

enum side { SIDE_CLIENT, SIDE_UPSTREAM };

struct end {
    int fd;
    enum side side;
    bool is_open; /* handshake done */
    char head[HEAD_MAX];
    size_t head_len;
    size_t skip; /* payload of the current frame that is still to come */
    uint8_t frame_head[14];
    size_t frame_head_len;
    char *rest; /* a frame that the socket took only in part */
    size_t rest_len;
    unsigned turn;
    unsigned downs; /* deltas, since its phase began */
    char peek[PEEK_MAX + 1];
    size_t peek_len;
};

static struct {
    int sessions;
    int seconds;
    int relay_port;
    int upstream_port;
    const char *path;
    const char *pids;
    int epoll;
    int listen_fd;
    struct end *clients[MAX_SESSIONS];
    struct end *upstreams[MAX_SESSIONS];
    int client_count;
    int upstream_count;
    int open_clients;
    uint64_t sent;
    uint64_t received;
    uint64_t skipped; /* not sent, because the relay was behind */
    char up_frame[UP_AUDIO + 512];
    size_t up_len;
    char down_frame[DOWN_AUDIO + 1024];
    size_t down_len;
    char *down_time; /* where these are in down_frame */
    char *down_response;
    char *down_item;
    unsigned turn_downs; /* deltas of a response; 0: it never ends */
    uint64_t *times;
    size_t time_count;
} g;

static void die(const char *what)
{
    fprintf(stderr, "relay_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- what the relay costs ---- */

/* Time on a processor of all threads, in nanoseconds where the kernel tells it. */
static uint64_t process_cpu_ns(int pid)
{
    char path[64], text[1024];
    unsigned long long user = 0, sys = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        die(path);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *after_name = strrchr(text, ')');
    if (after_name == NULL ||
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &sys) != 2)
        die("cannot read the time of a process");
    return (user + sys) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t cpu_ns(void)
{
    uint64_t sum = 0;
    const char *at = g.pids;

    while (*at != '\0') {
        char *end;
        long pid = strtol(at, &end, 10);
        sum += process_cpu_ns((int)pid);
        at = *end == ',' ? end + 1 : end;
        if (end == at && *end != '\0')
            break;
    }
    return sum;
}

/* ---- frames ---- */

static size_t frame_make(char *out, const char *payload, bool masked)
{
    size_t len = strlen(payload), at = 0;
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

    out[at++] = (char)0x81;
    if (len < 126) {
        out[at++] = (char)(len | (masked ? 0x80 : 0));
    } else {
        out[at++] = (char)(126 | (masked ? 0x80 : 0));
        out[at++] = (char)(len >> 8);
        out[at++] = (char)len;
    }
    if (masked) {
        memcpy(out + at, mask, 4);
        at += 4;
    }
    for (size_t i = 0; i < len; i++)
        out[at + i] = (char)(masked ? (uint8_t)payload[i] ^ mask[i & 3] : (uint8_t)payload[i]);
    return at + len;
}

static void frames_make(void)
{
    static char audio[DOWN_AUDIO + 1], text[DOWN_AUDIO + 900];

    memset(audio, 'A', DOWN_AUDIO);
    snprintf(text, sizeof(text), "{\"type\":\"input_audio_buffer.append\",\"audio\":\"%.*s\"}",
             UP_AUDIO, audio);
    g.up_len = frame_make(g.up_frame, text, true);
    snprintf(text, sizeof(text),
             "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_0123456789abcdef\","
             "\"response_id\":\"resp_00000000\",\"item_id\":\"item_00000000\",\"output_index\":0,"
             "\"content_index\":0,\"delta\":\"%s\"}",
             audio);
    g.down_len = frame_make(g.down_frame, text, false);
    char *payload = g.down_frame + g.down_len - strlen(text);
    g.down_time = strstr(payload, MARK) + strlen(MARK);
    g.down_response = strstr(payload, "resp_") + strlen("resp_");
    g.down_item = strstr(payload, "item_0") + strlen("item_");
}

static void say(struct end *e, const char *bytes, size_t len)
{
    if (e->rest_len > 0) {
        g.skipped++;
        return;
    }
    ssize_t n = send(e->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0) {
        g.skipped++;
        return;
    }
    g.sent++;
    if ((size_t)n < len) {
        e->rest = malloc(len);
        if (e->rest == NULL)
            die("memory");
        e->rest_len = len - (size_t)n;
        memcpy(e->rest, bytes + n, e->rest_len);
        struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = e};
        epoll_ctl(g.epoll, EPOLL_CTL_MOD, e->fd, &ev);
    }
}

static void say_text(struct end *e, const char *text)
{
    char frame[2048];

    say(e, frame, frame_make(frame, text, false));
}

static void say_rest(struct end *e)
{
    ssize_t n = send(e->fd, e->rest, e->rest_len, MSG_NOSIGNAL);

    if (n < 0)
        return;
    e->rest_len -= (size_t)n;
    memmove(e->rest, e->rest + n, e->rest_len);
    if (e->rest_len > 0)
        return;
    free(e->rest);
    e->rest = NULL;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = e};
    epoll_ctl(g.epoll, EPOLL_CTL_MOD, e->fd, &ev);
}

#define PART    "{\"type\":\"audio\",\"transcript\":\"\"}"
#define ADDRESS "\"response_id\":\"resp_%08u\",\"item_id\":\"item_%08u\",\"output_index\":0"

static void say_of_turn(struct end *e, const char *format)
{
    char text[1600];
    unsigned n = e->turn;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), format, n, n, n);
#pragma GCC diagnostic pop
    say_text(e, text);
}

static void upstream_begins(struct end *e)
{
    say_of_turn(e,
                "{\"type\":\"response.created\",\"event_id\":\"event_2\",\"response\":{\"object\":"
                "\"realtime.response\",\"id\":\"resp_%08u\",\"status\":\"in_progress\","
                "\"output\":[]}}");
    say_of_turn(e,
                "{\"type\":\"response.output_item.added\",\"event_id\":\"event_3\",\"response_id\":"
                "\"resp_%08u\",\"output_index\":0,\"item\":{\"id\":\"item_%08u\",\"object\":"
                "\"realtime.item\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":"
                "\"assistant\",\"content\":[]}}");
    say_of_turn(e, "{\"type\":\"response.content_part.added\",\"event_id\":\"event_4\"," ADDRESS
                   ",\"content_index\":0,\"part\":" PART "}");
}

/* What a Realtime upstream says by itself, so that a relay which knows the protocol is content. */
static void upstream_greets(struct end *e)
{
    say_text(e, "{\"type\":\"session.created\",\"event_id\":\"event_1\",\"session\":{\"type\":"
                "\"realtime\",\"object\":\"realtime.session\",\"id\":\"sess_bench\",\"model\":"
                "\"bench\",\"output_modalities\":[\"audio\"]}}");
    upstream_begins(e);
}

static void upstream_ends(struct end *e)
{
    say_of_turn(e, "{\"type\":\"response.output_audio.done\",\"event_id\":\"event_5\"," ADDRESS
                   ",\"content_index\":0}");
    say_of_turn(e, "{\"type\":\"response.content_part.done\",\"event_id\":\"event_6\"," ADDRESS
                   ",\"content_index\":0,\"part\":" PART "}");
    say_of_turn(e,
                "{\"type\":\"response.output_item.done\",\"event_id\":\"event_7\",\"response_id\":"
                "\"resp_%08u\",\"output_index\":0,\"item\":{\"id\":\"item_%08u\",\"object\":"
                "\"realtime.item\",\"type\":\"message\",\"status\":\"completed\",\"role\":"
                "\"assistant\",\"content\":[{\"type\":\"output_audio\",\"transcript\":\"\"}]}}");
    say_of_turn(
        e,
        "{\"type\":\"response.done\",\"event_id\":\"event_8\",\"response\":{\"object\":"
        "\"realtime.response\",\"id\":\"resp_%08u\",\"status\":\"completed\",\"output\":[{\"id\":"
        "\"item_%08u\",\"object\":\"realtime.item\",\"type\":\"message\",\"status\":\"completed\","
        "\"role\":\"assistant\",\"content\":[{\"type\":\"output_audio\",\"transcript\":\"\"}]}],"
        "\"usage\":{\"total_tokens\":90,\"input_tokens\":60,\"output_tokens\":30,"
        "\"input_token_details\":{\"text_tokens\":20,\"audio_tokens\":40,\"cached_tokens\":0},"
        "\"output_token_details\":{\"text_tokens\":5,\"audio_tokens\":25}}}}");
    e->turn++;
}

static void put(char *at, uint64_t n, int digits)
{
    char text[32];

    snprintf(text, sizeof(text), digits == TIME_DIGITS ? "%016llx" : "%08llu",
             (unsigned long long)n);
    memcpy(at, text, (size_t)digits);
}

/* A delta that tells its time; at the end of a response the next begins. */
static void upstream_speaks(struct end *e)
{
    if (g.turn_downs > 0 && ++e->downs % g.turn_downs == 0 && e->rest_len == 0) {
        upstream_ends(e);
        upstream_begins(e);
    }
    put(g.down_response, e->turn, 8);
    put(g.down_item, e->turn, 8);
    put(g.down_time, now_ns(), TIME_DIGITS);
    say(e, g.down_frame, g.down_len);
}

/* A whole message has come. */
static void heard(struct end *e)
{
    g.received++;
    e->peek[e->peek_len] = '\0';
    const char *mark = e->side == SIDE_CLIENT ? strstr(e->peek, MARK) : NULL;
    e->peek_len = 0;
    if (mark == NULL || strlen(mark) < strlen(MARK) + TIME_DIGITS || g.time_count == MAX_TIMES)
        return;
    char digits[TIME_DIGITS + 1] = "";
    memcpy(digits, mark + strlen(MARK), TIME_DIGITS);
    g.times[g.time_count++] = now_ns() - strtoull(digits, NULL, 16);
}

static void peek(struct end *e, const uint8_t *p, size_t n)
{
    size_t room = PEEK_MAX - e->peek_len;

    if (n > room)
        n = room;
    memcpy(e->peek + e->peek_len, p, n);
    e->peek_len += n;
}

/* Count the frames that the bytes complete. */
static void hear(struct end *e, const uint8_t *p, size_t len)
{
    while (len > 0) {
        if (e->skip > 0) {
            size_t n = e->skip < len ? e->skip : len;
            peek(e, p, n);
            e->skip -= n;
            p += n;
            len -= n;
            if (e->skip == 0)
                heard(e);
            continue;
        }
        e->frame_head[e->frame_head_len++] = *p++;
        len--;
        if (e->frame_head_len < 2)
            continue;
        size_t need = 2, size = e->frame_head[1] & 0x7f;
        bool masked = (e->frame_head[1] & 0x80) != 0;
        need += size == 126 ? 2 : size == 127 ? 8 : 0;
        if (e->frame_head_len < need + (masked ? 4 : 0))
            continue;
        for (size_t i = 2, more = need - 2; more > 0; more--, i++)
            size = (i == 2 ? 0 : size) << 8 | e->frame_head[i];
        if (size == 0)
            g.received++;
        e->skip = size;
        e->frame_head_len = 0;
    }
}

/* ---- handshakes ---- */

static void answer_handshake(struct end *e)
{
    char text[256], reply[256];
    unsigned char hash[20], accept[40];
    const char *key = strcasestr(e->head, "\r\nsec-websocket-key:");

    if (key == NULL)
        die("a handshake without a key");
    key += 20;
    key += strspn(key, " ");
    snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((unsigned char *)text, strlen(text), hash);
    EVP_EncodeBlock(accept, hash, 20);
    int n = snprintf(reply, sizeof(reply),
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
    if (send(e->fd, reply, (size_t)n, MSG_NOSIGNAL) != n)
        die("cannot answer a handshake");
}

/* Collect the head of a handshake; what follows it are frames. */
static void hear_head(struct end *e, const char *bytes, size_t len)
{
    size_t room = sizeof(e->head) - 1 - e->head_len;
    size_t before = e->head_len;

    if (len > room)
        len = room;
    memcpy(e->head + e->head_len, bytes, len);
    e->head_len += len;
    e->head[e->head_len] = '\0';
    const char *end = strstr(e->head, "\r\n\r\n");
    if (end == NULL)
        return;
    e->is_open = true;
    if (e->side == SIDE_UPSTREAM) {
        answer_handshake(e);
        upstream_greets(e);
    } else {
        if (strncmp(e->head, "HTTP/1.1 101", 12) != 0) {
            fprintf(stderr, "relay_load: the relay said: %.200s\n", e->head);
            exit(1);
        }
        g.open_clients++;
    }
    size_t used = (size_t)(end + 4 - e->head) - before;
    hear(e, (const uint8_t *)bytes + used, len - used);
}

static struct end *end_add(int fd, enum side side)
{
    struct end *e = calloc(1, sizeof(*e));
    int one = 1;

    if (e == NULL)
        die("memory");
    e->fd = fd;
    e->side = side;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = e};
    if (epoll_ctl(g.epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
        die("epoll");
    if (side == SIDE_CLIENT)
        g.clients[g.client_count++] = e;
    else
        g.upstreams[g.upstream_count++] = e;
    e->downs = (unsigned)g.upstream_count; /* so that responses end one by one */
    return e;
}

static void accept_upstream(void)
{
    for (;;) {
        int fd = accept4(g.listen_fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0 || g.upstream_count >= MAX_SESSIONS)
            return;
        (void)end_add(fd, SIDE_UPSTREAM);
    }
}

static void connect_client(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)g.relay_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[512];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die("cannot connect to the relay");
    int n = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     g.path);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        die("cannot send a handshake");
    (void)end_add(fd, SIDE_CLIENT);
}

/* ---- the loop ---- */

static void serve(int timeout_ms)
{
    static char buffer[256 * 1024];
    struct epoll_event events[256];
    int n = epoll_wait(g.epoll, events, 256, timeout_ms);

    for (int i = 0; i < n; i++) {
        struct end *e = events[i].data.ptr;
        if (e == NULL) {
            accept_upstream();
            continue;
        }
        if ((events[i].events & EPOLLOUT) != 0 && e->rest_len > 0)
            say_rest(e);
        if ((events[i].events & EPOLLIN) == 0)
            continue;
        ssize_t got = recv(e->fd, buffer, sizeof(buffer), 0);
        if (got < 0 && errno == EAGAIN)
            continue;
        if (got <= 0) {
            fprintf(stderr, "relay_load: the relay closed a connection of a %s\n",
                    e->side == SIDE_CLIENT ? "client" : "upstream");
            exit(1);
        }
        if (e->is_open)
            hear(e, (uint8_t *)buffer, (size_t)got);
        else
            hear_head(e, buffer, (size_t)got);
    }
}

/* Send what is due; every session has its own phase. */
static void run_load(uint64_t until_ns)
{
    uint64_t start = now_ns(), ups = 0, downs = 0;
    uint64_t up_step = UP_PERIOD_NS / (uint64_t)g.sessions;
    uint64_t down_step = DOWN_PERIOD_NS / (uint64_t)g.sessions;

    for (uint64_t now = start; now < until_ns; now = now_ns()) {
        while (start + ups * up_step <= now)
            say(g.clients[ups++ % (uint64_t)g.sessions], g.up_frame, g.up_len);
        while (start + downs * down_step <= now)
            upstream_speaks(g.upstreams[downs++ % (uint64_t)g.upstream_count]);
        serve(up_step < 1000000 ? 0 : 1);
    }
}

static void open_sessions(void)
{
    uint64_t end = now_ns() + 30ull * 1000000000ull;

    for (int i = 0; i < g.sessions; i++) {
        connect_client();
        while (g.open_clients + 32 <= g.client_count || g.upstream_count + 32 <= g.client_count) {
            serve(10);
            if (now_ns() > end)
                die("the relay does not answer");
        }
    }
    while (g.open_clients < g.sessions || g.upstream_count < g.sessions) {
        serve(10);
        if (now_ns() > end)
            die("the relay does not open all sessions");
    }
    for (uint64_t settled = now_ns() + 500000000ull; now_ns() < settled;)
        serve(10);
}

static void listen_upstream(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)g.upstream_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;

    g.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(g.listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(g.listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(g.listen_fd, 1024) != 0)
        die("cannot listen as upstream");
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(g.epoll, EPOLL_CTL_ADD, g.listen_fd, &ev);
}

static void parse(int argc, char **argv)
{
    g.path = "/v1/realtime?model=bench";
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *key = argv[i], *value = argv[i + 1];
        if (strcmp(key, "--sessions") == 0)
            g.sessions = atoi(value);
        else if (strcmp(key, "--seconds") == 0)
            g.seconds = atoi(value);
        else if (strcmp(key, "--relay") == 0)
            g.relay_port = atoi(value);
        else if (strcmp(key, "--upstream") == 0)
            g.upstream_port = atoi(value);
        else if (strcmp(key, "--path") == 0)
            g.path = value;
        else if (strcmp(key, "--turn-ms") == 0)
            g.turn_downs = (unsigned)(atoi(value) / (int)(DOWN_PERIOD_NS / 1000000));
        else if (strcmp(key, "--pid") == 0)
            g.pids = value;
    }
    if (g.sessions < 1 || g.sessions > MAX_SESSIONS || g.seconds < 1 || g.relay_port < 1 ||
        g.upstream_port < 1 || g.pids == NULL) {
        fprintf(stderr, "usage: relay_load --upstream PORT --relay PORT --sessions N --seconds S "
                        "--pid PID[,PID...] [--path PATH] [--turn-ms N]\n");
        exit(2);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static unsigned long long percentile(unsigned p)
{
    return g.time_count == 0 ? 0 : g.times[(g.time_count - 1) * p / 100];
}

int main(int argc, char **argv)
{
    struct rlimit files = {8192, 8192};

    parse(argc, argv);
    (void)setrlimit(RLIMIT_NOFILE, &files); /* fewer will be told when they are not enough */
    frames_make();
    g.times = malloc(MAX_TIMES * sizeof(*g.times));
    if (g.times == NULL)
        die("memory");
    g.epoll = epoll_create1(0);
    listen_upstream();
    open_sessions();
    run_load(now_ns() + 1000000000ull); /* warm */
    g.sent = g.received = g.skipped = g.time_count = 0;
    uint64_t cpu = cpu_ns();
    run_load(now_ns() + (uint64_t)g.seconds * 1000000000ull);
    cpu = cpu_ns() - cpu;
    qsort(g.times, g.time_count, sizeof(*g.times), by_value);
    printf("messages=%llu cpu_ns=%llu ns_per_message=%llu lost=%llu p50_ns=%llu p99_ns=%llu\n",
           (unsigned long long)g.received, (unsigned long long)cpu,
           (unsigned long long)(g.received > 0 ? cpu / g.received : 0),
           (unsigned long long)g.skipped, percentile(50), percentile(99));
    return 0;
}
