/* Many viewers of one channel and its publisher, told what to do line by line on stdin.
 *
 *     audience PORT SUBSCRIBE_FILE PUBLISH_FILE
 *
 *     open COUNT                       so many viewers more, with the request in SUBSCRIBE_FILE
 *     publish COUNT INTERVAL_US BYTES  publishes at that pace, with the head in PUBLISH_FILE
 *     batch COUNT BYTES                one publish: a JSON array of COUNT events
 *     close                            every viewer leaves
 *
 * Each line is answered, when it is done, by one JSON object. An event is BYTES that begin with
 * a stamp (stamp.h); every viewer must see every stamp, once and in order, in whatever protocol
 * it comes. What is missing, doubled, out of order or refused is counted in "errors", one a
 * viewer; complaints go to stderr. It never tries again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "delays.h"
#include "loopback.h"
#include "response.h"

enum { MAX_REQUEST = 4096, MAX_BODY = 131072, JSON_AROUND = 16, READ_SIZE = 65536 };
enum { MAX_VIEWERS = 65536, OPENING_AT_ONCE = 64, OPENING_NS = 10000000 };
enum { PATIENCE_S = 20, LOOK_EVERY_NS = 1000000 };

struct viewer {
    int fd;
    bool wrong;
    uint32_t events;        /* stamps seen of the present series */
    struct response response;
};

static struct viewer viewers[MAX_VIEWERS];
static struct viewer publisher;     /* only the status of what it is answered is read */
static char subscribe_request[MAX_REQUEST], publish_head[MAX_REQUEST];
static int epoll_fd, port, viewer_count, errors;
static int opened;                  /* viewers whose head has come */
static uint32_t series;             /* what the stamps of the present publishing have in common */
static uint64_t read_ns, delivered, wanted, reads;
static struct delays delays;

static void complain(struct viewer *viewer, const char *what) {
    if (viewer->wrong) return;
    viewer->wrong = true;
    if (errors++ < 3)
        fprintf(stderr, "viewer %ld: %s after %u events\n%.400s\n",
                viewer == &publisher ? -1 : (long)(viewer - viewers), what, viewer->events,
                viewer->response.head ? viewer->response.head : "");
}

static void read_file(const char *name, char *into) {
    FILE *file = fopen(name, "r");
    if (file == NULL) fail(name);
    into[fread(into, 1, MAX_REQUEST - 1, file)] = '\0';
    fclose(file);
}

static void see(void *seen_by, struct stamp stamp) {
    struct viewer *viewer = seen_by;
    if (stamp.answer != series) return; /* of an earlier publishing: it was counted as missing */
    if (stamp.chunk != (viewer->events++ & 0xffff)) complain(viewer, "lost, doubled or disordered");
    delays_add(&delays, read_ns - stamp.written_ns);
    delivered++;
}

static void receive(struct viewer *viewer) {
    static char buffer[CARRY + READ_SIZE];
    char *bytes = buffer + CARRY;
    ssize_t got = recv(viewer->fd, bytes, READ_SIZE, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        complain(viewer, "the connection was closed");
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, viewer->fd, NULL);
        return;
    }
    if (viewer == &publisher) {
        if (strncmp(bytes, "HTTP/1.1 ", 9) == 0 && bytes[9] != '2') complain(viewer, "refused");
        return;
    }
    read_ns = now_ns();
    uint64_t before = delivered;
    bool was_open = viewer->response.in_body;
    response_read(&viewer->response, bytes, (size_t)got, see, viewer);
    if (viewer->response.refused) complain(viewer, "refused");
    opened += viewer->response.in_body && !was_open;
    reads += delivered > before;
}

/* Looks whether anything has come, and sleeps a little if not. Viewers never sleep on their
 * sockets: over loopback, the server that writes would pay for waking them. */
static void wait_until(uint64_t due_ns) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll_fd, events, 256, 0);
    for (int i = 0; i < count; i++) receive(events[i].data.ptr);
    uint64_t now = now_ns();
    if (count > 0 || now >= due_ns) return;
    uint64_t pause = due_ns - now < LOOK_EVERY_NS ? due_ns - now : LOOK_EVERY_NS;
    nanosleep(&(struct timespec){0, (long)pause}, NULL);
}

static uint64_t deadline_ns(uint64_t more_ns) {
    return now_ns() + more_ns + (uint64_t)PATIENCE_S * 1000000000u;
}

static void put(int fd, const char *bytes, size_t length) {
    if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send");
}

static void join(struct viewer *viewer) {
    *viewer = (struct viewer){.fd = loopback_connect(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, viewer->fd, &event);
}

static void open_viewers(int count) {
    uint64_t began = now_ns(), deadline = deadline_ns((uint64_t)count * OPENING_NS);
    int all = viewer_count + count;
    if (all > MAX_VIEWERS) fail("open");
    while (opened < all && errors == 0 && now_ns() < deadline) {
        if (viewer_count < all && viewer_count - opened < OPENING_AT_ONCE) {
            join(&viewers[viewer_count]);
            put(viewers[viewer_count++].fd, subscribe_request, strlen(subscribe_request));
        } else {
            wait_until(deadline);
        }
    }
    printf("{\"opened\": %d, \"errors\": %d, \"wall_seconds\": %.6f}\n", opened,
           errors + all - opened, (double)(now_ns() - began) / 1e9);
}

static void close_viewers(void) {
    for (int i = 0; i < viewer_count; i++) {
        close(viewers[i].fd);
        free(viewers[i].response.head);
    }
    viewer_count = opened = 0;
    printf("{}\n");
}

static void post(const char *type, const char *body, size_t length) {
    static char request[MAX_REQUEST + MAX_BODY + 128];
    int size = sprintf(request, "%sContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", publish_head,
                       type, length);
    memcpy(request + size, body, length);
    put(publisher.fd, request, (size_t)size + length);
}

/* An event's data: a stamp, and dots. */
static void write_event(char *data, uint32_t number, size_t size) {
    stamp_write(data, (struct stamp){series, number, now_ns()});
    memset(data + STAMP_LENGTH, '.', size - STAMP_LENGTH);
}

static void begin_series(uint32_t count) {
    while (epoll_wait(epoll_fd, &(struct epoll_event){0}, 1, 0) > 0) wait_until(0);
    series++;
    delivered = reads = 0;
    join(&publisher);
    wanted = (uint64_t)count * (uint64_t)viewer_count;
    delays_expect(&delays, wanted);
    for (int i = 0; i < viewer_count; i++) viewers[i].events = 0;
}

/* Waits for what is still on its way, and tells what the series cost. */
static void end_series(uint32_t count, double cpu_began, uint64_t began) {
    uint64_t deadline = deadline_ns(0);
    while (delivered < wanted && errors == 0 && now_ns() < deadline) wait_until(deadline);
    double cpu_used = cpu_seconds() - cpu_began, wall_seconds = (double)(now_ns() - began) / 1e9;
    for (int i = 0; i < viewer_count; i++)
        if (viewers[i].events != count) complain(&viewers[i], "not all events came");
    close(publisher.fd);
    delays_sort(&delays);
    printf("{\"deliveries\": %zu, \"errors\": %d, \"reads\": %zu, \"cpu_seconds\": %.6f, "
           "\"wall_seconds\": %.6f, \"delay_p50_ms\": %.4f, \"delay_p99_ms\": %.4f}\n",
           (size_t)delivered, errors, (size_t)reads, cpu_used, wall_seconds,
           delays_ms(&delays, 0.5), delays_ms(&delays, 0.99));
}

static void publish(uint32_t count, uint64_t interval_ns, size_t size) {
    static char data[MAX_BODY];
    if (size < STAMP_LENGTH || size > MAX_BODY) fail("publish");
    begin_series(count);
    double cpu_began = cpu_seconds();
    uint64_t began = now_ns(), due = began;
    for (uint32_t number = 0; number < count && errors == 0; number++, due += interval_ns) {
        while (now_ns() < due) wait_until(due);
        write_event(data, number, size);
        post("text/plain", data, size);
    }
    end_series(count, cpu_began, began);
}

static void publish_batch(uint32_t count, size_t size) {
    static char body[MAX_BODY];
    size_t length = 0;
    if (size < STAMP_LENGTH || count * (size + JSON_AROUND) > MAX_BODY) fail("batch");
    begin_series(count);
    double cpu_began = cpu_seconds();
    for (uint32_t number = 0; number < count; number++) {
        length += (size_t)sprintf(body + length, "%s{\"data\":\"", number ? "," : "[");
        write_event(body + length, number, size);
        length += size;
        length += (size_t)sprintf(body + length, "\"}");
    }
    body[length++] = ']';
    uint64_t began = now_ns();
    post("application/json", body, length);
    end_series(count, cpu_began, began);
}

int main(int argc, char **argv) {
    char line[256];
    int count, interval_us, bytes;
    if (argc != 4) {
        fprintf(stderr, "usage: audience PORT SUBSCRIBE_FILE PUBLISH_FILE\n");
        return 2;
    }
    port = atoi(argv[1]);
    read_file(argv[2], subscribe_request);
    read_file(argv[3], publish_head);
    epoll_fd = epoll_create1(0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "open %d", &count) == 1)
            open_viewers(count);
        else if (sscanf(line, "publish %d %d %d", &count, &interval_us, &bytes) == 3)
            publish((uint32_t)count, (uint64_t)interval_us * 1000u, (size_t)bytes);
        else if (sscanf(line, "batch %d %d", &count, &bytes) == 2)
            publish_batch((uint32_t)count, (size_t)bytes);
        else
            close_viewers();
        fflush(stdout);
    }
    return 0;
}
