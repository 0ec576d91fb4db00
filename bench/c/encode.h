/* UPDATEs of the table (RFC 4271 section 4.3, RFC 4760 for IPv6).
 *
 * Who sent a route, in which generation and from which set, stands in its AS_PATH: the feeder's AS comes first, and the
 * last AS is ORIGIN + generation << 20 + set. A receiver reads both again and knows exactly which announcement it sees.
 */
#ifndef BENCH_ENCODE_H
#define BENCH_ENCODE_H

#include <string.h>

#include "table.h"

#define FIRST_AS 400001u
#define ORIGIN 0x01000000u
#define SET_BITS 20
#define GENERATIONS 64
#define OWN_NET 0x0a630000u /* 10.99.0.0/16; peer i has 10.99.(1 + i/200).(1 + i%200) */

struct bytes { uint8_t *at; size_t length, room; long messages; };

static uint32_t peer_address(int i) { return OWN_NET | (uint32_t)(1 + i / 200) << 8 | (uint32_t)(1 + i % 200); }

static uint8_t *put16(uint8_t *p, uint32_t v)
{
    *p++ = (uint8_t)(v >> 8);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put32(uint8_t *p, uint32_t v) { return put16(put16(p, v >> 16), v & 0xffff); }

static uint8_t *put_prefix(uint8_t *p, uint64_t key)
{
    int length = key & 0xff;
    *p++ = (uint8_t)length;
    for (int bit = 0; bit < length; bit += 8) *p++ = (uint8_t)(key >> (56 - bit));
    return p;
}

static uint8_t *begin_message(struct bytes *out, int type)
{
    if (out->length + 4096 > out->room) {
        out->room = out->room * 2 + 65536;
        out->at = realloc(out->at, out->room);
        if (!out->at) exit(2);
    }
    uint8_t *p = out->at + out->length;
    memset(p, 0xff, 16);
    p[18] = (uint8_t)type;
    return p + 19;
}

static void end_message(struct bytes *out, const uint8_t *end)
{
    uint8_t *start = out->at + out->length;
    put16(start + 16, (uint32_t)(end - start));
    out->length += (size_t)(end - start);
    out->messages++;
}

static uint8_t *put_as_path(uint8_t *p, int feeder, uint64_t shape, uint32_t origin)
{
    static const int HOPS[][2] = {{3, 240}, {4, 360}, {5, 230}, {6, 110}, {7, 60}, {0, 0}};
    chance_state = shape | 1;
    int hops = choose(HOPS);
    *p++ = 0x40, *p++ = 2, *p++ = (uint8_t)(2 + 4 * hops), *p++ = 2, *p++ = (uint8_t)hops;
    p = put32(p, FIRST_AS + (uint32_t)feeder);
    p = put32(p, 1299 + 577 * (uint32_t)(chance() % 24)); /* a few carriers are in most paths */
    for (int i = 2; i + 1 < hops; i++) p = put32(p, 5000 + 11 * (uint32_t)(chance() % 6000));
    return put32(p, origin);
}

/* ORIGIN to LARGE_COMMUNITY in the order of their codes; the same for the same (set, feeder, generation). */
static uint8_t *put_attributes(uint8_t *p, int set, int feeder, int generation, int family)
{
    uint64_t shape = scatter((uint64_t)set * 4099 + (uint64_t)feeder * 65537 * 4099 + (uint64_t)generation * 97 + 5);
    uint32_t origin = ORIGIN + ((uint32_t)generation << SET_BITS) + ((uint32_t)set & ((1u << SET_BITS) - 1));
    *p++ = 0x40, *p++ = 1, *p++ = 1, *p++ = set % 9 ? 0 : 2;
    p = put_as_path(p, feeder, shape, origin);
    if (family == 4) *p++ = 0x40, *p++ = 3, *p++ = 4, p = put32(p, peer_address(feeder));
    if (chance() % 4 == 0) *p++ = 0x80, *p++ = 4, *p++ = 4, p = put32(p, 10 * (uint32_t)(chance() % 20));
    if (chance() % 20 == 0) {
        *p++ = 0x40, *p++ = 6, *p++ = 0;
        *p++ = 0xc0, *p++ = 7, *p++ = 8, p = put32(p, origin), p = put32(p, 0xc0000200 + (uint32_t)(chance() % 250));
    }
    if (chance() % 4) {
        int many = 1 + (int)(chance() % 8);
        *p++ = 0xc0, *p++ = 8, *p++ = (uint8_t)(4 * many);
        while (many--) p = put16(p, 1299 + 577 * (uint32_t)(chance() % 24)), p = put16(p, (uint32_t)(chance() % 900));
    }
    if (chance() % 20 < 3) {
        int many = 1 + (int)(chance() % 4);
        *p++ = 0xc0, *p++ = 32, *p++ = (uint8_t)(12 * many);
        while (many--)
            p = put32(p, 1299 + 577 * (uint32_t)(chance() % 24)), p = put32(p, (uint32_t)(chance() % 8)), p = put32(p, (uint32_t)(chance() % 2000));
    }
    return p;
}

static void put_update(struct bytes *out, const uint64_t *keys, int count, int set, int feeder, int generation, int family)
{
    uint8_t *p = begin_message(out, 2), *lengths = p;
    p = put_attributes(p + 4, set, feeder, generation, family);
    if (family == 6) { /* MP_REACH_NLRI */
        *p++ = 0x90, *p++ = 14;
        uint8_t *length = p;
        p = put16(p + 2, 2), *p++ = 1, *p++ = 16;
        p = put32(put32(put32(p, 0xfd990000u), 0), 0), p = put32(p, peer_address(feeder)), *p++ = 0;
        for (int i = 0; i < count; i++) p = put_prefix(p, keys[i]);
        put16(length, (uint32_t)(p - length - 2));
    }
    put16(lengths, 0), put16(lengths + 2, (uint32_t)(p - lengths - 4));
    for (int i = 0; family == 4 && i < count; i++) p = put_prefix(p, keys[i]);
    end_message(out, p);
}

/* One UPDATE with as many of the prefixes as it takes; how many. */
static int put_withdrawal(struct bytes *out, const uint64_t *keys, int count, int family)
{
    uint8_t *p = begin_message(out, 2), *start = p, *list = family == 6 ? p + 11 : p + 2;
    int done = 0;
    for (p = list; done < count && p - start < 4000; done++) p = put_prefix(p, keys[done]);
    if (family == 6) { /* MP_UNREACH_NLRI */
        put16(start, 0), put16(start + 2, (uint32_t)(p - start - 4));
        start[4] = 0x90, start[5] = 15;
        put16(start + 6, (uint32_t)(p - start - 8)), put16(start + 8, 2), start[10] = 1;
    } else {
        put16(start, (uint32_t)(p - start - 2));
        p = put16(p, 0);
    }
    end_message(out, p);
    return done;
}

static void put_end_of_rib(struct bytes *out, int family)
{
    uint8_t *p = begin_message(out, 2);
    p = put16(p, 0);
    p = put16(p, family == 6 ? 7 : 0);
    if (family == 6) *p++ = 0x90, *p++ = 15, p = put16(p, 3), p = put16(p, 2), *p++ = 1;
    end_message(out, p);
}
#endif
