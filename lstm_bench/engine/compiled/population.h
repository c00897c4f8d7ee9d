/* The layout of a population in memory, and the common parts of the passes of all cells. */

#define CHUNK 8 /* steps a weight-gradient product: d_pre is used while still in cache */

long lanes(void) { return LANES; }
long chunk_steps(void) { return CHUNK; }
long width(long hidden) { return round_up(hidden, LANES); }
long row(long hidden, long inputs) { return round_up(hidden + round_up(inputs + 1, LANES), LANES); }

/* The layout of all members. Each pointer is that of the first member; `next` is the stride to the next member.
 * Buffers have room for `capacity` steps. Layouts of a member:
 *   weight_hh [G*H, H], weight_ih [G*H, D], bias_ih, bias_hh [G*H]   as in torch.nn
 *   x       [T, B, D]               strides are given; the numbers of a sequence lie side by side
 *   xh      [capacity + 1, B, row]  rows as above; step T holds the last state alone
 *   gates   [capacity, B, G*P]      after the nonlinearities
 *   c       [capacity + 1, B, P]    cell state, c[0] before the first step
 *   tanh_c  [capacity, B, P]
 *   d_out   [last, B, H]            dL/dh_t from the loss itself, at the last steps; strides are given
 *   dh, dc  [B, P]                  the gradients from after the last step, on return those of the state before the first
 *   dw      [G*P, row]              dL/d[weight_hh, weight_ih, bias] of each unit; added to its content where `adds`
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

/* The same for one member, with the sizes derived from it. */
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

/* ---- weights in panels ------------------------------------------------------------------------------------------- */

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

/* ---- parts of a pass ---------------------------------------------------------------------------------------------- */

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

/* Copy x_t to its place next to h_{t-1}. */
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

