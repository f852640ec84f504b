/* Opens many answers at once, checks every chunk of each, and measures their delay.
 *
 *     stream_load PORT STREAMS CHUNKS RAMP_MS TIMEOUT_S < request
 *
 * The request, a complete HTTP/1.1 message, is sent on STREAMS connections of their own,
 * opened evenly over RAMP_MS. An answer is right when its status is 200 and it holds the
 * stamps (stamp.h) 0 to CHUNKS - 1 of one answer of the model, in order, nothing twice,
 * and no other connection got the same one. Everything between the stamps is skipped, so
 * any protocol can be measured. Prints one JSON object; complaints go to stderr. It never
 * tries again: what a relay loses is an error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "body.h"
#include "loopback.h"

enum { MAX_REQUEST = 65536, MAX_HEAD = 16384, READ_SIZE = 65536 };

struct viewer {
    int fd;
    bool in_body, ended, wrong;
    uint32_t answer;        /* which of the model's answers this is, known from its first stamp */
    uint32_t chunks;        /* stamps seen so far */
    struct body body;
    size_t head_length;
    char head[MAX_HEAD + 1];
};

static struct viewer *viewers;
static char request[MAX_REQUEST];
static size_t request_length;
static int epoll_fd, port, streams, unfinished, errors;
static uint32_t chunks_expected;
static bool answer_seen[65536];
static uint32_t *delays_ns;
static size_t delay_count;
static uint64_t read_ns;    /* when the bytes at hand were received */

/* Counts one error per answer and says the first few aloud. */
static void complain(struct viewer *viewer, const char *what) {
    if (viewer->wrong) return;
    viewer->wrong = true;
    if (errors++ < 3)
        fprintf(stderr, "answer %ld: %s after %u chunks\n%.400s\n", viewer - viewers, what,
                viewer->chunks, viewer->in_body ? "" : viewer->head);
}

static void finish(struct viewer *viewer) {
    if (viewer->ended) return;
    if (viewer->chunks != chunks_expected) complain(viewer, "ended too early");
    viewer->ended = true;
    unfinished--;
    if (viewer->fd >= 0) close(viewer->fd);
}

static void see_stamp(void *seen_by, struct stamp stamp) {
    struct viewer *viewer = seen_by;
    if (viewer->chunks == 0) {
        if (answer_seen[stamp.answer & 0xffff]) complain(viewer, "someone else's answer");
        answer_seen[stamp.answer & 0xffff] = true;
        viewer->answer = stamp.answer;
    }
    if (stamp.answer != viewer->answer) complain(viewer, "two answers mixed");
    if (stamp.chunk != viewer->chunks++) complain(viewer, "chunk lost, doubled or out of order");
    if (delay_count < (size_t)streams * chunks_expected)
        delays_ns[delay_count++] = (uint32_t)(read_ns - stamp.written_ns);
}

/* Returns how many of the `length` bytes belong to the head; the rest is body. */
static size_t read_head(struct viewer *viewer, const char *bytes, size_t length) {
    size_t before = viewer->head_length, room = MAX_HEAD - before;
    size_t take = length < room ? length : room;
    memcpy(viewer->head + before, bytes, take);
    viewer->head[before + take] = '\0';
    char *end = strstr(viewer->head, "\r\n\r\n");
    viewer->head_length += take;
    if (end == NULL) return length;
    if (strncmp(viewer->head, "HTTP/1.1 200", 12) != 0) complain(viewer, "refused");
    viewer->body.chunked = strcasestr(viewer->head, "\r\ntransfer-encoding: chunked") != NULL;
    viewer->in_body = true;
    return (size_t)(end + 4 - viewer->head) - before;
}

static void receive(struct viewer *viewer) {
    static char buffer[CARRY + READ_SIZE];
    char *bytes = buffer + CARRY;
    ssize_t got = recv(viewer->fd, bytes, READ_SIZE, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        finish(viewer);
        return;
    }
    read_ns = now_ns();
    size_t length = (size_t)got, skip = viewer->in_body ? 0 : read_head(viewer, bytes, length);
    memmove(bytes, bytes + skip, length - skip);
    if (viewer->in_body) body_read(&viewer->body, bytes, length - skip, see_stamp, viewer);
    if (viewer->body.complete) finish(viewer);
}

static void start(struct viewer *viewer) {
    viewer->fd = loopback_connect(port);
    if (send(viewer->fd, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length)
        fail("send");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, viewer->fd, &event);
}

static void wait_until(uint64_t due_ns) {
    struct epoll_event events[256];
    uint64_t now = now_ns(), pause = due_ns > now ? due_ns - now : 0;
    struct timespec timeout = {(time_t)(pause / 1000000000u), (long)(pause % 1000000000u)};
    int count = epoll_pwait2(epoll_fd, events, 256, &timeout, NULL);
    for (int i = 0; i < count; i++) receive(events[i].data.ptr);
}

static void run(uint64_t ramp_ns, uint64_t deadline_ns) {
    uint64_t begin = now_ns();
    for (int started = 0; unfinished > 0 && now_ns() < deadline_ns;) {
        uint64_t due = begin + ramp_ns * (uint64_t)started / (uint64_t)streams;
        if (started < streams && now_ns() >= due)
            start(&viewers[started++]);
        else
            wait_until(started < streams ? due : deadline_ns);
    }
    for (int i = 0; i < streams; i++)
        if (!viewers[i].ended) complain(&viewers[i], "not ended in time");
}

static int ascending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double delay_ms(double quantile) {
    if (delay_count == 0) return 0;
    return delays_ns[(size_t)(quantile * (double)(delay_count - 1))] / 1e6;
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: stream_load PORT STREAMS CHUNKS RAMP_MS TIMEOUT_S < request\n");
        return 2;
    }
    port = atoi(argv[1]);
    streams = unfinished = atoi(argv[2]);
    chunks_expected = (uint32_t)atoi(argv[3]);
    request_length = fread(request, 1, sizeof request, stdin);
    viewers = calloc((size_t)streams, sizeof *viewers);
    delays_ns = calloc((size_t)streams * chunks_expected, sizeof *delays_ns);
    if (viewers == NULL || delays_ns == NULL) fail("calloc");
    for (int i = 0; i < streams; i++) viewers[i].fd = -1;
    epoll_fd = epoll_create1(0);
    uint64_t begin = now_ns();
    run(strtoull(argv[4], NULL, 10) * 1000000u, begin + strtoull(argv[5], NULL, 10) * 1000000000u);
    double wall_seconds = (double)(now_ns() - begin) / 1e9;
    qsort(delays_ns, delay_count, sizeof *delays_ns, ascending);
    printf("{\"chunks\": %zu, \"errors\": %d, \"wall_seconds\": %.6f, \"cpu_seconds\": %.6f, "
           "\"delay_p50_ms\": %.4f, \"delay_p99_ms\": %.4f}\n",
           delay_count, errors, wall_seconds, cpu_seconds(), delay_ms(0.5), delay_ms(0.99));
    return 0;
}
