/* The routes of the measurements: made from a seed, the same on every machine.
 *
 * 60 per cent of the IPv4 prefixes have 24 bits. Prefixes come in sets that share one attribute set: half of the sets
 * have one prefix, the mean is between four and five, the longest have 200. The prefixes of a set lie near each other.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SINGLES 256 /* prefixes beside the table, for routes that come and go alone */

struct set { int first, count; }; /* a run of positions in a view */

struct view {      /* one way to sort the table into sets */
    int *order;    /* position -> prefix */
    int *set_of;   /* prefix -> set */
    struct set *sets;
    int count;
};

struct table {
    uint64_t *key; /* address, left aligned; the low 8 bits are the prefix length */
    int count;     /* without the singles, which follow */
    uint64_t *slot_key;
    int *slot_value;
    uint64_t mask;
};

static uint64_t chance_state;

static uint64_t chance(void) /* xorshift64* */
{
    uint64_t x = chance_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    chance_state = x;
    return x * 0x2545f4914f6cdd1dull >> 16;
}

static uint64_t scatter(uint64_t x) /* a number that has nothing to do with x, always the same for it */
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

static void *room(size_t count, size_t size)
{
    void *found = calloc(count + 1, size);
    if (!found) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return found;
}

/* {value, how many of 1000}, ends with {0, 0} */
static int choose(const int rows[][2])
{
    int left = chance() % 1000;
    while (left >= (*rows)[1] && rows[1][1]) left -= (*rows++)[1];
    return (*rows)[0];
}

static uint64_t slot_of(const struct table *t, uint64_t key)
{
    uint64_t at = (key ^ key >> 29) * 0x9fb21c651e98df25ull >> 20 & t->mask;
    while (t->slot_key[at] && t->slot_key[at] != key) at = (at + 1) & t->mask;
    return at;
}

static inline int find_prefix(const struct table *t, uint64_t key) /* -1: not one of ours */
{
    uint64_t at = slot_of(t, key);
    return t->slot_key[at] ? t->slot_value[at] : -1;
}

static int add_prefix(struct table *t, uint64_t key, int value)
{
    uint64_t at = slot_of(t, key);
    if (t->slot_key[at]) return 0;
    t->slot_key[at] = key;
    t->slot_value[at] = value;
    t->key[value] = key;
    return 1;
}

static const int LENGTHS4[][2] = {{24, 600}, {23, 95}, {22, 112}, {21, 52}, {20, 47}, {19, 31}, {18, 17}, {17, 12}, {16, 24}, {15, 4}, {14, 3}, {13, 2}, {12, 1}, {0, 0}};
static const int LENGTHS6[][2] = {{48, 480}, {47, 15}, {46, 35}, {44, 110}, {42, 20}, {40, 105}, {36, 60}, {35, 15}, {34, 12}, {33, 20}, {32, 110}, {30, 6}, {29, 12}, {0, 0}};
static const int HEADS6[][2] = {{0x2001, 130}, {0x2400, 90}, {0x2401, 40}, {0x2402, 50}, {0x2403, 50}, {0x2404, 60}, {0x2405, 50}, {0x2406, 40}, {0x2600, 80}, {0x2604, 60}, {0x2605, 60}, {0x2606, 60}, {0x2607, 60}, {0x2800, 50}, {0x2a00, 40}, {0x2a02, 40}, {0x2a03, 20}, {0x2a10, 10}, {0x2c0f, 10}, {0, 0}};

static uint64_t a_region(int family) /* where the prefixes of one set lie */
{
    for (;;) {
        uint64_t second = chance() & 0xfff8;
        if (family == 6 && second != 0x0db8) return (uint64_t)choose(HEADS6) << 48 | second << 32;
        if (family == 6) continue;
        uint64_t octet = 1 + chance() % 223;
        if (octet != 10 && octet != 100 && octet != 127 && octet != 169 && octet != 172 && octet != 192 && octet != 198)
            return octet << 56 | (chance() & 0xfc) << 48;
    }
}

static void a_prefix(struct table *t, int family, uint64_t region, int value)
{
    for (int tries = 0;; tries++) {
        if (tries == 8) region = a_region(family), tries = 0; /* a full region */
        int length = choose(family == 6 ? LENGTHS6 : LENGTHS4);
        uint64_t inside = family == 6 ? (chance() & 0x7ffff) << 16 : (chance() & 0x3ffff) << 32;
        uint64_t address = (region | inside) & ~0ull << (64 - length);
        if (add_prefix(t, address | (uint64_t)length, value)) return;
    }
}

static int a_size(void) /* of a set */
{
    int r = chance() % 1000;
    if (r < 456) return 1;
    if (r < 636) return 2;
    if (r < 766) return 3 + chance() % 2;
    if (r < 876) return 5 + chance() % 4;
    if (r < 946) return 9 + chance() % 8;
    if (r < 994) return 17 + chance() % 24;
    return 41 + chance() % 160;
}

/* Sets of a_size positions each; none crosses a multiple of `part`, the share of one feeder. */
static struct view *make_view(int count, int part, int stride, uint64_t seed)
{
    struct view *v = room(1, sizeof *v);
    v->order = room(count, sizeof *v->order);
    v->set_of = room(count + SINGLES, sizeof *v->set_of);
    v->sets = room(count, sizeof *v->sets);
    chance_state = scatter(seed) | 1;
    for (int at = 0; at < count;) {
        int size = a_size(), rest = part - at % part;
        if (size > rest) size = rest;
        v->sets[v->count] = (struct set){at, size};
        for (int end = at + size; at < end; at++) {
            v->order[at] = (int)((uint64_t)at * (uint64_t)stride % (uint64_t)count);
            v->set_of[v->order[at]] = v->count;
        }
        v->count++;
    }
    return v;
}

static int common_divisor(int a, int b) { return b ? common_divisor(b, a % b) : a; }

/* A view that puts other prefixes together than the first view does. */
static inline struct view *other_view(const struct table *t, int number, uint64_t seed)
{
    int stride = t->count / 3 + 7 * number;
    while (common_divisor(stride, t->count) != 1) stride++;
    return make_view(t->count, t->count, stride, seed + 1000 + (uint64_t)number);
}

static void make_table(struct table *t, const struct view *v, int count, int family, uint64_t seed)
{
    t->count = count;
    for (t->mask = 1023; t->mask < 3ull * (uint64_t)(count + SINGLES); t->mask = t->mask * 2 + 1) {}
    t->slot_key = room(t->mask + 1, sizeof *t->slot_key);
    t->slot_value = room(t->mask + 1, sizeof *t->slot_value);
    t->key = room((size_t)count + SINGLES, sizeof *t->key);
    chance_state = scatter(seed + 77) | 1;
    for (int s = 0; s < v->count; s++) {
        uint64_t region = a_region(family);
        for (int i = 0; i < v->sets[s].count; i++) a_prefix(t, family, region, v->sets[s].first + i);
    }
    for (int i = 0; i < SINGLES; i++) {
        uint64_t four = 0xc6120000ull << 32 | (uint64_t)i << 40 | 24, six = 0x20010db8ull << 32 | (uint64_t)i << 16 | 48;
        add_prefix(t, family == 6 ? six : four, count + i);
    }
}
#endif
