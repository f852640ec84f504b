/* The body of a response that carries stamps: HTTP framing off, stamps found, cut anywhere. */
#ifndef BODY_H
#define BODY_H

#include <stdbool.h>
#include <string.h>

#include "stamp.h"

enum { CARRY = STAMP_LENGTH - 1 };

struct body {
    bool chunked;
    bool complete;          /* the last HTTP chunk was seen */
    bool in_frame_size;
    size_t frame_size;      /* HTTP chunk size being read */
    size_t frame_left;      /* bytes of the current HTTP chunk still to come */
    size_t tail_length;
    char tail[CARRY];       /* the end of the body so far: a stamp may be cut there */
};

/* Removes the framing of a chunked body in place; returns how many bytes of body remain. */
static inline size_t body_unframe(struct body *body, char *bytes, size_t length) {
    size_t kept = 0;
    for (size_t i = 0; i < length;) {
        if (body->frame_left > 0) {
            size_t take = length - i < body->frame_left ? length - i : body->frame_left;
            memmove(bytes + kept, bytes + i, take);
            kept += take;
            i += take;
            body->frame_left -= take;
            continue;
        }
        char byte = bytes[i++];
        if (byte == '\n' && body->in_frame_size) {
            body->frame_left = body->frame_size;
            body->complete = body->frame_size == 0;
            body->frame_size = 0;
            body->in_frame_size = false;
        } else if (byte != '\r' && byte != '\n') {
            int digit = byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
            body->frame_size = body->frame_size * 16 + (size_t)digit;
            body->in_frame_size = true;
        }
    }
    return kept;
}

/* Calls `see` for every stamp; `bytes` has CARRY bytes of room before it, for the tail of
 * what came earlier. */
static inline void body_read(struct body *body, char *bytes, size_t length,
                             void (*see)(void *viewer, struct stamp stamp), void *viewer) {
    if (body->chunked) length = body_unframe(body, bytes, length);
    char *from = bytes - body->tail_length, *end = bytes + length, *mark;
    memcpy(from, body->tail, body->tail_length);
    while ((mark = memchr(from, '@', (size_t)(end - from))) && end - mark >= STAMP_LENGTH) {
        struct stamp stamp;
        if (stamp_read(mark, &stamp)) see(viewer, stamp);
        from = mark + 1;
    }
    if (end - from > CARRY) from = end - CARRY;
    body->tail_length = (size_t)(end - from);
    memcpy(body->tail, from, body->tail_length);
}

#endif
