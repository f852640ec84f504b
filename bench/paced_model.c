/* A model API that answers at a steady pace, for measuring what relays its answers.
 *
 *     paced_model PORT CHUNKS INTERVAL_US
 *
 * Every request, whatever it asks, is answered with CHUNKS chat-completion chunks, one
 * every INTERVAL_US, each with a stamp (stamp.h) as its text, in the bytes and the size
 * that OpenAI sends: one HTTP chunk and one TCP segment each. Connections are kept alive.
 * Prints "ready" once it listens. It never buffers: a relay that leaves an answer unread
 * until the socket is full loses its connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "loopback.h"
#include "stamp.h"

enum { MAX_FD = 4096, MAX_HEAD = 16384, NOT_STREAMING = -2, ROLE_CHUNK = -1 };

struct connection {
    bool open;
    int next;               /* chunk to send next; ROLE_CHUNK before the first, or NOT_STREAMING */
    uint64_t due_ns;        /* when to send it */
    uint32_t answer;
    size_t head_length;     /* bytes of the request head so far */
    size_t body_left;       /* bytes of the request body still to come */
    char head[MAX_HEAD + 1];
};

static struct connection *connections[MAX_FD];
static int epoll_fd, listen_fd, highest_fd, chunks;
static uint64_t interval_ns;
static uint32_t answers;

static const char HEAD[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n"
    "Cache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

static const char EVENT[] =
    "data: {\"id\":\"chatcmpl-CqvHyBvGxYGC0x9dcvBm%08x\",\"object\":\"chat.completion.chunk\","
    "\"created\":1795162793,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_07871e2ad8\",\"choices\":[{\"index\":0,\"delta\":%s,"
    "\"logprobs\":null,\"finish_reason\":%s}],\"usage\":null}\n\n";

static void drop(int fd) {
    connections[fd]->open = false;
    connections[fd]->next = NOT_STREAMING;
    close(fd);
}

/* Appends one event as one HTTP chunk and returns the new length of `out`. */
static size_t put_event(char *out, size_t length, uint32_t answer, const char *delta,
                        const char *finish) {
    char event[1024];
    int size = snprintf(event, sizeof event, EVENT, answer, delta, finish);
    return length + (size_t)sprintf(out + length, "%x\r\n%s\r\n", (unsigned)size, event);
}

static size_t put_chunk(char *out, const struct connection *connection) {
    char stamp[STAMP_LENGTH + 1], delta[64];
    stamp_write(stamp, (struct stamp){connection->answer, (uint32_t)connection->next, now_ns()});
    snprintf(delta, sizeof delta, "{\"content\":\" %s\"}", stamp);
    return put_event(out, 0, connection->answer, delta, "null");
}

static size_t put_start(char *out, uint32_t answer) {
    memcpy(out, HEAD, sizeof HEAD - 1);
    return put_event(out, sizeof HEAD - 1, answer,
                     "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null");
}

static size_t put_end(char *out, uint32_t answer) {
    size_t length = put_event(out, 0, answer, "{}", "\"stop\"");
    return length + (size_t)sprintf(out + length, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

static void send_next(int fd) {
    struct connection *connection = connections[fd];
    char out[4096];
    size_t length;
    if (connection->next == ROLE_CHUNK)
        length = put_start(out, connection->answer);
    else if (connection->next < chunks)
        length = put_chunk(out, connection);
    else
        length = put_end(out, connection->answer);
    bool ended = connection->next++ == chunks;
    connection->due_ns += interval_ns;
    if (ended) connection->next = NOT_STREAMING;
    if (send(fd, out, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length) drop(fd);
}

/* Sends all that is due; returns the moment at which the next chunk is, or UINT64_MAX. */
static uint64_t send_due(void) {
    uint64_t now = now_ns(), next = UINT64_MAX;
    for (int fd = 0; fd <= highest_fd; fd++) {
        struct connection *connection = connections[fd];
        if (connection == NULL || connection->next == NOT_STREAMING) continue;
        if (connection->due_ns <= now) send_next(fd);
        if (connection->next != NOT_STREAMING && connection->due_ns < next)
            next = connection->due_ns;
    }
    return next;
}

static void start_answer(struct connection *connection) {
    connection->answer = answers++;
    connection->next = ROLE_CHUNK;
    connection->due_ns = now_ns();
    connection->head_length = 0;
}

/* Takes in request bytes; the answer starts when the last byte of the body is here. */
static void read_request(struct connection *connection, const char *bytes, size_t length) {
    if (connection->body_left == 0) {
        if (connection->head_length + length > MAX_HEAD) return;
        memcpy(connection->head + connection->head_length, bytes, length);
        connection->head_length += length;
        connection->head[connection->head_length] = '\0';
        char *end = strstr(connection->head, "\r\n\r\n");
        if (end == NULL) return;
        char *field = strcasestr(connection->head, "\r\ncontent-length:");
        connection->body_left = field ? strtoul(field + 17, NULL, 10) : 0;
        length = connection->head_length - (size_t)(end + 4 - connection->head);
    }
    connection->body_left -= length < connection->body_left ? length : connection->body_left;
    if (connection->body_left == 0) start_answer(connection);
}

static void receive(int fd) {
    char bytes[MAX_HEAD];
    ssize_t length = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0 || connections[fd]->next != NOT_STREAMING)
        drop(fd);
    else
        read_request(connections[fd], bytes, (size_t)length);
}

static void accept_connection(void) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0) return;
    if (fd >= MAX_FD) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections[fd] == NULL) connections[fd] = malloc(sizeof *connections[fd]);
    if (connections[fd] == NULL) fail("malloc");
    *connections[fd] = (struct connection){.open = true, .next = NOT_STREAMING};
    if (fd > highest_fd) highest_fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void listen_on(int port) {
    listen_fd = loopback_listen(port, 1024);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listen_fd};
    epoll_fd = epoll_create1(0);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
}

static void wait_until(uint64_t due_ns) {
    struct epoll_event events[256];
    uint64_t now = now_ns(), pause = due_ns > now ? due_ns - now : 0;
    struct timespec timeout = {(time_t)(pause / 1000000000u), (long)(pause % 1000000000u)};
    int count = epoll_pwait2(epoll_fd, events, 256, due_ns == UINT64_MAX ? NULL : &timeout, NULL);
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (fd == listen_fd)
            accept_connection();
        else if (connections[fd]->open)
            receive(fd);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: paced_model PORT CHUNKS INTERVAL_US\n");
        return 2;
    }
    chunks = atoi(argv[2]);
    interval_ns = strtoull(argv[3], NULL, 10) * 1000;
    listen_on(atoi(argv[1]));
    puts("ready");
    fflush(stdout);
    for (;;) wait_until(send_due());
}
