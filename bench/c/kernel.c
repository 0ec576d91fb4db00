/* kernel: how fast this kernel takes the routes of the table, and how fast it lets them go, without any BGP.
 *
 *   kernel ROUTES SEED GATEWAY INTERFACE [NEXTHOP-ID]
 *
 * In batches of 256 messages a send, no acknowledgements; errors are counted. With NEXTHOP-ID the routes point to a
 * nexthop object, which is there already, in place of gateway and interface. Run it inside the namespace that is meant.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

#define BATCH 256
#define PROTOCOL 64
#define METRIC 64

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char *put_attribute(char *p, int type, uint32_t value)
{
    struct rtattr a = {.rta_len = 8, .rta_type = (unsigned short)type};
    memcpy(p, &a, 4);
    memcpy(p + 4, &value, 4);
    return p + 8;
}

static char *put_route(char *p, uint64_t key, int type, uint32_t gateway, uint32_t interface, uint32_t nexthop)
{
    struct nlmsghdr head = {.nlmsg_type = (uint16_t)type, .nlmsg_flags = NLM_F_REQUEST};
    struct rtmsg route = {.rtm_family = AF_INET, .rtm_dst_len = (uint8_t)key, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL, .rtm_type = RTN_UNICAST};
    char *end = p + sizeof head + sizeof route;
    if (type == RTM_NEWROUTE) head.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    end = put_attribute(end, RTA_DST, htonl((uint32_t)(key >> 32)));
    end = put_attribute(end, RTA_PRIORITY, METRIC);
    if (nexthop) end = put_attribute(end, RTA_NH_ID, nexthop);
    else end = put_attribute(put_attribute(end, RTA_GATEWAY, gateway), RTA_OIF, interface);
    head.nlmsg_len = (uint32_t)(end - p);
    memcpy(p, &head, sizeof head);
    memcpy(p + sizeof head, &route, sizeof route);
    return end;
}

static long drain(int fd) /* errors that wait */
{
    static char buffer[65536];
    long errors = 0;
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        int left = (int)got;
        for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
            errors += h->nlmsg_type == NLMSG_ERROR && ((struct nlmsgerr *)NLMSG_DATA(h))->error;
    }
    return errors;
}

int main(int argc, char **argv)
{
    static char buffer[BATCH * 128];
    struct sockaddr_nl here = {.nl_family = AF_NETLINK};
    struct table table;
    uint32_t gateway, interface = argc > 4 ? if_nametoindex(argv[4]) : 0, nexthop = argc > 5 ? (uint32_t)atoi(argv[5]) : 0;
    int size = 16 << 20, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), routes = argc > 4 ? atoi(argv[1]) : 0;
    if (routes < 1 || fd < 0 || !interface || inet_pton(AF_INET, argv[3], &gateway) != 1) {
        fprintf(stderr, "kernel ROUTES SEED GATEWAY INTERFACE [NEXTHOP-ID]\n");
        return 2;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    bind(fd, (void *)&here, sizeof here);
    struct view *v = make_view(routes, routes, 1, (uint64_t)atoi(argv[2]));
    make_table(&table, v, routes, 4, (uint64_t)atoi(argv[2]));
    double took[2];
    long errors = 0;
    for (int step = 0; step < 2; step++) {
        double begun = now();
        for (int i = 0; i < routes;) {
            char *p = buffer;
            for (int n = 0; n < BATCH && i < routes; n++, i++)
                p = put_route(p, table.key[i], step ? RTM_DELROUTE : RTM_NEWROUTE, gateway, interface, nexthop);
            if (send(fd, buffer, (size_t)(p - buffer), 0) < 0) {
                perror("kernel: send");
                return 1;
            }
            errors += drain(fd);
        }
        took[step] = now() - begun;
    }
    printf("{\"routes\": %d, \"add\": %.6f, \"delete\": %.6f, \"errors\": %ld}\n", routes, took[0], took[1], errors);
    return errors != 0;
}
