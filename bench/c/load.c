/* load: feeders and receivers around one BGP daemon, in one thread.
 *
 *   load KEY=VALUE...      see OPTIONS; `dump=1` writes the table of feeder 0 as BGP messages to standard output instead
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
#include "peers.h"

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

struct expectation { int have, generation, without, kernel; double quiet, timeout; char fib[128]; };

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
