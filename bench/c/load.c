/* load: feeders and receivers around one BGP daemon, in one thread.
 *
 *   load KEY=VALUE...      see OPTIONS; `dump=1` writes feeder 0's table as BGP messages to standard output instead
 *
 * Feeders are peers 0..F-1, receivers the next R, then one that joins late, and at last the keeper: a session with a
 * hold time of three seconds and nothing to exchange, which only sees whether keepalives come in time.
 * Standard input has one command a line; each is answered by one line of JSON when it is done:
 *
 *   connect [timeout=S]                      sessions with all but the late receiver
 *   announce WHO GENERATION EXPECT...        WHO is a feeder's number or `all`
 *   withdraw WHO EXPECT...
 *   drop WHO EXPECT...                       close the feeder's connection
 *   join EXPECT...                           the late receiver
 *   expect EXPECT...                         nothing but the waiting
 *   single COUNT RATE SECONDS                one route announced and withdrawn, COUNT times, each timed until it is
 *                                            seen; meanwhile feeder 1 sends RATE UPDATEs a second
 *   pass SECONDS                             keep the sessions
 *
 * EXPECT, of every receiver: have=N prefixes, generation=G (all that it has are of it), without=F (none of that
 * feeder); or kernel=N routes in the file fib=FILE (/proc/PID/net/fib_triestat); or quiet=S seconds without an UPDATE.
 * timeout=S ends the waiting. Times are seconds after the first byte of the command was sent.
 */
#define _GNU_SOURCE
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
static const struct { const char *key; int *value; const char *what; } OPTIONS[] = {
    {"feeders", &feeders, "how many"},
    {"receivers", &receivers, "how many"},
    {"routes", &routes, "of a feeder"},
    {"family", &family, "4 or 6"},
    {"disjoint", &disjoint, "1: feeders have different prefixes"},
    {"mutual", &mutual, "1: every feeder is a receiver of the others' routes; implies disjoint"},
    {"regroup", &regroup, "1: feeders put the same prefixes into different sets"},
    {"hold", &hold, "hold time, seconds"},
    {"as", &daemon_as, "the daemon's AS"},
    {"seed", &seed, "of the table"},
    {"dump", &dump, "1: write a table and leave; 2: withdrawals"},
    {"generation", &generation, "of the dump"},
};

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
struct expectation { int have, generation, without, kernel; double quiet, timeout; char fib[128]; };

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

/* -- commands ---------------------------------------------------------------------------------------------------- */

static void begin(void)
{
    for (struct session *s = sessions; s < sessions + count; s++) {
        s->first = s->last = s->done = s->silence = s->late = 0;
        s->octets = s->messages = s->prefixes = s->wrong = s->lost = 0;
    }
    started = updated = now();
}

static long kernel_routes(const char *file) /* in the main table of a namespace */
{
    char line[256];
    int there = 0;
    long found = 0, some;
    FILE *f = fopen(file, "r");
    if (!f) return -1;
    while (fgets(line, sizeof line, f)) {
        char *word = strstr(line, "Prefixes:");
        if (line[0] != '\t' && line[0] != ' ' && strchr(line, ':')) there = !strncmp(line, "Main:", 5);
        else if (there && word && sscanf(word + 9, "%ld", &some) == 1) found += some;
    }
    fclose(f);
    return found;
}

static int sending(void)
{
    for (int i = 0; i < count; i++)
        if (sessions[i].out) return 1;
    return 0;
}

static int satisfied(struct session *s, const struct expectation *e)
{
    int fine = s->have == e->have && (e->generation < 0 || s->of_generation[e->generation] == s->have) &&
               (e->without < 0 || !s->of_feeder[e->without]);
    s->done = !fine ? 0 : s->done ? s->done : s->last > started ? s->last : now();
    return fine;
}

static int fulfilled(const struct expectation *e)
{
    static double look_again;
    double t = now();
    if (e->quiet > 0) return !sending() && t - updated > e->quiet;
    if (e->kernel >= 0) {
        if (t < look_again) return 0;
        int fine = kernel_routes(e->fib) == e->kernel;
        look_again = now() + 0.002 + 6 * (now() - t); /* the looking may take a seventh of one processor */
        updated = fine ? now() : updated;
        return fine;
    }
    int all = 1;
    for (int i = 0; i < count; i++)
        if (sessions[i].receives && sessions[i].state == ESTABLISHED) all &= satisfied(sessions + i, e);
    return all;
}

static int await(const struct expectation *e)
{
    for (;;) {
        turn(e->kernel >= 0 ? 0.002 : 0.01);
        if (fulfilled(e)) return 1;
        if (now() - started > e->timeout) return 0;
    }
}

static void answer(const char *command, int fine, const struct expectation *e, const char *more)
{
    double end = now(), first = 0, last = 0, silence = 0, late = 0;
    int least = -1, most = -1, up = 0;
    long octets = 0, messages = 0, prefixes = 0, wrong = 0, lost = 0;
    for (struct session *s = sessions; s < sessions + count; s++) {
        wrong += s->wrong, lost += s->index == keeper() ? 0 : s->lost;
        up += s->state == ESTABLISHED;
        if (s->state != ESTABLISHED) continue;
        double gap = end - s->message;
        if (gap > s->silence) s->silence = gap;
        if (gap - s->hold / 3.0 > s->late) s->late = gap - s->hold / 3.0;
        if (s->silence > silence) silence = s->silence;
        if (s->late > late) late = s->late;
        if (!s->receives) continue;
        octets += s->octets, messages += s->messages, prefixes += s->prefixes;
        if (s->first && (!first || s->first < first)) first = s->first;
        if (s->done > last) last = s->done;
        if (least < 0 || s->have < least) least = s->have;
        if (s->have > most) most = s->have;
    }
    if (e && e->kernel >= 0) last = updated;
    if (!fine || !last) last = end;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    printf("{\"command\": \"%s\", \"ok\": %s, \"wall\": %.6f, \"first\": %.6f, \"have\": [%d, %d], \"up\": %d, \"octets\": %ld, "
           "\"messages\": %ld, \"prefixes\": %ld, \"wrong\": %ld, \"lost\": %ld, \"silence\": %.3f, \"late\": %.3f, "
           "\"keeper_late\": %.3f, \"keeper_lost\": %ld, \"own_cpu\": %.3f%s}\n",
           command, fine ? "true" : "false", last - started, first ? first - started : -1, least, most, up, octets, messages, prefixes,
           wrong, lost, silence, late, sessions[keeper()].late, sessions[keeper()].lost, cpu, more);
    fflush(stdout);
}

static void ship(int who, const struct bytes *what)
{
    struct session *s = sessions + who;
    if (s->state != ESTABLISHED) return;
    s->out = what;
    s->sent = 0;
    watch(s, EPOLL_CTL_MOD, 1);
}

static void encode_table(struct bytes *out, int feeder, int gen)
{
    uint64_t keys[256];
    const struct view *v = view_of(feeder);
    int from = disjoint ? feeder * routes : 0;
    out->length = 0, out->messages = 0;
    for (int s = 0; s < v->count; s++) {
        int first = v->sets[s].first, many = v->sets[s].count;
        if (first < from || first >= from + routes) continue;
        for (int i = 0; i < many; i++) keys[i] = table.key[v->order[first + i]];
        put_update(out, keys, many, s, feeder, gen, family);
        if (s % 256 == 0 && !dump) turn(0); /* the sessions live on meanwhile */
    }
}

static void encode_withdrawal(struct bytes *out, int feeder)
{
    const uint64_t *keys = table.key + (disjoint ? feeder * routes : 0);
    out->length = 0, out->messages = 0;
    for (int done = 0; done < routes;) done += put_withdrawal(out, keys + done, routes - done, family);
}

static int single_seen(const struct session *at, int wanted, double until)
{
    while (at->single != wanted) {
        turn(background_rate > 0 ? 0.001 : 0.02);
        if (now() > until || at->state != ESTABLISHED) return 0;
    }
    return 1;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void single(int times, int rate, double seconds)
{
    double *took = room((size_t)times, sizeof *took), begun, next;
    struct session *feeder = sessions, *receiver = sessions + feeders;
    struct bytes message = {0};
    int seen = 0, missed = 0;
    char more[256];
    for (int i = 0; rate && i < 2; i++) encode_table(background + i, 1, 8 + i);
    begin();
    background_rate = rate, background_from = begun = now(), background_sent = 0;
    for (int i = 0; i < times && !missed && now() - begun < seconds; i++) {
        int number = i % SINGLES;
        for (int there = 1; there >= 0 && !missed; there--) {
            message.length = 0;
            if (there) put_update(&message, table.key + table.count + number, 1, (1 << 19) + number, 0, 1, family);
            else put_withdrawal(&message, table.key + table.count + number, 1, family);
            for (next = now() + (rate ? 0.002 : 0); now() < next;) turn(0.001);
            double sent = now();
            say(feeder, message.at, message.length);
            if (!single_seen(receiver, 2 * number + there, sent + 5)) missed = 1;
            else if (there) took[seen++] = receiver->single_at - sent;
        }
    }
    double elapsed = now() - begun;
    background_rate = 0;
    if (background_end > background_at) { /* the rest of a message */
        struct bytes rest = {.at = background[background_now].at + background_at, .length = background_end - background_at};
        ship(1, &rest);
        while (sessions[1].out) turn(0.01);
        background_at = background_end;
    }
    background_at = background_end = 0;
    qsort(took, (size_t)seen, sizeof *took, ascending);
    snprintf(more, sizeof more, ", \"seen\": %d, \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f, \"rate\": %.0f", seen,
             seen ? took[seen / 2] * 1e6 : -1, seen ? took[(int)(0.99 * (seen - 1))] * 1e6 : -1, seen ? took[seen - 1] * 1e6 : -1,
             (double)background_sent / elapsed);
    answer("single", !missed && seen > 0, NULL, more);
    free(took), free(message.at);
}

static struct expectation read_expectation(char *words)
{
    struct expectation e = {.have = -1, .generation = -1, .without = -1, .kernel = -1, .timeout = 120};
    for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
        if (sscanf(word, "have=%d", &e.have) || sscanf(word, "generation=%d", &e.generation) || sscanf(word, "without=%d", &e.without) ||
            sscanf(word, "kernel=%d", &e.kernel) || sscanf(word, "quiet=%lf", &e.quiet) || sscanf(word, "timeout=%lf", &e.timeout) ||
            sscanf(word, "fib=%127s", e.fib))
            continue;
        fail("unknown expectation %s", word);
    }
    return e;
}

static void connect_all(double timeout)
{
    for (int i = 0; i < count; i++)
        if (i != joiner()) sessions[i].state = OFF;
    begin();
    int up = 0;
    while (up < count - 1 && now() - started < timeout) {
        turn(0.01);
        up = 0;
        for (int i = 0; i < count; i++) up += sessions[i].state == ESTABLISHED;
    }
    for (int i = 0; i < count; i++) sessions[i].message = now(), sessions[i].late = sessions[i].silence = 0;
    answer("connect", up == count - 1, NULL, "");
}

static void send_tables(const char *command, const char *who, int gen)
{
    int from = strcmp(who, "all") ? atoi(who) : 0, to = strcmp(who, "all") ? from + 1 : feeders;
    for (int i = from; i < to; i++) {
        if (!strcmp(command, "announce")) encode_table(tables + i, i, gen);
        else if (!strcmp(command, "withdraw")) encode_withdrawal(tables + i, i);
        if (!strcmp(command, "announce") && !sessions[i].told_end) put_end_of_rib(tables + i, family), sessions[i].told_end = 1;
    }
    begin();
    for (int i = from; i < to; i++) {
        if (strcmp(command, "drop")) ship(i, tables + i);
        else hang_up(sessions + i, GONE);
    }
}

static void obey(char *line)
{
    char command[16] = "", who[16] = "0";
    int gen = 0, rate = 0, used = 0, at = 0;
    double seconds = 0;
    sscanf(line, "%15s%n", command, &used);
    char *rest = line + used;
    if (!strcmp(command, "connect")) {
        struct expectation e = read_expectation(rest);
        connect_all(e.timeout);
        return;
    }
    if (sscanf(line, "single %d %d %lf", &gen, &rate, &seconds) == 3) {
        single(gen, rate, seconds);
        return;
    }
    if (sscanf(line, "pass %lf", &seconds) == 1) {
        begin();
        while (now() - started < seconds) turn(0.01);
        answer("pass", 1, NULL, "");
        return;
    }
    if (!strcmp(command, "announce")) sscanf(rest, "%15s %d%n", who, &gen, &at);
    else if (!strcmp(command, "withdraw") || !strcmp(command, "drop")) sscanf(rest, "%15s%n", who, &at);
    else if (strcmp(command, "join") && strcmp(command, "expect")) fail("unknown command %s", command);
    struct expectation e = read_expectation(rest + at);
    if (!strcmp(command, "join")) begin(), sessions[joiner()].state = OFF, sessions[joiner()].retry = 0;
    else if (!strcmp(command, "expect")) begin();
    else send_tables(command, who, gen);
    if (!strcmp(command, "join"))
        while (sessions[joiner()].state != ESTABLISHED && now() - started < e.timeout) turn(0.01);
    answer(command, await(&e), &e, "");
}

static void make_sessions(void)
{
    sessions = room((size_t)count, sizeof *sessions);
    tables = room((size_t)count, sizeof *tables);
    for (int i = 0; i < count; i++) {
        struct session *s = sessions + i;
        s->index = i;
        s->fd = -1;
        s->state = GONE;
        s->hold = i == keeper() ? KEEPER_HOLD : hold;
        s->receives = i != keeper() && (mutual ? i < feeders : i >= feeders);
        s->in = room(ROOM, 1);
        s->single = -1;
        s->seen = room(s->receives ? (size_t)table.count : 0, sizeof *s->seen);
        s->of_feeder = room((size_t)count, sizeof *s->of_feeder);
    }
}

static void read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        size_t row = 0, rows = sizeof OPTIONS / sizeof *OPTIONS;
        if (!value) fail("not KEY=VALUE: %s", argv[i]);
        *value++ = 0;
        while (row < rows && strcmp(OPTIONS[row].key, argv[i])) row++;
        if (row == rows) fail("unknown option %s", argv[i]);
        *OPTIONS[row].value = atoi(value);
    }
    if (mutual) receivers = 0, disjoint = 1;
    count = feeders + receivers + 2;
}

int main(int argc, char **argv)
{
    char line[512];
    read_options(argc, argv);
    int total = disjoint ? routes * feeders : routes;
    views[0] = make_view(total, routes, 1, (uint64_t)seed);
    make_table(&table, views[0], total, family, (uint64_t)seed);
    for (int i = 1; regroup && i < feeders; i++) views[i] = other_view(&table, i, (uint64_t)seed);
    if (dump) {
        struct bytes out = {0};
        if (dump == 1) encode_table(&out, 0, generation), put_end_of_rib(&out, family);
        else encode_withdrawal(&out, 0);
        return fwrite(out.at, 1, out.length, stdout) != out.length;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* the end of the input ends us */
    poller = epoll_create1(EPOLL_CLOEXEC);
    make_sessions();
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)count};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        ended = 0;
        turn(0.02);
        if (ended && !fgets(line, sizeof line, stdin)) return 0;
        if (ended) obey(line);
    }
}
