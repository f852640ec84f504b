/* How long each event was on its way. All are kept, so the quantiles are exact. */
#ifndef DELAYS_H
#define DELAYS_H

#include <stdint.h>
#include <stdlib.h>

#include "loopback.h"

struct delays {
    uint32_t *ns;
    size_t count, room;
};

/* Forgets all, and makes room for `most`. What comes beyond them is an error that the viewer
 * who sees it counts. */
static inline void delays_expect(struct delays *delays, size_t most) {
    delays->ns = realloc(delays->ns, most * sizeof *delays->ns + 1);
    if (delays->ns == NULL) fail("realloc");
    delays->room = most;
    delays->count = 0;
}

static inline void delays_add(struct delays *delays, uint64_t ns) {
    if (delays->count < delays->room) delays->ns[delays->count++] = (uint32_t)ns;
}

static inline int delays_ascending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static inline void delays_sort(struct delays *delays) {
    qsort(delays->ns, delays->count, sizeof *delays->ns, delays_ascending);
}

/* After delays_sort; 0 if there are none. */
static inline double delays_ms(const struct delays *delays, double quantile) {
    if (delays->count == 0) return 0;
    return delays->ns[(size_t)(quantile * (double)(delays->count - 1))] / 1e6;
}

#endif
