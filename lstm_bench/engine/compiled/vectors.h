/* Vectors of numbers, as wide as the machine has them. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
/* Sums of a tile: as many as leave registers for the operands, and enough to hide the latency of a fused multiply-add. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define SUMS 16 /* of 32 registers */
#else
#define SUMS 12 /* of 16 */
#endif
#define LANES ((long)(VECTOR_BYTES / sizeof(real)))
#define PANEL (2 * LANES) /* columns of a panel; the last one may be LANES wide */

typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#define AT(pointer) (*(vec *)(pointer))
#define INLINE static inline __attribute__((always_inline))

INLINE long round_up(long number, long multiple) { return (number + multiple - 1) / multiple * multiple; }

/* Read or write the first `room` numbers alone, where there are fewer than LANES of them. */
INLINE vec load(const real *from, long room) {
    if (room >= LANES) return *(const vec *)from;
    vec some = {0};
    for (long q = 0; q < room; q++) some[q] = from[q];
    return some;
}

INLINE void store(real *to, long room, vec values) {
    if (room >= LANES)
        AT(to) = values;
    else
        for (long q = 0; q < room; q++) to[q] = values[q];
}
