/* Forward and backward passes through time of the members of an RNN, a GRU or an LSTM, one after another, on one thread.
 *
 * Compiled with -Dreal=float or -Dreal=double. The equations stand in kernels/rnn.py, gru.py and lstm.py, the choices and
 * figures in build.py.
 *
 * H units, G gates, D inputs. P is H rounded up to whole vectors: units H .. P-1 have zero weights, so their gradients
 * stay exactly 0 and no loop over units needs a remainder, except where h stands beside x. Sizes of a row:
 *   width   P
 *   row     of [h_{t-1} (H), x_t (D), 1, padding]
 *   K       H + D + 1, what a row holds
 */
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
#if defined(__AVX512F__) || defined(__aarch64__)
#define SUMS 16 /* of a tile: half of the registers, and enough to hide the latency of a fused multiply-add */
#else
#define SUMS 8
#endif
#define LANES ((long)(VECTOR_BYTES / sizeof(real)))
#define PANEL (2 * LANES) /* columns of a panel; the last one may be LANES wide */
#define CHUNK 8           /* steps a weight-gradient product: d_pre is used while still in cache */

typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#define AT(pointer) (*(vec *)(pointer))
#define INLINE static inline __attribute__((always_inline))

INLINE long round_up(long number, long multiple) { return (number + multiple - 1) / multiple * multiple; }

long lanes(void) { return LANES; }
long chunk_steps(void) { return CHUNK; }
long width(long hidden) { return round_up(hidden, LANES); }
long row(long hidden, long inputs) { return round_up(hidden + round_up(inputs + 1, LANES), LANES); }

/* Where the numbers of all members stand. Each pointer is that of the first member; `next` leads from one to the next.
 * Buffers have room for `capacity` steps. Layouts of a member:
 *   weight_hh [G*H, H], weight_ih [G*H, D], bias_ih, bias_hh [G*H]   as in torch.nn
 *   x       [T, B, D]               strides are given; the numbers of a sequence lie side by side
 *   xh      [capacity + 1, B, row]  rows as above; step T holds the last state alone
 *   gates   [capacity, B, G*P]      after the nonlinearities
 *   c       [capacity + 1, B, P]    cell state, c[0] before the first step
 *   tanh_c  [capacity, B, P]
 *   d_out   [last, B, H]            dL/dh_t from the loss itself, at the last steps; strides are given
 *   dh, dc  [B, P]                  the gradients from after the last step, on return those of the state before the first
 *   dw      [G*P, row]              dL/d[weight_hh, weight_ih, bias] of each unit; added to what is there where `adds`
 *   norms   [T] in double           ||dL/dh_t||, ||dL/dc_t||; a null pointer: not wanted
 * and for all members:
 *   d_pre   [CHUNK, B, G*P]         scratch: gradients before the nonlinearities; in a forward pass [B, P]
 *   panels  [max(K, P) * G*P]       scratch: weights in the order in which they are read
 */
typedef struct { const real *first; long next; } weights;
typedef struct { const real *first; long next, step, row; } series;
typedef struct {
    long members, steps, batch, hidden, inputs, capacity, variant, last, adds;
    weights weight_hh, weight_ih, bias_hh, bias_ih;
    series x, d_out;
    real *xh, *gates, *c, *tanh_c, *dh, *dc, *dw, *d_pre, *panels;
    double *norms_h, *norms_c;
} population;

/* The same of one member, with the sizes that follow. */
typedef struct {
    long T, B, H, P, D, K, ld;
    const real *w_h, *w_x, *b_h, *b_x, *x, *d_out;
    real *xh, *gates, *c, *tanh_c, *dh, *dc, *dw;
    double *norms_h, *norms_c;
} member;

static member of(const population *p, long m, long tape_gates, long gradient_gates) {
    long T = p->capacity, B = p->batch, H = p->hidden, D = p->inputs, P = width(H), ld = row(H, D);
    return (member){
        p->steps, B, H, P, D, H + D + 1, ld,
        p->weight_hh.first + m * p->weight_hh.next, p->weight_ih.first + m * p->weight_ih.next,
        p->bias_hh.first + m * p->bias_hh.next, p->bias_ih.first + m * p->bias_ih.next,
        p->x.first + m * p->x.next, p->d_out.first + m * p->d_out.next,
        p->xh + m * (T + 1) * B * ld, p->gates + m * T * B * tape_gates * P, p->c + m * (T + 1) * B * P,
        p->tanh_c + m * T * B * P, p->dh + m * B * P, p->dc + m * B * P, p->dw + m * gradient_gates * P * ld,
        p->norms_h ? p->norms_h + m * p->steps : NULL, p->norms_c ? p->norms_c + m * p->steps : NULL,
    };
}

/* ---- parts of a vector ------------------------------------------------------------------------------------------- */

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

/* ---- products -------------------------------------------------------------------------------------------------- */

/* Panels hold a matrix m [K, N] in the order in which `product` reads: [N / PANEL][K][PANEL], the last maybe narrower. */
INLINE real *in_panels(real *panels, long K, long n) {
    return panels + n / PANEL * PANEL * K + n % PANEL;
}

INLINE long panel_width(long N, long n) {
    long left = n - n % PANEL;
    return N - left < PANEL ? N - left : PANEL;
}

/* The columns of one gate, from column `first` on: rows for h, for x, and one for the sum of both biases. A null pointer
 * stands for zeros; without `h_rows` the rows for h are left out. */
static void pack_gate(const member *m, long gate, long first, long N, int h_rows, const real *w_h, const real *w_x,
                      const real *b_h, const real *b_x, real *panels) {
    long K = (h_rows ? m->H : 0) + m->D + 1;
    for (long u = 0; u < m->P; u++) {
        long source = gate * m->H + u, ld = panel_width(N, first + u);
        real *column = in_panels(panels, K, first + u);
        int is_unit = u < m->H;
        if (h_rows) {
            for (long k = 0; k < m->H; k++, column += ld) *column = is_unit && w_h ? w_h[source * m->H + k] : 0;
        }
        for (long k = 0; k < m->D; k++, column += ld) *column = is_unit && w_x ? w_x[source * m->D + k] : 0;
        *column = is_unit ? (b_x ? b_x[source] : 0) + (b_h ? b_h[source] : 0) : 0;
    }
}

/* W_hh for the way back, [rows, P]: row n belongs to column n of d_pre, gates P apart. */
static void pack_back(const member *m, long rows, real *panels) {
    for (long left = 0; left < m->P; left += PANEL) {
        long columns = m->P - left < PANEL ? m->P - left : PANEL;
        for (long n = 0; n < rows; n++, panels += columns) {
            long gate = n / m->P, unit = n % m->P;
            const real *source = m->w_h + (gate * m->H + unit) * m->H;
            for (long j = 0; j < columns; j++) panels[j] = unit < m->H && left + j < m->H ? source[left + j] : 0;
        }
    }
}

/* out[rows, vectors] += a[k * k_stride + r * r_stride] b[k * ldb + n], summed over k in registers; or = if not added. */
INLINE void tile(int rows, int vectors, int add, long K, const real *a, long r_stride, long k_stride, const real *b,
                 long ldb, real *out, long ldo) {
    vec sums[SUMS][2];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sums[r][v] = add ? AT(out + r * ldo + v * LANES) : (vec){0};
    for (long k = 0; k < K; k++, a += k_stride, b += ldb) {
        vec left = *(const vec *)b, right = vectors == 2 ? *(const vec *)(b + LANES) : left;
        for (int r = 0; r < rows; r++) {
            sums[r][0] += a[r * r_stride] * left;
            if (vectors == 2) sums[r][1] += a[r * r_stride] * right;
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) AT(out + r * ldo + v * LANES) = sums[r][v];
}

/* As many rows at a time as the sums of a tile allow, then the rest. */
INLINE void tiles(int vectors, int add, long M, long K, const real *a, long r_stride, long k_stride, const real *b,
                  long ldb, real *out, long ldo) {
    enum { EIGHTH = SUMS / 8 };
    long m = 0;
#define ROWS(rows)                         \
    for (; m + (rows) <= M; m += (rows))   \
        tile(rows, vectors, add, K, a + m * r_stride, r_stride, k_stride, b, ldb, out + m * ldo, ldo)
    if (vectors == 1) ROWS(SUMS);
    ROWS(SUMS / 2);
    ROWS(SUMS / 4);
    ROWS(1);
#undef ROWS
}

INLINE void panels_of(int add, long M, long N, long K, const real *a, long r_stride, long k_stride, const real *b,
                      long panel_stride, long ldb, real *out, long ldo) {
    long n = 0;
    for (; n + PANEL <= N; n += PANEL)
        tiles(2, add, M, K, a, r_stride, k_stride, b + n * panel_stride, ldb ? ldb : PANEL, out + n, ldo);
    if (n < N) tiles(1, add, M, K, a, r_stride, k_stride, b + n * panel_stride, ldb ? ldb : LANES, out + n, ldo);
}

/* out[M, N] = a[M, K] m, with m packed. */
static void product(long M, long N, long K, const real *a, long lda, const real *panels, real *out, long ldo) {
    panels_of(0, M, N, K, a, lda, 1, panels, K, 0, out, ldo);
}

/* out[M, N] += a[M, K] m, with m packed. */
static void add_product(long M, long N, long K, const real *a, long lda, const real *panels, real *out, long ldo) {
    panels_of(1, M, N, K, a, lda, 1, panels, K, 0, out, ldo);
}

/* out[M, N] = a[R, M]^T b[R, N], or += where it adds. */
static void outer(int adds, long M, long N, long R, const real *a, long lda, const real *b, long ldb, real *out, long ldo) {
    if (adds)
        panels_of(1, M, N, R, a, 1, lda, b, 1, ldb, out, ldo);
    else
        panels_of(0, M, N, R, a, 1, lda, b, 1, ldb, out, ldo);
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

/* ---- what the passes share -------------------------------------------------------------------------------------- */

#define WIDE (VECTOR_BYTES / 8)
typedef double dvec __attribute__((vector_size(VECTOR_BYTES)));
typedef real narrow __attribute__((vector_size(WIDE * sizeof(real)), aligned(sizeof(real)), may_alias));

INLINE dvec in_double(const real *values) { return __builtin_convertvector(*(const narrow *)values, dvec); }

/* Squares are summed in double: in float they would vanish for norms below 1e-19. */
static double norm_of(long count, const real *values) {
    dvec even = {0}, odd = {0};
    long j = 0;
    for (; j + 2 * WIDE <= count; j += 2 * WIDE) {
        dvec v = in_double(values + j), w = in_double(values + j + WIDE);
        even += v * v, odd += w * w;
    }
    for (; j < count; j += WIDE) even += in_double(values + j) * in_double(values + j);
    double total = 0;
    for (int q = 0; q < WIDE; q++) total += even[q] + odd[q];
    return sqrt(total);
}

/* Put x_t into its place beside h_{t-1}. */
INLINE void place_inputs(const population *p, const member *m, long t) {
    for (long b = 0; b < m->B; b++)
        memcpy(m->xh + (t * m->B + b) * m->ld + m->H, m->x + t * p->x.step + b * p->x.row, m->D * sizeof(real));
}

/* dh += the loss's own share at step t. */
INLINE void add_loss_share(const population *p, const member *m, long t) {
    long from_end = t - (m->T - p->last);
    if (from_end < 0) return;
    for (long b = 0; b < m->B; b++) {
        const real *share = m->d_out + from_end * p->d_out.step + b * p->d_out.row;
        for (long j = 0; j < m->P; j += LANES) AT(m->dh + b * m->P + j) += load(share + j, m->H - j);
    }
}

/* dw of a gate, from the steps of one chunk, by the columns of xh from `first` on; the first chunk of all may overwrite. */
INLINE void weight_gradients(const population *p, const member *m, long gate, long gates, long first, long start, long stop) {
    long tall = round_up(m->H, 4), rows = tall < m->P ? tall : m->P, columns = round_up(m->K - first, LANES);
    outer(p->adds || stop < m->T, rows, columns, (stop - start) * m->B, p->d_pre + gate * m->P, gates * m->P,
          m->xh + start * m->B * m->ld + first, m->ld, m->dw + gate * m->P * m->ld + first, m->ld);
}

INLINE vec logistic_slope(vec y) { return y * (all(1) - y); }
INLINE vec tanh_slope(vec y) { return all(1) - y * y; }

/* ---- RNN: G = 1; variant: the nonlinearity is relu ---------------------------------------------------------------- */

INLINE vec phi(long relu, vec x) {
    if (relu) return choose(x <= all(0), all(0), x);
    return tanh_of(x);
}

INLINE vec before_phi(long relu, vec y, vec gradient) {
    if (relu) return choose(y <= all(0), all(0), gradient);
    return gradient * tanh_slope(y);
}

static void rnn_forward_of(const population *p, member m) {
    pack_gate(&m, 0, 0, m.P, 1, m.w_h, m.w_x, m.b_h, m.b_x, p->panels);
    for (long t = 0; t < m.T; t++) {
        real *xh = m.xh + t * m.B * m.ld, *h = xh + m.B * m.ld, *pre = p->d_pre;
        place_inputs(p, &m, t);
        product(m.B, m.P, m.K, xh, m.ld, p->panels, pre, m.P);
        for (long b = 0; b < m.B; b++)
            for (long j = 0; j < m.P; j += LANES)
                store(h + b * m.ld + j, m.H - j, phi(p->variant, AT(pre + b * m.P + j)));
    }
}

static void rnn_backward_of(const population *p, member m) {
    pack_back(&m, m.H, p->panels);
    for (long stop = m.T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = p->d_pre + (t - start) * m.B * m.P;
            add_loss_share(p, &m, t);
            if (m.norms_h) m.norms_h[t] = norm_of(m.B * m.P, m.dh);
            for (long b = 0; b < m.B; b++) {
                real *h = m.xh + ((t + 1) * m.B + b) * m.ld;
                for (long j = 0; j < m.P; j += LANES)
                    AT(pre + b * m.P + j) = before_phi(p->variant, AT(h + j), AT(m.dh + b * m.P + j));
            }
            product(m.B, m.P, m.H, pre, m.P, p->panels, m.dh, m.P);
        }
        weight_gradients(p, &m, 0, 1, 0, start, stop);
    }
}

/* ---- LSTM: columns i, f, g, o; variant: g is left as it is, without its tanh -------------------------------------- */

INLINE vec squash(long linear, vec x) {
    if (linear) return x;
    return tanh_of(x);
}

INLINE vec before_squash(long linear, vec y, vec gradient) {
    if (linear) return gradient;
    return gradient * tanh_slope(y);
}

static void lstm_forward_of(const population *p, member m) {
    long P = m.P, BP = m.B * P;
    for (long g = 0; g < 4; g++) pack_gate(&m, g, g * P, 4 * P, 1, m.w_h, m.w_x, m.b_h, m.b_x, p->panels);
    for (long t = 0; t < m.T; t++) {
        real *xh = m.xh + t * m.B * m.ld, *gates = m.gates + t * 4 * BP, *c = m.c + t * BP, *tanh_c = m.tanh_c + t * BP;
        place_inputs(p, &m, t);
        product(m.B, 4 * P, m.K, xh, m.ld, p->panels, gates, 4 * P);
        for (long b = 0; b < m.B; b++) {
            real *i = gates + b * 4 * P, *f = i + P, *g = f + P, *o = g + P, *h = xh + (m.B + b) * m.ld;
            for (long j = 0; j < P; j += LANES) {
                vec input = logistic(AT(i + j)), forget = logistic(AT(f + j)), candidate = squash(p->variant, AT(g + j));
                vec output = logistic(AT(o + j)), cell = forget * AT(c + b * P + j) + input * candidate;
                vec squashed = tanh_of(cell);
                AT(i + j) = input, AT(f + j) = forget, AT(g + j) = candidate, AT(o + j) = output;
                AT(c + BP + b * P + j) = cell, AT(tanh_c + b * P + j) = squashed;
                store(h + j, m.H - j, output * squashed);
            }
        }
    }
}

static void lstm_backward_of(const population *p, member m) {
    long P = m.P, BP = m.B * P, rows = 3 * P + m.H;
    pack_back(&m, rows, p->panels);
    for (long stop = m.T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = p->d_pre + (t - start) * 4 * BP;
            add_loss_share(p, &m, t);
            if (m.norms_h) m.norms_h[t] = norm_of(BP, m.dh);
            for (long b = 0; b < m.B; b++) {
                real *i = m.gates + (t * m.B + b) * 4 * P, *f = i + P, *g = f + P, *o = g + P;
                real *pi = pre + b * 4 * P, *pf = pi + P, *pg = pf + P, *po = pg + P;
                real *before = m.c + (t * m.B + b) * P, *squashed = m.tanh_c + (t * m.B + b) * P;
                for (long j = 0; j < P; j += LANES) {
                    vec input = AT(i + j), forget = AT(f + j), candidate = AT(g + j), output = AT(o + j);
                    vec th = AT(squashed + j), arriving = AT(m.dh + b * P + j);
                    vec total = AT(m.dc + b * P + j) + arriving * output * tanh_slope(th);
                    AT(pi + j) = total * candidate * logistic_slope(input);
                    AT(pf + j) = total * AT(before + j) * logistic_slope(forget);
                    AT(pg + j) = before_squash(p->variant, candidate, total * input);
                    AT(po + j) = arriving * th * logistic_slope(output);
                    AT(m.dc + b * P + j) = total;
                }
            }
            if (m.norms_c) m.norms_c[t] = norm_of(BP, m.dc);
            for (long b = 0; b < m.B; b++)
                for (long j = 0; j < P; j += LANES) AT(m.dc + b * P + j) *= AT(m.gates + (t * m.B + b) * 4 * P + P + j);
            product(m.B, P, rows, pre, 4 * P, p->panels, m.dh, P);
        }
        for (long g = 0; g < 4; g++) weight_gradients(p, &m, g, 4, 0, start, stop);
    }
}

/* ---- GRU: columns r, z, m = W_hn h + b_hn, and n: W_in x + b_in before the nonlinearity, n itself after it --------- */

static void gru_forward_of(const population *p, member m) {
    long P = m.P;
    real *input_panels = p->panels + m.K * 3 * P;
    for (long g = 0; g < 2; g++) pack_gate(&m, g, g * P, 3 * P, 1, m.w_h, m.w_x, m.b_h, m.b_x, p->panels);
    pack_gate(&m, 2, 2 * P, 3 * P, 1, m.w_h, NULL, m.b_h, NULL, p->panels);
    pack_gate(&m, 2, 0, P, 0, NULL, m.w_x, NULL, m.b_x, input_panels);
    for (long t = 0; t < m.T; t++) {
        real *xh = m.xh + t * m.B * m.ld, *gates = m.gates + t * m.B * 4 * P;
        place_inputs(p, &m, t);
        product(m.B, 3 * P, m.K, xh, m.ld, p->panels, gates, 4 * P);
        product(m.B, P, m.D + 1, xh + m.H, m.ld, input_panels, gates + 3 * P, 4 * P);
        for (long b = 0; b < m.B; b++) {
            real *r = gates + b * 4 * P, *z = r + P, *from_h = z + P, *n = from_h + P, *h = xh + b * m.ld;
            for (long j = 0; j < P; j += LANES) {
                vec reset = logistic(AT(r + j)), update = logistic(AT(z + j));
                vec candidate = tanh_of(AT(n + j) + reset * AT(from_h + j));
                AT(r + j) = reset, AT(z + j) = update, AT(n + j) = candidate;
                store(h + m.B * m.ld + j, m.H - j, candidate + update * (AT(h + j) - candidate));
            }
        }
    }
}

static void gru_backward_of(const population *p, member m) {
    long P = m.P, rows = 2 * P + m.H;
    pack_back(&m, rows, p->panels);
    for (long stop = m.T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = p->d_pre + (t - start) * m.B * 4 * P;
            add_loss_share(p, &m, t);
            if (m.norms_h) m.norms_h[t] = norm_of(m.B * P, m.dh);
            for (long b = 0; b < m.B; b++) {
                real *r = m.gates + (t * m.B + b) * 4 * P, *z = r + P, *from_h = z + P, *n = from_h + P;
                real *pr = pre + b * 4 * P, *pz = pr + P, *pm = pz + P, *pn = pm + P;
                real *h = m.xh + (t * m.B + b) * m.ld, *arriving = m.dh + b * P;
                for (long j = 0; j < P; j += LANES) {
                    vec reset = AT(r + j), update = AT(z + j), candidate = AT(n + j), total = AT(arriving + j);
                    vec d_candidate = total * (all(1) - update) * tanh_slope(candidate);
                    AT(pr + j) = d_candidate * AT(from_h + j) * logistic_slope(reset);
                    AT(pz + j) = total * (AT(h + j) - candidate) * logistic_slope(update);
                    AT(pm + j) = d_candidate * reset;
                    AT(pn + j) = d_candidate;
                    AT(arriving + j) = total * update;
                }
            }
            add_product(m.B, P, rows, pre, 4 * P, p->panels, m.dh, P);
        }
        for (long g = 0; g < 3; g++) weight_gradients(p, &m, g, 4, 0, start, stop);
        weight_gradients(p, &m, 3, 4, m.H, start, stop);
    }
}

/* ---- one call for all members ------------------------------------------------------------------------------------- */

#define PASS(name, tape_gates, gradient_gates)                                                              \
    void name(const population *p) {                                                                        \
        for (long m = 0; m < p->members; m++) name##_of(p, of(p, m, tape_gates, gradient_gates));           \
    }
PASS(rnn_forward, 0, 1)
PASS(rnn_backward, 0, 1)
PASS(lstm_forward, 4, 4)
PASS(lstm_backward, 4, 4)
PASS(gru_forward, 4, 4)
PASS(gru_backward, 4, 4)

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
