/* Forward and backward passes through time of one member of an RNN, a GRU or an LSTM, on one thread.
 *
 * Compiled with -Dreal=float or -Dreal=double. The equations stand in rnn_bptt.py, gru_bptt.py and lstm_bptt.py, the
 * choices and figures in build.py.
 *
 * Layout, all row-major. P is H rounded up to a multiple of PANEL; units H .. P-1 have zero weights, so their states and
 * gradients stay exactly 0 and no loop needs a remainder. G is the number of gates.
 *   w      [K, G*P]          W^T, K = P + D + 1: rows for h, for x, and one for the bias
 *   xh     [T + 1, B, ldx]   rows [h_{t-1} (P), x_t (D), 1, padding]; step T holds the last state alone
 *   gates  [T, B, G*P]       after the nonlinearities
 *   c      [T + 1, B, P]     cell state, c[0] before the first step
 *   d_out  [last, B, P]      dL/dh_t from the loss itself, at the last steps
 *   dh, dc [B, P]            on entry the gradients from after the last step, on return those of the state before the first
 *   d_pre  [CHUNK, B, G*P]   scratch: gradients before the nonlinearities
 *   dw     [K, G*P]          dL/dW^T, added to
 *   norms  [T] in double     ||dL/dh_t||, ||dL/dc_t||; a null pointer: not wanted
 *   panels [K * G*P]         scratch: weights in the order in which they are read
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define LANES ((long)(VECTOR_BYTES / sizeof(real)))
#define PANEL (2 * LANES) /* columns of a tile */
#define ROWS 8            /* rows of a tile: 16 sums hide the latency of a fused multiply-add */
#define CHUNK 8           /* steps a weight-gradient product: d_pre is used while still in cache */

typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#define AT(pointer) (*(vec *)(pointer))
#define INLINE static inline __attribute__((always_inline))

long panel_columns(void) { return PANEL; }
long chunk_steps(void) { return CHUNK; }

/* ---- products -------------------------------------------------------------------------------------------------- */

/* Copy m(k, n) = m[k * k_stride + n * n_stride] into panels [N / PANEL][K][PANEL], the order in which `product` reads. */
static void pack(long K, long N, const real *m, long k_stride, long n_stride, real *panels) {
    for (long n = 0; n < N; n += PANEL)
        for (long k = 0; k < K; k++)
            for (long j = 0; j < PANEL; j++) *panels++ = m[k * k_stride + (n + j) * n_stride];
}

/* out[rows, PANEL] += a[k * k_stride + r * r_stride] b[k * ldb + n], summed over k in registers; or = if not added. */
INLINE void tile(int rows, int add, long K, const real *a, long r_stride, long k_stride, const real *b, long ldb,
                 real *out, long ldo) {
    vec sums[ROWS][2];
    for (int r = 0; r < rows; r++) {
        sums[r][0] = add ? AT(out + r * ldo) : (vec){0};
        sums[r][1] = add ? AT(out + r * ldo + LANES) : (vec){0};
    }
    for (long k = 0; k < K; k++, a += k_stride, b += ldb) {
        vec left = *(const vec *)b, right = *(const vec *)(b + LANES);
        for (int r = 0; r < rows; r++) {
            sums[r][0] += a[r * r_stride] * left;
            sums[r][1] += a[r * r_stride] * right;
        }
    }
    for (int r = 0; r < rows; r++) {
        AT(out + r * ldo) = sums[r][0];
        AT(out + r * ldo + LANES) = sums[r][1];
    }
}

INLINE void tiles(int add, long M, long K, const real *a, long r_stride, long k_stride, const real *b, long ldb,
                  real *out, long ldo) {
    long m = 0;
    for (; m + 8 <= M; m += 8) tile(8, add, K, a + m * r_stride, r_stride, k_stride, b, ldb, out + m * ldo, ldo);
    for (; m + 4 <= M; m += 4) tile(4, add, K, a + m * r_stride, r_stride, k_stride, b, ldb, out + m * ldo, ldo);
    for (; m < M; m++) tile(1, add, K, a + m * r_stride, r_stride, k_stride, b, ldb, out + m * ldo, ldo);
}

/* out[M, N] = a[M, K] m, with m packed. */
static void product(long M, long N, long K, const real *a, long lda, const real *panels, real *out, long ldo) {
    for (long n = 0; n < N; n += PANEL) tiles(0, M, K, a, lda, 1, panels + n * K, PANEL, out + n, ldo);
}

/* out[M, N] += a[M, K] m, with m packed. */
static void add_product(long M, long N, long K, const real *a, long lda, const real *panels, real *out, long ldo) {
    for (long n = 0; n < N; n += PANEL) tiles(1, M, K, a, lda, 1, panels + n * K, PANEL, out + n, ldo);
}

/* out[M, N] += a[R, M]^T b[R, N]. */
static void add_outer(long M, long N, long R, const real *a, long lda, const real *b, long ldb, real *out, long ldo) {
    for (long n = 0; n < N; n += PANEL) tiles(1, M, R, a, 1, lda, b + n, ldb, out + n, ldo);
}

/* ---- nonlinearities -------------------------------------------------------------------------------------------- */

#if defined(REAL_IS_DOUBLE)
typedef int64_t integer;
#define MANTISSA 52
#define EXPONENT_BIAS 1023
#define TERMS 13                    /* of the series: the rest is below (ln 2 / 2)^13 / 14! = 1e-17 */
#define ROUNDING 6755399441055744.0 /* 1.5 * 2^52: adding it rounds to an integer, kept in the low bits */
#define LOWEST -708.0
#define LN2_HIGH 0x1.62e42feep-1 /* few bits, so that n * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#else
typedef int32_t integer;
#define MANTISSA 23
#define EXPONENT_BIAS 127
#define TERMS 7                     /* of the series: the rest is below (ln 2 / 2)^7 / 8! = 1e-8 */
#define ROUNDING 12582912.0f        /* 1.5 * 2^23 */
#define LOWEST -87.0f
#define LN2_HIGH 0x1.63p-1f
#define LN2_LOW -0x1.bd0106p-13f
#endif
typedef integer ivec __attribute__((vector_size(VECTOR_BYTES)));

static const real INVERSE_FACTORIAL[] = {1.0,           1.0,          1.0 / 2,        1.0 / 6,         1.0 / 24,
                                         1.0 / 120,     1.0 / 720,    1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                         1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};

INLINE vec all(real value) { return (vec){0} + value; }
INLINE vec choose(ivec condition, vec yes, vec no) { return (vec)((condition & (ivec)yes) | (~condition & (ivec)no)); }
INLINE ivec sign_bit(void) { return (ivec){0} + ((integer)1 << (8 * sizeof(real) - 1)); }
INLINE vec magnitude(vec x) { return (vec)((ivec)x & ~sign_bit()); }

/* exp(x) = power + rest for x <= 0: x = n ln 2 + r, power = 2^n, and rest = 2^n (exp(r) - 1) by the Taylor series, so that
 * exp(x) - 1 keeps all digits of a small x, and exp(x) those of a large one. NaN stays NaN: a comparison with it is false. */
typedef struct { vec power, rest; } exponential;

INLINE exponential exp_of(vec x) {
    x = choose(x < all(LOWEST), all(LOWEST), x);
    vec shifted = x * all(1.44269504088896340736) + all(ROUNDING);
    vec n = shifted - all(ROUNDING);
    vec r = (x - n * all(LN2_HIGH)) - n * all(LN2_LOW);
    vec series = all(INVERSE_FACTORIAL[TERMS]);
    for (int k = TERMS - 1; k > 0; k--) series = series * r + all(INVERSE_FACTORIAL[k]);
    vec power = (vec)(((ivec)shifted - (ivec)all(ROUNDING) + EXPONENT_BIAS) << MANTISSA);
    return (exponential){power, power * (series * r)};
}

/* tanh |x| = -e / (2 + e) with e = exp(-2|x|) - 1 */
INLINE vec tanh_of(vec x) {
    exponential of_x = exp_of(magnitude(x) * all(-2));
    vec e = of_x.rest + (of_x.power - all(1));
    return (vec)((ivec)(-e / (all(2) + e)) | ((ivec)x & sign_bit()));
}

/* sigma(x) = 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0, with e = exp(-|x|) */
INLINE vec logistic(vec x) {
    exponential of_x = exp_of(-magnitude(x));
    vec e = of_x.rest + of_x.power;
    return choose(x < all(0), e, all(1)) / (all(1) + e);
}

/* ---- gradients ------------------------------------------------------------------------------------------------- */

#define WIDE (VECTOR_BYTES / 8)
typedef double dvec __attribute__((vector_size(VECTOR_BYTES)));
typedef real narrow __attribute__((vector_size(WIDE * sizeof(real)), aligned(sizeof(real)), may_alias));

/* Squares are summed in double: in float they would vanish for norms below 1e-19. */
static double norm_of(long count, const real *values) {
    dvec even = {0}, odd = {0};
    for (long j = 0; j < count; j += 2 * WIDE) {
        dvec v = __builtin_convertvector(*(const narrow *)(values + j), dvec);
        dvec w = __builtin_convertvector(*(const narrow *)(values + j + WIDE), dvec);
        even += v * v, odd += w * w;
    }
    double total = 0;
    for (int q = 0; q < WIDE; q++) total += even[q] + odd[q];
    return sqrt(total);
}

/* dh += the loss's own share at step t. */
INLINE void add_loss_share(long t, long T, long last, long BP, const real *d_out, real *dh) {
    if (t < T - last) return;
    const real *share = d_out + (t - (T - last)) * BP;
    for (long j = 0; j < BP; j += LANES) AT(dh + j) += *(const vec *)(share + j);
}

INLINE vec logistic_slope(vec y) { return y * (all(1) - y); }
INLINE vec tanh_slope(vec y) { return all(1) - y * y; }

/* ---- RNN: G = 1 ------------------------------------------------------------------------------------------------- */

INLINE vec phi(long relu, vec x) {
    if (relu) return choose(x <= all(0), all(0), x);
    return tanh_of(x);
}

INLINE vec before_phi(long relu, vec y, vec gradient) {
    if (relu) return choose(y <= all(0), all(0), gradient);
    return gradient * tanh_slope(y);
}

void rnn_forward(long T, long B, long P, long D, long ldx, long relu, const real *w, real *panels, real *xh) {
    long K = P + D + 1;
    pack(K, P, w, P, 1, panels);
    for (long t = 0; t < T; t++, xh += B * ldx) {
        real *h = xh + B * ldx;
        product(B, P, K, xh, ldx, panels, h, ldx);
        for (long b = 0; b < B; b++, h += ldx)
            for (long j = 0; j < P; j += LANES)
                AT(h + j) = phi(relu, AT(h + j));
    }
}

void rnn_backward(long T, long B, long P, long D, long ldx, long relu, const real *w, real *panels, real *xh, long last,
                  const real *d_out, real *dh, real *d_pre, real *dw, double *norms_h) {
    pack(P, P, w, 1, P, panels);
    for (long stop = T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = d_pre + (t - start) * B * P;
            add_loss_share(t, T, last, B * P, d_out, dh);
            if (norms_h) norms_h[t] = norm_of(B * P, dh);
            for (long b = 0; b < B; b++) {
                real *h = xh + ((t + 1) * B + b) * ldx;
                for (long j = 0; j < P; j += LANES)
                    AT(pre + b * P + j) = before_phi(relu, AT(h + j), AT(dh + b * P + j));
            }
            product(B, P, P, pre, P, panels, dh, P);
        }
        add_outer(P + D + 1, P, (stop - start) * B, xh + start * B * ldx, ldx, d_pre, P, dw, P);
    }
}

/* ---- LSTM: columns i, f, g, o; linear: g is left as it is, without its tanh --------------------------------------- */

INLINE vec squash(long linear, vec x) {
    if (linear) return x;
    return tanh_of(x);
}

INLINE vec before_squash(long linear, vec y, vec gradient) {
    if (linear) return gradient;
    return gradient * tanh_slope(y);
}

void lstm_forward(long T, long B, long P, long D, long ldx, long linear, const real *w, real *panels, real *xh,
                  real *gates, real *c, real *tanh_c) {
    long K = P + D + 1, BP = B * P;
    pack(K, 4 * P, w, 4 * P, 1, panels);
    for (long t = 0; t < T; t++, xh += B * ldx, gates += 4 * BP, c += BP, tanh_c += BP) {
        product(B, 4 * P, K, xh, ldx, panels, gates, 4 * P);
        for (long b = 0; b < B; b++) {
            real *i = gates + b * 4 * P, *f = i + P, *g = f + P, *o = g + P, *h = xh + (B + b) * ldx;
            for (long j = 0; j < P; j += LANES) {
                vec input = logistic(AT(i + j)), forget = logistic(AT(f + j)), candidate = squash(linear, AT(g + j));
                vec output = logistic(AT(o + j)), cell = forget * AT(c + b * P + j) + input * candidate;
                vec squashed = tanh_of(cell);
                AT(i + j) = input, AT(f + j) = forget, AT(g + j) = candidate, AT(o + j) = output;
                AT(c + BP + b * P + j) = cell, AT(tanh_c + b * P + j) = squashed;
                AT(h + j) = output * squashed;
            }
        }
    }
}

void lstm_backward(long T, long B, long P, long D, long ldx, long linear, const real *w, real *panels, real *xh,
                   real *gates, real *c, real *tanh_c, long last, const real *d_out, real *dh, real *dc, real *d_pre,
                   real *dw, double *norms_h, double *norms_c) {
    long BP = B * P;
    pack(4 * P, P, w, 1, 4 * P, panels);
    for (long stop = T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = d_pre + (t - start) * 4 * BP;
            add_loss_share(t, T, last, BP, d_out, dh);
            if (norms_h) norms_h[t] = norm_of(BP, dh);
            for (long b = 0; b < B; b++) {
                real *i = gates + (t * B + b) * 4 * P, *f = i + P, *g = f + P, *o = g + P;
                real *pi = pre + b * 4 * P, *pf = pi + P, *pg = pf + P, *po = pg + P;
                real *before = c + (t * B + b) * P, *squashed = tanh_c + (t * B + b) * P;
                for (long j = 0; j < P; j += LANES) {
                    vec input = AT(i + j), forget = AT(f + j), candidate = AT(g + j), output = AT(o + j);
                    vec th = AT(squashed + j), arriving = AT(dh + b * P + j);
                    vec total = AT(dc + b * P + j) + arriving * output * tanh_slope(th);
                    AT(pi + j) = total * candidate * logistic_slope(input);
                    AT(pf + j) = total * AT(before + j) * logistic_slope(forget);
                    AT(pg + j) = before_squash(linear, candidate, total * input);
                    AT(po + j) = arriving * th * logistic_slope(output);
                    AT(dc + b * P + j) = total;
                }
            }
            if (norms_c) norms_c[t] = norm_of(BP, dc);
            for (long b = 0; b < B; b++)
                for (long j = 0; j < P; j += LANES) AT(dc + b * P + j) *= AT(gates + (t * B + b) * 4 * P + P + j);
            product(B, P, 4 * P, pre, 4 * P, panels, dh, P);
        }
        add_outer(P + D + 1, 4 * P, (stop - start) * B, xh + start * B * ldx, ldx, d_pre, 4 * P, dw, 4 * P);
    }
}

/* ---- GRU: columns r, z, m = W_hn h + b_hn, and n: W_in x + b_in before the nonlinearity, n itself after it --------- */

void gru_forward(long T, long B, long P, long D, long ldx, const real *w, real *panels, real *xh, real *gates) {
    long K = P + D + 1;
    real *input_panels = panels + K * 3 * P;
    pack(K, 3 * P, w, 4 * P, 1, panels);
    pack(D + 1, P, w + P * 4 * P + 3 * P, 4 * P, 1, input_panels);
    for (long t = 0; t < T; t++, xh += B * ldx, gates += B * 4 * P) {
        product(B, 3 * P, K, xh, ldx, panels, gates, 4 * P);
        product(B, P, D + 1, xh + P, ldx, input_panels, gates + 3 * P, 4 * P);
        for (long b = 0; b < B; b++) {
            real *r = gates + b * 4 * P, *z = r + P, *m = z + P, *n = m + P, *h = xh + b * ldx;
            for (long j = 0; j < P; j += LANES) {
                vec reset = logistic(AT(r + j)), update = logistic(AT(z + j));
                vec candidate = tanh_of(AT(n + j) + reset * AT(m + j));
                AT(r + j) = reset, AT(z + j) = update, AT(n + j) = candidate;
                AT(h + B * ldx + j) = candidate + update * (AT(h + j) - candidate);
            }
        }
    }
}

void gru_backward(long T, long B, long P, long D, long ldx, const real *w, real *panels, real *xh, real *gates, long last,
                  const real *d_out, real *dh, real *d_pre, real *dw, double *norms_h) {
    pack(3 * P, P, w, 1, 4 * P, panels);
    for (long stop = T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0, rows = (stop - start) * B;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = d_pre + (t - start) * B * 4 * P;
            add_loss_share(t, T, last, B * P, d_out, dh);
            if (norms_h) norms_h[t] = norm_of(B * P, dh);
            for (long b = 0; b < B; b++) {
                real *r = gates + (t * B + b) * 4 * P, *z = r + P, *m = z + P, *n = m + P;
                real *pr = pre + b * 4 * P, *pz = pr + P, *pm = pz + P, *pn = pm + P;
                real *h = xh + (t * B + b) * ldx, *arriving = dh + b * P;
                for (long j = 0; j < P; j += LANES) {
                    vec reset = AT(r + j), update = AT(z + j), candidate = AT(n + j), total = AT(arriving + j);
                    vec d_candidate = total * (all(1) - update) * tanh_slope(candidate);
                    AT(pr + j) = d_candidate * AT(m + j) * logistic_slope(reset);
                    AT(pz + j) = total * (AT(h + j) - candidate) * logistic_slope(update);
                    AT(pm + j) = d_candidate * reset;
                    AT(pn + j) = d_candidate;
                    AT(arriving + j) = total * update;
                }
            }
            add_product(B, P, 3 * P, pre, 4 * P, panels, dh, P);
        }
        add_outer(P + D + 1, 3 * P, rows, xh + start * B * ldx, ldx, d_pre, 4 * P, dw, 4 * P);
        add_outer(D + 1, P, rows, xh + start * B * ldx + P, ldx, d_pre + 3 * P, 4 * P, dw + P * 4 * P + 3 * P, 4 * P);
    }
}

/* ---- what this core can do, for the limit in the speed study -------------------------------------------------------- */

/* 2 * 16 * LANES * rounds floating-point operations in registers; out [LANES] keeps the compiler from leaving them out. */
void multiply_add(long rounds, real *out) {
    vec sums[16];
    for (int k = 0; k < 16; k++) sums[k] = all((real)k);
    vec factor = all((real)0.999) + AT(out), term = all((real)0.001) + AT(out);
    for (long round = 0; round < rounds; round++)
        for (int k = 0; k < 16; k++) sums[k] = sums[k] * factor + term;
    for (int k = 1; k < 16; k++) sums[0] += sums[k];
    AT(out) = sums[0];
}

/* count * rounds logistic functions; count is a multiple of LANES. */
void apply_logistic(long rounds, long count, real *x) {
    for (long round = 0; round < rounds; round++)
        for (long j = 0; j < count; j += LANES) AT(x + j) = logistic(AT(x + j));
}

long lanes(void) { return LANES; }
