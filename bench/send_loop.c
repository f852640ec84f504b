/* The floor of a fan-out: on every publish, one send() to each viewer, and nothing else.
 *
 *     send_loop PORT
 *
 * GET makes a viewer: it is sent a head and then every event. POST publishes its body as one
 * SSE event, framed once, and is answered 201. It keeps no event, parses no more than it
 * must, and drops a viewer whose socket is full: what no server can do for less.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loopback.h"

enum { MAX_FD = 65536, MAX_REQUEST = 4096, NOT_WATCHING = -1 };

struct connection {
    int place;              /* among the viewers, or NOT_WATCHING */
    size_t length;
    char *request;          /* what came of a request so far; NULL for a viewer */
};

static struct connection connections[MAX_FD];
static int viewers[MAX_FD], viewer_count, epoll_fd, listen_fd;
static unsigned long events;

static const char HEAD[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n"
    "Cache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

static const char CREATED[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

static void drop(int fd) {
    int place = connections[fd].place;
    if (place != NOT_WATCHING) {
        viewers[place] = viewers[--viewer_count];
        connections[viewers[place]].place = place;
    }
    free(connections[fd].request);
    connections[fd].request = NULL;
    close(fd);
}

static bool put(int fd, const char *bytes, size_t length) {
    return send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void publish(const char *data, int length) {
    char event[MAX_REQUEST + 64], chunk[MAX_REQUEST + 96];
    int size = sprintf(event, "id: %lu\nevent: message\ndata: %.*s\n\n", ++events, length, data);
    size = sprintf(chunk, "%x\r\n%s\r\n", (unsigned)size, event);
    for (int i = viewer_count - 1; i >= 0; i--)
        if (!put(viewers[i], chunk, (size_t)size)) drop(viewers[i]);
}

static void watch(int fd) {
    free(connections[fd].request);
    connections[fd].request = NULL;
    connections[fd].place = viewer_count;
    viewers[viewer_count++] = fd;
    if (!put(fd, HEAD, sizeof HEAD - 1)) drop(fd);
}

/* Acts on one request if all of it is here, and keeps what follows it; false if it is not. */
static bool answer(int fd, struct connection *connection) {
    connection->request[connection->length] = '\0';
    char *end = strstr(connection->request, "\r\n\r\n");
    if (end == NULL) return false;
    if (strncmp(connection->request, "GET ", 4) == 0) {
        watch(fd);
        return false;
    }
    char *field = strcasestr(connection->request, "\r\ncontent-length:"), *body = end + 4;
    size_t size = field ? strtoul(field + 17, NULL, 10) : 0;
    size_t here = connection->length - (size_t)(body - connection->request);
    if (here < size) return false;
    publish(body, (int)size);
    connection->length = here - size;
    memmove(connection->request, body + size, connection->length);
    return put(fd, CREATED, sizeof CREATED - 1);
}

static void receive(int fd) {
    struct connection *connection = &connections[fd];
    char bytes[MAX_REQUEST];
    ssize_t got = recv(fd, bytes, MAX_REQUEST - connection->length, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(fd);
    } else if (connection->request != NULL) {
        memcpy(connection->request + connection->length, bytes, (size_t)got);
        connection->length += (size_t)got;
        while (answer(fd, connection)) {}
    }
}

static void accept_connection(void) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections[fd] = (struct connection){NOT_WATCHING, 0, malloc(MAX_REQUEST + 1)};
    if (connections[fd].request == NULL) fail("malloc");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: send_loop PORT\n");
        return 2;
    }
    listen_fd = loopback_listen(atoi(argv[1]), 4096);
    epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listen_fd}, ready[256];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    for (;;) {
        int count = epoll_wait(epoll_fd, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listen_fd)
                accept_connection();
            else
                receive(fd);
        }
    }
}
