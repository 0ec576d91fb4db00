/* The sessions of the load: their connections, what feeders send, and what receivers see.
 *
 * One thread: `turn` does everything that is to be done now. A receiver keeps, of each prefix of the table, who
 * announced it in which generation, and counts what it has.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "encode.h"

#define KEEPER_HOLD 3
#define ROOM (1 << 18)

static int feeders = 1, receivers = 1, routes = 1000, family = 4, disjoint, mutual, regroup, hold = 30, dump, generation;
static int daemon_as = 65000, seed = 1;

enum state { OFF, CONNECTING, OPEN_SENT, OPEN_CONFIRM, ESTABLISHED, GONE };
struct session {
    int index, fd, hold, receives;
    enum state state;
    double retry, keepalive;
    uint8_t *in;
    size_t held;
    const struct bytes *out;
    size_t sent;
    int told_end;
    uint16_t *seen; /* prefix -> 1 + feeder << 6 + generation; 0: not there */
    int have, of_generation[GENERATIONS], *of_feeder;
    int single;     /* 2 * number + 1 while it is there: the last that was seen */
    double single_at, first, last, done, message, silence, late;
    long octets, messages, prefixes, wrong, lost;
};

static struct table table;
static struct view *views[1024];
static struct session *sessions;
static struct bytes *tables;
static int count, poller, ended;
static double started, updated; /* of the command; the last UPDATE */
static double background_rate, background_from;
static struct bytes background[2];
static size_t background_at, background_end;
static int background_now;
static long background_sent;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *format, ...)
{
    va_list words;
    va_start(words, format);
    fprintf(stderr, "load: ");
    vfprintf(stderr, format, words);
    fputc('\n', stderr);
    exit(2);
}

static int keeper(void) { return count - 1; }
static int joiner(void) { return count - 2; }
static const struct view *view_of(int feeder) { return views[regroup && feeder < feeders ? feeder : 0]; }

/* -- sessions ---------------------------------------------------------------------------------------------------- */

static void watch(const struct session *s, int operation, int writing)
{
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.u32 = (uint32_t)s->index};
    epoll_ctl(poller, operation, s->fd, &event);
}

static void hang_up(struct session *s, enum state next)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    s->held = 0;
    s->out = NULL;
    s->state = next;
    s->retry = now() + 0.1;
}

static void dial(struct session *s)
{
    int one = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(peer_address(s->index))};
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(179), .sin_addr.s_addr = htonl(OWN_NET | 1)};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (s->fd < 0 || bind(s->fd, (void *)&here, sizeof here)) fail("peer %d: %s", s->index, strerror(errno));
    if (connect(s->fd, (void *)&there, sizeof there) && errno != EINPROGRESS) {
        hang_up(s, OFF);
        return;
    }
    s->state = CONNECTING;
    s->retry = now() + 3;
    watch(s, EPOLL_CTL_ADD, 1);
}

/* A message of a few octets, which always fits: the session has nothing else to send. */
static void say(struct session *s, const uint8_t *message, size_t length)
{
    if (send(s->fd, message, length, MSG_NOSIGNAL) != (ssize_t)length && s->state == ESTABLISHED) {
        s->lost++;
        hang_up(s, GONE);
    }
    s->keepalive = now() + s->hold / 3.0;
}

static void say_keepalive(struct session *s)
{
    uint8_t message[19];
    memset(message, 0xff, 16);
    message[16] = 0, message[17] = 19, message[18] = 4;
    say(s, message, sizeof message);
}

static void say_open(struct session *s)
{
    uint8_t message[96], *p = message + 19, *parameters;
    memset(message, 0xff, 16);
    message[18] = 1;
    *p++ = 4;
    p = put32(put16(put16(p, 23456), (uint32_t)s->hold), peer_address(s->index));
    parameters = p; /* their length, then one: capabilities, its length */
    p += 3;
    for (uint32_t afi = 1; afi < 3; afi++) *p++ = 1, *p++ = 4, p = put16(put16(p, afi), 1);
    *p++ = 2, *p++ = 0;
    *p++ = 65, *p++ = 4, p = put32(p, FIRST_AS + (uint32_t)s->index);
    parameters[0] = (uint8_t)(p - parameters - 1);
    parameters[1] = 2;
    parameters[2] = (uint8_t)(p - parameters - 3);
    put16(message + 16, (uint32_t)(p - message));
    say(s, message, (size_t)(p - message));
}

/* -- what receivers see ------------------------------------------------------------------------------------------ */

static void note(struct session *s, int prefix, int value, double t)
{
    if (prefix >= table.count) {
        s->single = 2 * (prefix - table.count) + (value != 0);
        s->single_at = t;
        return;
    }
    if (mutual && s->index < feeders && prefix / routes == s->index) return; /* its own, back again */
    int before = s->seen[prefix];
    if (before == value) return;
    if (before) s->have--, s->of_generation[(before - 1) & (GENERATIONS - 1)]--, s->of_feeder[(before - 1) >> 6]--;
    if (value) s->have++, s->of_generation[(value - 1) & (GENERATIONS - 1)]++, s->of_feeder[(value - 1) >> 6]++;
    s->seen[prefix] = (uint16_t)value;
    if (!s->first) s->first = t;
    s->last = t;
}

static void read_prefixes(struct session *s, const uint8_t *p, const uint8_t *end, int value, int set, double t)
{
    while (p < end) {
        int length = *p++, octets = (length + 7) / 8;
        uint64_t key = (uint64_t)length;
        for (int i = 0; i < octets && i < 7; i++) key |= (uint64_t)p[i] << (56 - 8 * i);
        p += octets;
        s->prefixes++;
        int prefix = find_prefix(&table, key);
        if (prefix < 0) {
            s->wrong++;
            continue;
        }
        if (value && prefix < table.count) {
            int feeder = (value - 1) >> 6;
            s->wrong += (view_of(feeder)->set_of[prefix] & ((1 << SET_BITS) - 1)) != set;
        }
        note(s, prefix, value, t);
    }
}

/* The feeder that an AS_PATH names, and its last AS. */
static void read_path(const uint8_t *p, const uint8_t *end, int *feeder, uint32_t *last)
{
    while (p + 2 <= end) {
        int hops = p[1];
        for (p += 2; hops-- && p + 4 <= end; p += 4) {
            *last = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
            if (*feeder < 0 && *last - FIRST_AS < (uint32_t)count) *feeder = (int)(*last - FIRST_AS);
        }
    }
}

static void read_update(struct session *s, const uint8_t *message, int length, double t)
{
    const uint8_t *end = message + length, *p = message + 19, *withdrawn = p + 2;
    const uint8_t *reach = NULL, *reach_end = NULL, *unreach = NULL, *unreach_end = NULL;
    int feeder = -1, lengths = p[0] << 8 | p[1];
    uint32_t last = ORIGIN;
    p = withdrawn + lengths;
    const uint8_t *attributes_end = p + 2 + (p[0] << 8 | p[1]);
    read_prefixes(s, withdrawn, p, 0, 0, t);
    for (p += 2; p < attributes_end;) {
        int wide = p[0] & 0x10, code = p[1], size = wide ? p[2] << 8 | p[3] : p[2];
        p += wide ? 4 : 3;
        if (code == 2) read_path(p, p + size, &feeder, &last);
        else if (code == 14) reach = p, reach_end = p + size;
        else if (code == 15) unreach = p, unreach_end = p + size;
        p += size;
    }
    last -= ORIGIN;
    int value = 1 + ((feeder < 0 ? 0 : feeder) << 6 | (int)(last >> SET_BITS & (GENERATIONS - 1)));
    int set = (int)(last & ((1 << SET_BITS) - 1));
    if (unreach) read_prefixes(s, unreach + 3, unreach_end, 0, 0, t);
    if (reach) read_prefixes(s, reach + 5 + reach[3], reach_end, value, set, t);
    read_prefixes(s, attributes_end, end, value, set, t);
    updated = t;
}

static void take(struct session *s, const uint8_t *message, int length, double t)
{
    double gap = t - s->message;
    if (s->state == ESTABLISHED && gap > s->silence) s->silence = gap;
    if (s->state == ESTABLISHED && gap - s->hold / 3.0 > s->late) s->late = gap - s->hold / 3.0;
    s->message = t;
    s->messages++;
    switch (message[18]) {
    case 1:
        s->state = OPEN_CONFIRM;
        if ((message[22] << 8 | message[23]) < s->hold) s->hold = message[22] << 8 | message[23];
        say_keepalive(s);
        break;
    case 2:
        if (s->receives) read_update(s, message, length, t);
        break;
    case 3:
        fprintf(stderr, "load: peer %d was sent a NOTIFICATION %d/%d\n", s->index, message[19], message[20]);
        break;
    case 4:
        if (s->state == OPEN_CONFIRM) s->state = ESTABLISHED;
    }
}

static void receive(struct session *s)
{
    ssize_t got = recv(s->fd, s->in + s->held, ROOM - s->held, 0);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        int up = s->state == ESTABLISHED;
        s->lost += up;
        if (up) fprintf(stderr, "load: peer %d lost its session\n", s->index);
        hang_up(s, up && s->index != keeper() ? GONE : OFF);
        return;
    }
    double t = now();
    size_t at = 0;
    s->held += (size_t)got;
    s->octets += got;
    while (s->held - at >= 19 && s->fd >= 0) {
        size_t length = (size_t)(s->in[at + 16] << 8 | s->in[at + 17]);
        if (length < 19) fail("peer %d was sent a message of %zu octets", s->index, length);
        if (s->held - at < length) break;
        take(s, s->in + at, (int)length, t);
        at += length;
    }
    if (s->fd < 0) return;
    s->held -= at;
    memmove(s->in, s->in + at, s->held);
}

static void write_out(struct session *s)
{
    size_t left = s->out->length - s->sent;
    ssize_t put = send(s->fd, s->out->at + s->sent, left < 262144 ? left : 262144, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN) {
        s->lost++;
        hang_up(s, GONE);
        return;
    }
    if (put > 0) s->sent += (size_t)put;
    if (s->sent < s->out->length) return;
    s->out = NULL;
    s->keepalive = now() + s->hold / 3.0;
    watch(s, EPOLL_CTL_MOD, 0);
}

static void connected(struct session *s)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        hang_up(s, OFF);
        return;
    }
    s->state = OPEN_SENT;
    s->retry = now() + 8;
    watch(s, EPOLL_CTL_MOD, 0);
    say_open(s);
}

static void timers(double t)
{
    static double last;
    if (t - last < 0.01) return;
    last = t;
    for (struct session *s = sessions; s < sessions + count; s++) {
        if (s->state == OFF && t >= s->retry) dial(s);
        else if (s->state > OFF && s->state < ESTABLISHED && t >= s->retry) hang_up(s, OFF);
        else if (s->state == ESTABLISHED && !s->out && background_end == background_at && t >= s->keepalive) say_keepalive(s);
    }
}

/* Feeder 1's steady stream, as far as it is due and the socket takes it. */
static void feed_background(double t)
{
    struct session *s = sessions + 1;
    while (background_rate > 0 && s->state == ESTABLISHED) {
        struct bytes *b = background + background_now;
        double due = (t - background_from) * background_rate;
        for (int i = 0; i < 64 && background_end < b->length && background_sent < (long)due; i++, background_sent++)
            background_end += (size_t)(b->at[background_end + 16] << 8 | b->at[background_end + 17]);
        if (background_at == background_end) return;
        ssize_t put = send(s->fd, b->at + background_at, background_end - background_at, MSG_NOSIGNAL);
        if (put < 0) return;
        background_at += (size_t)put;
        s->keepalive = t + s->hold / 3.0;
        if (background_at == b->length) background_at = background_end = 0, background_now ^= 1;
    }
}

/* Everything that is to be done now; waits so long for it. */
static void turn(double wait)
{
    struct epoll_event events[128];
    double t = now();
    feed_background(t);
    timers(t);
    int many = epoll_wait(poller, events, 128, (int)(wait * 1000));
    for (int i = 0; i < many; i++) {
        if (events[i].data.u32 == (uint32_t)count) {
            ended = events[i].events & EPOLLHUP ? 1 : -1; /* -1: look */
            continue;
        }
        struct session *s = sessions + events[i].data.u32;
        if (s->fd < 0) continue;
        if (s->state == CONNECTING) connected(s);
        else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(s);
        if (s->fd >= 0 && s->out && events[i].events & EPOLLOUT) write_out(s);
    }
    if (ended > 0) exit(0);
}
#endif
