/* A response that carries stamps, read as it comes: its head, its framing, its stamps, all of
 * which may be cut anywhere. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "loopback.h"
#include "stamp.h"

enum { CARRY = STAMP_LENGTH - 1, MAX_HEAD = 16384 };

typedef void see_stamp(void *viewer, struct stamp stamp);

struct response {
    bool in_body;
    bool refused;           /* the status is not 200 */
    bool complete;          /* the last HTTP chunk was seen */
    bool chunked;
    bool in_frame_size;
    size_t frame_size;      /* HTTP chunk size being read */
    size_t frame_left;      /* bytes of the current HTTP chunk still to come */
    size_t tail_length;
    char tail[CARRY];       /* the end of the body so far: a stamp may be cut there */
    size_t head_length;
    char *head;             /* while it arrives; a refusal's is kept */
};

/* Returns how many of the `length` bytes belong to the head; the rest is body. */
static inline size_t response_read_head(struct response *response, const char *bytes,
                                        size_t length) {
    if (response->head == NULL) response->head = calloc(1, MAX_HEAD + 1);
    if (response->head == NULL) fail("calloc");
    size_t before = response->head_length, room = MAX_HEAD - before;
    size_t take = length < room ? length : room;
    memcpy(response->head + before, bytes, take);
    response->head_length += take;
    char *end = strstr(response->head, "\r\n\r\n");
    if (end == NULL) return length;
    size_t size = (size_t)(end + 4 - response->head) - before;
    response->in_body = true;
    response->refused = strncmp(response->head, "HTTP/1.1 200", 12) != 0;
    response->chunked = strcasestr(response->head, "\r\ntransfer-encoding: chunked") != NULL;
    if (!response->refused) {
        free(response->head);
        response->head = NULL;
    }
    return size;
}

/* Removes the framing of a chunked body in place; returns how many bytes of body remain. */
static inline size_t response_unframe(struct response *response, char *bytes, size_t length) {
    size_t kept = 0;
    for (size_t i = 0; i < length;) {
        if (response->frame_left > 0) {
            size_t take = length - i < response->frame_left ? length - i : response->frame_left;
            memmove(bytes + kept, bytes + i, take);
            kept += take;
            i += take;
            response->frame_left -= take;
            continue;
        }
        char byte = bytes[i++];
        if (byte == '\n' && response->in_frame_size) {
            response->frame_left = response->frame_size;
            response->complete = response->frame_size == 0;
            response->frame_size = 0;
            response->in_frame_size = false;
        } else if (byte != '\r' && byte != '\n') {
            int digit = byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
            response->frame_size = response->frame_size * 16 + (size_t)digit;
            response->in_frame_size = true;
        }
    }
    return kept;
}

/* Takes in what was received, and calls `see` for every stamp in it. `bytes` has CARRY bytes
 * of room before it, for the tail of what came earlier. */
static inline void response_read(struct response *response, char *bytes, size_t length,
                                 see_stamp *see, void *viewer) {
    if (!response->in_body) {
        size_t head = response_read_head(response, bytes, length);
        length -= head;
        memmove(bytes, bytes + head, length);
    }
    if (response->chunked) length = response_unframe(response, bytes, length);
    char *from = bytes - response->tail_length, *end = bytes + length, *mark;
    memcpy(from, response->tail, response->tail_length);
    while ((mark = memchr(from, '@', (size_t)(end - from))) && end - mark >= STAMP_LENGTH) {
        struct stamp stamp;
        if (stamp_read(mark, &stamp)) see(viewer, stamp);
        from = mark + 1;
    }
    if (end - from > CARRY) from = end - CARRY;
    response->tail_length = (size_t)(end - from);
    memcpy(response->tail, from, response->tail_length);
}

#endif
