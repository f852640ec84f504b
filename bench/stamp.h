/* The stamp that the paced model writes into every chunk and the load generator reads.
 *
 *     @AAAAAAAA.CCCC.NNNNNNNNNNNNNNNN
 *
 * Answer number, chunk number (from 0) and the moment of writing in nanoseconds, in hex,
 * always STAMP_LENGTH bytes. It is plain ASCII that JSON leaves alone, so it can be found
 * in whatever protocol a relay turns the answer into. Both programs run on one machine
 * and read one clock, so arrival minus stamp is the time a chunk spent on its way.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define STAMP_LENGTH 31

struct stamp {
    uint32_t answer;
    uint32_t chunk;
    uint64_t written_ns;
};

/* `text` has room for STAMP_LENGTH + 1 bytes. */
static inline void stamp_write(char *text, struct stamp stamp) {
    snprintf(text, STAMP_LENGTH + 1, "@%08x.%04x.%016llx", stamp.answer, stamp.chunk & 0xffff,
             (unsigned long long)stamp.written_ns);
}

/* Reads the STAMP_LENGTH bytes at `text`, which begin with '@'; 0 if they are no stamp. */
static inline int stamp_read(const char *text, struct stamp *stamp) {
    char copy[STAMP_LENGTH + 1];
    for (int i = 0; i < STAMP_LENGTH; i++) copy[i] = text[i];
    copy[STAMP_LENGTH] = '\0';
    if (copy[9] != '.' || copy[14] != '.') return 0;
    stamp->answer = (uint32_t)strtoul(copy + 1, NULL, 16);
    stamp->chunk = (uint32_t)strtoul(copy + 10, NULL, 16);
    stamp->written_ns = strtoull(copy + 15, NULL, 16);
    return 1;
}

#endif
