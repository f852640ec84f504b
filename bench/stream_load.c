/* Opens many answers at once, checks every chunk of each, and measures their delay.
 *
 *     stream_load PORT STREAMS CHUNKS RAMP_MS TIMEOUT_S < request
 *
 * The request, a complete HTTP/1.1 message, is sent on STREAMS connections of their own,
 * opened evenly over RAMP_MS; sixteen '#' in it become a number that no other request has.
 * An answer is right when its status is 200 and it holds the stamps (stamp.h) 0 to CHUNKS - 1
 * of one answer of the model, in order, nothing twice, and no other connection got the same
 * one. Everything between the stamps is skipped, so any protocol can be measured. Prints one
 * JSON object; complaints go to stderr. It never tries again: what a relay loses is an error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "delays.h"
#include "loopback.h"
#include "response.h"

#define ANY_NUMBER "################"

enum { MAX_REQUEST = 65536, READ_SIZE = 65536 };

struct viewer {
    int fd;
    bool ended, wrong;
    uint32_t answer;        /* which of the model's answers this is, known from its first stamp */
    uint32_t chunks;        /* stamps seen so far */
    struct response response;
};

static struct viewer *viewers;
static char request[MAX_REQUEST + 1];
static char *number_place;      /* where in the request ANY_NUMBER stands; NULL if nowhere */
static int epoll_fd, port, streams, unfinished, errors;
static uint32_t chunks_expected;
static bool answer_seen[65536];
static struct delays delays;
static uint64_t read_ns;    /* when the bytes at hand were received */

/* Counts one error per answer and says the first few aloud. */
static void complain(struct viewer *viewer, const char *what) {
    if (viewer->wrong) return;
    viewer->wrong = true;
    if (errors++ < 3)
        fprintf(stderr, "answer %ld: %s after %u chunks\n%.400s\n", viewer - viewers, what,
                viewer->chunks, viewer->response.head ? viewer->response.head : "");
}

static void finish(struct viewer *viewer) {
    if (viewer->ended) return;
    if (viewer->chunks != chunks_expected) complain(viewer, "ended too early");
    viewer->ended = true;
    unfinished--;
    if (viewer->fd >= 0) close(viewer->fd);
}

static void see(void *seen_by, struct stamp stamp) {
    struct viewer *viewer = seen_by;
    if (viewer->chunks == 0) {
        if (answer_seen[stamp.answer & 0xffff]) complain(viewer, "someone else's answer");
        answer_seen[stamp.answer & 0xffff] = true;
        viewer->answer = stamp.answer;
    }
    if (stamp.answer != viewer->answer) complain(viewer, "two answers mixed");
    if (stamp.chunk != viewer->chunks++) complain(viewer, "chunk lost, doubled or out of order");
    delays_add(&delays, read_ns - stamp.written_ns);
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
    response_read(&viewer->response, bytes, (size_t)got, see, viewer);
    if (viewer->response.refused) complain(viewer, "refused");
    if (viewer->response.complete) finish(viewer);
}

static void put_number(char *place) {
    char number[sizeof ANY_NUMBER];
    snprintf(number, sizeof number, "%016llx", (unsigned long long)now_ns());
    memcpy(place, number, sizeof number - 1);
}

static void start(struct viewer *viewer) {
    size_t length = strlen(request);
    if (number_place != NULL) put_number(number_place);
    viewer->fd = loopback_connect(port);
    if (send(viewer->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send");
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

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: stream_load PORT STREAMS CHUNKS RAMP_MS TIMEOUT_S < request\n");
        return 2;
    }
    port = atoi(argv[1]);
    streams = unfinished = atoi(argv[2]);
    chunks_expected = (uint32_t)atoi(argv[3]);
    request[fread(request, 1, MAX_REQUEST, stdin)] = '\0';
    number_place = strstr(request, ANY_NUMBER);
    viewers = calloc((size_t)streams, sizeof *viewers);
    if (viewers == NULL) fail("calloc");
    delays_expect(&delays, (size_t)streams * chunks_expected);
    for (int i = 0; i < streams; i++) viewers[i].fd = -1;
    epoll_fd = epoll_create1(0);
    uint64_t begin = now_ns();
    run(strtoull(argv[4], NULL, 10) * 1000000u, begin + strtoull(argv[5], NULL, 10) * 1000000000u);
    double wall_seconds = (double)(now_ns() - begin) / 1e9;
    delays_sort(&delays);
    printf("{\"chunks\": %zu, \"errors\": %d, \"wall_seconds\": %.6f, \"cpu_seconds\": %.6f, "
           "\"delay_p50_ms\": %.4f, \"delay_p99_ms\": %.4f}\n",
           delays.count, errors, wall_seconds, cpu_seconds(), delays_ms(&delays, 0.5),
           delays_ms(&delays, 0.99));
    return 0;
}
